//! Deliveries that may never all come, watched for a while.

use std::time::Duration;

use crate::clock::now_us;
use crate::receiver::Seen;
use crate::scene::Scene;

/// What came, and how fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Watched {
    pub(crate) delivered: u64,
    /// From the first to the last, or to the end of the watch where there was no last.
    pub(crate) per_second: f64,
}

/// Waits for so many deliveries, but not longer than `patience`.
pub(crate) async fn run(scene: &Scene, count: u64, patience: Duration) -> anyhow::Result<Watched> {
    let seen = scene.receiver.delivered_within(count, patience).await?;
    Ok(of(&seen, count, now_us()))
}

fn of(seen: &Seen, count: u64, now_us: u64) -> Watched {
    let end = if seen.delivered >= count { seen.last_us } else { now_us };
    let elapsed_us = end.saturating_sub(seen.first_us).max(1);
    let per_second = seen.delivered.saturating_sub(1) as f64 * 1e6 / elapsed_us as f64;
    Watched { delivered: seen.delivered, per_second }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_come_counts_until_the_end_of_the_watch() {
        let seen = Seen { delivered: 11, first_us: 1_000_000, last_us: 2_000_000, ..Seen::default() };
        assert_eq!(of(&seen, 11, 9_000_000).per_second, 10.0);
        assert_eq!(of(&seen, 12, 6_000_000), Watched { delivered: 11, per_second: 2.0 });
    }
}
