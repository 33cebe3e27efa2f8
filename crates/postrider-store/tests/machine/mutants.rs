//! Scripts without their guards: read from `guards.txt`, and put in the place of the scripts as they are. The machine is
//! worth as much as it finds out of them.

use crate::swap::Swap;

const GUARDS: &str = include_str!("guards.txt");

macro_rules! sources {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../src/scripts/", $name, ".lua")))),+]
    };
}

const SOURCES: &[(&str, &str)] = sources![
    "settle",
    "promote",
    "release",
    "recall",
    "held_hooks",
    "take_over",
    "fetch",
    "count_crash",
    "fan_out",
    "sign_off",
    "ensure_group",
    "hook_create",
    "hook_replace",
    "hook_delete",
    "note_health",
];

/// A script without one of its guards.
pub(crate) struct Mutant {
    /// The script's name, and what goes wrong.
    pub(crate) title: String,
    /// What a draw begins with that misses the guard soon. Only the time that it takes hangs on it.
    pub(crate) seed: u64,
    script: &'static str,
    guard: String,
    instead: String,
}

impl Mutant {
    /// In the place of the script as it is.
    pub(crate) fn swap(&self) -> Swap {
        let Self { script, guard, instead, .. } = self;
        let (_, source) = SOURCES.iter().find(|(name, _)| name == script).expect("the script is listed");
        assert_eq!(source.matches(&**guard).count(), 1, "{script}.lua must hold this once: {guard}");
        Swap::new(source, source.replace(&**guard, instead))
    }

    fn read(text: &'static str) -> Self {
        let title = text.lines().next().unwrap_or_default();
        let (script, rest) = title.split_once(' ').expect("a title begins with a script");
        let (seed, fault) = rest.split_once(": ").expect("after the script come a seed and a fault");
        let lines = |sign: char| text.lines().filter_map(move |line| line.strip_prefix(sign));
        Self {
            title: format!("{script}: {fault}"),
            seed: seed.parse().expect("a seed is a number"),
            script,
            guard: lines('-').collect::<Vec<_>>().join("\n"),
            instead: lines('+').collect::<Vec<_>>().join("\n"),
        }
    }
}

/// All of them; the first paragraph says what the others are.
pub(crate) fn mutants() -> impl Iterator<Item = Mutant> {
    GUARDS.split("\n\n").skip(1).map(Mutant::read)
}
