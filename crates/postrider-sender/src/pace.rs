//! How fast a suspicious connection is read: a little at a time, with pauses for everybody else. One thread serves all
//! connections, and frames without end would take all of it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// Before each read. Some 16 KiB are read at a time and take a fraction of a millisecond, so dozens of floods leave most of
/// the processor to others, and an answer among large bodies is hardly late.
const PAUSE: Duration = Duration::from_millis(10);

/// The pause before the next read of one connection.
#[derive(Default)]
pub(crate) struct Pace(Option<Pin<Box<Sleep>>>);

impl Pace {
    /// Waits until it is time to read on.
    pub(crate) fn poll_turn(&mut self, cx: &mut Context<'_>, is_suspicious: bool) -> Poll<()> {
        if is_suspicious {
            let pause = self.0.get_or_insert_with(|| Box::pin(sleep(PAUSE)));
            ready!(pause.as_mut().poll(cx));
        }
        self.0 = None;
        Poll::Ready(())
    }
}
