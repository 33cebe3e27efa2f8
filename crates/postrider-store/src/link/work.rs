//! What a link is given to do, as one thing that can be done over any connection.

use redis::{Cmd, Pipeline, RedisError, Value};

use crate::connect::Connection;
use crate::connect::redirect::slot_of;
use crate::script::NamedScript;

/// A command, a script or a transaction.
#[derive(Clone, Copy)]
pub(super) enum Work<'a> {
    Command(&'a Cmd),
    Script(&'a NamedScript, &'a Cmd),
    Transaction(&'a Pipeline),
}

impl Work<'_> {
    pub(super) async fn over(self, connection: &mut Connection) -> Result<Value, RedisError> {
        match self {
            Self::Command(command) => connection.send(command).await,
            Self::Script(script, call) => script.run(connection, call).await,
            Self::Transaction(transaction) => connection.transact(transaction).await,
        }
    }

    /// The slot of its keys, which all share one.
    pub(super) fn slot(self) -> Option<u16> {
        match self {
            Self::Command(command) | Self::Script(_, command) => slot_of(command),
            Self::Transaction(transaction) => transaction.cmd_iter().next().and_then(slot_of),
        }
    }
}
