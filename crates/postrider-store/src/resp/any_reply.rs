//! Any reply, put together as its tokens come: for the few questions of a handshake.

use redis::{RedisError, Value};

use super::token::{Malformed, Token};
use crate::fault::server_error;

/// Deepest nesting that is accepted: CLUSTER SLOTS has four levels.
const MAX_DEPTH: usize = 8;

/// A reply of which a part has come: its open arrays, the outermost first, each with the number of items still to come.
#[derive(Debug, Default)]
pub(super) struct AnyReply {
    open: Vec<(usize, Vec<Value>)>,
}

impl AnyReply {
    /// Takes the next token; gives the reply, or Redis' error, once it is whole.
    pub(super) fn take(&mut self, token: Token<'_>) -> Result<Option<Result<Value, RedisError>>, Malformed> {
        let value = match token {
            Token::Array(0) => Value::Array(Vec::new()),
            Token::Array(items) if self.open.len() < MAX_DEPTH => {
                self.open.push((items, Vec::new()));
                return Ok(None);
            }
            Token::Array(_) => return Err(Malformed("a reply is nested too deep")),
            Token::Nil => Value::Nil,
            Token::Bulk(text) => Value::BulkString(text.to_vec()),
            Token::Integer(number) => Value::Int(number),
            Token::Simple(text) => Value::SimpleString(String::from_utf8_lossy(text).into_owned()),
            Token::Error(line) if self.open.is_empty() => return Ok(Some(Err(server_error(line)))),
            // No reply that is asked for here has errors inside.
            Token::Error(_) => Value::Nil,
        };
        Ok(self.close(value).map(Ok))
    }

    /// Puts a whole value where it belongs, and ends the arrays whose last item it was.
    fn close(&mut self, mut value: Value) -> Option<Value> {
        while let Some((left, mut items)) = self.open.pop() {
            items.push(value);
            if left > 1 {
                self.open.push((left - 1, items));
                return None;
            }
            value = Value::Array(items);
        }
        Some(value)
    }
}
