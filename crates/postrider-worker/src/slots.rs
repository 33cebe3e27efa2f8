//! What the engines of one worker share, a queue each: the slots, and with them the limits of destinations.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::dispatcher::{Bounds, Dispatcher, Order};
use crate::engine::Lease;

/// The slots of one worker.
#[derive(Debug)]
pub struct Slots {
    dispatcher: Mutex<Dispatcher<Lease>>,
    /// By queue: wakes its intake when a slot has become free.
    freed: Vec<Notify>,
}

impl Slots {
    /// For queues with these weights, in the order in which they are named.
    pub fn new(bounds: Bounds, order: Order, weights: &[u32]) -> Self {
        let dispatcher = Mutex::new(Dispatcher::of_queues(bounds, order, weights));
        Self { dispatcher, freed: weights.iter().map(|_| Notify::new()).collect() }
    }

    pub(crate) fn dispatcher(&self) -> MutexGuard<'_, Dispatcher<Lease>> {
        self.dispatcher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all queues that slots may be free.
    pub(crate) fn tell_of_free_ones(&self) {
        self.freed.iter().for_each(Notify::notify_one);
    }

    /// Tells the other queues that it may be their turn.
    pub(crate) fn tell_others_of_free_ones(&self, queue: u16) {
        let others = self.freed.iter().enumerate().filter(|(place, _)| *place != usize::from(queue));
        others.for_each(|(_, freed)| freed.notify_one());
    }

    /// Waits until that is told to this queue.
    pub(crate) async fn freed(&self, queue: u16) {
        self.freed[usize::from(queue)].notified().await;
    }
}
