//! Whose turn it is to read where a worker serves several queues: by weight, or in strict order.

use std::time::{Duration, Instant};

/// How several queues share the slots (`queue.order`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Each gets slots by its weight.
    Weighted,
    /// One gets slots only when those before it want none.
    Strict,
}

/// Most jobs that a queue which was empty may bring beyond the free slots: the blocking read can't be taken back when others
/// take the slots meanwhile. The least is one.
const MAX_BEYOND_SLOTS: usize = 16;

/// A queue that hasn't asked for so long isn't waited for: it asks several times as often, unless it is held up by trouble of
/// its own.
const ASKS_WITHIN: Duration = Duration::from_millis(500);

/// What one read of a queue may lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Most entries; 0: not now.
    pub count: usize,
    /// Slots that are reserved for them.
    pub reserved: usize,
    /// Whether the read waits for entries. Where others want the slots it must not.
    pub waits: bool,
}

#[derive(Clone, Copy, Debug)]
struct Share {
    weight: f64,
    /// Jobs that it has had, over its weight: the least is next.
    served: f64,
    /// Its last read brought some.
    has_jobs: bool,
    /// When it last asked for slots.
    asked: Option<Instant>,
}

impl Share {
    fn wants_slots(&self, now: Instant) -> bool {
        let asks = self.asked.is_some_and(|asked| now.saturating_duration_since(asked) < ASKS_WITHIN);
        self.has_jobs && asks
    }
}

/// The queues of a worker, in the order in which they are named.
#[derive(Clone, Debug)]
pub(crate) struct Shares {
    order: Order,
    queues: Vec<Share>,
}

impl Shares {
    /// Of queues with these weights.
    pub(crate) fn new(order: Order, weights: &[u32]) -> Self {
        let share =
            |weight: &u32| Share { weight: f64::from(*weight), served: 0.0, has_jobs: false, asked: None };
        Self { order, queues: weights.iter().map(share).collect() }
    }

    /// What a queue may read now that so many slots of all are free.
    pub(crate) fn room(&mut self, queue: usize, free: usize, slots: usize, now: Instant) -> Room {
        self.queues[queue].asked = Some(now);
        if self.queues.len() == 1 {
            return Room { count: free, reserved: free, waits: true };
        }
        if !self.queues[queue].has_jobs {
            let beyond = (slots / (self.queues.len() * 4)).clamp(1, MAX_BEYOND_SLOTS);
            return Room { count: beyond.min(free), reserved: 0, waits: true };
        }
        // Also for one that is being read just now: a slot that becomes free meanwhile may be its.
        let is_first = |other: usize| {
            other != queue && self.queues[other].wants_slots(now) && self.goes_before(other, queue)
        };
        if free == 0 || (0..self.queues.len()).any(is_first) {
            return Room::default();
        }
        let count = self.part_of(queue, free, now);
        Room { count, reserved: count, waits: false }
    }

    fn goes_before(&self, one: usize, other: usize) -> bool {
        match self.order {
            Order::Weighted => self.queues[one].served < self.queues[other].served,
            Order::Strict => one < other,
        }
    }

    /// All of the free slots, or its part of them where others have jobs too.
    fn part_of(&self, queue: usize, free: usize, now: Instant) -> usize {
        if self.order == Order::Strict {
            return free;
        }
        let rivals = self.queues.iter().filter(|share| share.wants_slots(now));
        let all: f64 = rivals.map(|share| share.weight).sum();
        // At least one, and at most all, since it is one of them itself.
        ((free as f64 * self.queues[queue].weight / all) as usize).clamp(1, free)
    }

    /// Notes what a read brought.
    pub(crate) fn leased(&mut self, queue: usize, entries: usize) {
        if entries == 0 {
            self.queues[queue].has_jobs = false;
            return;
        }
        let rivals = self.queues.iter().filter(|share| share.has_jobs);
        let least = rivals.map(|share| share.served).fold(f64::INFINITY, f64::min);
        let share = &mut self.queues[queue];
        if !share.has_jobs {
            // Who had no jobs has saved nothing up by that.
            share.served = if least.is_finite() { share.served.max(least) } else { share.served };
            share.has_jobs = true;
        }
        share.served += entries as f64 / share.weight;
    }

    /// Notes that a queue isn't read for now: nobody needs to wait for its turn.
    pub(crate) fn rest(&mut self, queue: usize) {
        self.queues[queue].has_jobs = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads queues that never run dry, with one slot that becomes free again and again; how many jobs each has had.
    fn serve(mut shares: Shares, turns: usize) -> Vec<usize> {
        let count = shares.queues.len();
        let (mut served, now) = (vec![0; count], Instant::now());
        for queue in 0..count {
            shares.room(queue, 0, 1, now);
            shares.leased(queue, 1);
        }
        for turn in 0..turns {
            // They ask in any order.
            let next = (0..count)
                .map(|nth| (nth + turn) % count)
                .find(|queue| shares.room(*queue, 1, 1, now).count == 1);
            let queue = next.expect("someone gets the slot");
            shares.leased(queue, 1);
            served[queue] += 1;
        }
        served
    }

    #[test]
    fn queues_get_slots_by_their_weight() {
        let served = serve(Shares::new(Order::Weighted, &[4, 1]), 1_000);
        assert!((795..=805).contains(&served[0]), "{served:?}");
        let served = serve(Shares::new(Order::Weighted, &[1, 1, 2]), 1_000);
        assert!(served.iter().zip([250, 250, 500]).all(|(had, due)| had.abs_diff(due) <= 5), "{served:?}");
    }

    #[test]
    fn in_strict_order_the_first_gets_all_it_wants() {
        assert_eq!(serve(Shares::new(Order::Strict, &[1, 9]), 100), [100, 0]);
    }

    #[test]
    fn a_queue_without_jobs_holds_up_nobody_and_saves_nothing_up() {
        let mut shares = Shares::new(Order::Weighted, &[1, 1]);
        let now = Instant::now();
        shares.leased(0, 1_000);
        assert_eq!(shares.room(0, 8, 8, now), Room { count: 8, reserved: 8, waits: false });
        assert_eq!(shares.room(1, 8, 8, now), Room { count: 1, reserved: 0, waits: true });
        shares.leased(1, 1);
        shares.leased(0, 1);
        assert_eq!(shares.room(1, 8, 8, now).count, 4, "from now on each gets half");
        let served = serve(shares, 100);
        assert!(served[0].abs_diff(served[1]) <= 2, "{served:?}");
    }

    #[test]
    fn who_is_not_read_is_not_waited_for() {
        let mut shares = Shares::new(Order::Strict, &[1, 1]);
        let now = Instant::now();
        for queue in [0, 1] {
            shares.room(queue, 0, 1, now);
            shares.leased(queue, 1);
        }
        assert_eq!(shares.room(1, 1, 1, now).count, 0, "the first has jobs");
        assert_eq!(shares.room(1, 1, 1, now + ASKS_WITHIN).count, 1, "it asks for no slots");
        shares.rest(0);
        assert_eq!(shares.room(1, 1, 1, now).count, 1);
    }

    #[test]
    fn one_queue_has_all_slots_and_waits_for_its_jobs() {
        let mut shares = Shares::new(Order::Weighted, &[1]);
        shares.leased(0, 0);
        assert_eq!(shares.room(0, 7, 8, Instant::now()), Room { count: 7, reserved: 7, waits: true });
    }
}
