//! A queue in figures, for operators: how many jobs are in which state, who serves it, and what came of its jobs of late.

pub mod series;

use std::sync::LazyLock;
use std::time::Duration;

use postrider_core::time::Timestamp;
use redis::Value;

use crate::control;
use crate::entry::{integer, pairs};
use crate::fault::StoreError;
use crate::link::Link;
use crate::presence::{due, number};
use crate::queue::{Queue, Sample};
use crate::script::NamedScript;

static COUNT_HELD: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("count_held", include_str!("scripts/count_held.lua")));

/// Hooks whose held jobs are counted in one go: under a millisecond of Redis' time.
const PAGE_OF_HOOKS: usize = 500;

const MILLIS_AN_HOUR: u64 = 3_600_000;
const HOURS_A_DAY: u64 = 24;

/// What a queue looks like at a moment.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Redis' clock.
    pub now: Timestamp,
    /// How many jobs are in which state. Its workers include those that were lost and not yet found dead.
    pub sample: Sample,
    /// When the first waiting job falls due; none where none does.
    pub next_due: Option<Timestamp>,
    /// How many of the waiting jobs wait for an inactive hook.
    pub held: u64,
    /// Workers whose heartbeat is younger than the silence after which they count as dead.
    pub living_workers: u64,
    /// Whether it is paused.
    pub paused: bool,
    /// What came of jobs since the hour began.
    pub this_hour: Counts,
    /// The same since the day began, in UTC.
    pub today: Counts,
}

/// Settlements by what came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; Counts::OUTCOMES.len()]);

impl Counts {
    /// The outcomes that are counted, as `settle.lua` and, for what operators end, `waiting_slice.lua` name them.
    pub const OUTCOMES: [&'static str; 6] =
        ["delivered", "retried", "dead", "deferred", "discarded", "cancelled"];

    /// Each outcome with its number.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Self::OUTCOMES.into_iter().zip(self.0)
    }

    /// Whether nothing has been counted.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|count| *count == 0)
    }

    /// From the hash of an hour: `<minute>:<outcome>` → number.
    fn read(hour: Value) -> Self {
        let mut counts = Self::default();
        let Value::Array(flat) = hour else { return counts };
        for (field, count) in pairs(flat) {
            let outcome = field.rsplit(|byte| *byte == b':').next().unwrap_or_default();
            let known = Self::OUTCOMES.iter().position(|known| known.as_bytes() == outcome);
            if let Some(known) = known {
                counts.0[known] += counted(&Value::BulkString(count));
            }
        }
        counts
    }

    fn add(&mut self, more: Self) {
        self.0.iter_mut().zip(more.0).for_each(|(count, more)| *count += more);
    }
}

impl FromIterator<(&'static str, u64)> for Counts {
    /// What isn't an outcome is left out.
    fn from_iter<T: IntoIterator<Item = (&'static str, u64)>>(counted: T) -> Self {
        let mut counts = Self::default();
        for (outcome, count) in counted {
            let known = Self::OUTCOMES.iter().position(|known| *known == outcome);
            known.into_iter().for_each(|known| counts.0[known] += count);
        }
        counts
    }
}

impl Queue {
    /// Looks at everything once. Each question has an answer of its own moment, so that sums may be off by what moves
    /// meanwhile. A worker that is silent for `dead_after` isn't counted as living.
    pub async fn figures(&self, link: &mut Link, dead_after: Duration) -> Result<Figures, StoreError> {
        let sample = self.sample(link).await?;
        let now = self.redis_now(link).await?;
        let (this_hour, today) = self.counts(link, now).await?;
        Ok(Figures {
            now,
            sample,
            next_due: self.next_due(link).await?,
            held: self.held(link).await?,
            living_workers: self.living_workers(link, now, dead_after).await?,
            paused: control::is_paused(link, self.keys()).await?,
            this_hour,
            today,
        })
    }

    async fn next_due(&self, link: &mut Link) -> Result<Option<Timestamp>, StoreError> {
        let command = redis::cmd("ZRANGE").arg(&self.keys().retry).arg(0).arg(0).arg("WITHSCORES").clone();
        let reply = link.send(&command, || format!("ask for the next due job of {}", self.name())).await?;
        let Value::Array(head) = reply else { return Ok(None) };
        let next = head.get(1).and_then(number).and_then(due);
        // Held jobs that don't expire stand at the end of time.
        Ok(next.filter(|due| *due < Timestamp::MAX))
    }

    async fn living_workers(
        &self,
        link: &mut Link,
        now: Timestamp,
        dead_after: Duration,
    ) -> Result<u64, StoreError> {
        let oldest = u128::from(now.as_millis()).saturating_sub(dead_after.as_millis());
        let command = redis::cmd("ZCOUNT").arg(&self.keys().seen).arg(oldest.to_string()).arg("+inf").clone();
        let reply = link.send(&command, || format!("count the workers of {}", self.name())).await?;
        Ok(counted(&reply))
    }

    /// By the lists of the hooks, page by page.
    async fn held(&self, link: &mut Link) -> Result<u64, StoreError> {
        let mut held = 0;
        for first in (0..).step_by(PAGE_OF_HOOKS) {
            let mut call = COUNT_HELD.call(1);
            call.arg(&self.keys().held).arg(first).arg(first + PAGE_OF_HOOKS - 1);
            let operation = || format!("count the held jobs of {}", self.name());
            let Value::Array(counts) = link.run(&COUNT_HELD, &call, operation).await? else { break };
            let at = |index: usize| counts.get(index).map_or(0, counted);
            held += at(1);
            if at(0) < PAGE_OF_HOOKS as u64 {
                break;
            }
        }
        Ok(held)
    }

    /// Of this hour and of today.
    async fn counts(&self, link: &mut Link, now: Timestamp) -> Result<(Counts, Counts), StoreError> {
        let this_hour = now.as_millis() / MILLIS_AN_HOUR;
        let (mut of_hour, mut of_day) = (Counts::default(), Counts::default());
        for hour in this_hour - this_hour % HOURS_A_DAY..=this_hour {
            let command = redis::cmd("HGETALL").arg(format!("{}:{hour}", self.keys().stats)).clone();
            let reply = link.send(&command, || format!("read the counters of {}", self.name())).await?;
            of_hour = Counts::read(reply);
            of_day.add(of_hour);
        }
        Ok((of_hour, of_day))
    }
}

fn counted(reply: &Value) -> u64 {
    integer(reply).and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_of_an_hour_are_summed_by_outcome_and_what_is_strange_is_left_out() {
        let fields = "0:delivered 2 59:delivered 3 7:dead 1 7:new 9 odd 9 8:dead x 9:cancelled 4".split(' ');
        let hour = fields.map(|text| Value::BulkString(text.as_bytes().to_vec())).collect();
        let mut counts = Counts::read(Value::Array(hour));
        assert_eq!(counts, Counts([5, 0, 1, 0, 0, 4]));
        counts.add(counts);
        assert_eq!(counts, Counts([10, 0, 2, 0, 0, 8]));
        assert_eq!(Counts::read(Value::Nil), Counts::default());
        assert!(!counts.is_empty() && Counts::default().is_empty());
    }
}
