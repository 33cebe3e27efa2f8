//! Which shard a job belongs to, and which slot of a Redis Cluster a key (contract section 4). Every producer, in any language,
//! must come to the same answer.

use crate::queue_name::{QueueName, crc16};

/// Slots of every Redis Cluster.
const SLOTS: u16 = 16_384;

/// Most shards of a queue: each has a connection of its own in every worker that serves it.
pub const MAX_SHARDS: u16 = 1024;

/// The shard of a job or an event, of `shards`: by its owner, else by its hook, else by its URL. An empty field counts as
/// absent. All jobs of one owner share a shard, so that the limits of a destination hold in one place.
pub fn shard_of(user_id: &[u8], hook_id: &[u8], to: &[u8], shards: u16) -> u16 {
    let name = [user_id, hook_id, to].into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    crc16(name) % shards.max(1)
}

/// The queue of one shard.
pub fn shard_queue(shard: u16) -> QueueName {
    QueueName::parse(&format!("postrider:{{{shard}}}:deliveries")).expect("a number makes a sound tag")
}

/// The stream of events of one shard.
pub fn shard_events(shard: u16) -> QueueName {
    QueueName::parse(&format!("postrider:{{{shard}}}:events")).expect("a number makes a sound tag")
}

/// The cluster slot of a key: of what stands between its first `{` and the `}` behind it, if that is anything, else of all.
pub fn key_slot(key: &[u8]) -> u16 {
    crc16(hash_tag(key).unwrap_or(key)) % SLOTS
}

fn hash_tag(key: &[u8]) -> Option<&[u8]> {
    let start = key.iter().position(|byte| *byte == b'{')? + 1;
    let length = key[start..].iter().position(|byte| *byte == b'}')?;
    (length > 0).then(|| &key[start..start + length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_slots_that_redis_gives_them() {
        // As CLUSTER KEYSLOT answers.
        for (key, slot) in [("123456789", 12_739), ("foo", 12_182), ("{user1000}.following", 3_443), ("", 0)]
        {
            assert_eq!(key_slot(key.as_bytes()), slot, "{key}");
        }
        assert_eq!(key_slot(b"foo{}{bar}"), crc16(b"foo{}{bar}") % SLOTS);
        assert_eq!(key_slot(b"foo{{bar}}zap"), key_slot(b"{bar"));
        assert_eq!(key_slot(b"foo{bar}{zap}"), key_slot(b"bar"));
    }

    #[test]
    fn a_queue_its_satellites_and_its_events_share_a_slot() {
        let (queue, events) = (shard_queue(3), shard_events(3));
        let slot = key_slot(b"3");
        for key in
            [queue.as_str(), events.as_str(), &queue.satellite("retry:jobs"), &events.satellite("dead")]
        {
            assert_eq!(key_slot(key.as_bytes()), slot, "{key}");
        }
        let plain = QueueName::parse("postrider:deliveries").unwrap();
        assert_eq!(key_slot(plain.as_str().as_bytes()), key_slot(plain.satellite("retry").as_bytes()));
    }

    #[test]
    fn the_owner_decides_then_the_hook_then_the_url() {
        let by =
            |user: &str, hook: &str, to: &str| shard_of(user.as_bytes(), hook.as_bytes(), to.as_bytes(), 64);
        assert_eq!(by("u", "h", "http://x"), by("u", "", ""));
        assert_eq!(by("", "h", "http://x"), by("", "h", ""));
        assert_eq!(by("", "", "http://x"), crc16(b"http://x") % 64);
        assert_eq!(shard_of(b"u", b"", b"", 0), 0);
    }
}
