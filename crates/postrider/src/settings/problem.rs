//! What is wrong with the configuration: one line a problem, told all together. Never holds a secret.

use std::fmt;

/// One problem: what, where it came from, what it was, and what would be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The key, or the name that isn't one.
    pub(crate) key: String,
    /// The flag, variable or file that said so; empty for a default.
    pub(crate) origin: String,
    /// What was given, where it may be shown.
    pub(crate) value: Option<String>,
    /// A sentence part: `expected …`, `must be …`.
    pub(crate) rule: String,
}

/// Longest part of a bad value that is shown, in characters.
const MAX_SHOWN_CHARS: usize = 120;

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if let Some(value) = &self.value {
            // Escaped: a value may hold line breaks or worse, and each problem is one line.
            let shown: String = value.chars().take(MAX_SHOWN_CHARS).collect();
            write!(f, " = {shown:?}")?;
        }
        if !self.origin.is_empty() {
            write!(f, " (from {})", self.origin)?;
        }
        write!(f, ": {}", self.rule)
    }
}

/// All problems of one configuration; never empty where it is returned as an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|problem| writeln!(f, "postrider: {problem}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_line_that_begins_with_its_key() {
        let problem = Problem {
            key: "worker.concurrency".into(),
            origin: "POSTRIDER_WORKER_CONCURRENCY".into(),
            value: Some("a\nb\u{1b}".into()),
            rule: "expected a whole number from 1 to 10000".into(),
        };
        assert_eq!(
            problem.to_string(),
            r#"worker.concurrency = "a\nb\u{1b}" (from POSTRIDER_WORKER_CONCURRENCY): expected a whole number from 1 to 10000"#
        );
    }
}
