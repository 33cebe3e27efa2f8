//! `Retry-After`, in all forms that there are and near them.

use std::time::{Duration, SystemTime};

use postrider_core::outcome::parse_retry_after;
use proptest::prelude::*;

use crate::damage::{damage, damaged};

const PIECES: &[&str] = &[
    " ",
    ",",
    "GMT",
    "+",
    "-",
    ".",
    "e9",
    "0",
    "99999999999999999999",
    "Sun",
    "Jan",
    ":",
    "60",
    "\t",
    "é",
    "\0",
];
const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// From 1970 to 2069, where two digits of a year mean only one.
const LAST_SECOND: u64 = 3_155_760_000;

/// Year, month from 0, day from 1.
fn civil(mut days: u64) -> (u64, usize, u64) {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    (year, month, days + 1)
}

/// The three forms of a date (RFC 9110, section 5.6.7).
fn dates(seconds: u64) -> [String; 3] {
    let (year, month, day) = civil(seconds / 86_400);
    let weekday = DAYS[(seconds / 86_400 % 7) as usize];
    let (short, month) = (&weekday[..3], MONTHS[month]);
    let time = format!("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    [
        format!("{short}, {day:02} {month} {year} {time} GMT"),
        format!("{weekday}, {day:02}-{month}-{:02} {time} GMT", year % 100),
        format!("{short} {month} {day:2} {time} {year}"),
    ]
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

proptest! {
    #[test]
    fn digits_are_seconds_for_any_number(number in any::<u64>(), zeros in 0..30_usize, blanks in "[ \t]{0,3}") {
        let text = format!("{blanks}{}{number}{blanks}", "0".repeat(zeros));
        prop_assert_eq!(parse_retry_after(text.as_bytes(), at(0)), Some(Duration::from_secs(number)), "{}", text);
    }

    #[test]
    fn digits_beyond_64_bits_are_the_longest_wait_for_any_number(digits in "[1-9][0-9]{20,200}") {
        prop_assert_eq!(parse_retry_after(digits.as_bytes(), at(0)), Some(Duration::MAX));
    }

    #[test]
    fn all_three_forms_mean_the_same_for_any_date(date in 0..LAST_SECOND, now in 0..LAST_SECOND) {
        let wait = Duration::from_secs(date.saturating_sub(now));
        for text in dates(date) {
            prop_assert_eq!(parse_retry_after(text.as_bytes(), at(now)), Some(wait), "{}", text);
        }
    }

    #[test]
    fn what_is_no_number_and_no_date_is_ignored_for_any_damage(
        date in 0..LAST_SECOND,
        form in 0..4_usize,
        changes in prop::collection::vec(damage(PIECES), 1..4),
    ) {
        let sound = dates(date).get(form).cloned().unwrap_or_else(|| date.to_string());
        let text = damaged(sound.as_bytes(), &changes);
        let read = parse_retry_after(&text, at(0));
        let trimmed = text.trim_ascii();
        // The date's reader drops blanks that no header has, such as a vertical tab.
        let first = String::from_utf8_lossy(trimmed).trim_start().bytes().next();
        if !trimmed.is_empty() && trimmed.iter().all(u8::is_ascii_digit) {
            prop_assert!(read.is_some());
        } else if !first.is_some_and(|first| b"FMSTW".contains(&first)) {
            prop_assert_eq!(read, None, "neither a number nor a weekday: {}", text.escape_ascii());
        }
    }
}
