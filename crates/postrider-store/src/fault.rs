//! What an error of Redis means for who asked: one classifier, by error code.

use redis::{ErrorKind, RedisError};

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultClass {
    /// The script isn't loaded: nothing ran; load it and repeat.
    NoScript,
    /// The consumer group or the stream is gone: make the group again at 0.
    NoGroup,
    /// This connection is of no use any more: make a new one, resolving the address anew.
    Reconnect,
    /// Redis can't serve right now: wait and repeat on the same connection.
    BackOff,
    /// Redis refuses writes for lack of memory. Settling goes on (its scripts are allowed to).
    OutOfMemory,
    /// Redis refuses this user or this command: someone must act.
    Denied,
    /// A key holds another type: someone must act.
    WrongType,
    /// Anything else; as transient as any, since giving up would lose results.
    Unknown,
}

impl FaultClass {
    /// All classes, for metrics that start at zero.
    pub const ALL: [Self; 8] = [
        Self::NoScript,
        Self::NoGroup,
        Self::Reconnect,
        Self::BackOff,
        Self::OutOfMemory,
        Self::Denied,
        Self::WrongType,
        Self::Unknown,
    ];

    /// Sorts an error.
    pub fn of(error: &RedisError) -> Self {
        match error.code() {
            Some(code) => Self::of_code(code, error.detail().unwrap_or_default()),
            None => match error.kind() {
                ErrorKind::AuthenticationFailed => Self::Denied,
                // Time-outs included: a connection that owes an answer can't be trusted with the next question.
                _ => Self::Reconnect,
            },
        }
    }

    fn of_code(code: &str, detail: &str) -> Self {
        match code {
            "NOSCRIPT" => Self::NoScript,
            "NOGROUP" => Self::NoGroup,
            "UNBLOCKED" if detail.contains("no longer exists") => Self::NoGroup,
            // A demoted primary keeps its sockets open and says so for ever.
            "UNBLOCKED" | "READONLY" | "MOVED" | "ASK" => Self::Reconnect,
            "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "BUSY" | "NOREPLICAS" | "MISCONF" => {
                Self::BackOff
            }
            "OOM" => Self::OutOfMemory,
            "NOPERM" | "NOAUTH" | "WRONGPASS" | "DENIED" => Self::Denied,
            "WRONGTYPE" => Self::WrongType,
            "ERR" if detail.contains("max number of clients") => Self::Reconnect,
            "ERR" if detail.contains("must be upgraded") || detail.contains("requires this key to exist") => {
                Self::NoGroup
            }
            "ERR" if detail.contains("no such key") => Self::NoGroup,
            _ => Self::Unknown,
        }
    }

    /// Whether the connection that brought the error is to be replaced. After a refused login the credentials may have
    /// been changed: only a new connection presents them again.
    pub(crate) fn needs_new_connection(self) -> bool {
        matches!(self, Self::Reconnect | Self::Denied)
    }

    /// The word in the metric's label `kind`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoScript => "no_script",
            Self::NoGroup => "no_group",
            Self::Reconnect => "connection",
            Self::BackOff => "unavailable",
            Self::OutOfMemory => "out_of_memory",
            Self::Denied => "denied",
            Self::WrongType => "wrong_type",
            Self::Unknown => "other",
        }
    }
}

/// An operation on Redis that failed.
#[derive(Debug, thiserror::Error)]
#[error("failed to {operation}")]
pub struct StoreError {
    /// What was tried, as in "settle 12 jobs of postrider:deliveries".
    pub operation: String,
    /// What Redis or the connection said.
    #[source]
    pub source: RedisError,
}

impl StoreError {
    /// Names the operation.
    pub fn new(operation: impl Into<String>, source: RedisError) -> Self {
        Self { operation: operation.into(), source }
    }

    /// From the text of an error that came inside a reply, as `WRONGTYPE Operation against …`.
    pub fn of_text(operation: impl Into<String>, text: &str) -> Self {
        Self::new(operation, server_error(text.as_bytes()))
    }

    /// What to do about it.
    pub fn class(&self) -> FaultClass {
        FaultClass::of(&self.source)
    }

    /// Operation and cause in one line, for readiness; holds no secret, since commands aren't repeated in errors.
    pub fn line(&self) -> String {
        format!("{self}: {}", describe(&self.source))
    }
}

/// The error in a line of Redis: its code, a space, its detail.
pub(crate) fn server_error(line: &[u8]) -> RedisError {
    let line = String::from_utf8_lossy(line);
    let (code, detail) = line.split_once(' ').unwrap_or((&line, ""));
    redis::make_extension_error(code.to_owned(), Some(detail.to_owned()))
}

/// Whether a server says that it is a primary no more.
pub(crate) fn is_demotion(error: &RedisError) -> bool {
    let is_unblocked = error.code() == Some("UNBLOCKED") && FaultClass::of(error) == FaultClass::Reconnect;
    is_unblocked || error.code() == Some("READONLY")
}

/// What Redis said, as it said it.
pub fn describe(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_class() {
        use FaultClass::{BackOff, Denied, NoGroup, NoScript, OutOfMemory, Reconnect, Unknown, WrongType};
        for (line, class) in [
            ("NOSCRIPT No matching script. Please use EVAL.", NoScript),
            (
                "NOGROUP No such key 'q' or consumer group 'postrider' in XREADGROUP with GROUP option",
                NoGroup,
            ),
            ("NOGROUP the consumer group this client was blocked on no longer exists", NoGroup),
            ("ERR no such key", NoGroup),
            ("UNBLOCKED the stream key no longer exists", NoGroup),
            (
                "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
                Reconnect,
            ),
            ("READONLY You can't write against a read only replica.", Reconnect),
            ("MOVED 3999 127.0.0.1:6381", Reconnect),
            ("ASK 3999 127.0.0.1:6381", Reconnect),
            ("ERR max number of clients reached", Reconnect),
            ("LOADING Redis is loading the dataset in memory", BackOff),
            ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", BackOff),
            ("CLUSTERDOWN The cluster is down", BackOff),
            ("TRYAGAIN Multiple keys request during rehashing of slot", BackOff),
            ("BUSY Redis is busy running a script.", BackOff),
            ("NOREPLICAS Not enough good replicas to write.", BackOff),
            ("MISCONF Errors writing to the AOF file: No space left on device", BackOff),
            ("OOM command not allowed when used memory > 'maxmemory'.", OutOfMemory),
            ("NOPERM this user has no permissions to run the 'xadd' command", Denied),
            ("NOAUTH Authentication required.", Denied),
            ("WRONGPASS invalid username-password pair or user is disabled.", Denied),
            ("DENIED Redis is running in protected mode", Denied),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", WrongType),
            ("ERR unknown command 'XREADGROUP'", Unknown),
            ("EXECABORT Transaction discarded because of previous errors.", Unknown),
            ("CROSSSLOT Keys in request don't hash to the same slot", Unknown),
            ("NOTBUSY No scripts in execution right now.", Unknown),
            ("WEIRD something new", Unknown),
        ] {
            let (code, detail) = line.split_once(' ').unwrap();
            let error = redis::make_extension_error(code.to_owned(), Some(detail.to_owned()));
            assert_eq!(FaultClass::of(&error), class, "{line}");
        }
    }

    #[test]
    fn a_broken_connection_is_replaced() {
        let io = RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        assert_eq!(FaultClass::of(&io), FaultClass::Reconnect);
        let refused = RedisError::from((ErrorKind::AuthenticationFailed, "x"));
        assert_eq!(FaultClass::of(&refused), FaultClass::Denied);
    }
}
