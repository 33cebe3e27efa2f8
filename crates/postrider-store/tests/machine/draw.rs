//! How often what happens. Most of what is interesting needs several steps in a row, which chance alone would seldom
//! bring together; so a sequence is made of single steps and of short stories.

mod stories;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::steps::{CURE, EVENTS, Fate, Fault, JOBS, SeenBeat, Shape, Step, Wait};
use stories::story;

/// Most single steps and stories of a sequence; about 40 steps.
const MAX_PARTS: usize = 24;

/// A sequence.
pub(crate) fn sequences() -> impl Strategy<Value = Vec<Step>> {
    let one = |step: Step| vec![step];
    let part = prop_oneof![
        3 => story(),
        7 => life().prop_map(one),
        3 => around().prop_map(one),
        1 => fault().prop_map(Step::Fault).prop_map(one),
    ];
    vec(part, 1..=MAX_PARTS).prop_map(|parts| parts.concat())
}

fn queue() -> impl Strategy<Value = usize> {
    prop_oneof![5 => Just(JOBS), 1 => Just(EVENTS)]
}

fn worker() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 0..2_usize, 1 => 0..CURE]
}

/// The latest of a few that are remembered, more often than older ones.
fn pick() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 0..3_usize, 1 => 0..8_usize]
}

fn id() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![2 => Just(None), 3 => (0..2_u8).prop_map(Some)]
}

/// What happens to jobs on any day.
fn life() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (queue(), shape(), id())
            .prop_map(|(queue, shape, id)| Step::Produce { queue, shape, id }),
        6 => (queue(), worker(), 1..4_usize)
            .prop_map(|(queue, worker, count)| Step::Read { queue, worker, count }),
        1 => (queue(), worker(), 1..3_usize)
            .prop_map(|(queue, worker, count)| Step::LoseRead { queue, worker, count }),
        2 => (queue(), worker(), pick()).prop_map(|(queue, worker, odd)| Step::Fetch { queue, worker, odd }),
        10 => settle(),
        1 => (worker(), pick()).prop_map(|(worker, pick)| Step::BuryWhole { worker, pick }),
        4 => (queue(), worker(), worker(), seen_beat(), 1..4_usize).prop_map(
            |(queue, worker, lost, beat, most)| Step::TakeOver { queue, worker, lost, beat, most }
        ),
        2 => (queue(), worker(), pick(), 1..6_u32).prop_map(
            |(queue, worker, pick, deliveries)| Step::CountCrash { queue, worker, pick, deliveries }
        ),
        3 => queue().prop_map(|queue| Step::Promote { queue }),
        2 => vec((worker(), pick()), 1..3).prop_map(|picks| Step::Recall { picks }),
        1 => (1..3_usize).prop_map(|most| Step::HeldHooks { most }),
        3 => (0..2_usize, 1..4_usize).prop_map(|(hook, most)| Step::Release { hook, most }),
        2 => (worker(), pick(), 1..16_u8)
            .prop_map(|(worker, pick, hooks)| Step::FanOut { worker, pick, hooks }),
    ]
}

fn settle() -> impl Strategy<Value = Step> {
    let batch = vec((pick(), fate(), any::<bool>()), 1..5);
    let most = prop_oneof![4 => Just(1000_usize), 1 => Just(1)];
    (queue(), worker(), batch, most, proptest::bool::weighted(0.2)).prop_map(
        |(queue, worker, batch, most, is_repeat)| Step::Settle { queue, worker, batch, most, is_repeat },
    )
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        40 => Just(Shape::Plain),
        8 => Just(Shape::Timed),
        8 => Just(Shape::Binary),
        8 => Just(Shape::Nameless),
        12 => Just(Shape::Odd),
        1 => Just(Shape::Oversized),
        1 => Just(Shape::Broad),
        1 => Just(Shape::Wide),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Done),
        1 => Just(Fate::Discarded),
        9 => waiting_fate(),
        3 => (0..9_usize).prop_map(|reason| Fate::Dead { reason }),
        2 => Just(Fate::GivenBack),
    ]
}

fn waiting_fate() -> impl Strategy<Value = Fate> {
    let hours = || prop_oneof![Just(1), Just(5)];
    let until = prop_oneof![1 => Just(Wait::Over), 2 => hours().prop_map(Wait::Hours)];
    prop_oneof![
        hours().prop_map(|hours| Fate::Retry { hours }),
        until.prop_map(|until| Fate::Deferred { until }),
        (0..2_usize, 1..4_u64, proptest::bool::weighted(0.2)).prop_map(|(hook, age, expires)| Fate::Held {
            hook,
            age,
            expires
        }),
    ]
}

fn seen_beat() -> impl Strategy<Value = SeenBeat> {
    prop_oneof![2 => Just(SeenBeat::Latest), 1 => Just(SeenBeat::Older), 1 => Just(SeenBeat::None)]
}

/// Workers that come and go, the clock, and the registry.
fn around() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (queue(), worker()).prop_map(|(queue, worker)| Step::Beat { queue, worker }),
        2 => (queue(), worker()).prop_map(|(queue, worker)| Step::SignOff { queue, worker }),
        3 => queue().prop_map(|queue| Step::EnsureGroup { queue }),
        2 => (queue(), worker()).prop_map(|(queue, worker)| Step::Survey { queue, worker }),
        2 => (0..3_usize).prop_flat_map(edit_of),
        5 => prop_oneof![3 => Just(2), 1 => Just(-2)].prop_map(|hours| Step::Clock { hours }),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        2 => Just(Fault::FlushScripts),
        2 => queue().prop_map(|queue| Fault::DestroyGroup { queue }),
        1 => queue().prop_map(|queue| Fault::Rewind { queue }),
        1 => queue().prop_map(|queue| Fault::SkipUnread { queue }),
        2 => (queue(), worker()).prop_map(|(queue, worker)| Fault::RemoveConsumer { queue, worker }),
        1 => queue().prop_map(|queue| Fault::DeleteStream { queue }),
        2 => (queue(), pick()).prop_map(|(queue, pick)| Fault::DeleteEntry { queue, pick }),
        4 => (0..5_usize).prop_map(|satellite| Fault::Break { satellite }),
        3 => Just(Fault::Mend),
        1 => pick().prop_map(|pick| Fault::DamageRecord { pick }),
        2 => Just(Fault::FillMemory),
        2 => Just(Fault::FreeMemory),
        1 => Just(Fault::FlushAll),
    ]
}

/// Something happens to one hook.
fn edit_of(hook: usize) -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_u8).prop_map(move |version| Step::CreateHook { hook, version }),
        1 => (0..3_u8, 0..3_u8).prop_map(move |(from, to)| Step::ReplaceHook { hook, from, to }),
        1 => any::<bool>().prop_map(move |active| Step::SwitchHook { hook, active }),
        2 => Just(Step::DeleteHook { hook }),
        2 => (any::<bool>(), 0..4_u32)
            .prop_map(move |(succeeded, failures)| Step::NoteHealth { hook, succeeded, failures }),
    ]
}
