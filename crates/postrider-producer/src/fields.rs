//! What jobs and events are written with: names and values in order, and times in whole milliseconds.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use postrider_core::job::Field;
use postrider_core::time::whole_millis_up;

/// The fields of one entry. `Debug` shows their names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields(pub(crate) Vec<Field>);

impl Fields {
    /// Sets a field, in place of what was set before.
    pub(crate) fn set(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.0.retain(|(known, _)| known != name.as_bytes());
        self.0.push((name.into(), value.into()));
        self
    }

    /// Adds a request header, whether or not one of that name is there.
    pub(crate) fn add_header(mut self, name: &str, value: &str) -> Self {
        self.0.push((format!("header:{name}").into_bytes(), value.into()));
        self
    }

    /// Whether a field of that name is there.
    pub(crate) fn has(fields: &[Field], wanted: &str) -> bool {
        fields.iter().any(|(name, _)| name == wanted.as_bytes())
    }

    #[cfg(test)]
    pub(crate) fn shown(&self) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let pairs = self.0.iter().map(|(name, value)| format!("{}={}", text(name), text(value)));
        pairs.collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|(name, _)| String::from_utf8_lossy(name));
        f.debug_list().entries(names).finish()
    }
}

/// Epoch milliseconds, the last whole one not after it.
pub(crate) fn millis_down(at: SystemTime) -> String {
    u64::try_from(since_epoch(at).as_millis()).unwrap_or(u64::MAX).to_string()
}

/// Epoch milliseconds, the first whole one not before it.
pub(crate) fn millis_up(at: SystemTime) -> String {
    whole_millis_up(since_epoch(at)).to_string()
}

/// Times before 1970 can't be written; the first moment stands for them.
fn since_epoch(at: SystemTime) -> Duration {
    at.duration_since(UNIX_EPOCH).unwrap_or_default()
}
