//! The end of connections whose receiver takes nothing any more. The attempt has ended by then, but its last bytes, or those
//! that say goodbye, would wait for ever, and the connection with them.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// Longest time that a receiver may leave bytes untaken: the contract's longest attempt.
const MAX_STALL: Duration = Duration::from_secs(120);

/// Watches the writing side of one connection. The clock runs only while something waits to be taken.
#[derive(Default)]
pub(crate) struct Stall(Option<Pin<Box<Sleep>>>);

impl Stall {
    /// Passes on what became of writing; once it has waited for [`MAX_STALL`], an error instead.
    pub(crate) fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.0 = None;
            return written;
        }
        let end = self.0.get_or_insert_with(|| Box::pin(sleep(MAX_STALL)));
        end.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}
