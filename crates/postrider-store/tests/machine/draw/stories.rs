//! Steps that only together show something.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{edit_of, fate, fault, id, queue, waiting_fate, worker};
use crate::steps::{EVENTS, Fate, JOBS, SeenBeat, Shape, Step};

/// Steps that follow each other.
pub(super) fn story() -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![
        2 => waits(),
        2 => is_lost(),
        1 => is_fanned_out(),
        1 => is_settled_while_broken(),
        1 => is_released_while_broken(),
        1 => are_of_one_id(),
        1 => is_held_and_delivered(),
        1 => is_registered(),
    ]
}

fn produced_and_read(queue: usize, worker: usize, id: Option<u8>) -> [Step; 2] {
    [Step::Produce { queue, shape: Shape::Plain, id }, Step::Read { queue, worker, count: 3 }]
}

fn settled(queue: usize, worker: usize, fate: Fate) -> Step {
    Step::Settle { queue, worker, batch: vec![(0, fate, true)], most: 1000, is_repeat: false }
}

/// A job comes to wait, or to be held.
fn waits() -> impl Strategy<Value = Vec<Step>> {
    (worker(), id(), waiting_fate()).prop_map(|(worker, id, fate)| {
        let [produced, read] = produced_and_read(JOBS, worker, id);
        vec![produced, read, settled(JOBS, worker, fate)]
    })
}

/// A worker loses a job to another, unless it has come back in time, and both go on.
fn is_lost() -> impl Strategy<Value = Vec<Step>> {
    let comes_back = proptest::bool::weighted(0.25);
    (0..2_usize, queue(), id(), (fate(), fate()), comes_back).prop_map(
        |(lost, queue, id, fates, comes_back)| {
            let [produced, read] = produced_and_read(queue, lost, id);
            let beat = Step::Beat { queue, worker: lost };
            let (worker, seen) = (1 - lost, if comes_back { SeenBeat::Older } else { SeenBeat::Latest });
            let taken = Step::TakeOver { queue, worker, lost, beat: seen, most: 2 };
            let (zombie, heir) = (settled(queue, lost, fates.0), settled(queue, worker, fates.1));
            if comes_back {
                vec![produced, read, beat, taken, zombie]
            } else {
                vec![produced, read, taken, heir, zombie]
            }
        },
    )
}

/// An event becomes jobs, asked for by one worker and by another.
fn is_fanned_out() -> impl Strategy<Value = Vec<Step>> {
    (0..2_usize, id(), any::<bool>(), 1..16_u8).prop_map(|(worker, id, lost, hooks)| {
        let [produced, read] = produced_and_read(EVENTS, worker, id);
        let (other, beat) = (1 - worker, SeenBeat::Latest);
        let taken = Step::TakeOver { queue: EVENTS, worker: other, lost: worker, beat, most: 2 };
        let fanned = Step::FanOut { worker, pick: 0, hooks };
        if lost { vec![produced, read, taken, fanned] } else { vec![produced, read, fanned.clone(), fanned] }
    })
}

/// A job has to go where it can't.
fn is_settled_while_broken() -> impl Strategy<Value = Vec<Step>> {
    (worker(), id(), fate(), fault()).prop_map(|(worker, id, fate, fault)| {
        let [produced, read] = produced_and_read(JOBS, worker, id);
        vec![produced, read, Step::Fault(fault), settled(JOBS, worker, fate)]
    })
}

/// A job comes back when something is wrong with what it waits in.
fn is_released_while_broken() -> impl Strategy<Value = Vec<Step>> {
    (0..2_usize, waiting_fate(), fault(), any::<bool>()).prop_map(|(hook, fate, fault, is_held)| {
        let [produced, read] = produced_and_read(JOBS, 0, None);
        let fate = if is_held { Fate::Held { hook, age: 1, expires: false } } else { fate };
        let wake = if is_held { Step::Release { hook, most: 2 } } else { Step::Promote { queue: JOBS } };
        vec![produced, read, settled(JOBS, 0, fate), Step::Clock { hours: 2 }, Step::Fault(fault), wake]
    })
}

/// Two jobs of one id have to wait at once.
fn are_of_one_id() -> impl Strategy<Value = Vec<Step>> {
    (worker(), 0..2_u8, waiting_fate(), waiting_fate()).prop_map(|(worker, id, one, other)| {
        let produced = || Step::Produce { queue: JOBS, shape: Shape::Plain, id: Some(id) };
        let read = Step::Read { queue: JOBS, worker, count: 3 };
        let batch = vec![(0, one, true), (1, other, false)];
        let settled = Step::Settle { queue: JOBS, worker, batch, most: 1000, is_repeat: false };
        vec![produced(), produced(), read, settled]
    })
}

/// A held job turns out to have been delivered, and another of its id comes to wait before the hook is looked at.
fn is_held_and_delivered() -> impl Strategy<Value = Vec<Step>> {
    let fault = proptest::option::weighted(0.4, fault().prop_map(Step::Fault));
    (0..2_u8, 0..2_usize, waiting_fate(), fault).prop_map(|(id, hook, fate, fault)| {
        let [produced, read] = produced_and_read(JOBS, 0, Some(id));
        let taken = Step::TakeOver { queue: JOBS, worker: 1, lost: 0, beat: SeenBeat::Latest, most: 9 };
        let held = settled(JOBS, 1, Fate::Held { hook, age: 2, expires: false });
        let delivered = settled(JOBS, 0, Fate::Done);
        let mut steps = vec![produced, read, taken, held];
        steps.extend(fault);
        steps.push(delivered);
        steps.extend(produced_and_read(JOBS, 0, Some(id)));
        steps.extend([settled(JOBS, 0, fate), Step::Release { hook, most: 2 }]);
        steps
    })
}

/// One hook is registered, judged, edited, removed, in any order.
fn is_registered() -> impl Strategy<Value = Vec<Step>> {
    (0..3_usize).prop_flat_map(|hook| vec(edit_of(hook), 2..4))
}
