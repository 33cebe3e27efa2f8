//! From texts to values: reads each key as its kind, and gathers what is wrong instead of stopping at it.

use std::net::SocketAddr;
use std::time::Duration;

use super::kind::Kind;
use super::layers::Chosen;
use super::problem::{Problem, Problems};
use super::redact;

/// Reads the chosen texts. A key whose text is wrong is read as its default, so that reading goes on; the
/// problem stands, and nothing of such a configuration is used.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    chosen: &'a [Chosen],
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(chosen: &'a [Chosen]) -> Self {
        Self { chosen, problems: Vec::new() }
    }

    /// What was found wrong.
    pub(crate) fn into_problems(self) -> Problems {
        Problems(self.problems)
    }

    /// Whether nothing is wrong with these keys so far: a rule between keys is only worth telling then.
    pub(crate) fn sound(&self, names: &[&str]) -> bool {
        !self.problems.iter().any(|problem| names.contains(&&*problem.key))
    }

    /// Puts a problem on record for a key that reads well but can't stand.
    pub(crate) fn complain(&mut self, name: &str, rule: String) {
        let chosen = self.get(name);
        let value = Some(redact::shown(chosen.key, &chosen.text));
        self.problems.push(Problem { key: name.to_owned(), origin: chosen.origin.clone(), value, rule });
    }

    /// Reads by `read`, whose error completes "expected …".
    pub(crate) fn read<T>(&mut self, name: &str, read: impl Fn(Kind, &str) -> Result<T, String>) -> T {
        let Chosen { key, text, .. } = self.get(name);
        match read(key.kind, text) {
            Ok(value) => value,
            Err(accepted) => {
                let preset = read(key.kind, key.preset_text()).ok();
                self.complain(name, format!("expected {accepted}"));
                preset.expect("every default is accepted")
            }
        }
    }

    /// Reads by one of the kind's own readers.
    pub(crate) fn plain<T>(&mut self, name: &str, read: impl Fn(Kind, &str) -> Option<T>) -> T {
        let accepts = self.get(name).key.accepts();
        self.read(name, |kind, text| read(kind, text).ok_or_else(|| accepts.clone()))
    }

    /// Likewise, and empty means none.
    pub(crate) fn optional<T>(&mut self, name: &str, read: impl Fn(Kind, &str) -> Option<T>) -> Option<T> {
        self.plain(name, |kind, text| if text.is_empty() { Some(None) } else { read(kind, text).map(Some) })
    }

    pub(crate) fn duration(&mut self, name: &str) -> Duration {
        self.plain(name, Kind::duration)
    }

    pub(crate) fn optional_duration(&mut self, name: &str) -> Option<Duration> {
        self.optional(name, Kind::duration)
    }

    pub(crate) fn switch(&mut self, name: &str) -> bool {
        self.plain(name, Kind::switch)
    }

    pub(crate) fn word(&mut self, name: &str) -> &'static str {
        self.plain(name, Kind::word)
    }

    pub(crate) fn address(&mut self, name: &str) -> Option<SocketAddr> {
        self.optional(name, Kind::address)
    }

    pub(crate) fn bytes(&mut self, name: &str) -> usize {
        self.plain(name, |kind, text| usize::try_from(kind.size(text)?).ok())
    }

    pub(crate) fn whole<T: TryFrom<u64>>(&mut self, name: &str) -> T {
        self.plain(name, |kind, text| T::try_from(kind.whole(text)?).ok())
    }

    pub(crate) fn optional_whole<T: TryFrom<u64>>(&mut self, name: &str) -> Option<T> {
        self.optional(name, |kind, text| T::try_from(kind.whole(text)?).ok())
    }

    pub(crate) fn text(&self, name: &str) -> &'a str {
        &self.get(name).text
    }

    fn get(&self, name: &str) -> &'a Chosen {
        let found = self.chosen.iter().find(|chosen| chosen.key.name == name);
        found.expect("only keys of the table are read")
    }
}
