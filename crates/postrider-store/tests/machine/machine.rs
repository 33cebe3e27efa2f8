//! The machine: does each step to Redis through the library and to the model, and compares what both answered and became.
//!
//! - here: a sequence from its start to its end; [`leasing`], [`settling`], [`waiting`], [`around`]: the steps;
//!   [`faults`]: what goes wrong; [`cure`]: and how it ends; [`hand`]: what workers remember.

mod around;
mod cure;
mod faults;
mod hand;
mod leasing;
mod settling;
mod waiting;

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;

use postrider_core::queue_name::QueueName;
use postrider_core::time::Timestamp;
use postrider_store::connect::Connector;
use postrider_store::fault::{FaultClass, StoreError};
use postrider_store::link::Link;
use postrider_store::queue::Queue;
use postrider_store::reader::Reader;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue};

use crate::ledger::Ledger;
use crate::look::{QUEUES, look};
use crate::model::Window;
use crate::state::{QueueState, World};
use crate::steps::{EVENTS, JOBS, LAST_RECORDER, Step, WORKERS};
use hand::Hands;

/// More than fit the attempt log in a sequence: it is never trimmed.
const MAX_ATTEMPT_RECORDS: u64 = 10_000;

/// What a step should have brought, and what it has.
pub(crate) struct Told {
    expected: String,
    actual: String,
    /// The next due time in the reply, where it tells it.
    next_due: Option<Option<Timestamp>>,
}

impl Told {
    pub(crate) fn new(expected: impl Debug, actual: impl Debug) -> Self {
        Self { expected: format!("{expected:?}"), actual: format!("{actual:?}"), next_due: None }
    }
}

/// One Redis and the model of it.
pub(crate) struct Machine {
    /// For what the library doesn't do: producers, operators, faults.
    raw: MultiplexedConnection,
    link: Link,
    direct: Connector,
    readers: HashMap<(usize, usize), Reader>,
    model: World,
    ledger: Ledger,
    hands: Hands,
    /// Redis' clock at the last look.
    time: i64,
    is_full: bool,
    /// A script that stands in for another; it is loaded again when scripts are flushed.
    substitute: Option<String>,
}

impl Machine {
    /// A machine on a Redis of its own; `link` is the library's way there.
    pub(crate) fn new(
        raw: MultiplexedConnection,
        direct: Connector,
        link: Link,
        substitute: Option<String>,
    ) -> Self {
        Self {
            raw,
            link,
            direct,
            readers: HashMap::new(),
            model: World::default(),
            ledger: Ledger::default(),
            hands: Hands::default(),
            time: 0,
            is_full: false,
            substitute,
        }
    }

    /// Runs a sequence on an empty Redis, and cures it afterwards; else says what was wrong first.
    pub(crate) async fn run(&mut self, steps: &[Step]) -> Result<(), String> {
        self.begin().await?;
        for (number, step) in steps.iter().enumerate() {
            self.step(step).await.map_err(|wrong| format!("step {number}: {wrong}"))?;
        }
        self.cure().await.map_err(|wrong| format!("cure: {wrong}"))
    }

    async fn begin(&mut self) -> Result<(), String> {
        self.ask::<String>(&["CONFIG", "SET", "maxmemory", "0"]).await;
        self.ask::<String>(&["FLUSHALL"]).await;
        self.model = World::default();
        self.ledger = Ledger::default();
        self.hands.forget_all();
        self.is_full = false;
        self.load_substitute().await;
        self.time = look(&mut self.raw).await.time;
        for queue in [JOBS, EVENTS] {
            self.step(&Step::EnsureGroup { queue }).await?;
        }
        Ok(())
    }

    /// Does a step, if there is anything to do it to, and looks at what has become of it.
    pub(crate) async fn step(&mut self, step: &Step) -> Result<(), String> {
        match self.perform(step).await {
            Some(told) => self.compare(told).await.map_err(|wrong| format!("{step:?}: {wrong}")),
            None => Ok(()),
        }
    }

