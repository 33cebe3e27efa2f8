//! The case file of hostile receivers as types. Owns reading it; never plays a case and never judges one.

use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::script::Scripts;

/// The file, as text.
const HOSTILE_RECEIVERS: &str = include_str!("../../../../tests/cases/hostile_receivers.json");

static ALL: LazyLock<Vec<Case>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct File {
        cases: Vec<Case>,
    }
    let file: File = serde_json::from_str(HOSTILE_RECEIVERS).expect("a test reads the file that is built in");
    file.cases
});

/// Every case of the file, those that need more than one socket to play included.
pub fn all() -> &'static [Case] {
    &ALL
}

/// Cases written in code, in the form of the file.
pub(super) fn read(cases: &str) -> Vec<Case> {
    serde_json::from_str(cases).expect("a test reads the cases that are built in")
}

/// What a receiver does, and what becomes of a job that is sent to it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Its id, unique.
    pub id: String,
    /// What it is about.
    pub group: String,
    /// Its name, unique.
    pub name: String,
    /// What the receiver does, in words.
    pub behaviour: String,
    /// What becomes of the job.
    pub expect: Expectation,
    /// What is tolerated instead.
    #[serde(default)]
    pub also_ok: Vec<Expectation>,
    /// What the receiver does, byte by byte.
    pub(super) script: Option<Scripts>,
    /// Whether the script starts again on the same connection when it has ended.
    #[serde(default)]
    pub(super) keep_connection: bool,
    /// How the receiver listens, where not as usual.
    pub listener: Option<Listener>,
    /// What the job carries.
    #[serde(default)]
    pub job: JobTraits,
    /// `timeoutMs` of the job.
    #[serde(rename = "timeoutMs")]
    pub timeout_ms: Option<u64>,
    /// Size of the job's content.
    pub content_bytes: Option<usize>,
    /// Attempts until the outcome.
    pub attempts: Option<usize>,
    /// How many jobs, one after another.
    pub jobs: Option<usize>,
    /// The pause between them.
    #[serde(default)]
    pub gap_ms: u64,
    /// Requests in all, no more and no less.
    pub requests: Option<u64>,
    /// Seconds from the answer to the retry: at least, at most.
    pub wait_s: Option<(f64, f64)>,
    /// Seconds from the start of the request to the outcome.
    pub ends_within_s: Option<f64>,
    /// What is or isn't kept and sent.
    #[serde(default)]
    pub stored: Stored,
    /// What playing it takes beyond a script.
    pub needs: Option<String>,
    /// Why it is as it is.
    #[serde(default)]
    pub why: String,
    /// What an HTTP client made of it by itself.
    #[serde(default)]
    pub note: String,
}

/// How a receiver listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listener {
    /// Nothing listens: connections are refused.
    Closed,
    /// It listens and never accepts.
    NoAccept,
    /// Its receive buffer is small.
    SmallBuffer,
    /// The packets of whoever comes are dropped.
    Deaf,
}

/// What the job of a case carries.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobTraits {
    /// How its URL begins.
    pub scheme: Scheme,
    /// `maxAttempts`.
    #[serde(rename = "maxAttempts")]
    pub max_attempts: Option<u32>,
    /// `secret`.
    pub secret: Option<String>,
    /// `retry.base` of the worker, milliseconds.
    pub retry_base_ms: Option<u64>,
}

/// How a URL begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// `http`.
    #[default]
    Http,
    /// `https`.
    Https,
}

/// What is or isn't kept and sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stored {
    /// A header that no request may have.
    pub never_sends: Option<String>,
    /// Text that neither the records of attempts nor the log may hold.
    pub nowhere: Option<String>,
    /// The most connections that the jobs may take.
    pub connections_at_most: Option<u64>,
}

/// What becomes of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// It was delivered.
    Delivered,
    /// It waits in the retry set.
    Retried,
    /// It is among the dead letters with this reason.
    Dead(String),
}

impl<'de> Deserialize<'de> for Expectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(match (text.as_str(), text.strip_prefix("dead:")) {
            ("delivered", _) => Self::Delivered,
            ("retried", _) => Self::Retried,
            (_, Some(reason)) => Self::Dead(reason.to_owned()),
            _ => return Err(D::Error::custom(format!("unknown outcome {text:?}"))),
        })
    }
}

impl std::fmt::Display for Expectation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Delivered => f.write_str("delivered"),
            Self::Retried => f.write_str("retried"),
            Self::Dead(reason) => write!(f, "dead ({reason})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_file_counts_its_own_cases_and_no_two_share_an_id() {
        #[derive(Deserialize)]
        struct Count {
            count: usize,
        }
        let told: Count = serde_json::from_str(HOSTILE_RECEIVERS).unwrap();
        let ids: BTreeSet<&str> = all().iter().map(|case| case.id.as_str()).collect();
        assert_eq!((all().len(), ids.len()), (told.count, told.count));
    }
}
