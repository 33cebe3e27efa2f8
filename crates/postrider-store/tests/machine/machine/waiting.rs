//! Waiting jobs come back; events become jobs; the clock jumps.

use std::time::Duration;

use postrider_core::time::Timestamp;
use postrider_store::events::{Event, FannedOut};
use postrider_store::fault::FaultClass;
use postrider_store::settlement::HookName;

use super::{Machine, Told, class};
use crate::look::QUEUES;
use crate::model::{Promoted, hook_name};
use crate::state::{Moment, Text};
use crate::steps::{EVENTS, JOBS, Step, WORKERS};

/// How long a hook isn't looked at: until the clock jumps.
const PAUSE: Duration = Duration::from_secs(3600);

/// When every event happened.
const CREATED_AT: u64 = 1_764_324_000_123;

const HOUR: i64 = 3_600_000;

impl Machine {
    pub(super) async fn wait(&mut self, step: &Step) -> Option<Told> {
        let (jobs, now, pause) = (self.queue(JOBS, 0), self.now(), PAUSE.as_millis() as i64);
        Some(match step {
            Step::Promote { queue } => self.promote(*queue).await,
            Step::Recall { picks } => self.recall(picks).await?,
            Step::HeldHooks { most } => {
                let hooks = class(jobs.held_hooks(&mut self.link, *most, PAUSE).await);
                let hooks =
                    hooks.map(|hooks| hooks.iter().map(|hook| hook.as_str().to_owned()).collect::<Vec<_>>());
                Told::new(self.state(JOBS).held_hooks(*most, pause, now), hooks)
            }
            Step::Release { hook, most } => {
                let name = HookName::new("u", &format!("h{hook}"));
                let released = class(jobs.release(&mut self.link, &name, *most, PAUSE).await);
                Told::new(self.state(JOBS).release(&hook_name(*hook), *most, pause, now), released)
            }
            Step::FanOut { worker, pick, hooks } => self.fan_out(*worker, *pick, *hooks).await?,
            Step::Clock { hours } => self.jump(*hours).await,
            _ => return None,
        })
    }

    async fn promote(&mut self, queue: usize) -> Told {
        let reply = class(self.queue(queue, 0).promote(&mut self.link).await);
        let next_due = reply.as_ref().ok().map(|reply| reply.next_due).filter(|_| queue == JOBS);
        let actual = reply.map(|reply| Promoted {
            promoted: reply.promoted,
            orphans: reply.orphans,
            unreadable: reply.unreadable,
        });
        let now = self.now();
        Told { next_due, ..Told::new(self.state(queue).promote(now), actual) }
    }

    async fn recall(&mut self, picks: &[(usize, usize)]) -> Option<Told> {
        let hands = picks.iter().filter_map(|(worker, pick)| self.hands.pick(JOBS, *worker, *pick));
        let jobs: Vec<_> = hands.map(|hand| (hand.job, hand.entry)).collect();
        if jobs.is_empty() {
            return None;
        }
        let asked: Vec<_> = jobs.iter().map(|(job, entry)| (job.as_str(), *entry)).collect();
        let actual = class(self.queue(JOBS, 0).recall(&mut self.link, &asked).await);
        let now = self.now();
        Some(Told::new(self.state(JOBS).recall(&jobs, now), actual))
    }

    async fn fan_out(&mut self, worker: usize, pick: usize, hooks: u8) -> Option<Told> {
        let hand = self.hands.pick(EVENTS, worker, pick)?;
        let hooks: Vec<Box<str>> =
            (0..4).filter(|bit| hooks & 1 << bit != 0).map(|bit| format!("h{bit}").into()).collect();
        let created_at = Timestamp::from_millis(CREATED_AT);
        let event = Event { entry: hand.entry, id: &hand.job, created_at };
        let (events, deliveries) = (self.queue(EVENTS, worker), self.queue(JOBS, worker));
        let actual = class(events.fan_out(&mut self.link, deliveries.name(), event, &hooks).await);
        if self.is_full {
            return Some(Told::new(Err::<FannedOut, _>(FaultClass::OutOfMemory), actual));
        }
        let expected = self.model.fan_out(WORKERS[worker], (hand.entry, &hand.job), CREATED_AT, &hooks);
        if matches!(expected, FannedOut::Jobs(_)) {
            let event = hand.token();
            self.ledger.ends(&event);
            for hook in &hooks {
                self.ledger.begins((event.0.clone(), Text::from(&**hook)));
            }
        }
        Some(Told::new(Ok::<_, FaultClass>(expected), actual))
    }

    /// A clock that jumps is, to the scripts, every moment coming nearer or going away; all but the end of time.
    async fn jump(&mut self, hours: i64) -> Told {
        self.set_limit(false).await;
        let by = -hours * HOUR;
        for (queue, name) in QUEUES.iter().enumerate() {
            for satellite in ["retry", "held"] {
                let is_broken = self.state(queue).is_broken(satellite);
                let state = self.state(queue);
                let moments = if satellite == "retry" { &mut state.retry } else { &mut state.held };
                let mut moved = Vec::new();
                for (id, at) in moments.iter_mut().filter(|(_, at)| at.millis() < end_of_time()) {
                    *at = at.shifted(by);
                    moved.push((id.clone(), *at));
                }
                let saved = if is_broken { "saved:" } else { "" };
                self.set_scores(&format!("{saved}{{{name}}}:{satellite}"), &moved).await;
            }
        }
        self.set_limit(self.is_full).await;
        Told::new((), ())
    }

    async fn set_scores(&mut self, key: &str, scores: &[(String, Moment)]) {
        for (id, at) in scores {
            self.ask::<usize>(&["ZADD", key, &at.millis().to_string(), id]).await;
        }
    }
}

fn end_of_time() -> i64 {
    Timestamp::MAX.as_millis() as i64
}