    async fn perform(&mut self, step: &Step) -> Option<Told> {
        match step {
            Step::Produce { .. }
            | Step::Read { .. }
            | Step::LoseRead { .. }
            | Step::Fetch { .. }
            | Step::TakeOver { .. }
            | Step::CountCrash { .. } => self.lease(step).await,
            Step::Settle { .. } | Step::BuryWhole { .. } => self.settle(step).await,
            Step::Promote { .. }
            | Step::Recall { .. }
            | Step::HeldHooks { .. }
            | Step::Release { .. }
            | Step::FanOut { .. }
            | Step::Clock { .. } => self.wait(step).await,
            Step::Fault(fault) => Some(self.fail(*fault).await),
            around => Some(self.around(around).await),
        }
    }

    async fn compare(&mut self, told: Told) -> Result<(), String> {
        let seen = look(&mut self.raw).await;
        self.model.learn(&seen.world, Window { from: self.time, to: seen.time });
        self.time = seen.time;
        if told.expected != told.actual {
            return Err(format!("the model answers {}, Redis {}", told.expected, told.actual));
        }
        if self.model != seen.world {
            return Err(difference(&self.model, &seen.world));
        }
        let next_due = self.model.queues[JOBS].next_due().map(Timestamp::from_millis);
        if let Some(said) = told.next_due.filter(|said| *said != next_due) {
            return Err(format!("the next job is due at {next_due:?}, and Redis says {said:?}"));
        }
        if let Some(key) = seen.keys.iter().find(|key| !is_known(key)) {
            return Err(format!("a key that nobody knows: {key}"));
        }
        self.ledger.check(&seen.world)
    }

    /// The queue as a worker sees it.
    fn queue(&self, queue: usize, worker: usize) -> Queue {
        let name = QueueName::parse(QUEUES[queue]).expect("the name is a literal");
        let records = if worker <= LAST_RECORDER { MAX_ATTEMPT_RECORDS } else { 0 };
        Queue::new(name, WORKERS[worker], records)
    }

    fn state(&mut self, queue: usize) -> &mut QueueState {
        &mut self.model.queues[queue]
    }

    /// Redis' clock as it was at the last look, in whole milliseconds.
    fn now(&self) -> i64 {
        self.time / 1000
    }

    /// Sends any command that can't fail.
    async fn ask<T: FromRedisValue>(&mut self, words: &[&str]) -> T {
        self.try_ask(words).await.unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    async fn try_ask<T: FromRedisValue>(&mut self, words: &[&str]) -> redis::RedisResult<T> {
        let mut command = Cmd::new();
        command.arg(words);
        command.query_async(&mut self.raw).await
    }

    async fn load_substitute(&mut self) {
        if let Some(source) = self.substitute.clone() {
            self.ask::<String>(&["SCRIPT", "LOAD", &source]).await;
        }
    }
}

/// An answer of the library, as far as the model gives it too.
fn class<T>(answer: Result<T, StoreError>) -> Result<T, FaultClass> {
    answer.map_err(|error| error.class())
}

fn is_known(key: &str) -> bool {
    let satellites: BTreeSet<_> = [
        "retry",
        "retry:jobs",
        "held",
        "dead",
        "dead:counts",
        "dead:ids",
        "attempts",
        "workers",
        "workers:seen",
        "epoch",
    ]
    .into();
    let key = key.strip_prefix("saved:").unwrap_or(key);
    let satellite = QUEUES.iter().find_map(|queue| key.strip_prefix(&format!("{{{queue}}}:")));
    QUEUES.contains(&key)
        || satellite.is_some_and(|name| {
            satellites.contains(name) || name.starts_with("held:") || name.starts_with("stats:")
        })
        || ["", ":latest", ":health"].iter().any(|suffix| key == format!("postrider:hooks:{{u}}{suffix}"))
}

/// What only one of the two has.
fn difference(expected: &World, seen: &World) -> String {
    let (expected, seen) = (expected.lines(), seen.lines());
    let missing =
        expected.iter().filter(|line| !seen.contains(line)).map(|line| format!("\n  model: {line}"));
    let extra = seen.iter().filter(|line| !expected.contains(line)).map(|line| format!("\n  Redis: {line}"));
    let lines: String = missing.chain(extra).collect();
    if lines.is_empty() { "\n  the same in another order or number".to_owned() } else { lines }
}
