//! What a node of a cluster says that doesn't serve a key, and which slot a command belongs to.

use postrider_core::shard::key_slot;
use redis::{Arg, Cmd, RedisError};

use super::place::Host;

/// Where a command may be carried out that was refused here. It has not been carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Redirect {
    /// The slot is that node's from now on.
    Moved { slot: u16, host: Host },
    /// The slot is moving, and this key is on that node already: this command goes there, behind ASKING, and no other.
    Ask { host: Host },
}

impl Redirect {
    /// What the error says, if it is of this kind: `MOVED 3999 127.0.0.1:6381`.
    pub(crate) fn of(error: &RedisError) -> Option<Self> {
        let code = error.code().filter(|code| ["MOVED", "ASK"].contains(code))?;
        let (slot, place) = error.detail()?.split_once(' ')?;
        // An address of version 6 stands here without brackets.
        let (name, port) = place.rsplit_once(':')?;
        let host = Host { name: name.trim_matches(['[', ']']).into(), port: port.parse().ok()? };
        if host.name.is_empty() {
            return None;
        }
        Some(if code == "MOVED" {
            Self::Moved { slot: slot.parse().ok()?, host }
        } else {
            Self::Ask { host }
        })
    }
}

/// The slot of a command's keys, which all share one; none for a command without keys.
pub(crate) fn slot_of(command: &Cmd) -> Option<u16> {
    let arguments: Vec<&[u8]> = command
        .args_iter()
        .take(MAX_LOOKED_AT)
        .map_while(|argument| match argument {
            Arg::Simple(bytes) => Some(bytes),
            _ => None,
        })
        .collect();
    let (name, arguments) = arguments.split_first()?;
    let key = match name.to_ascii_uppercase().as_slice() {
        b"EVALSHA" | b"EVAL" => arguments.get(2).filter(|_| arguments[1] != b"0"),
        b"XINFO" | b"XGROUP" | b"MEMORY" | b"OBJECT" => arguments.get(1),
        b"XREADGROUP" | b"XREAD" => {
            let streams = arguments.iter().position(|word| word.eq_ignore_ascii_case(b"STREAMS"));
            arguments.get(streams? + 1)
        }
        name if WITHOUT_KEYS.contains(&name) => None,
        _ => arguments.first(),
    };
    key.map(|key| key_slot(key))
}

/// No command of ours has its first key later.
const MAX_LOOKED_AT: usize = 16;

const WITHOUT_KEYS: &[&[u8]] = &[
    b"ACL", b"ASKING", b"CLIENT", b"CLUSTER", b"COMMAND", b"CONFIG", b"DBSIZE", b"INFO", b"LATENCY", b"PING",
    b"ROLE", b"SCAN", b"SCRIPT", b"SLOWLOG", b"TIME", b"WAIT", b"WAITAOF",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Cmd {
        let mut words = line.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        for word in words {
            command.arg(word);
        }
        command
    }

    #[test]
    fn each_command_goes_by_its_first_key() {
        for line in [
            "XADD k * a 1",
            "HGET k h",
            "ZRANGE k 0 -1",
            "xpending k postrider",
            "TYPE k",
            "EVALSHA 0123 2 k other argument",
            "XINFO CONSUMERS k postrider",
            "XREADGROUP GROUP postrider me COUNT 1 BLOCK 1000 STREAMS k >",
        ] {
            assert_eq!(slot_of(&command(line)), Some(key_slot(b"k")), "{line}");
        }
        for line in
            ["TIME", "INFO server", "CLIENT UNBLOCK 7 TIMEOUT", "SCRIPT LOAD x", "SCAN 0", "EVALSHA 0123 0 k"]
        {
            assert_eq!(slot_of(&command(line)), None, "{line}");
        }
    }

    #[test]
    fn redirections_name_slot_and_host() {
        let told = |code: &str, detail: &str| {
            Redirect::of(&redis::make_extension_error(code.to_owned(), Some(detail.to_owned())))
        };
        let host = |name: &str| Host { name: name.into(), port: 6381 };
        assert_eq!(
            told("MOVED", "3999 127.0.0.1:6381"),
            Some(Redirect::Moved { slot: 3999, host: host("127.0.0.1") })
        );
        assert_eq!(told("ASK", "3999 ::1:6381"), Some(Redirect::Ask { host: host("::1") }));
        for (code, detail) in
            [("MOVED", "3999"), ("MOVED", "x a:1"), ("ASK", "1 a:x"), ("ASK", "1 :6381"), ("ERR", "1 a:1")]
        {
            assert_eq!(told(code, detail), None, "{code} {detail}");
        }
    }
}
