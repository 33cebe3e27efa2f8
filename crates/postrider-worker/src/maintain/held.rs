//! Lets held jobs go when their hook is active again: in slices, oldest first, so that however many they are, the other
//! hooks don't notice.

use std::sync::Arc;
use std::time::Duration;

use postrider_store::fault::StoreError;
use postrider_store::link::Link;
use postrider_store::settlement::HookName;

use crate::engine::Engine;
use crate::health::Part;

/// How often hooks with held jobs are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often one hook is looked at while it is inactive, by whichever worker.
const NEXT_LOOK: Duration = Duration::from_secs(1);

/// Most hooks that one look takes on.
const MAX_HOOKS: usize = 16;

/// Jobs of one hook that are let go at a time, and the pause until the next: at most 2,500 a second.
const SLICE: usize = 250;
const SLICE_PAUSE: Duration = Duration::from_millis(100);

/// Lets go until the engine has finished.
pub(crate) async fn run(engine: Arc<Engine>, mut link: Link) {
    let finish = engine.finish.clone();
    let mut pause = LOOK_EVERY;
    while finish.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        if !engine.may_start() || engine.pulse.borrow().paused {
            continue;
        }
        match look(&engine, &mut link).await {
            // Where nothing is held, there is nothing to hurry for.
            Ok(hooks) => {
                pause = if hooks == 0 { NEXT_LOOK } else { LOOK_EVERY };
                engine.works(Part::Held);
            }
            Err(error) => engine.failed(Part::Held, &error),
        }
    }
}

/// Looks at the hooks whose turn it is; gives their number.
async fn look(engine: &Engine, link: &mut Link) -> Result<usize, StoreError> {
    let hooks = engine.queue.held_hooks(link, MAX_HOOKS, NEXT_LOOK).await?;
    for hook in &hooks {
        if may_go(engine, hook).await? {
            let released = engine.queue.release(link, hook, SLICE, SLICE_PAUSE).await?;
            tracing::debug!(
                hook = hook.as_str(),
                jobs = released.jobs,
                left = released.left,
                "held jobs released"
            );
        }
    }
    Ok(hooks.len())
}

/// Held jobs go when their hook is active, and also when it is gone: the attempt then says what becomes of them.
async fn may_go(engine: &Engine, hook: &HookName) -> Result<bool, StoreError> {
    let (user_id, hook_id) = hook.parts();
    let record = engine.hooks.get(user_id, hook_id).await?;
    Ok(record.and_then(|record| record.hook.ok()).is_none_or(|hook| hook.active))
}
