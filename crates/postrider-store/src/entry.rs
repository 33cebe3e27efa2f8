//! Stream entries from raw replies, one by one: an entry that is odd harms no other.
//!
//! The client library's own types for stream replies copy everything twice, hide fields that are given twice, and fail
//! the whole batch for one field name that isn't UTF-8.

use postrider_core::entry_id::EntryId;
use postrider_core::job::Field;
use redis::Value;

/// One entry that this worker now holds.
#[derive(Debug)]
pub struct LeasedEntry {
    /// Its id.
    pub id: EntryId,
    /// How often it has been handed out: 1 for a first read; each loss with its worker adds one.
    pub deliveries: u32,
    /// Whether it came from another worker's hands, or from earlier ones of this one: its start must be counted first.
    pub taken_over: bool,
    /// Its fields; `None` when the entry is gone and only its id is left in the pending list.
    pub fields: Option<Vec<Field>>,
}

/// The entries in the reply of the scripts that hand entries over: `[[id, deliveries, [name, value, …]], …]`.
pub fn entries_of_takeover(reply: Value) -> Vec<LeasedEntry> {
    let Value::Array(entries) = reply else { return Vec::new() };
    entries.into_iter().filter_map(taken_over).collect()
}

fn taken_over(entry: Value) -> Option<LeasedEntry> {
    let Value::Array(parts) = entry else { return None };
    let mut parts = parts.into_iter();
    let (id, deliveries, fields) = (parts.next()?, integer(&parts.next()?)?, parts.next()?);
    leased(Value::Array(vec![id, fields]), u32::try_from(deliveries).unwrap_or(u32::MAX), true)
}

fn leased(entry: Value, deliveries: u32, taken_over: bool) -> Option<LeasedEntry> {
    let Value::Array(parts) = entry else { return None };
    let mut parts = parts.into_iter();
    let id = EntryId::parse(&bytes(parts.next()?)?)?;
    let fields = match parts.next() {
        Some(Value::Array(flat)) => Some(pairs(flat)),
        _ => None,
    };
    Some(LeasedEntry { id, deliveries, taken_over, fields })
}

/// Pairs up a flat list of names and values.
pub fn pairs(flat: Vec<Value>) -> Vec<Field> {
    let mut fields = Vec::with_capacity(flat.len() / 2);
    let mut flat = flat.into_iter();
    while let (Some(name), Some(value)) = (flat.next(), flat.next()) {
        fields.push((bytes(name).unwrap_or_default(), bytes(value).unwrap_or_default()));
    }
    fields
}

/// The bytes of a string reply.
pub fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}

/// An integer reply, or a string reply that holds one.
pub fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::BulkString(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &[u8]) -> Value {
        Value::BulkString(text.to_vec())
    }

    #[test]
    fn odd_entries_harm_no_other() {
        let entry = |id: &[u8], fields| Value::Array(vec![text(id), Value::Int(1), fields]);
        let good = |id: &[u8]| entry(id, Value::Array(vec![text(b"a"), text(b"1"), text(b"a"), text(b"2")]));
        let not_utf8 = entry(b"2-0", Value::Array(vec![text(b"a\xff"), text(b"\xfe")]));
        let gone = entry(b"3-0", Value::Nil);
        let nonsense = entry(b"no id", Value::Nil);
        let reply = Value::Array(vec![good(b"1-0"), not_utf8, gone, nonsense, Value::Nil, good(b"4-0")]);
        let entries = entries_of_takeover(reply);
        assert_eq!(entries.iter().map(|entry| entry.id.millis).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(entries[0].fields.as_ref().unwrap().len(), 2);
        assert_eq!(entries[1].fields.as_ref().unwrap()[0].0, b"a\xff");
        assert!(entries[2].fields.is_none());
    }

    #[test]
    fn a_reply_without_entries_holds_nothing() {
        assert!(entries_of_takeover(Value::Nil).is_empty());
        assert!(entries_of_takeover(Value::Array(Vec::new())).is_empty());
    }
}
