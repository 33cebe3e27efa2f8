//! How much is read: as many jobs as there are slots and memory for.

use std::time::Instant;

use super::Dispatcher;
use super::bounds::MAX_STRANGERS_PER_FREE_SLOT;
use super::shares::Room;

/// Most entries that one read leases: more would only wait here instead of in Redis.
pub(super) const MAX_READ: usize = 100;

/// Entries of the first read, and of the one after a giant.
pub(super) const FIRST_READ: usize = 8;

impl<J> Dispatcher<J> {
    /// Reserves slots for one read of a queue, as many as there is room for.
    pub fn reserve(&mut self, queue: u16, now: Instant) -> Room {
        if self.finished[usize::from(queue)].len() >= self.bounds.max_unsettled() / 2 {
            // Nor does anyone wait for its turn.
            self.rest(queue);
            return Room::default();
        }
        // Several strangers wait for each free slot before reading stops: those behind them may be others.
        let strangers = self.strangers_line.len() / MAX_STRANGERS_PER_FREE_SLOT;
        let free = self.free_slots().saturating_sub(self.backlog.len() + strangers);
        let line_room = self.bounds.max_lined().saturating_sub(self.lined);
        let most = free.min(line_room).min(self.stride).min(self.room_in_bytes());
        let room = self.shares.room(queue.into(), most, self.bounds.slots, now);
        self.reserved += room.reserved;
        room
    }

    /// Gives a reservation back: the read has ended, and the entries that it brought are admitted next.
    pub fn release(&mut self, queue: u16, room: Room, entries: usize) {
        self.reserved -= room.reserved.min(self.reserved);
        self.shares.leased(queue.into(), entries);
        let is_small = self.largest.saturating_mul(MAX_READ) <= self.bounds.max_bytes;
        self.stride = if is_small { (self.stride * 2).min(MAX_READ) } else { FIRST_READ };
    }

    /// Notes that a queue isn't read for now.
    pub(crate) fn rest(&mut self, queue: u16) {
        self.shares.rest(queue.into());
    }

    /// Slots that are neither used nor reserved.
    pub(super) fn free_slots(&self) -> usize {
        self.bounds.slots.saturating_sub(self.running.len() - self.patient + self.reserved)
    }

    /// Entries of the largest size seen of late that fit into the memory that is left; one always does when nothing is held.
    fn room_in_bytes(&self) -> usize {
        let left = self.bounds.max_bytes.saturating_sub(self.bytes);
        let fit = left / self.largest.max(1);
        if self.bytes == 0 { fit.max(1) } else { fit }
    }

    /// Notes the size of an entry that was read. The maximum fades, so that one giant doesn't slow reading for ever.
    pub fn note_size(&mut self, bytes: usize) {
        self.largest = bytes.max(self.largest - self.largest / 16).max(256);
    }
}
