//! Where jobs go, in turn.

use crate::clock::now_us;
use crate::job::HOOK;

/// A path of the receiver, and the hook by which limits are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// `{now}` in it becomes the time in epoch µs when a job is added, `{number}` the job's number.
    pub(crate) path: String,
    pub(crate) hook: String,
}

impl Target {
    /// For the one hook that most jobs are for.
    pub(crate) fn path(path: &str) -> Self {
        Self::of_hook(path, HOOK)
    }

    /// For a hook of its own.
    pub(crate) fn of_hook(path: &str, hook: &str) -> Self {
        Self { path: path.to_owned(), hook: hook.to_owned() }
    }

    /// Whether every job gets a path of its own.
    pub(crate) fn is_template(&self) -> bool {
        self.path.contains('{')
    }

    /// The path of one job.
    pub(crate) fn path_of(&self, number: u64) -> String {
        if !self.is_template() {
            return self.path.clone();
        }
        self.path.replace("{now}", &now_us().to_string()).replace("{number}", &number.to_string())
    }
}

/// The target whose turn it is.
pub(crate) fn in_turn<T>(all: &[T], number: u64) -> Option<&T> {
    let count = u64::try_from(all.len()).unwrap_or(u64::MAX);
    all.get(usize::try_from(number.checked_rem(count)?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_takes_its_place_in_the_path() {
        assert_eq!(Target::path("held-once/{number}").path_of(7), "held-once/7");
        assert_eq!(Target::path("ok").path_of(7), "ok");
        let path = Target::path("at/{now}").path_of(0);
        assert!(path.strip_prefix("at/").unwrap().parse::<u64>().unwrap() > 0);
    }

    #[test]
    fn turns_go_round() {
        let turns: Vec<_> = (0..4).filter_map(|number| in_turn(&['a', 'b', 'c'], number)).collect();
        assert_eq!(turns, [&'a', &'b', &'c', &'a']);
        assert_eq!(in_turn::<u8>(&[], 3), None);
    }
}
