//! A connection that speaks RESP2 by itself, for the blocking read: its replies go straight from the socket's bytes into
//! entries. One command at a time; it knows no pipelines and no pushes, and never repeats a command.

mod any_reply;
#[cfg(test)]
mod properties;
mod read_reply;
#[cfg(test)]
mod tests;
mod token;

use std::io;

use bytes::{Buf, BytesMut};
use redis::{Cmd, ErrorKind, RedisConnectionInfo, RedisError, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use self::any_reply::AnyReply;
use self::read_reply::ReadReply;
use self::token::{Malformed, Token};
use crate::connect::{Activity, Socket};
use crate::entry::LeasedEntry;
use crate::fault::{FaultClass, server_error};

/// Room that is made before each read from the socket: some fifty jobs of 1 KB.
const READ_AHEAD: usize = 64 << 10;

/// A larger buffer isn't kept: it was for one giant.
const MAX_KEPT_BUFFER: usize = 256 << 10;

/// One connection, logged in and on its database.
pub(crate) struct RespConnection {
    socket: Socket,
    buffer: BytesMut,
    activity: Activity,
    /// A command was sent whose reply hasn't come: the next reply would be taken for another's.
    owes_reply: bool,
}

impl RespConnection {
    /// Logs in over a new socket.
    pub(crate) async fn over(socket: Socket, settings: &RedisConnectionInfo) -> Result<Self, RedisError> {
        let mut connection =
            Self { socket, buffer: BytesMut::new(), activity: Activity::new(), owes_reply: false };
        if let Some(password) = settings.password() {
            let mut login = redis::cmd("AUTH");
            login.arg(settings.username()).arg(password);
            connection.number(&login).await.map_err(refused_login)?;
        }
        if settings.db() != 0 {
            connection.number(redis::cmd("SELECT").arg(settings.db())).await?;
        }
        Ok(connection)
    }

    /// Sends a command whose reply is a number, or a word that doesn't matter.
    pub(crate) async fn number(&mut self, command: &Cmd) -> Result<Option<i64>, RedisError> {
        self.exchange(command, |token| match token {
            Token::Integer(number) => Ok(Some(Ok(Some(number)))),
            Token::Simple(_) | Token::Bulk(_) | Token::Nil => Ok(Some(Ok(None))),
            Token::Error(line) => Ok(Some(Err(server_error(line)))),
            Token::Array(_) => Err(Malformed("an array came where a number was asked for")),
        })
        .await
    }

    /// Sends a command whose reply is small.
    pub(crate) async fn ask(&mut self, command: &Cmd) -> Result<Value, RedisError> {
        let mut reply = AnyReply::default();
        self.exchange(command, |token| reply.take(token)).await
    }

    /// The socket, for another to speak over. What isn't read yet is lost, and after a reply there is nothing.
    pub(crate) fn into_socket(self) -> Socket {
        self.socket
    }

    /// Sends an XREADGROUP.
    pub(crate) async fn read_entries(&mut self, command: &Cmd) -> Result<Vec<LeasedEntry>, RedisError> {
        let mut reply = ReadReply::default();
        self.exchange(command, |token| reply.take(token)).await
    }

    /// When the last byte came.
    pub(crate) fn activity(&self) -> Activity {
        self.activity.clone()
    }

    /// Sends a command and hands the tokens of its reply to `take`, until that has the whole.
    async fn exchange<T>(
        &mut self,
        command: &Cmd,
        mut take: impl FnMut(Token<'_>) -> Result<Option<Result<T, RedisError>>, Malformed>,
    ) -> Result<T, RedisError> {
        if self.owes_reply || !self.buffer.is_empty() {
            return Err(Malformed("the connection is out of step").into());
        }
        self.owes_reply = true;
        self.socket.write_all(&command.get_packed_command()).await?;
        let reply = loop {
            self.fill().await?;
            if let Some(reply) = digest(&mut self.buffer, &mut take)? {
                break reply;
            }
        };
        self.owes_reply = false;
        if self.buffer.capacity() > MAX_KEPT_BUFFER && self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        reply
    }

    async fn fill(&mut self) -> Result<(), RedisError> {
        self.buffer.reserve(READ_AHEAD);
        let read = self.socket.read_buf(&mut self.buffer).await?;
        self.activity.note();
        if read == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(())
    }
}

/// Hands over the tokens that are whole, and drops their bytes: none is looked at twice but the start of the last one.
fn digest<T>(
    buffer: &mut BytesMut,
    take: &mut impl FnMut(Token<'_>) -> Result<Option<T>, Malformed>,
) -> Result<Option<T>, Malformed> {
    let mut at = 0;
    let mut whole = None;
    while whole.is_none() {
        let Some((token, length)) = token::first(&buffer[at..])? else { break };
        whole = take(token)?;
        at += length;
    }
    buffer.advance(at);
    Ok(whole)
}

/// An answer to AUTH that no class is known for is a refusal too: whoever set the password must act.
fn refused_login(error: RedisError) -> RedisError {
    match (FaultClass::of(&error), error.detail()) {
        (FaultClass::Unknown, detail) => {
            let detail = detail.unwrap_or_default().to_owned();
            (ErrorKind::AuthenticationFailed, "Redis refused the login", detail).into()
        }
        _ => error,
    }
}
