//! Tables in Markdown, which read as well on a terminal.

use crate::stats::Spread;

/// A table, or nothing where there is no row.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(head.to_vec());
    text.push_str(&line(vec!["---"; head.len()]));
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    text.push('\n');
    text
}

/// The median, and the least and most of several.
pub(crate) fn cell(spread: Option<Spread>, decimals: usize) -> String {
    match spread {
        None => "–".to_owned(),
        Some(Spread { median, least, most }) if least == most => format!("{median:.decimals$}"),
        Some(Spread { median, least, most }) => {
            format!("{median:.decimals$} ({least:.decimals$}–{most:.decimals$})")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_shows_the_median_and_the_range() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(cell(spread(&[1.0, 4.0, 2.0]), 1), "2.0 (1.0–4.0)");
        assert_eq!(cell(spread(&[1.0]), 2), "1.00");
        assert_eq!(cell(None, 1), "–");
    }

    #[test]
    fn a_table_has_a_rule_under_its_head_and_is_nothing_without_rows() {
        let found = table(&["a", "b"], &[vec!["1".into(), "2".into()]]);
        assert_eq!(found, "| a | b |\n| --- | --- |\n| 1 | 2 |\n\n");
        assert_eq!(table(&["a"], &[]), "");
    }
}
