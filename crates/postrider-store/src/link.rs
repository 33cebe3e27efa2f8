//! A connection that comes back: made when it is needed, dropped when an error says that it is of no use any more. In a cluster
//! it is one connection to each node that is needed, and each command goes to the node of its keys.

mod nodes;
mod work;

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Pipeline, RedisError, Value};

use self::nodes::{Nodes, judge};
use self::work::Work;
use crate::connect::redirect::{Redirect, slot_of};
use crate::connect::{Connection, Connector, Host};
use crate::fault::StoreError;
use crate::script::NamedScript;

/// How long a script or command may take before its connection is given up. Well above the longest script, and below
/// what an operator would wait for.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection may take to show that it lives.
const LIFE_TIMEOUT: Duration = Duration::from_secs(3);

/// Why commands that were sent in one go have no answers.
#[derive(Debug)]
pub(crate) enum BatchFault {
    /// There was no connection: none was carried out.
    NotSent(RedisError),
    /// Each may have been carried out, or not.
    AnswerLost(RedisError),
}

/// One user's way to Redis. Each part of the engine has its own, so that none waits behind another's reply.
#[derive(Debug)]
pub struct Link {
    connector: Connector,
    response_timeout: Option<Duration>,
    /// The connection to the one server; a cluster's are in `nodes`.
    connection: Option<Connection>,
    nodes: Option<Arc<Nodes>>,
    /// Where the next commands that are sent in one go belong: the last ones were refused, and told so.
    redirect: Option<Redirect>,
}

impl Link {
    /// A link whose commands fail after [`RESPONSE_TIMEOUT`].
    pub fn new(connector: Connector) -> Self {
        Self::with_timeout(connector, RESPONSE_TIMEOUT)
    }

    /// A link whose commands fail after `response_timeout`.
    pub fn with_timeout(connector: Connector, response_timeout: Duration) -> Self {
        let nodes = connector.is_cluster().then(Arc::default);
        Self { connector, response_timeout: Some(response_timeout), connection: None, nodes, redirect: None }
    }

