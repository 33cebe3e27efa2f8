//! Removes what is older than it may become: attempt records and dead letters.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::time::Timestamp;
use postrider_store::fault::StoreError;
use postrider_store::link::Link;
use postrider_store::{attempts, dead};

use crate::engine::Engine;

/// How often is looked. Ages are hours and days.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Where ages are shorter than that, as often as they ask for, but not more often than this.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// Letters that are removed in one go: some milliseconds of Redis' time, in steps of a hundred.
const LETTERS_AT_ONCE: usize = 250;

/// Between two goes, so that jobs have Redis to themselves most of the time.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks until the engine has finished, at the start first.
pub(crate) async fn run(engine: Arc<Engine>, mut link: Link) {
    let config = &engine.config;
    let ages = [config.max_attempt_age, config.max_dead_age];
    let shortest = ages.into_iter().flatten().min();
    let every = shortest.map_or(LOOK_EVERY, |age| (age / 2).clamp(LOOK_AT_MOST_EVERY, LOOK_EVERY));
    let finish = engine.finish.clone();
    let mut may_trim = true;
    while let Some(removed) = finish.run_until_cancelled(remove(&engine, &mut link, &mut may_trim)).await {
        if let Err(error) = removed {
            engine.failed_beside_the_jobs(&error);
        }
        if finish.run_until_cancelled(tokio::time::sleep(every)).await.is_none() {
            return;
        }
    }
}

async fn remove(engine: &Engine, link: &mut Link, may_trim: &mut bool) -> Result<(), StoreError> {
    if let Some(age) = engine.config.max_attempt_age {
        remove_attempts(engine, link, age, may_trim).await?;
    }
    if let Some(age) = engine.config.max_dead_age {
        remove_letters(engine, link, age).await?;
    }
    Ok(())
}

/// The right to `XTRIM` came with this: a user that was made before lacks it, and everything else goes on. It is tried again each
/// time, and said once.
async fn remove_attempts(
    engine: &Engine,
    link: &mut Link,
    age: Duration,
    may_trim: &mut bool,
) -> Result<(), StoreError> {
    let trimmed = attempts::trim(link, engine.queue.keys(), age).await;
    let is_denied = trimmed.as_ref().is_err_and(|error| error.source.code() == Some("NOPERM"));
    if is_denied && *may_trim {
        tracing::warn!(
            queue = %engine.queue.name(),
            "the user of Redis may not XTRIM: attempts.max_age has no effect, attempts.max_entries is the only limit"
        );
    }
    *may_trim = !is_denied;
    if is_denied { Ok(()) } else { trimmed.map(drop) }
}

async fn remove_letters(engine: &Engine, link: &mut Link, age: Duration) -> Result<(), StoreError> {
    let now = attempts::now(link).await?.as_millis();
    let before = Timestamp::from_millis(now.saturating_sub(age.as_millis() as u64));
    while dead::trim(link, engine.queue.keys(), before, LETTERS_AT_ONCE).await? > 0 {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
