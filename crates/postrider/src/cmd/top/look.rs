//! One look at all queues and who serves them, as often as it is asked for. Draws nothing.

use std::collections::HashMap;
use std::time::Duration;

use postrider_core::queue_name::QueueName;
use postrider_core::time::Timestamp;
use postrider_store::attempts::Attempt;
use postrider_store::connect::Connector;
use postrider_store::control;
use postrider_store::destinations::told;
use postrider_store::fault::StoreError;
use postrider_store::figures::Figures;
use postrider_store::filter::Filter;
use postrider_store::jobs::{self, Reach};
use postrider_store::keys::QueueKeys;
use postrider_store::link::Link;
use postrider_store::presence::roll_call;
use postrider_store::queue::Queue;
use postrider_store::retries::{self, Act, Waiting};

use super::failures::Failures;
use super::rates::{PerSecond, Rates};
use super::watch::Ask;
use crate::cmd::destinations::row::{self, Row};
use crate::cmd::job;
use crate::settings::Settings;

/// Waiting jobs of a queue that are shown, those that are due first.
const MOST_WAITING: usize = 100;

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    pub(super) at: Timestamp,
    pub(super) queues: Vec<QueueLook>,
    pub(super) workers: Vec<WorkerLook>,
    pub(super) destinations: Vec<Row>,
    /// The newest first.
    pub(super) failures: Vec<(QueueName, Attempt)>,
    /// Those that are due first.
    pub(super) waiting: Vec<(QueueName, Waiting)>,
}

/// A queue.
#[derive(Clone, Debug)]
pub(super) struct QueueLook {
    pub(super) name: QueueName,
    pub(super) figures: Figures,
    pub(super) per_second: Option<PerSecond>,
}

/// A worker of one queue.
#[derive(Clone, Debug)]
pub(super) struct WorkerLook {
    pub(super) queue: QueueName,
    pub(super) name: String,
    /// Requests under way, as far as it tells of them.
    pub(super) in_flight: u64,
    /// Jobs that it has.
    pub(super) leased: usize,
    /// Since its last heartbeat; none where there is none.
    pub(super) silence: Option<Duration>,
    pub(super) is_living: bool,
}

/// Looks, and does what is asked.
pub(super) struct Looker {
    queues: Vec<Watched>,
    dead_after: Duration,
    max_attempts: u32,
}

struct Watched {
    queue: Queue,
    link: Link,
    rates: Rates,
    failures: Failures,
}

impl Looker {
    /// At all queues that are configured, and the events.
    pub(super) fn new(settings: &Settings, connector: &Connector) -> Self {
        let shares = settings.queue.shares.iter().map(|share| share.name.clone());
        let events = settings.events.as_ref().map(|events| events.stream.clone());
        let watched = |name: QueueName| Watched {
            link: Link::new(connector.for_key(name.as_str())),
            // It looks on, and is no consumer.
            queue: Queue::new(name, "", 0),
            rates: Rates::default(),
            failures: Failures::default(),
        };
        Self {
            queues: shares.chain(events).map(watched).collect(),
            dead_after: settings.worker.dead_after,
            max_attempts: settings.retry.max_attempts,
        }
    }

    /// Looks at everything once.
    pub(super) async fn look(&mut self) -> Result<Look, StoreError> {
        let mut look = Look::default();
        for watched in &mut self.queues {
            watched.look(self.dead_after, &mut look).await?;
        }
        look.destinations.sort_by(Row::compare);
        look.failures.sort_by_key(|(_, attempt)| std::cmp::Reverse(attempt.entry));
        look.waiting.sort_by_key(|(_, waiting)| waiting.due);
        Ok(look)
    }

    /// Does what was asked, and says what came of it: a sentence, or the lines of a job's life.
    pub(super) async fn answer(&mut self, ask: &Ask) -> Result<Vec<String>, StoreError> {
        let max_attempts = self.max_attempts;
        let Some(watched) = self.queues.iter_mut().find(|watched| watched.queue.name() == ask.queue()) else {
            return Ok(vec![format!("{} isn't watched any more", ask.queue())]);
        };
        let (link, keys) = (&mut watched.link, QueueKeys::new(ask.queue()));
        Ok(match ask {
            Ask::Pause(queue) => {
                control::pause(link, &keys).await?;
                vec![format!("{queue}: paused; its workers obey within 2 s")]
            }
            Ask::Resume(queue) => {
                control::resume(link, &keys).await?;
                vec![format!("{queue}: goes on within 2 s")]
            }
            Ask::Promote(_, job) => {
                let moved = retries::act_on(link, &keys, Act::Promote, &[job]).await?;
                let why = moved.stays.into_iter().next().map(|(_, why)| why);
                vec![why.map_or_else(|| format!("{job} is due now"), |why| format!("{job} stays: {why}"))]
            }
            Ask::Open(queue, job) => {
                let life = jobs::life(link, &keys, job, Reach::NEAR).await?;
                let now = postrider_store::attempts::now(link).await?;
                job::in_words(queue, job, &life, (now, max_attempts))
            }
        })
    }
}

impl Watched {
    async fn look(&mut self, dead_after: Duration, look: &mut Look) -> Result<(), StoreError> {
        let Self { queue, link, rates, failures } = self;
        let (name, keys) = (queue.name().clone(), QueueKeys::new(queue.name()));
        let figures = queue.figures(link, dead_after).await?;
        look.at = figures.now;
        let mut in_flight = HashMap::new();
        for (worker, json) in told(link, &keys).await? {
            let rows = row::read(&name, &worker, &json).unwrap_or_default();
            in_flight.insert(worker, rows.iter().map(|row| row.number("inFlight")).sum::<u64>());
            look.destinations.extend(rows);
        }
        look.workers.extend(workers(queue, link, (figures.now, dead_after), &in_flight).await?);
        failures.catch_up(link, &keys).await?;
        look.failures.extend(failures.iter().map(|attempt| (name.clone(), attempt.clone())));
        let waiting = retries::page(link, &keys, &Filter::default(), None, MOST_WAITING).await?;
        look.waiting.extend(waiting.items.into_iter().map(|waiting| (name.clone(), waiting)));
        let per_second = rates.add(&figures);
        look.queues.push(QueueLook { name, figures, per_second });
        Ok(())
    }
}

/// Those with a heartbeat, and those that have jobs.
async fn workers(
    queue: &Queue,
    link: &mut Link,
    (now, dead_after): (Timestamp, Duration),
    in_flight: &HashMap<String, u64>,
) -> Result<Vec<WorkerLook>, StoreError> {
    let consumers = queue.consumers(link).await?;
    let beats = roll_call(link, queue.keys(), &consumers).await?;
    let mut leased: HashMap<Box<str>, usize> = beats.keys().map(|name| (name.clone(), 0)).collect();
    leased.extend(consumers.into_iter().map(|consumer| (consumer.name, consumer.pending)));
    let mut workers: Vec<WorkerLook> = leased
        .into_iter()
        .map(|(name, leased)| {
            let beat = beats.get(&name).and_then(|beat| u64::try_from(*beat).ok());
            let silence = beat.map(|beat| now.since(Timestamp::from_millis(beat)));
            WorkerLook {
                queue: queue.name().clone(),
                in_flight: in_flight.get(&*name).copied().unwrap_or(0),
                name: name.into(),
                leased,
                silence,
                is_living: silence.is_some_and(|silence| silence < dead_after),
            }
        })
        .collect();
    workers.sort_by(|one, other| (one.is_living, &one.name).cmp(&(other.is_living, &other.name)));
    Ok(workers)
}
