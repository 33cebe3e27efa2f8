//! The receivers of the demo: who they are and how they behave. Owns their servers; never counts what they get.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use postrider_core::secret::Secret;
use postrider_sink::{Received, Sink, SinkConfig};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Requests that wait to be counted; when there are more, answers wait, so that none goes uncounted.
const MAX_UNCOUNTED: usize = 1024;

/// One receiver as the story needs it.
#[derive(Debug)]
pub(crate) struct Role {
    /// Its name, which is the id of its hook too.
    pub(crate) name: &'static str,
    /// What it does, for the list at the beginning.
    pub(crate) habit: &'static str,
    /// Status of its ordinary answer.
    pub(crate) status: u16,
    /// Attempts of each event that it answers 500 first.
    pub(crate) fail_first: u64,
    /// How long it takes.
    pub(crate) delay: Duration,
    /// How the jobs for it end where it is given up at once: the reason of their dead letters.
    pub(crate) dead_reason: Option<&'static str>,
}

impl Role {
    const fn new(name: &'static str, habit: &'static str) -> Self {
        Self { name, habit, status: 200, fail_first: 0, delay: Duration::ZERO, dead_reason: None }
    }
}

/// All receivers. The slow one is slow enough to have requests in flight at any moment.
pub(crate) static CAST: [Role; 5] = [
    Role::new("timeline", "answers 200 at once"),
    Role { fail_first: 1, ..Role::new("archive", "answers 500 first, 200 to the retry") },
    Role { delay: Duration::from_secs(2), ..Role::new("translator", "takes 2 s for each answer") },
    Role { status: 410, dead_reason: Some("gone"), ..Role::new("old-blog", "answers 410: gone for good") },
    Role { status: 404, dead_reason: Some("rejected"), ..Role::new("mistyped", "answers 404: no such page") },
];

/// The receivers, listening.
#[derive(Debug)]
pub(crate) struct Receivers {
    /// Where each listens, in the order of [`CAST`].
    pub(crate) addresses: Vec<SocketAddr>,
    /// What comes, from all of them.
    pub(crate) reports: mpsc::Receiver<Received>,
    tasks: JoinSet<io::Result<()>>,
    stop: watch::Sender<()>,
}

impl Receivers {
    /// Starts them all; `secret` is what every request must prove to know.
    pub(crate) async fn start(secret: &str) -> anyhow::Result<Self> {
        let (reporter, reports) = mpsc::channel(MAX_UNCOUNTED);
        let (mut tasks, (stop, stopped)) = (JoinSet::new(), watch::channel(()));
        let mut addresses = Vec::with_capacity(CAST.len());
        for role in &CAST {
            let sink = Sink::bind(config(role, secret)).await.context("failed to start a receiver")?;
            addresses.push(sink.local_addr().context("failed to learn a receiver's address")?);
            let mut stopped = stopped.clone();
            // It never changes: that its other half is gone is the sign.
            let until = async move { drop(stopped.changed().await) };
            tasks.spawn(sink.report_to(reporter.clone()).run(until));
        }
        Ok(Self { addresses, reports, tasks, stop })
    }

    /// Stops them; returns when their ports are closed.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        // Answers would wait for their requests to be counted.
        drop(self.reports);
        self.tasks.join_all().await;
    }
}

fn config(role: &Role, secret: &str) -> SinkConfig {
    SinkConfig {
        status: role.status,
        fail_first: role.fail_first,
        delay: role.delay,
        secret: Secret::parse(secret.as_bytes()),
        ..SinkConfig::new((Ipv4Addr::LOCALHOST, 0).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_is_given_up_exactly_where_its_status_says_so() {
        for role in &CAST {
            assert_eq!(role.dead_reason.is_some(), (400..500).contains(&role.status), "{}", role.name);
        }
    }
}
