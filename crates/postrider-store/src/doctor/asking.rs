//! Questions to Redis that its user may not be allowed to put: a refusal is noted, and the examination goes on without.

use redis::{Cmd, RedisError, Value};

use crate::fault::{FaultClass, StoreError};
use crate::link::{Holder, Link};

/// Most refusals that are told of: one who may ask for nothing needn't read them all.
const MAX_REFUSALS: usize = 10;

/// A link, and what was refused over it.
pub(super) struct Asking<'a> {
    link: &'a mut Link,
    refused: Vec<Refusal>,
}

/// A question that Redis didn't answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The question, and why, in the words of Redis.
    pub(super) line: String,
    /// It would have been answered at another time: Redis is unwell.
    pub(super) is_for_now: bool,
}

impl<'a> Asking<'a> {
    pub(super) fn new(link: &'a mut Link) -> Self {
        Self { link, refused: Vec::new() }
    }

    /// What could not be asked.
    pub(super) fn refused(self) -> Vec<Refusal> {
        self.refused
    }

    /// The answer; none where Redis refuses to give one. An error means that it gives no answers at all.
    pub(super) async fn ask(&mut self, command: &Cmd, what: &str) -> Result<Option<Value>, StoreError> {
        let answer = self.link.send(command, || what.to_owned()).await;
        self.unless_refused(answer)
    }

    /// What Redis says to a command, be it an error: for questions whose refusals are the answer.
    pub(super) async fn try_out(
        &mut self,
        command: &Cmd,
        what: &str,
    ) -> Result<Result<Value, RedisError>, StoreError> {
        match self.link.send(command, || what.to_owned()).await {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) if error.source.code().is_some() && !is_login_refused(&error) => Ok(Err(error.source)),
            Err(error) => Err(error),
        }
    }

    /// The nodes that hold keys; none where they can't be named.
    pub(super) async fn holders(&mut self) -> Result<Vec<Holder>, StoreError> {
        let holders = self.link.holders().await;
        holders.map_err(|error| StoreError::new("ask for the nodes of the cluster", error))
    }

    /// As [`Self::ask`], of one node.
    pub(super) async fn ask_at(
        &mut self,
        holder: &Holder,
        command: &Cmd,
        what: &str,
    ) -> Result<Option<Value>, StoreError> {
        let answer = self.link.send_to(holder, command).await;
        self.unless_refused(answer.map_err(|error| StoreError::new(what, error)))
    }

    /// For questions that are put by others.
    pub(super) fn link(&mut self) -> &mut Link {
        self.link
    }

    /// An answer that was got over [`Self::link`]; none where Redis refuses to give one.
    pub(super) fn unless_refused<T>(
        &mut self,
        answer: Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if is_answer(&error) => {
                let is_for_now = error.class() == FaultClass::BackOff;
                let refusal = Refusal { line: error.line(), is_for_now };
                if self.refused.len() < MAX_REFUSALS && !self.refused.contains(&refusal) {
                    self.refused.push(refusal);
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether the server has answered, if only with a refusal of this one command. While it reads its files it refuses all.
fn is_answer(error: &StoreError) -> bool {
    let is_of_server = error.source.code().is_some_and(|code| code != "LOADING");
    is_of_server && error.class() != FaultClass::Reconnect && !is_login_refused(error)
}

/// Who isn't let in is told so once, not for each question.
fn is_login_refused(error: &StoreError) -> bool {
    matches!(error.source.code(), Some("NOAUTH" | "WRONGPASS" | "DENIED"))
}
