//! Bounded waiting for facts. Owns the patience of all tests; never sleeps for its own sake.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// How long a test waits for something that comes at once on an idle machine: enough for a slow one under load.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Pause between two looks: short beside any fact waited for, long enough to leave the processor to others.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks until `look` finds the fact, and returns what it found.
///
/// # Panics
/// When `timeout` has passed: says what was waited for and what the last look saw instead.
pub async fn until<T, E: Display, F>(fact: &str, timeout: Duration, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, E>>,
{
    let deadline = Instant::now() + timeout;
    loop {
        let saw = match tokio::time::timeout_at(deadline, look()).await {
            Ok(Ok(found)) => return found,
            Ok(Err(saw)) => saw.to_string(),
            Err(_) => "a look that did not end".to_owned(),
        };
        assert!(Instant::now() < deadline, "waited {timeout:?} for: {fact}\nlast seen: {saw}");
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_ends_with_what_was_found() {
        let mut looks = 0;
        let found = until("the third look", PATIENCE, || {
            looks += 1;
            std::future::ready(if looks == 3 { Ok(looks) } else { Err(looks) })
        });
        assert_eq!(found.await, 3);
    }

    #[tokio::test]
    #[should_panic(expected = "last seen: nothing yet")]
    async fn it_gives_up_and_says_what_it_saw() {
        until("never", Duration::from_millis(20), || std::future::ready(Err::<(), _>("nothing yet"))).await;
    }
}
