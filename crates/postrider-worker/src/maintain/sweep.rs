//! Keeps the lines honest: what waits too long leaves, what isn't surely ours any more goes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::Engine;

/// How often lines are checked.
const SWEEP_EVERY: Duration = Duration::from_millis(100);

/// Sweeps until the engine has finished; the engine's loop turns as long as this does.
pub(crate) async fn run(engine: Arc<Engine>) {
    let finish = engine.finish.clone();
    while finish.run_until_cancelled(tokio::time::sleep(SWEEP_EVERY)).await.is_some() {
        engine.health.tick();
        let paused = engine.pulse.borrow().paused;
        if paused || !engine.may_start() {
            engine.give_back_unstarted();
        }
        let moves = engine.dispatcher().sweep(Instant::now());
        engine.carry_out(moves);
        let recalled = engine.dispatcher().take_recalled();
        if !recalled.is_empty() && !paused {
            engine.recalled().extend(recalled);
            engine.due.at_once();
        }
    }
}
