//! Reads single values out of Prometheus' text format.

/// The sum of all samples of `name` that bear all of `labels`; `None` when there is none.
pub fn value(text: &str, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let samples: Vec<f64> = text.lines().filter_map(|line| sample(line, name, labels)).collect();
    (!samples.is_empty()).then(|| samples.iter().sum())
}

fn sample(line: &str, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let rest = line.strip_prefix(name)?;
    let (given, value) = match rest.strip_prefix('{') {
        Some(labelled) => labelled.rsplit_once('}')?,
        None if rest.starts_with(' ') => ("", rest),
        None => return None,
    };
    let bears =
        |(key, value): &(&str, &str)| given.split(',').any(|label| label == format!("{key}=\"{value}\""));
    if !labels.iter().all(bears) {
        return None;
    }
    value.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# TYPE a counter\na{queue=\"q\",outcome=\"dead\"} 2\na{queue=\"q\",outcome=\"retried\"} 3\n\
                        a_total 9\nb 1.5\n";

    #[test]
    fn samples_are_summed_over_the_labels_that_are_not_named() {
        assert_eq!(value(TEXT, "a", &[("queue", "q")]), Some(5.0));
        assert_eq!(value(TEXT, "a", &[("outcome", "dead"), ("queue", "q")]), Some(2.0));
        assert_eq!(value(TEXT, "b", &[]), Some(1.5));
        assert_eq!(value(TEXT, "a", &[("queue", "other")]), None);
    }
}
