//! Reading RFC 3339, section 5.6, strictly.

use super::{Timestamp, parse_whole};

const SECONDS_A_DAY: i64 = 86_400;

/// Longest fraction of a second, in digits.
const MAX_FRACTION_DIGITS: usize = 9;

/// See [`Timestamp::parse_rfc3339`].
pub(super) fn parse(text: &[u8]) -> Option<Timestamp> {
    let (date_time, rest) = text.split_at_checked("2026-11-24T02:13:00".len())?;
    let (millis, zone) = fraction(rest)?;
    let seconds = local_seconds(date_time)? - offset_seconds(zone)?;
    let whole = u64::try_from(seconds).ok()?.checked_mul(1000)?;
    let millis = whole + millis;
    (millis <= Timestamp::MAX.as_millis()).then(|| Timestamp::from_millis(millis))
}

/// Seconds since the epoch on the clock of whoever wrote it.
fn local_seconds(text: &[u8]) -> Option<i64> {
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|(place, byte)| text[*place] != *byte) {
        return None;
    }
    let part = |from, to| number(&text[from..to]);
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    let exists = (1..=12).contains(&month)
        && (1..=days_of(month, year)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let seconds = hour * 3600 + minute * 60 + second;
    exists.then(|| days_since_epoch(year, month, day) * SECONDS_A_DAY + seconds)
}

/// Milliseconds of the fraction, and what follows it.
fn fraction(text: &[u8]) -> Option<(u64, &[u8])> {
    let Some(rest) = text.strip_prefix(b".") else { return Some((0, text)) };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=MAX_FRACTION_DIGITS).contains(&length) {
        return None;
    }
    let digit = |place: usize| rest[..length].get(place).map_or(0, |byte| u64::from(byte - b'0'));
    Some((digit(0) * 100 + digit(1) * 10 + digit(2), &rest[length..]))
}

/// How far the writer's clock is ahead of UTC.
fn offset_seconds(zone: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match zone {
        b"Z" => return Some(0),
        [b'+', h1, h2, b':', m1, m2] => (1, [*h1, *h2], [*m1, *m2]),
        [b'-', h1, h2, b':', m1, m2] => (-1, [*h1, *h2], [*m1, *m2]),
        _ => return None,
    };
    let (hours, minutes) = (number(&hours)?, number(&minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn number(digits: &[u8]) -> Option<i64> {
    parse_whole(digits).and_then(|number| i64::try_from(number).ok())
}

fn days_of(month: i64, year: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    // Counting years from March puts the leap day last, so that months have fixed starts.
    let year = year - i64::from(month <= 2);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 719,468 days lie between the 1st of March of the year 0 and 1970-01-01.
    year * 365 + leap_days + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, millis: Option<u64>) {
        assert_eq!(parse(text.as_bytes()).map(Timestamp::as_millis), millis, "{text:?}");
    }

    #[test]
    fn times_with_z_or_an_offset_are_read() {
        check("1970-01-01T00:00:00Z", Some(0));
        check("2000-02-29T00:00:00.123Z", Some(951_782_400_123));
        check("2025-11-28T11:00:00.123+01:00", Some(1_764_324_000_123));
        check("2025-11-28T09:30:00.1239999-00:30", Some(1_764_324_000_123));
        check("1969-12-31T23:30:00-01:00", Some(1_800_000));
        check("9999-12-31T23:59:59.999Z", Some(253_402_300_799_999));
    }

    #[test]
    fn anything_else_is_no_time() {
        for bad in [
            "",
            "2026-11-24",
            "2026-11-24T02:13:00",
            "2026-11-24 02:13:00Z",
            "2026-11-24t02:13:00z",
            "2026-11-24T02:13Z",
            "2026-11-24T02:13:00.Z",
            "2026-11-24T02:13:00.1234567890Z",
            "2026-11-24T02:13:60Z",
            "2026-11-24T24:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "+026-11-24T02:13:00Z",
            "2026-11-24T02:13:00+1:00",
            "2026-11-24T02:13:00+24:00",
            "2026-11-24T02:13:00Z ",
            "1969-12-31T23:59:59Z",
            "9999-12-31T23:59:59-00:01",
            "２026-11-24T02:13:0Z",
        ] {
            check(bad, None);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(millis in 0..=253_402_300_799_999_u64) {
            let written = Timestamp::from_millis(millis).to_rfc3339();
            prop_assert_eq!(parse(written.as_bytes()), Some(Timestamp::from_millis(millis)));
        }

        #[test]
        fn no_text_panics(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse(&text);
        }

        #[test]
        fn no_likely_text_panics(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.0-9Z+:-]{0,12}") {
            let _ = parse(text.as_bytes());
        }
    }
}
