//! The receivers of the demo and the hooks that lead to them: who they are, what they ask for and how they behave. Owns
//! their servers; never counts what they get.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use postrider_core::secret::Secret;
use postrider_sink::{Received, Sink, SinkConfig};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::events::Event;

/// Requests that wait to be counted; when there are more, answers wait, so that none goes uncounted.
const MAX_UNCOUNTED: usize = 1024;

/// One receiver as the story needs it.
#[derive(Debug)]
pub(crate) struct Role {
    /// Its name, which is the id of its hook too.
    pub(crate) name: &'static str,
    /// The user whose hook it is.
    pub(crate) owner: &'static str,
    /// The events that its hook asks for.
    pub(crate) on: &'static [&'static str],
    /// Whether its hook is switched on.
    pub(crate) active: bool,
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
    const fn new(
        name: &'static str,
        owner: &'static str,
        on: &'static [&'static str],
        habit: &'static str,
    ) -> Self {
        let (status, fail_first, delay, dead_reason) = (200, 0, Duration::ZERO, None);
        Self { name, owner, on, active: true, habit, status, fail_first, delay, dead_reason }
    }

    /// Whether its hook, were it active, is for the event.
    pub(crate) fn asks_for(&self, event: &Event) -> bool {
        self.owner == event.owner && self.on.iter().any(|wanted| *wanted == event.kind || *wanted == "*")
    }

    /// Whether it will be gone with the first event that it is told of, and its hook switched off.
    pub(crate) fn leaves(&self) -> bool {
        self.status == 410
    }
}

/// All receivers. The slow one is slow enough to have requests in flight at any moment.
pub(crate) static CAST: [Role; 6] = [
    Role::new("timeline", "9xai", &["note", "reply", "renote"], "answers 200 at once"),
    Role { fail_first: 1, ..Role::new("archive", "9xai", &["*"], "answers 500 first, 200 to the retry") },
    Role {
        delay: Duration::from_secs(2),
        ..Role::new("translator", "9xshu", &["note", "mention"], "takes 2 s for each answer")
    },
    Role {
        active: false,
        ..Role::new("drafts", "9xshu", &["note"], "its hook is switched off: gets nothing")
    },
    Role {
        status: 410,
        dead_reason: Some("gone"),
        ..Role::new("old-blog", "9xlan", &["unfollow"], "answers 410: gone, which switches its hook off")
    },
    Role {
        status: 404,
        dead_reason: Some("rejected"),
        ..Role::new("mistyped", "9xlan", &["follow"], "answers 404: no such page")
    },
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
