//! One setting as the table describes it, and its names on each way in. Which settings there are is
//! `keys.rs`'.

use super::keys::KEYS;
use super::kind::Kind;

/// What all variables begin with.
pub(crate) const VARIABLE_PREFIX: &str = "POSTRIDER_";

/// One setting.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its name, `section.key`; in the file, the section is a table.
    pub(crate) name: &'static str,
    /// What it is when nobody sets it.
    pub(crate) preset: Preset,
    /// What kind of value it takes.
    pub(crate) kind: Kind,
    /// What it does, in a line for `--help`.
    pub(crate) about: &'static str,
}

/// The default of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preset {
    /// This value; empty is not accepted.
    Text(&'static str),
    /// This value; empty means none.
    Clearable(&'static str),
    /// None.
    Nothing,
    /// Follows from other settings or the surroundings, in these words; empty means the same.
    Derived(&'static str),
}

impl Key {
    /// One row of the table.
    pub(super) const fn new(name: &'static str, preset: Preset, kind: Kind, about: &'static str) -> Self {
        Self { name, preset, kind, about }
    }

    /// The setting of that name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The section that holds it: `worker`, `profile.misskey`.
    pub(crate) fn section(&self) -> &'static str {
        self.name.rsplit_once('.').map_or("", |(section, _)| section)
    }

    /// Its flag without the dashes: `worker-dead-after`.
    pub(crate) fn flag(&self) -> String {
        self.name.replace(['.', '_'], "-")
    }

    /// Its environment variable: `POSTRIDER_WORKER_DEAD_AFTER`.
    pub(crate) fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.name.replace('.', "_").to_ascii_uppercase())
    }

    /// The text of its default; empty where there is none, or where it is derived.
    pub(crate) fn preset_text(&self) -> &'static str {
        match self.preset {
            Preset::Text(text) | Preset::Clearable(text) => text,
            Preset::Nothing | Preset::Derived(_) => "",
        }
    }

    /// Its default for readers: the text, or how it is derived, or `none`.
    pub(crate) fn preset_in_words(&self) -> &'static str {
        match self.preset {
            Preset::Text(words) | Preset::Clearable(words) | Preset::Derived(words) => words,
            Preset::Nothing => "none",
        }
    }

    /// What would be accepted, for the end of a sentence.
    pub(crate) fn accepts(&self) -> String {
        let accepted = self.kind.accepts();
        match self.preset {
            Preset::Text(_) => accepted,
            Preset::Clearable(_) | Preset::Nothing => format!("{accepted}, or empty for none"),
            Preset::Derived(words) => format!("{accepted}, or empty for {words}"),
        }
    }
}
