//! What an examination finds: one sentence each, how bad it is, and what to do.

/// How bad a finding is, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Worth knowing; nothing needs to be done.
    Note,
    /// Jobs are at risk, late, or left behind.
    Warning,
    /// Jobs are lost, will be, or can't be sent.
    Error,
}

impl Severity {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warn",
            Self::Error => "error",
        }
    }
}

macro_rules! codes {
    ($($code:ident $word:literal $about:literal,)*) => {
        /// What a finding is about, in a word that scripts can rely on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $about] $code,)*
        }

        impl Code {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            /// The word.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$code => $word,)* }
            }
        }
    };
}

codes! {
    Version "version" "Its version.",
    Eviction "eviction" "Whether it throws keys away when memory is short.",
    Memory "memory" "How much of its memory is used.",
    Persistence "persistence" "Whether what it accepts is kept on disk.",
    Writes "writes" "Whether it can write its files, and accepts writes.",
    Replication "replication" "Its replicas, or its primary.",
    Clock "clock" "Its clock beside this machine's.",
    Connections "connections" "How many more clients may connect.",
    Rights "rights" "What its user may do.",
    Cluster "cluster" "The slots of a cluster, and the slots of keys.",
    KeyType "key_type" "Keys that hold another type.",
    Group "group" "The consumer group.",
    Workers "workers" "Who serves a queue.",
    Paused "paused" "A queue that is paused.",
    Backlog "backlog" "Jobs that are due.",
    Dead "dead" "Dead letters.",
    Loss "loss" "Data that Redis has lost.",
    Waiting "waiting" "Waiting jobs that would not come back, or ids without a job.",
    Stream "stream" "Entries that were skipped, or leases without a job.",
    Consumers "consumers" "Consumers of workers that are gone.",
    Unserved "unserved" "Streams with jobs that no worker serves.",
    Hooks "hooks" "Records of hooks.",
    Refuses "refuses" "What Redis refuses to do for now.",
    NotExamined "not_examined" "What could not be looked at.",
}

/// What can be mended without asking anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cure {
    /// Waiting jobs and their ids.
    Waiting,
    /// Entries of the stream and leases.
    Stream,
    /// Consumers that nobody is behind.
    Consumers,
}

/// One finding. Holds no secret: no body, no URL, no password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub code: Code,
    /// The queue or stream that it is about; none where it is the server.
    pub queue: Option<String>,
    /// What was found.
    pub sentence: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// What mends it, where anything does.
    pub cure: Option<Cure>,
}

impl Finding {
    fn new(severity: Severity, code: Code, sentence: impl Into<String>) -> Self {
        Self { severity, code, queue: None, sentence: sentence.into(), remedy: None, cure: None }
    }

    pub(super) fn ok(code: Code, sentence: impl Into<String>) -> Self {
        Self::new(Severity::Ok, code, sentence)
    }

    pub(super) fn note(code: Code, sentence: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, sentence)
    }

    pub(super) fn warning(code: Code, sentence: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, sentence)
    }

    pub(super) fn error(code: Code, sentence: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, sentence)
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    pub(super) fn cure(mut self, cure: Cure) -> Self {
        self.cure = Some(cure);
        self
    }

    pub(super) fn of_queue(mut self, queue: &str) -> Self {
        self.queue = Some(queue.to_owned());
        self
    }
}

/// Whether anything is worse than a note.
pub fn needs_action(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity > Severity::Note)
}

/// A number and what it counts: `1 job`, `2 jobs`.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_word_of_its_own() {
        let mut words: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Code::ALL.len());
    }

    #[test]
    fn only_warnings_and_errors_call_for_action() {
        let fine = [Finding::ok(Code::Version, "x"), Finding::note(Code::Dead, "x")];
        assert!(!needs_action(&fine));
        assert!(needs_action(&[Finding::warning(Code::Clock, "x")]));
        assert!(Severity::Error > Severity::Warning);
    }
}
