//! The steps of a scripted receiver. Owns their form; `player` carries them out.

use serde::Deserialize;

use super::value::Value;

/// What is played on the first connection, the second, and so on; the last goes for all later ones.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Scripts {
    /// The same on every connection.
    One(Vec<Step>),
    /// Each connection its own.
    Several(Vec<Vec<Step>>),
}

impl Scripts {
    /// The steps of a connection; the first has the number 1.
    pub(super) fn of_connection(&self, number: u64) -> &[Step] {
        let scripts = match self {
            Self::One(steps) => return steps,
            Self::Several(scripts) => scripts,
        };
        let place = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
        scripts.get(place).or(scripts.last()).map_or(&[], Vec::as_slice)
    }

    /// Whether some value is the URL of a trap.
    pub(super) fn has_trap(&self) -> bool {
        let all = match self {
            Self::One(steps) => std::slice::from_ref(steps),
            Self::Several(scripts) => scripts.as_slice(),
        };
        all.iter().flatten().any(|step| match step {
            Step::Send { send: value } | Step::Forever { forever: value, .. } => value.has_trap(),
            _ => false,
        })
    }
}

/// One step.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum Step {
    /// Reads a part of a request.
    Read { read: Part },
    /// Sends bytes.
    Send { send: Value },
    /// Sends bytes again and again, until the other side is gone.
    Forever { forever: Value, every_ms: u64 },
    /// Sends a text byte by byte.
    Drip { drip: String, every_ms: u64 },
    /// Does nothing for a while.
    Sleep { sleep_ms: u64 },
    /// Ends the connection, or its own half of it.
    Close { close: Close },
    /// Does nothing, not even read, until the other side is gone.
    Hold {
        #[serde(rename = "hold")]
        _hold: Always,
    },
    /// Starts again at the first step.
    Keep {
        #[serde(rename = "keep")]
        _keep: Always,
    },
    /// Reads so many bytes at a time, with pauses between, until the other side is gone.
    ReadSlowly { read_slowly: usize, every_ms: u64 },
    /// Closes when nothing has come for a while, else starts again.
    IdleClose { idle_close_ms: u64 },
    /// Sends gzip data of so many megabytes of zeros.
    GzipZeros { gzip_zeros_mb: u32 },
}

/// A part of a request.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Part {
    /// A part with a name.
    Named(NamedPart),
    /// So many bytes.
    Bytes(usize),
}

/// A part of a request that has a name.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum NamedPart {
    /// Head and body.
    Request,
    /// The head.
    Head,
    /// The body, after the head.
    Rest,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Close {
    /// In order.
    Fin,
    /// By a reset.
    Rst,
    /// Only this side's half: it goes on reading.
    Half,
}

/// `true`: a step that is there because it is named.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "bool")]
pub(super) struct Always;

impl TryFrom<bool> for Always {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        if value { Ok(Self) } else { Err("a step that isn't taken is left out") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scripts(json: &str) -> Scripts {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_last_script_goes_for_all_later_connections() {
        let scripts = scripts(r#"[[{"hold": true}], [{"hold": true}, {"keep": true}]]"#);
        assert_eq!([1, 2, 3, 99].map(|number| scripts.of_connection(number).len()), [1, 2, 2, 2]);
    }

    #[test]
    fn a_step_that_nobody_knows_is_refused() {
        for unknown in [r#"[{"sleep_s": 1}]"#, r#"[{"sleep_ms": 1, "then": 2}]"#, r#"[{"hold": false}]"#] {
            assert!(serde_json::from_str::<Scripts>(unknown).is_err(), "{unknown}");
        }
    }

    #[test]
    fn a_trap_is_found_inside_other_values() {
        assert!(scripts(r#"[{"send": {"concat": ["a", {"trap": "/"}]}}]"#).has_trap());
        assert!(!scripts(r#"[{"send": {"concat": ["a", {"self": "/"}]}}]"#).has_trap());
    }
}
