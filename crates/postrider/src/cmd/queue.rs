//! `postrider queue`: a queue in figures, and its switch.
//!
//! - [`print`]: how the figures are shown.

pub(super) mod print;

use anyhow::Context;
use postrider_core::queue_name::QueueName;
use postrider_store::connect::Connector;
use postrider_store::control::{self, Change};
use postrider_store::keys::QueueKeys;
use postrider_store::link::Link;
use postrider_store::queue::Queue;
use serde_json::{Map, Value, json};

use super::tell;
use crate::args::{QueueStats, QueueWork, WhichQueues};
use crate::exit::Failure;
use crate::redis;
use crate::settings::Settings;

/// Does what was asked for.
pub(crate) fn run(settings: &Settings, work: QueueWork) -> Result<(), Failure> {
    let desk = Desk { settings, connector: redis::connector(&settings.redis)? };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("failed to start the runtime")?.block_on(desk.serve(work))
}

/// What every command works with.
struct Desk<'a> {
    settings: &'a Settings,
    connector: Connector,
}

/// What a queue is switched to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Switch {
    Pause,
    Resume,
}

impl Switch {
    fn words(self, queue: &QueueName, change: Change) -> String {
        let words = match (self, change) {
            (Self::Pause, Change::Made) => {
                "paused. Its workers obey within 2 s: what is in flight finishes, nothing is lost"
            }
            (Self::Pause, Change::Needless) => "was paused already",
            (Self::Resume, Change::Made) => "resumed. Its workers go on within 2 s",
            (Self::Resume, Change::Needless) => "was not paused",
        };
        format!("{queue}: {words}")
    }

    fn object(self, queue: &QueueName, change: Change) -> Map<String, Value> {
        let object = json!({
            "queue": queue.as_str(),
            "paused": self == Self::Pause,
            "changed": change == Change::Made,
        });
        object.as_object().cloned().unwrap_or_default()
    }

    /// Where the queue isn't known.
    fn advice(self) -> &'static str {
        match self {
            Self::Pause => "paused all the same, for when there is",
            Self::Resume => "look for another spelling",
        }
    }
}

impl Desk<'_> {
    async fn serve(&self, work: QueueWork) -> Result<(), Failure> {
        match work {
            QueueWork::Stats(args) => self.stats(args).await,
            QueueWork::Pause(which) => self.switch(which, Switch::Pause).await,
            QueueWork::Resume(which) => self.switch(which, Switch::Resume).await,
        }
    }

    async fn stats(&self, args: QueueStats) -> Result<(), Failure> {
        let events = self.settings.events.as_ref().map(|events| events.stream.clone());
        let mut all = Vec::new();
        for name in self.configured().chain(events) {
            let mut link = self.link(&name);
            // It looks on, and is no consumer.
            let queue = Queue::new(name.clone(), "", 0);
            let figures = queue.figures(&mut link, self.settings.worker.dead_after).await;
            all.push((name, figures.map_err(|error| redis::failure(&error))?));
        }
        print::stats(&all, args.json)
    }

    async fn switch(&self, which: WhichQueues, to: Switch) -> Result<(), Failure> {
        let json = which.json;
        for queue in &self.meant(which)? {
            let (mut link, keys) = (self.link(queue), QueueKeys::new(queue));
            let change = match to {
                Switch::Pause => control::pause(&mut link, &keys).await,
                Switch::Resume => control::resume(&mut link, &keys).await,
            };
            let change = change.map_err(|error| redis::failure(&error))?;
            if json {
                tell::json_lines(&[to.object(queue, change)])?;
            } else {
                tell::done(&to.words(queue, change))?;
            }
            note_if_unknown(&mut link, &keys, to.advice()).await?;
        }
        Ok(())
    }

    /// The queues that were named, else all that are configured.
    fn meant(&self, which: WhichQueues) -> Result<Vec<QueueName>, Failure> {
        let mut queues = if which.queues.is_empty() { self.configured().collect() } else { which.queues };
        if which.events {
            let events = self.settings.events.as_ref().ok_or_else(no_events)?;
            queues.push(events.stream.clone());
        }
        Ok(queues)
    }

    fn configured(&self) -> impl Iterator<Item = QueueName> {
        self.settings.queue.shares.iter().map(|share| share.name.clone())
    }

    /// To where the queue is, whose clock counts.
    fn link(&self, queue: &QueueName) -> Link {
        Link::new(self.connector.for_key(queue.as_str()))
    }
}

/// A misspelt name would otherwise pause nothing, silently.
async fn note_if_unknown(link: &mut Link, keys: &QueueKeys, advice: &str) -> Result<(), Failure> {
    if !control::is_known(link, keys).await.map_err(|error| redis::failure(&error))? {
        tell::note(&format!("{}: there is neither such a queue nor a worker of it; {advice}", keys.stream));
    }
    Ok(())
}

fn no_events() -> Failure {
    Failure::Unfit("events.stream is empty: there is no stream that --events could mean".into())
}
