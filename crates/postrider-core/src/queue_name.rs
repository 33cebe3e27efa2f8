//! The name of a queue: a Redis key that also names its satellites.

use std::fmt;

/// A checked queue name: `A-Z a-z 0-9 : . _ -` and at most one non-empty `{tag}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QueueName(Box<str>);

/// The queue that producers use when they name none.
pub const DEFAULT_QUEUE: &str = "postrider:deliveries";

/// The stream of events that producers use when they name none.
pub const DEFAULT_EVENTS: &str = "postrider:events";

/// Longest queue name in bytes, so that satellite keys stay short.
pub const MAX_QUEUE_NAME_BYTES: usize = 200;

impl QueueName {
    /// Checks a name; the error says what would be accepted.
    pub fn parse(name: &str) -> Result<Self, &'static str> {
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b":._-".contains(&b));
        let shape = match name.split_once('{') {
            None => plain(name),
            Some((before, rest)) => rest
                .split_once('}')
                .is_some_and(|(tag, after)| !tag.is_empty() && plain(before) && plain(tag) && plain(after)),
        };
        if name.is_empty() || name.len() > MAX_QUEUE_NAME_BYTES || !shape {
            return Err("1 to 200 of A-Z a-z 0-9 : . _ - and at most one non-empty {tag}");
        }
        Ok(Self(name.into()))
    }

    /// The stream's key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of a satellite, in the same cluster slot as the stream: `{Q}:suffix`, or `Q:suffix` where Q has a tag.
    pub fn satellite(&self, suffix: &str) -> String {
        if self.0.contains('{') { format!("{}:{suffix}", self.0) } else { format!("{{{}}}:{suffix}", self.0) }
    }

    /// What is put behind a job's id to make its default event id: nothing in the default queue, else `-` and
    /// CRC16 of the name. Ids of stream entries are unique in one stream only, and receivers de-duplicate over all.
    pub fn event_id_suffix(&self) -> String {
        if &*self.0 == DEFAULT_QUEUE { String::new() } else { format!("-{:04x}", crc16(self.0.as_bytes())) }
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// CRC16/XMODEM (polynomial 0x1021, initial value 0), the one that Redis Cluster hashes keys with.
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc: u16, _| {
            if crc & 0x8000 != 0 { (crc << 1) ^ 0x1021 } else { crc << 1 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn satellites_share_the_slot_of_their_queue() {
        let plain = QueueName::parse("postrider:deliveries").unwrap();
        assert_eq!(plain.satellite("retry"), "{postrider:deliveries}:retry");
        let tagged = QueueName::parse("postrider:{3}:deliveries").unwrap();
        assert_eq!(tagged.satellite("retry"), "postrider:{3}:deliveries:retry");
    }

    #[test]
    fn names_that_would_break_keys_are_refused() {
        for bad in ["", "a b", "a{}b", "a{b}{c}", "a}b", "a{b", "ä", "a*", "{a}{"] {
            assert!(QueueName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn crc16_is_the_one_of_redis_cluster() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(QueueName::parse(DEFAULT_QUEUE).unwrap().event_id_suffix(), "");
        assert_eq!(QueueName::parse("123456789").unwrap().event_id_suffix(), "-31c3");
    }
}