    /// The connection, made now where there is none, and anew where the server was found to be a primary no more. In a
    /// cluster, one to the node of this link's own keys.
    pub async fn connection(&mut self) -> Result<&mut Connection, RedisError> {
        let epoch = self.connector.epoch();
        if self.connection.as_ref().is_none_or(|connection| connection.epoch() != epoch) {
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
        self.perform(Work::Script(script, call)).await.map_err(|error| StoreError::new(operation(), error))
    }

    /// Sends a plain command.
    pub async fn send(
        &mut self,
        command: &Cmd,
        operation: impl FnOnce() -> String,
    ) -> Result<Value, StoreError> {
        self.perform(Work::Command(command)).await.map_err(|error| StoreError::new(operation(), error))
    }

    /// Runs a MULTI/EXEC transaction.
    pub async fn transact(
        &mut self,
        transaction: &Pipeline,
        operation: impl FnOnce() -> String,
    ) -> Result<(), StoreError> {
        let done = self.perform(Work::Transaction(transaction)).await;
        done.map(drop).map_err(|error| StoreError::new(operation(), error))
    }

    async fn perform(&mut self, work: Work<'_>) -> Result<Value, RedisError> {
        if let (Some(nodes), Some(cluster)) = (&self.nodes, self.connector.cluster()) {
            // Boxed: who has no cluster shall not pay for its futures.
            return Box::pin(nodes.perform(&self.connector, cluster, self.response_timeout, work)).await;
        }
        let answer = match self.connection().await {
            Ok(connection) => work.over(connection).await,
            Err(error) => Err(error),
        };
        answer.inspect_err(|error| self.judge(error))
    }

    fn judge(&mut self, error: &RedisError) {
        if let Some(connection) = &self.connection {
            judge(&self.connector, connection, error);
            if connection.is_broken() {
                self.connection = None;
            }
        }
    }

    /// Whether it leads to a cluster.
    pub(crate) fn is_of_cluster(&self) -> bool {
        self.nodes.is_some()
    }

    /// The nodes that hold keys: those of a cluster; none stands for the one server.
    pub(crate) async fn holders(&mut self) -> Result<Vec<Holder>, RedisError> {
        match self.connector.cluster() {
            None => Ok(vec![Holder(None)]),
            Some(cluster) => {
                let primaries = self.connector.primaries(cluster).await?;
                Ok(primaries.into_iter().map(|node| Holder(Some(node))).collect())
            }
        }
    }

    /// Sends a command without keys to one of the [holders](Self::holders).
    pub(crate) async fn send_to(&mut self, holder: &Holder, command: &Cmd) -> Result<Value, RedisError> {
        let (Some(nodes), Some(node)) = (&self.nodes, &holder.0) else {
            return self.perform(Work::Command(command)).await;
        };
        let mut connection = nodes.connection(&self.connector, node.clone(), self.response_timeout).await?;
        let answer = connection.send(command).await;
        answer.inspect_err(|error| drop(judge(&self.connector, &connection, error)))
    }

    /// Sends commands for one slot in one go, over a connection that lives: one that is there is asked first, since an
    /// answer that doesn't come leaves it open whether they were carried out. Each of the answers may be an error.
    pub(crate) async fn send_all(&mut self, commands: &Pipeline) -> Result<Vec<Value>, BatchFault> {
        let mut connection = self.living_connection(commands).await.map_err(BatchFault::NotSent)?;
        connection.send_all(commands).await.map_err(|error| {
            connection.give_up();
            self.judge(&error);
            BatchFault::AnswerLost(error)
        })
    }

    /// Takes note of a refusal among the answers to [`Self::send_all`], for the next try.
    pub(crate) fn follow(&mut self, error: &RedisError) {
        self.redirect = self.connector.learn(error, self.connector.epoch());
        if self.redirect.is_none() {
            self.hang_up();
        }
    }

    async fn living_connection(&mut self, commands: &Pipeline) -> Result<Connection, RedisError> {
        if let Some(Redirect::Ask { host }) = self.redirect.take() {
            return Ok(self.connector.connect_to(&host, self.response_timeout).await?.asking());
        }
        for _ in 0..2 {
            let mut connection = self.some_connection(commands).await?;
            if lives(&mut connection).await {
                return Ok(connection);
            }
            connection.give_up();
            self.connection = None;
        }
        self.some_connection(commands).await
    }

    async fn some_connection(&mut self, commands: &Pipeline) -> Result<Connection, RedisError> {
        if let (Some(nodes), Some(cluster)) = (&self.nodes, self.connector.cluster()) {
            let slot = commands.cmd_iter().next().and_then(slot_of);
            return nodes.connection_of_slot(&self.connector, cluster, self.response_timeout, slot).await;
        }
        self.connection().await.cloned()
    }
}

/// Where some of the keys are.
#[derive(Clone, Debug)]
pub(crate) struct Holder(Option<Arc<Host>>);

/// Whether anything answers there. A refusal is an answer.
async fn lives(connection: &mut Connection) -> bool {
    let ping = redis::cmd("PING");
    match tokio::time::timeout(LIFE_TIMEOUT, connection.send(&ping)).await {
        Ok(answer) => answer.is_ok() || answer.is_err_and(|error| error.code().is_some()),
        Err(_) => false,
    }
}

/// A connection that many use at a time, none waiting for another's answer.
#[derive(Debug)]
pub struct SharedLink {
    connector: Connector,
    connection: tokio::sync::Mutex<Option<Connection>>,
    nodes: Option<Arc<Nodes>>,
}

impl SharedLink {
    /// With no connection yet.
    pub fn new(connector: Connector) -> Self {
        let nodes = connector.is_cluster().then(Arc::default);
        Self { connector, connection: tokio::sync::Mutex::default(), nodes }
    }

    /// A link over the shared connection, for one conversation. Where none can be made, the link tries again itself, and
    /// its user hears why it can't.
    pub async fn link(&self) -> Link {
        let connection = if self.nodes.is_some() { None } else { self.connection().await };
        Link {
            connector: self.connector.clone(),
            response_timeout: Some(RESPONSE_TIMEOUT),
            connection,
            nodes: self.nodes.clone(),
            redirect: None,
        }
    }

    async fn connection(&self) -> Option<Connection> {
        let mut shared = self.connection.lock().await;
        let epoch = self.connector.epoch();
        let is_fit = |held: &Connection| !held.is_broken() && held.epoch() == epoch;
        if !shared.as_ref().is_some_and(is_fit) {
            *shared = Box::pin(self.connector.connect(Some(RESPONSE_TIMEOUT))).await.ok();
        }
        shared.clone()
    }
}
