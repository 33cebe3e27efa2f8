//! Points in time as people type them: epoch milliseconds, RFC 3339, or from now. Reads no clock: the caller brings it.

use std::time::Duration;

use postrider_core::time::Timestamp;
use toml::value::{Date, Datetime, Offset, Time};

use crate::settings::units::parse_duration;

/// What [`parse_moment`] takes.
pub(crate) const ACCEPTED: &str = "expected epoch milliseconds, an RFC 3339 time such as 2026-11-24T02:13:00Z, or +5m for five minutes from now";

/// Reads `1764324000123`, `2026-11-24T02:13:00.5+01:00` or `+1h30m`; `None` for anything else, and outside of the years
/// 1970 to 9999.
pub(crate) fn parse_moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(wait) = text.strip_prefix('+') {
        return Some(now.after(parse_duration(wait)?));
    }
    Timestamp::parse(text.as_bytes()).or_else(|| parse_rfc3339(text))
}

/// Fractions below a millisecond are rounded up: a job must not go out earlier than was typed.
fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    // The reader of the settings' file knows the calendar; it takes local times and dates alone too.
    let Datetime { date: Some(date), time: Some(time), offset: Some(offset) } = text.parse().ok()? else {
        return None;
    };
    let offset_minutes = match offset {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    let seconds = days_since_epoch(date) * 86_400 + seconds_of_day(time) - offset_minutes * 60;
    let whole = Timestamp::parse(seconds.checked_mul(1000)?.to_string().as_bytes())?;
    Some(whole.after(Duration::from_nanos(time.nanosecond.unwrap_or(0).into())))
}

fn seconds_of_day(time: Time) -> i64 {
    i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(time.second.unwrap_or(0))
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar.
fn days_since_epoch(date: Date) -> i64 {
    // Counting years from March puts the leap day last, so that months have fixed starts.
    let (month, day) = (i64::from(date.month), i64::from(date.day));
    let year = i64::from(date.year) - i64::from(month <= 2);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 719,468 days lie between the 1st of March of the year 0 and 1970-01-01.
    year * 365 + leap_days + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_764_324_000_123;

    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        let found = parse_moment(text, Timestamp::from_millis(NOW)).map(Timestamp::as_millis);
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn moments_are_numbers_dates_or_waits() {
        for (text, expected) in [
            ("0", 0),
            ("1764324000123", NOW),
            ("+5m", NOW + 300_000),
            ("+250ms", NOW + 250),
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T00:00:00.123Z", 951_782_400_123),
            ("2025-11-28T10:00:00.123Z", NOW),
            ("2025-11-28T11:00:00.123+01:00", NOW),
            ("2025-11-28 09:30:00.1229001-00:30", NOW),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ] {
            check(text, Some(expected));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "+",
            "+5",
            "-1",
            "now",
            "2026-11-24",
            "02:13:00",
            "2026-11-24T02:13:00",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "253402300800000",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn dates_are_read_as_they_are_written() {
        for day in (0..2_932_897).step_by(97) {
            let at = day * 86_400_000 + day % 1000;
            check(&Timestamp::from_millis(at).to_rfc3339(), Some(at));
        }
    }
}
