//! How jobs come into Postrider's queue: by XADD, as from any producer.

use std::borrow::Cow;
use std::time::Duration;

use anyhow::Context;
use redis::Pipeline;

use super::target::{Target, in_turn};
use super::{QUEUE, Scene};
use crate::job;

/// Entries that are added with one round trip: enough to make it cheap, few enough to keep the memory of both sides small.
pub(crate) const ENTRIES_PER_TRIP: u64 = 500;

/// The fields of an entry.
type Fields = Vec<(&'static str, String)>;

impl Scene {
    /// Adds so many jobs, to the targets in turn.
    pub(crate) async fn add_many(&mut self, targets: &[Target], count: u64) -> anyhow::Result<()> {
        self.add_many_with(targets, count, &[]).await
    }

    /// Likewise, with more fields.
    pub(crate) async fn add_many_with(
        &mut self,
        targets: &[Target],
        count: u64,
        more: &[(&'static str, String)],
    ) -> anyhow::Result<()> {
        let ready = self.fixed_fields(targets);
        let mut added = 0;
        while added < count {
            let end = (added + ENTRIES_PER_TRIP).min(count);
            let mut trip = Pipeline::with_capacity(usize::try_from(ENTRIES_PER_TRIP)?);
            for number in added..end {
                let fields = self.fields(targets, &ready, number)?;
                trip.cmd("XADD").arg(QUEUE).arg("*").arg(&fields).arg(more).ignore();
            }
            let () = trip.query_async(&mut self.connection).await.context("failed to add jobs")?;
            added = end;
        }
        Ok(())
    }

    /// Adds `count` jobs one by one at an even rate.
    pub(crate) async fn add_steadily(
        &mut self,
        targets: &[Target],
        count: u64,
        per_second: u32,
    ) -> anyhow::Result<()> {
        let ready = self.fixed_fields(targets);
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / per_second);
        for number in 0..count {
            ticks.tick().await;
            let fields = self.fields(targets, &ready, number)?;
            let added =
                redis::cmd("XADD").arg(QUEUE).arg("*").arg(&fields).exec_async(&mut self.connection).await;
            added.context("failed to add a job")?;
        }
        Ok(())
    }

    /// Those that are the same for every job of their target.
    fn fixed_fields(&self, targets: &[Target]) -> Vec<Option<Fields>> {
        let fixed = |target: &Target| {
            (!target.is_template()).then(|| job::fields(&self.receiver.url(&target.path), &target.hook))
        };
        targets.iter().map(fixed).collect()
    }

    fn fields<'a>(
        &self,
        targets: &[Target],
        ready: &'a [Option<Fields>],
        number: u64,
    ) -> anyhow::Result<Cow<'a, Fields>> {
        let target = in_turn(targets, number).context("jobs without a target")?;
        Ok(match in_turn(ready, number).and_then(Option::as_ref) {
            Some(fields) => Cow::Borrowed(fields),
            None => Cow::Owned(job::fields(&self.receiver.url(&target.path_of(number)), &target.hook)),
        })
    }
}
