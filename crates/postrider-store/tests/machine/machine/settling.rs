//! Settling, as the owner or as one that has lost the job, once or again.

use std::collections::BTreeSet;
use std::time::Duration;

use postrider_core::job_state::JobState;
use postrider_core::time::Timestamp;
use postrider_core::verdict::DeadReason;
use postrider_store::queue::MAX_SCRIPT_FIELDS;
use postrider_store::settlement::{AttemptRecord, Destination, HookName, Made, Settled, Settlement, Until};

use super::hand::Hand;
use super::{Machine, Told, class};
use crate::model::Order;
use crate::steps::{EVENTS, Fate, JOBS, LAST_RECORDER, Step, WORKERS, Wait};

impl Machine {
    pub(super) async fn settle(&mut self, step: &Step) -> Option<Told> {
        match step {
            Step::Settle { queue, worker, batch, most, is_repeat } => {
                let orders = self.orders(*queue, *worker, batch);
                self.settle_batch(*queue, *worker, &orders, *most, *is_repeat).await
            }
            Step::BuryWhole { worker, pick } => self.bury_whole(*worker, *pick).await,
            _ => None,
        }
    }

    /// What a worker asks for: no entry twice, since it holds each once; nothing that a script can't carry; and an event
    /// isn't held, since it isn't of one hook.
    fn orders(&self, queue: usize, worker: usize, batch: &[(usize, Fate, bool)]) -> Vec<Order> {
        let mut asked = BTreeSet::new();
        let mut orders = Vec::new();
        for (pick, fate, attempt) in batch {
            let Some(hand) = self.hands.pick(queue, worker, *pick) else { continue };
            let moves = !matches!(fate, Fate::Done | Fate::Discarded);
            let is_wide = moves && hand.fields.len() > MAX_SCRIPT_FIELDS;
            let is_odd = queue == EVENTS && matches!(fate, Fate::Held { .. });
            if is_wide || is_odd || !asked.insert(hand.entry) {
                continue;
            }
            orders.push(order(&hand, *fate, *attempt));
        }
        orders
    }

    async fn settle_batch(
        &mut self,
        queue: usize,
        worker: usize,
        orders: &[Order],
        most: usize,
        is_repeat: bool,
    ) -> Option<Told> {
        if orders.is_empty() {
            return None;
        }
        let batch: Vec<_> = orders.iter().map(settlement).collect();
        let reply = class(self.queue(queue, worker).settle(&mut self.link, &batch, most, is_repeat).await);
        let next_due = reply.as_ref().ok().map(|reply| reply.next_due).filter(|_| queue == JOBS);
        let actual = reply.map(|reply| reply.results.into_iter().map(without_cause).collect::<Vec<_>>());
        let records = worker <= LAST_RECORDER;
        let expected = self.state(queue).settle(WORKERS[worker], orders, records, is_repeat);
        self.settle_accounts(queue, worker, orders, &expected);
        Some(Told { next_due, ..Told::new(Ok::<_, ()>(expected), actual) })
    }

    /// Jobs that are done or discarded have ended.
    fn settle_accounts(&mut self, queue: usize, worker: usize, orders: &[Order], results: &[Settled]) {
        let hands = self.hands.of(queue, worker);
        for (order, result) in orders.iter().zip(results) {
            let ends = matches!(order.fate, Fate::Done | Fate::Discarded) && *result == Settled::Applied;
            if let Some(hand) = hands.iter().find(|hand| hand.entry == order.entry && ends) {
                self.ledger.ends(&hand.token());
            }
        }
    }

    async fn bury_whole(&mut self, worker: usize, pick: usize) -> Option<Told> {
        let hand = self.hands.pick(JOBS, worker, pick)?;
        let order = order(&hand, Fate::Dead { reason: 0 }, false);
        let fields: Vec<_> =
            hand.fields.iter().map(|(name, value)| (name.0.clone(), value.0.clone())).collect();
        let seen = self.queue(JOBS, worker);
        let buried = seen.bury_whole(&mut self.link, &settlement(&order), &fields).await;
        let is_full = self.is_full;
        let expected = self.state(JOBS).bury_whole(WORKERS[worker], &order, is_full);
        Some(Told::new(expected, class(buried).map(without_cause)))
    }
}

fn order(hand: &Hand, fate: Fate, attempt: bool) -> Order {
    let is_attempt = matches!(fate, Fate::Done | Fate::Retry { .. } | Fate::Dead { .. });
    let attempts = hand.state.attempts + u32::from(is_attempt);
    Order {
        entry: hand.entry,
        job: hand.job.clone(),
        fate,
        state: JobState { attempts, ..hand.state },
        attempt: attempt && is_attempt,
    }
}

fn settlement(order: &Order) -> Settlement {
    Settlement {
        entry: order.entry,
        job_id: order.job.as_str().into(),
        hook: None,
        destination: destination(order),
        attempt: order.attempt.then(|| record(order)),
        bytes: 0,
    }
}

fn destination(order: &Order) -> Destination {
    let (state, made) = (order.state, Made { status: order.status(), attempts: order.state.attempts });
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    let over = Timestamp::from_millis(1000);
    match order.fate {
        Fate::Done => Destination::Done,
        Fate::Discarded => Destination::Discarded,
        Fate::Retry { hours: wait } => Destination::Retry { wait: hours(wait), state, made },
        Fate::Deferred { until: Wait::Over } => Destination::Deferred { until: Until::At(over), state },
        Fate::Deferred { until: Wait::Hours(wait) } => {
            Destination::Deferred { until: Until::After(hours(wait)), state }
        }
        Fate::Held { hook, age, expires } => Destination::Held {
            hook: HookName::new("u", &format!("h{hook}")),
            expires_at: expires.then_some(over),
            age: Timestamp::from_millis(age),
            state,
        },
        Fate::Dead { reason } => {
            Destination::Dead { reason: DeadReason::ALL[reason], made, error: "it is dead".to_owned() }
        }
        Fate::GivenBack => Destination::GivenBack { state },
    }
}

fn record(order: &Order) -> AttemptRecord {
    AttemptRecord {
        event_id: order.job.as_str().into(),
        hook_id: "h".into(),
        user_id: "u".into(),
        destination: "https://x.example".into(),
        attempt: order.state.attempts,
        status: order.status(),
        millis: 1,
        error: String::new(),
        response: b"\xff".to_vec(),
    }
}

fn without_cause(settled: Settled) -> Settled {
    match settled {
        Settled::Failed(_) => Settled::Failed(String::new()),
        settled => settled,
    }
}
