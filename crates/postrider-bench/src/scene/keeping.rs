//! Much that is kept in Redis, without the hours that it takes to come about: copies of what a real worker has put away.

use anyhow::{Context, ensure};
use postrider_tests::wait::until;

use super::{DEAD, PATIENCE, QUEUE, RETRY, Scene};

/// Copies that are made in one call.
const STEP: u64 = 2_000;

/// Records of attempts, as many as are kept by default.
const ATTEMPTS: u64 = 100_000;

/// Long after any run: the year 2096.
const NOT_SOON: &str = "4000000000000";

const KEYS: [&str; 6] = [
    RETRY,
    "{postrider:deliveries}:retry:jobs",
    DEAD,
    "{postrider:deliveries}:dead:counts",
    "{postrider:deliveries}:dead:ids",
    "{postrider:deliveries}:attempts",
];

impl Scene {
    /// Has the worker put away one job of each kind, and copies them until there are `count` waiting jobs (`w1`, `w2`, …), as
    /// many dead letters (`d1`, …), and a full log of attempts; all for the hook `h` of user `u`.
    pub(crate) async fn keep_many(&mut self, count: u64) -> anyhow::Result<()> {
        self.add_one(&[("id", "w0"), ("notBefore", NOT_SOON)]).await?;
        self.add_one(&[("id", "d0"), ("expiresAt", "1")]).await?;
        self.add_one(&[("id", "done")]).await?;
        until("the worker has put away one of each", PATIENCE, || async {
            let kept = [
                self.count("ZCARD", KEYS[0]).await?,
                self.count("XLEN", KEYS[2]).await?,
                self.count("XLEN", KEYS[5]).await?,
            ];
            ensure!(kept.iter().all(|count| *count > 0), "{kept:?}");
            anyhow::Ok(())
        })
        .await;
        for first in (1..count).step_by(STEP as usize) {
            let last = (first + STEP - 1).min(count - 1);
            let mut copy = redis::cmd("EVAL");
            copy.arg(include_str!("keep.lua")).arg(KEYS.len()).arg(&KEYS).arg(first).arg(last).arg(ATTEMPTS);
            copy.exec_async(&mut self.connection).await.context("failed to copy what is kept")?;
        }
        Ok(())
    }

    /// Adds one job for the hook, with these fields beside what every job has.
    async fn add_one(&mut self, more: &[(&str, &str)]) -> anyhow::Result<()> {
        let to = self.receiver.url("ok");
        let plain = [("to", &*to), ("type", "note"), ("content", "{}"), ("userId", "u"), ("hookId", "h")];
        let mut add = redis::cmd("XADD");
        add.arg(QUEUE).arg("*").arg(&plain).arg(more);
        add.exec_async(&mut self.connection).await.context("failed to add a job")
    }
}
