//! Durations, sizes and lists as people write them, and back. No bounds: those are the table's.

use std::time::Duration;

use postrider_core::time::parse_whole;

use super::kind::Kind;

/// Milliseconds of a second.
pub(crate) const SECOND: u64 = 1000;
/// Milliseconds of a minute.
pub(crate) const MINUTE: u64 = 60 * SECOND;
/// Milliseconds of an hour.
pub(crate) const HOUR: u64 = 60 * MINUTE;
/// Milliseconds of a day.
pub(crate) const DAY: u64 = 24 * HOUR;

/// Units of time, the longest first.
const TIME_UNITS: &[(&str, u64)] = &[("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1)];

/// Units of size, the largest first.
const SIZE_UNITS: &[(&str, u64)] = &[("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1), ("", 1)];

/// A kind of duration; bounds in milliseconds.
pub(crate) const fn duration(min: u64, max: u64) -> Kind {
    Kind::Duration { min, max }
}

/// Reads `250ms`, `5s`, `2h`, `7d`, `1h30m`: whole numbers with a unit each, every unit at most once, longest
/// first. A number without a unit is refused, since readers disagree about what it would be.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let (mut rest, mut units, mut total) = (text, TIME_UNITS, 0_u64);
    while !rest.is_empty() || units.len() == TIME_UNITS.len() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let unit = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len())).0;
        let place = units.iter().position(|(name, _)| *name == unit)?;
        total = total.checked_add(parse_whole(number.as_bytes())?.checked_mul(units[place].1)?)?;
        units = &units[place + 1..];
        rest = &after[unit.len()..];
    }
    Some(Duration::from_millis(total))
}

/// Reads `1048576`, `64KiB`, `1MiB`, `2GiB`. Units of a thousand are refused: `MB` is read both ways.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (_, factor) = SIZE_UNITS.iter().find(|(name, _)| *name == unit)?;
    parse_whole(number.as_bytes())?.checked_mul(*factor)
}

/// The items of a comma-separated list without the blanks around them; an empty text is an empty list.
pub(crate) fn split_list(text: &str) -> Vec<&str> {
    if text.trim().is_empty() { Vec::new() } else { text.split(',').map(str::trim).collect() }
}

/// Milliseconds as [`parse_duration`] reads them, in one unit.
pub(crate) fn format_millis(millis: u64) -> String {
    let fits = |factor: u64| millis > 0 && millis.is_multiple_of(factor);
    match TIME_UNITS.iter().find(|(_, factor)| fits(*factor)) {
        Some((name, factor)) => format!("{}{name}", millis / factor),
        None => "0s".into(),
    }
}

/// Bytes as [`parse_size`] reads them, in one unit.
pub(crate) fn format_size(bytes: u64) -> String {
    let fits = |factor: u64| bytes > 0 && bytes.is_multiple_of(factor);
    match SIZE_UNITS.iter().find(|(_, factor)| fits(*factor)) {
        Some((name, factor)) => format!("{}{name}", bytes / factor),
        None => "0B".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, millis) in [
            ("250ms", 250),
            ("5s", 5 * SECOND),
            ("60s", MINUTE),
            ("2h", 2 * HOUR),
            ("7d", 7 * DAY),
            ("1h30m", 90 * MINUTE),
            ("1d2h3m4s5ms", DAY + 2 * HOUR + 3 * MINUTE + 4 * SECOND + 5),
            ("1m500ms", MINUTE + 500),
            ("0s", 0),
            ("0ms", 0),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_could_be_misread_is_no_duration() {
        for bad in [
            "",
            "5",
            "s",
            "5 s",
            " 5s",
            "5s ",
            "5S",
            "5sec",
            "1.5h",
            "-5s",
            "+5s",
            "5s5s",
            "30m1h",
            "1h30",
            "1e3s",
            "5µs",
            "5ns",
            "1w",
            "5s,5m",
            "٥s",
            "18446744073709551615d",
        ] {
            assert_eq!(parse_duration(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn sizes_are_bytes_or_binary_units() {
        for (text, bytes) in [
            ("1048576", 1 << 20),
            ("64KiB", 64 << 10),
            ("1MiB", 1 << 20),
            ("2GiB", 2 << 30),
            ("0", 0),
            ("7B", 7),
        ] {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for bad in ["", "MiB", "1MB", "1M", "1 MiB", "1mib", "1.5MiB", "-1", "1e6", "18446744073709551615KiB"]
        {
            assert_eq!(parse_size(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn lists_lose_their_blanks_and_keep_their_holes() {
        assert_eq!(split_list(" a , b,c"), ["a", "b", "c"]);
        assert_eq!(split_list("a,,b"), ["a", "", "b"]);
        assert!(split_list("").is_empty() && split_list("  ").is_empty());
    }

    #[test]
    fn what_is_written_reads_back() {
        for millis in [0, 1, 250, 1000, 1500, 90 * MINUTE, DAY, 365 * DAY] {
            assert_eq!(parse_duration(&format_millis(millis)), Some(Duration::from_millis(millis)));
        }
        for bytes in [0, 1, 1023, 1 << 10, 64 << 20, 1 << 40] {
            assert_eq!(parse_size(&format_size(bytes)), Some(bytes));
        }
    }
}
