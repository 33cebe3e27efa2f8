//! The reply of XREADGROUP, put together as its tokens come: `[[stream, [[id, [name, value, …]], …]], …]`, or nil.
//! Says what an entry is; an entry that is odd harms no other.

use postrider_core::entry_id::EntryId;
use postrider_core::job::Field;
use redis::RedisError;

use super::token::{Malformed, Token};
use crate::entry::LeasedEntry;
use crate::fault::server_error;

/// Arrays that are open while the items of an entry come: reply, stream, entries, entry.
const IN_ENTRY: usize = 4;

/// The same while its names and values come. Nothing of such a reply lies deeper.
const IN_FIELDS: usize = 5;

/// Fields that room is made for before they come, whatever number is announced.
const FIELDS_AHEAD: usize = 32;

/// A reply of which a part has come.
#[derive(Debug, Default)]
pub(super) struct ReadReply {
    /// Items still to come of each open array, the outermost first.
    open: Vec<usize>,
    entry: OpenEntry,
    entries: Vec<LeasedEntry>,
}

/// An entry of which a part has come.
#[derive(Debug, Default)]
struct OpenEntry {
    id: Option<EntryId>,
    fields: Option<Vec<Field>>,
    name: Option<Vec<u8>>,
}

impl ReadReply {
    /// Takes the next token; gives the entries, or Redis' error, once the reply is whole.
    pub(super) fn take(
        &mut self,
        token: Token<'_>,
    ) -> Result<Option<Result<Vec<LeasedEntry>, RedisError>>, Malformed> {
        let level = self.open.len();
        if let Some(left) = self.open.last_mut() {
            *left -= 1;
        }
        match token {
            Token::Error(line) if level == 0 => return Ok(Some(Err(server_error(line)))),
            Token::Array(items) if level < IN_FIELDS => self.begin_array(level, items),
            Token::Bulk(text) if level == IN_FIELDS => self.entry.push(text),
            Token::Nil if level == IN_FIELDS => self.entry.push(b""),
            Token::Bulk(id) if level == IN_ENTRY => self.entry.id = EntryId::parse(id),
            // The stream's name, an entry that is gone, a read that ended without one.
            Token::Bulk(_) if level > 0 => {}
            Token::Nil => {}
            _ => return Err(Malformed("the reply of XREADGROUP has a part that doesn't belong there")),
        }
        self.end_arrays();
        Ok(self.open.is_empty().then(|| Ok(std::mem::take(&mut self.entries))))
    }

    fn begin_array(&mut self, level: usize, items: usize) {
        if level == IN_ENTRY {
            self.entry.fields = Some(Vec::with_capacity((items / 2).min(FIELDS_AHEAD)));
        }
        self.open.push(items);
    }

    /// Ends the arrays whose last item has come.
    fn end_arrays(&mut self) {
        while self.open.last() == Some(&0) {
            if self.open.len() == IN_ENTRY {
                self.entries.extend(std::mem::take(&mut self.entry).leased());
            }
            self.open.pop();
        }
    }
}

impl OpenEntry {
    fn push(&mut self, text: &[u8]) {
        match self.name.take() {
            None => self.name = Some(text.to_vec()),
            Some(name) => self.fields.get_or_insert_default().push((name, text.to_vec())),
        }
    }

    /// The entry as it was leased; none where it has no id to settle it by.
    fn leased(self) -> Option<LeasedEntry> {
        Some(LeasedEntry { id: self.id?, deliveries: 1, taken_over: false, fields: self.fields })
    }
}
