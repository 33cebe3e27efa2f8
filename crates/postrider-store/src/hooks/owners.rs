//! Who has hooks at all: found by walking the keys, since no list of them is kept that could go stale.

use redis::{Cmd, RedisError, Value};

use crate::entry::bytes;
use crate::fault::StoreError;
use crate::keys::{hooks_key, owner_of_hooks_key};
use crate::link::{Holder, Link};

/// Keys that Redis looks at in one step: well under a millisecond of its time.
const KEYS_PER_STEP: usize = 1000;

/// A walk over all owners, a page in memory at a time. One who has hooks from beginning to end is met at least once,
/// and may be met twice while Redis rearranges its keys. In a cluster it goes from node to node; an owner whose slot moves
/// meanwhile may be missed.
#[derive(Debug, Default)]
pub struct Owners {
    page: Vec<String>,
    cursor: Cursor,
    /// Where keys still have to be looked for; none before the first step.
    holders: Option<Vec<Holder>>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Cursor {
    #[default]
    Start,
    At(Vec<u8>),
    End,
}

impl Owners {
    /// A walk from the beginning.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next owner's id; `None` at the end.
    pub async fn next(&mut self, link: &mut Link) -> Result<Option<String>, StoreError> {
        loop {
            if let Some(owner) = self.page.pop() {
                return Ok(Some(owner));
            }
            let Some(holder) = self.holder(link).await? else { return Ok(None) };
            let from = match &self.cursor {
                Cursor::Start => b"0",
                Cursor::At(cursor) => cursor.as_slice(),
                Cursor::End => {
                    self.holders.get_or_insert_default().pop();
                    self.cursor = Cursor::Start;
                    continue;
                }
            };
            let mut command = Cmd::new();
            command.arg("SCAN").arg(from).arg("MATCH").arg(hooks_key("*"));
            command.arg("COUNT").arg(KEYS_PER_STEP).arg("TYPE").arg("hash");
            let reply = link.send_to(&holder, &command).await.map_err(failed)?;
            (self.cursor, self.page) = read_step(reply);
        }
    }

    /// Where to look now.
    async fn holder(&mut self, link: &mut Link) -> Result<Option<Holder>, StoreError> {
        if self.holders.is_none() {
            self.holders = Some(link.holders().await.map_err(failed)?);
        }
        Ok(self.holders.as_ref().and_then(|holders| holders.last()).cloned())
    }
}

fn failed(error: RedisError) -> StoreError {
    StoreError::new("look for owners of hooks", error)
}

/// A reply that is none ends the walk.
fn read_step(reply: Value) -> (Cursor, Vec<String>) {
    let mut parts = match reply {
        Value::Array(parts) => parts.into_iter(),
        _ => return (Cursor::End, Vec::new()),
    };
    let cursor = match parts.next().and_then(bytes) {
        Some(cursor) if cursor != b"0" => Cursor::At(cursor),
        _ => Cursor::End,
    };
    let Some(Value::Array(keys)) = parts.next() else { return (cursor, Vec::new()) };
    let owners = keys.into_iter().filter_map(|key| {
        let key = String::from_utf8(bytes(key)?).ok()?;
        owner_of_hooks_key(&key).map(str::to_owned)
    });
    (cursor, owners.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn only_keys_of_registries_have_owners() {
        let keys = [
            "postrider:hooks:{a}",
            "postrider:hooks:{a}:latest",
            "postrider:hooks:{}",
            "postrider:hooks:{b}c}",
        ];
        let keys = Value::Array(keys.into_iter().map(text).collect());
        let (cursor, owners) = read_step(Value::Array(vec![text("17"), keys]));
        assert_eq!((cursor, owners), (Cursor::At(b"17".to_vec()), vec!["a".to_owned(), "b}c".to_owned()]));
    }

    #[test]
    fn the_walk_ends_at_zero_and_at_nonsense() {
        assert_eq!(read_step(Value::Array(vec![text("0"), Value::Array(Vec::new())])).0, Cursor::End);
        assert_eq!(read_step(Value::Nil).0, Cursor::End);
    }
}
