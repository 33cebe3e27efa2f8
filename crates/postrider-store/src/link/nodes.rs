//! Connections to the nodes of a cluster, each made when a command goes there first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::{RedisError, Value};

use super::work::Work;
use crate::connect::cluster::Cluster;
use crate::connect::redirect::Redirect;
use crate::connect::{Connection, Connector, Host};
use crate::fault::FaultClass;

/// Nodes that are kept apart; beyond it, all are forgotten, since no cluster has so many: most must be gone.
const MAX_NODES: usize = 1000;

/// One connection; who makes it keeps the others waiting.
type Cell = Arc<tokio::sync::Mutex<Option<Connection>>>;

/// The connections of a link, or of all links that share them.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    cells: Mutex<HashMap<Arc<Host>, Cell>>,
}

impl Nodes {
    /// Does the work where its slot is served. Where the node that was asked says that it isn't served there, nothing was
    /// done: it is done once more where that node says.
    pub(super) async fn perform(
        &self,
        connector: &Connector,
        cluster: &Cluster,
        response_timeout: Option<Duration>,
        work: Work<'_>,
    ) -> Result<Value, RedisError> {
        let mut connection =
            self.connection_of_slot(connector, cluster, response_timeout, work.slot()).await?;
        match work.over(&mut connection).await {
            Ok(answer) => Ok(answer),
            Err(error) => match judge(connector, &connection, &error) {
                Some(Redirect::Moved { host, .. }) => {
                    let mut new = self.connection(connector, Arc::new(host), response_timeout).await?;
                    let answer = work.over(&mut new).await;
                    answer.inspect_err(|error| drop(judge(connector, &new, error)))
                }
                Some(Redirect::Ask { host }) => {
                    let asked = connector.connect_to(&host, response_timeout).await?;
                    work.over(&mut asked.asking()).await
                }
                None => Err(error),
            },
        }
    }

    /// A connection to a node.
    pub(super) async fn connection(
        &self,
        connector: &Connector,
        node: Arc<Host>,
        response_timeout: Option<Duration>,
    ) -> Result<Connection, RedisError> {
        let cell = self.cell(&node);
        let mut held = cell.lock().await;
        if held.as_ref().is_none_or(Connection::is_broken) {
            *held = Some(connector.connect_to(&node, response_timeout).await?);
        }
        Ok(held.clone().expect("it was made just now where it was missing"))
    }

    /// A connection to the node that serves the slot. Where there is nobody, another may have taken its place.
    pub(super) async fn connection_of_slot(
        &self,
        connector: &Connector,
        cluster: &Cluster,
        response_timeout: Option<Duration>,
        slot: Option<u16>,
    ) -> Result<Connection, RedisError> {
        let owner = connector.owner(cluster, slot).await?;
        let failed = match self.connection(connector, owner.clone(), response_timeout).await {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        let successor = connector.owner(cluster, slot).await?;
        if successor == owner {
            return Err(failed);
        }
        self.connection(connector, successor, response_timeout).await
    }

    fn cell(&self, node: &Arc<Host>) -> Cell {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        if cells.len() >= MAX_NODES && !cells.contains_key(node) {
            cells.clear();
        }
        cells.entry(node.clone()).or_default().clone()
    }
}

/// Learns from an error, and gives a connection up that is of no use any more. One that only doesn't serve this slot is.
pub(super) fn judge(connector: &Connector, connection: &Connection, error: &RedisError) -> Option<Redirect> {
    let redirect = connector.learn(error, connection.epoch());
    if redirect.is_none() && FaultClass::of(error).needs_new_connection() {
        connection.give_up();
    }
    redirect
}
