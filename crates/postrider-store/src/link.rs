//! A connection that comes back: made when it is needed, dropped when an error says that it is of no use any more.

use std::time::Duration;

use redis::{Cmd, RedisError, Value};

use crate::connect::{Connection, Connector};
use crate::fault::{FaultClass, StoreError};
use crate::script::NamedScript;

/// How long a script or command may take before its connection is given up. Well above the longest script, and below
/// what an operator would wait for.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// One user's way to Redis. Each part of the engine has its own, so that none waits behind another's reply.
#[derive(Debug)]
pub struct Link {
    connector: Connector,
    response_timeout: Option<Duration>,
    connection: Option<Connection>,
}

impl Link {
    /// A link whose commands fail after [`RESPONSE_TIMEOUT`].
    pub fn new(connector: Connector) -> Self {
        Self { connector, response_timeout: Some(RESPONSE_TIMEOUT), connection: None }
    }

    /// A link whose commands fail after `response_timeout`.
    pub fn with_timeout(connector: Connector, response_timeout: Duration) -> Self {
        Self { connector, response_timeout: Some(response_timeout), connection: None }
    }

    /// The connection, made now where there is none.
    pub async fn connection(&mut self) -> Result<&mut Connection, RedisError> {
        if self.connection.is_none() {
            // Boxed: it is rare, and would make every future that may have to connect as large as a handshake.
            self.connection = Some(Box::pin(self.connector.connect(self.response_timeout)).await?);
        }
        Ok(self.connection.as_mut().expect("it was made just now where it was missing"))
    }

    /// Drops the connection; the next command makes a new one.
    pub fn hang_up(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.give_up();
        }
    }

    /// Runs a script. `operation` names it and what it works on, for the error.
    pub async fn run(
        &mut self,
        script: &NamedScript,
        call: &Cmd,
        operation: impl FnOnce() -> String,
    ) -> Result<Value, StoreError> {
        let answer = match self.connection().await {
            Ok(connection) => script.run(connection, call).await,
            Err(error) => Err(error),
        };
        self.judge(answer, operation)
    }

    /// Sends a plain command.
    pub async fn send(
        &mut self,
        command: &Cmd,
        operation: impl FnOnce() -> String,
    ) -> Result<Value, StoreError> {
        let answer = match self.connection().await {
            Ok(connection) => connection.send(command).await,
            Err(error) => Err(error),
        };
        self.judge(answer, operation)
    }

    /// Runs a MULTI/EXEC transaction.
    pub async fn transact(
        &mut self,
        transaction: &redis::Pipeline,
        operation: impl FnOnce() -> String,
    ) -> Result<(), StoreError> {
        let answer = match self.connection().await {
            Ok(connection) => connection.transact(transaction).await,
            Err(error) => Err(error),
        };
        self.judge(answer, operation).map(drop)
    }

    fn judge(
        &mut self,
        answer: Result<Value, RedisError>,
        operation: impl FnOnce() -> String,
    ) -> Result<Value, StoreError> {
        answer.map_err(|error| {
            if FaultClass::of(&error).needs_new_connection() {
                self.hang_up();
            }
            StoreError::new(operation(), error)
        })
    }
}

/// A connection that many use at a time, none waiting for another's answer.
#[derive(Debug)]
pub struct SharedLink {
    connector: Connector,
    connection: tokio::sync::Mutex<Option<Connection>>,
}

impl SharedLink {
    /// With no connection yet.
    pub fn new(connector: Connector) -> Self {
        Self { connector, connection: tokio::sync::Mutex::default() }
    }

    /// A link over the shared connection, for one conversation. Where none can be made, the link tries again itself, and
    /// its user hears why it can't.
    pub async fn link(&self) -> Link {
        let mut shared = self.connection.lock().await;
        if shared.as_ref().is_none_or(Connection::is_broken) {
            *shared = Box::pin(self.connector.connect(Some(RESPONSE_TIMEOUT))).await.ok();
        }
        Link {
            connector: self.connector.clone(),
            response_timeout: Some(RESPONSE_TIMEOUT),
            connection: shared.clone(),
        }
    }
}
