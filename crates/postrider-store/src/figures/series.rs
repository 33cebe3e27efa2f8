//! The same counters over time, for charts: an hour by the minute, a day by the quarter of an hour, a week by the hour.

use std::time::Duration;

use postrider_core::time::Timestamp;
use redis::Value;

use super::{Counts, counted};
use crate::entry::pairs;
use crate::fault::StoreError;
use crate::link::Link;
use crate::queue::Queue;

const MINUTES_AN_HOUR: u64 = 60;
const MILLIS_A_MINUTE: u64 = 60_000;

/// How far back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Sixty minutes.
    Hour,
    /// Twenty-four hours.
    Day,
    /// Seven days, which is as long as counters are kept.
    Week,
}

impl Span {
    /// The minutes of a step, and how many steps there are.
    fn steps(self) -> (u64, u64) {
        match self {
            Self::Hour => (1, 60),
            Self::Day => (15, 96),
            Self::Week => (60, 168),
        }
    }
}

/// Counters step by step; the last step is the one that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// When the first step begins.
    pub from: Timestamp,
    /// How long each is.
    pub step: Duration,
    /// What came of jobs in each.
    pub steps: Vec<Counts>,
}

impl Series {
    /// Nothing counted yet, up to `now`.
    fn ending_at(now: Timestamp, span: Span) -> Self {
        let (minutes, count) = span.steps();
        let last = now.as_millis() / (minutes * MILLIS_A_MINUTE);
        let first = (last + 1).saturating_sub(count);
        Self {
            from: Timestamp::from_millis(first * minutes * MILLIS_A_MINUTE),
            step: Duration::from_millis(minutes * MILLIS_A_MINUTE),
            steps: vec![Counts::default(); count as usize],
        }
    }

    fn first_minute(&self) -> u64 {
        self.from.as_millis() / MILLIS_A_MINUTE
    }

    /// Adds the hash of an hour: `<minute>:<outcome>` → number. What is strange, or outside, is left out.
    fn add(&mut self, hour: u64, hash: Value) {
        let Value::Array(flat) = hash else { return };
        let minutes_a_step = self.step.as_millis() as u64 / MILLIS_A_MINUTE;
        for (field, count) in pairs(flat) {
            let Some((minute, outcome)) = minute_and_outcome(&field) else { continue };
            let since = (hour * MINUTES_AN_HOUR + minute).checked_sub(self.first_minute());
            let step = since.and_then(|since| self.steps.get_mut((since / minutes_a_step) as usize));
            if let Some(step) = step {
                step.0[outcome] += counted(&Value::BulkString(count));
            }
        }
    }
}

/// The minute of the hour, and the place of the outcome in [`Counts::OUTCOMES`].
fn minute_and_outcome(field: &[u8]) -> Option<(u64, usize)> {
    let (minute, outcome) = std::str::from_utf8(field).ok()?.split_once(':')?;
    let minute = minute.parse().ok().filter(|minute| *minute < MINUTES_AN_HOUR)?;
    Some((minute, Counts::OUTCOMES.iter().position(|known| *known == outcome)?))
}

impl Queue {
    /// What came of jobs over a span of time that ends now, by Redis' clock.
    pub async fn series(&self, link: &mut Link, span: Span) -> Result<Series, StoreError> {
        let now = self.redis_now(link).await?;
        let mut series = Series::ending_at(now, span);
        let this_hour = now.as_millis() / (MINUTES_AN_HOUR * MILLIS_A_MINUTE);
        for hour in series.first_minute() / MINUTES_AN_HOUR..=this_hour {
            let command = redis::cmd("HGETALL").arg(format!("{}:{hour}", self.keys().stats)).clone();
            let hash = link.send(&command, || format!("read the counters of {}", self.name())).await?;
            series.add(hour, hash);
        }
        Ok(series)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 490_000;

    fn at(minute: u64) -> Timestamp {
        Timestamp::from_millis((HOUR * 60 + minute) * MILLIS_A_MINUTE + 30_000)
    }

    fn hash(fields: &[&str]) -> Value {
        Value::Array(fields.iter().map(|text| Value::BulkString(text.as_bytes().to_vec())).collect())
    }

    fn delivered(series: &Series) -> Vec<(usize, u64)> {
        let of = |counts: &Counts| {
            counts.iter().find(|(name, _)| *name == "delivered").map_or(0, |(_, count)| count)
        };
        let all = series.steps.iter().map(of).enumerate();
        all.filter(|(_, count)| *count > 0).collect()
    }

    #[test]
    fn an_hour_ends_with_the_minute_that_goes_on() {
        let mut series = Series::ending_at(at(10), Span::Hour);
        series.add(HOUR, hash(&["10:delivered", "7", "9:delivered", "3", "11:delivered", "9"]));
        series.add(HOUR - 1, hash(&["11:delivered", "1", "10:delivered", "9", "59:dead", "2"]));
        assert_eq!(delivered(&series), [(0, 1), (58, 3), (59, 7)]);
    }

    #[test]
    fn steps_of_a_day_begin_at_quarters_and_those_of_a_week_at_hours() {
        let mut day = Series::ending_at(at(20), Span::Day);
        day.add(HOUR, hash(&["14:delivered", "1", "15:delivered", "2", "20:delivered", "3"]));
        assert_eq!(delivered(&day), [(94, 1), (95, 5)]);
        let mut week = Series::ending_at(at(20), Span::Week);
        week.add(HOUR - 167, hash(&["0:delivered", "1"]));
        week.add(HOUR, hash(&["0:delivered", "2", "20:delivered", "3"]));
        assert_eq!(delivered(&week), [(0, 1), (167, 5)]);
    }

    #[test]
    fn what_is_strange_is_left_out() {
        let mut series = Series::ending_at(at(10), Span::Hour);
        series.add(HOUR, hash(&["10:new", "7", "odd", "3", "77:delivered", "9", "10:delivered", "x"]));
        series.add(HOUR, Value::Nil);
        assert_eq!(series, Series::ending_at(at(10), Span::Hour));
    }
}
