//! Whatever a receiver answers, over a real socket: the attempt ends in time, in an outcome of the list, without a panic.
//!
//! - `damaged`: sound answers that were damaged a little; `sound`: answers whose outcome is known.

mod damaged;
mod sound;

use std::cell::Cell;
use std::panic;
use std::sync::Once;
use std::time::{Duration, Instant};

use postrider_core::outcome::{NoAnswer, Outcome};
use postrider_sender::{Attempt, Sender};
use proptest::prelude::ProptestConfig;
use tokio::runtime::Runtime;

use crate::receiver::{Connection, Receiver};
use crate::{post_to, sender, within};

/// Each case is a connection, and some last as long as the deadline: a second or two in all.
const USUAL_CASES: u32 = 200;

/// Deadline of an attempt at a receiver that may fall silent.
const SHORT: Duration = Duration::from_millis(120);

/// Deadline of an attempt at one that won't: a busy machine changes nothing.
const LONG: Duration = Duration::from_secs(10);

/// How much later an attempt may end.
const MARGIN: Duration = Duration::from_secs(1);

/// As many cases as `PROPTEST_CASES` says.
fn config() -> ProptestConfig {
    let asked_for = std::env::var_os("PROPTEST_CASES").is_some();
    let config = ProptestConfig::default();
    if asked_for { config } else { ProptestConfig { cases: USUAL_CASES, ..config } }
}

/// What a receiver does when it has sent all.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Close,
    Reset,
    /// Silence, with the connection open.
    Hold,
}

/// An answer, in the pieces in which it is sent.
#[derive(Clone, Debug)]
struct Script {
    pieces: Vec<Vec<u8>>,
    ending: Ending,
}

impl Script {
    fn deadline(&self) -> Duration {
        if matches!(self.ending, Ending::Hold) { SHORT } else { LONG }
    }

    async fn play(self, mut connection: Connection) {
        while connection.request().await.is_some() {
            for piece in &self.pieces {
                connection.send(piece).await;
                tokio::task::yield_now().await;
            }
            match self.ending {
                Ending::Close => return,
                Ending::Reset => return connection.reset(),
                // The next request, on a connection that was kept, is answered likewise.
                Ending::Hold => {}
            }
        }
    }
}

/// All tasks of an attempt run on the thread of its test, so that a panic of any of them is this thread's.
struct Bench {
    runtime: Runtime,
    sender: Sender,
}

thread_local! {
    static BENCH: Bench = Bench::new();
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

impl Bench {
    fn new() -> Self {
        static COUNTING: Once = Once::new();
        COUNTING.call_once(|| {
            let told = panic::take_hook();
            panic::set_hook(Box::new(move |panic| {
                PANICS.set(PANICS.get() + 1);
                told(panic);
            }));
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let sender = runtime.block_on(async { sender() });
        Self { runtime, sender }
    }

    /// Makes one attempt at a receiver of its own.
    fn attempt(&self, script: &Script) -> Attempt {
        let deadline = script.deadline();
        let (panics, started) = (PANICS.get(), Instant::now());
        let attempt = self.runtime.block_on(async {
            let script = script.clone();
            let receiver = Receiver::start(move |connection| script.clone().play(connection)).await;
            self.sender.attempt(within(deadline, post_to(receiver.address))).await
        });
        let took = started.elapsed();
        assert!(took < deadline + MARGIN, "it took {took:?}");
        assert_eq!(PANICS.get(), panics, "something panicked");
        attempt
    }
}

fn attempt(script: &Script) -> Attempt {
    BENCH.with(|bench| bench.attempt(script))
}

/// Whether a receiver that was reached can bring this about.
fn is_possible(outcome: &Outcome) -> bool {
    match *outcome {
        Outcome::Accepted { status } => (200..300).contains(&status),
        Outcome::Gone => true,
        Outcome::Rejected { status } => {
            (400..500).contains(&status) && ![408, 410, 425, 429].contains(&status)
        }
        Outcome::Unavailable { status, .. } => !(200..300).contains(&status),
        Outcome::NoAnswer { cause } => {
            matches!(cause, NoAnswer::Closed | NoAnswer::Malformed | NoAnswer::Timeout)
        }
        _ => false,
    }
}
