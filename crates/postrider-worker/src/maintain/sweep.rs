//! Keeps the lines honest: what waits too long leaves, what isn't surely ours any more goes back, what its destination's rate
//! lets start is started.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::Engine;

/// How often lines are checked.
const SWEEP_EVERY: Duration = Duration::from_millis(100);

/// Sweeps until the engine has finished; the engine's loop turns as long as this does.
pub(crate) async fn run(engine: Arc<Engine>) {
    let finish = engine.finish.clone();
    let mut next_sweep = Instant::now() + SWEEP_EVERY;
    while finish.run_until_cancelled(next_turn(&engine, next_sweep)).await.is_some() {
        let now = Instant::now();
        let moves = engine.dispatcher().open_lines(now);
        engine.carry_out(moves);
        if now >= next_sweep {
            next_sweep = now + SWEEP_EVERY;
            sweep(&engine, now);
        }
    }
}

/// Waits for the next sweep, or until a line opens before.
async fn next_turn(engine: &Engine, next_sweep: Instant) {
    loop {
        let opening = engine.dispatcher().next_opening();
        let until = opening.map_or(next_sweep, |opening| opening.min(next_sweep));
        tokio::select! {
            () = tokio::time::sleep_until(until.into()) => return,
            () = engine.line_opens.notified() => {}
        }
    }
}

fn sweep(engine: &Arc<Engine>, now: Instant) {
    engine.health.tick();
    let paused = engine.pulse.borrow().paused;
    if paused || !engine.may_start() {
        engine.give_back_unstarted();
    }
    let moves = engine.dispatcher().sweep(now);
    engine.carry_out(moves);
    // Slots may have become free without any job's end.
    engine.slots.tell_of_free_ones();
    let recalled = engine.dispatcher().take_recalled(engine.place, now);
    if !recalled.is_empty() && !paused {
        engine.recalled().extend(recalled);
        engine.due.at_once();
    }
}
