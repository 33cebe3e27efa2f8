//! The slots of a cluster as a table. Pure.

use std::sync::Arc;

use redis::Value;

use crate::connect::place::Host;
use crate::entry::{bytes, integer};

/// Slots of every cluster.
const SLOTS: usize = 16_384;

/// Nodes that are kept apart; no cluster has so many.
const MAX_NODES: usize = 1000;

const NOBODY: u16 = u16::MAX;

/// Which node serves which slot.
pub(super) struct SlotMap {
    owners: Vec<u16>,
    nodes: Vec<Arc<Host>>,
}

impl Default for SlotMap {
    fn default() -> Self {
        Self { owners: vec![NOBODY; SLOTS], nodes: Vec::new() }
    }
}

impl SlotMap {
    /// Who serves the slot; without one, some node.
    pub(super) fn owner(&self, slot: Option<u16>) -> Option<&Arc<Host>> {
        match slot {
            Some(slot) => self.nodes.get(usize::from(*self.owners.get(usize::from(slot))?)),
            None => self.nodes.first(),
        }
    }

    /// All nodes that serve slots.
    pub(super) fn nodes(&self) -> &[Arc<Host>] {
        &self.nodes
    }

    /// Notes who serves a slot.
    pub(super) fn set(&mut self, slot: u16, host: Arc<Host>) {
        self.set_range(slot, slot, host);
    }

    fn set_range(&mut self, first: u16, last: u16, host: Arc<Host>) {
        let Some(range) = self.owners.get_mut(usize::from(first)..=usize::from(last)) else { return };
        let known = self.nodes.iter().position(|node| *node == host);
        let at = known.unwrap_or(self.nodes.len());
        if let Some(node) = u16::try_from(at).ok().filter(|_| at < MAX_NODES) {
            range.fill(node);
            if known.is_none() {
                self.nodes.push(host);
            }
        }
    }
}

/// The reply of CLUSTER SLOTS: `[[first, last, [host, port, …], replicas…], …]`. A node that doesn't know its own name is the
/// one that was `asked`.
pub(super) fn read_slots(reply: Value, asked: &Host) -> SlotMap {
    let mut map = SlotMap::default();
    let Value::Array(ranges) = reply else { return map };
    for range in ranges {
        if let Some((first, last, host)) = read_range(range, asked) {
            map.set_range(first, last, Arc::new(host));
        }
    }
    map
}

fn read_range(range: Value, asked: &Host) -> Option<(u16, u16, Host)> {
    let Value::Array(parts) = range else { return None };
    let mut parts = parts.into_iter();
    let mut slot = || u16::try_from(integer(&parts.next()?)?).ok();
    let (first, last) = (slot()?, slot()?);
    let Value::Array(primary) = parts.next()? else { return None };
    let mut primary = primary.into_iter();
    let name = primary.next().and_then(bytes).and_then(|name| String::from_utf8(name).ok());
    let port = u16::try_from(integer(&primary.next()?)?).ok()?;
    let name =
        name.filter(|name| !name.is_empty() && name != "?").map_or_else(|| asked.name.clone(), Into::into);
    Some((first, last, Host { name, port }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, port: u16) -> Host {
        Host { name: name.into(), port }
    }

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn range(first: i64, last: i64, name: Value, port: i64) -> Value {
        let node = Value::Array(vec![name, Value::Int(port), text("id")]);
        let replica = Value::Array(vec![text("replica"), Value::Int(1), text("id")]);
        Value::Array(vec![Value::Int(first), Value::Int(last), node, replica])
    }

    #[test]
    fn each_slot_has_the_primary_that_was_told() {
        let reply = Value::Array(vec![
            range(0, 5000, text("a"), 1),
            range(5001, 16_383, Value::Nil, 2),
            range(20_000, 20_001, text("c"), 3),
            Value::Nil,
        ]);
        let map = read_slots(reply, &host("asked", 9));
        assert_eq!(map.owner(Some(5000)).map(ToString::to_string).as_deref(), Some("a:1"));
        assert_eq!(map.owner(Some(5001)).map(ToString::to_string).as_deref(), Some("asked:2"));
        assert_eq!(map.nodes().len(), 2);
    }

    #[test]
    fn a_slot_that_has_moved_is_the_only_one() {
        let mut map = read_slots(Value::Array(vec![range(0, 10, text("a"), 1)]), &host("asked", 9));
        map.set(3, Arc::new(host("b", 2)));
        assert_eq!(map.owner(Some(3)).unwrap().port, 2);
        assert_eq!(map.owner(Some(4)).unwrap().port, 1);
        assert!(map.owner(Some(11)).is_none() && map.owner(Some(u16::MAX)).is_none());
    }

    #[test]
    fn what_is_no_reply_names_nobody() {
        let map = read_slots(Value::Int(1), &host("asked", 9));
        assert!(map.owner(None).is_none());
    }
}
