//! Points in time as the contract writes them: whole milliseconds since the Unix epoch.

mod rfc3339;

use std::fmt;
use std::time::Duration;

/// Milliseconds since the Unix epoch, 0 to [`Timestamp::MAX`] (the end of the year 9999).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The last representable moment, 9999-12-31T23:59:59.999Z; also the score of what never falls due.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// From epoch milliseconds; what lies beyond the year 9999 is clamped to [`Self::MAX`].
    pub const fn from_millis(millis: u64) -> Self {
        Self(if millis < Self::MAX.0 { millis } else { Self::MAX.0 })
    }

    /// Reads a whole decimal number without sign, blanks or exponent; `None` when it is anything else or too large.
    pub fn parse(text: &[u8]) -> Option<Self> {
        parse_whole(text).filter(|millis| *millis <= Self::MAX.0).map(Self)
    }

    /// Epoch milliseconds.
    pub fn as_millis(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This moment and `wait`, rounded up to a whole millisecond and clamped to [`Self::MAX`].
    pub fn after(self, wait: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(whole_millis_up(wait)))
    }

    /// RFC 3339 in UTC with milliseconds and `Z`, as in `2026-11-24T02:13:00.000Z`.
    pub fn to_rfc3339(self) -> String {
        let (days, ms_of_day) = (self.0 / 86_400_000, self.0 % 86_400_000);
        let (year, month, day) = civil_from_days(days);
        let (seconds, ms) = (ms_of_day / 1000, ms_of_day % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }

    /// Reads RFC 3339 strictly: `2026-11-24T02:13:00`, up to nine digits of a second's fraction if any, then `Z` or an
    /// offset as in `+01:00`. Capital letters, no leap seconds, years 1970 to 9999 after the offset; what is below a
    /// millisecond is cut off. `None` for anything else.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        rfc3339::parse(text.as_bytes())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A duration in whole milliseconds, rounded up so that no wait gets shorter by being written down.
pub fn whole_millis_up(wait: Duration) -> u64 {
    let up = u128::from(!wait.subsec_nanos().is_multiple_of(1_000_000));
    u64::try_from(wait.as_millis() + up).unwrap_or(u64::MAX)
}

/// A whole number of ASCII digits only; `None` for anything else and beyond 64 bits.
pub fn parse_whole(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Year, month and day of a count of days since 1970-01-01, in the proleptic Gregorian calendar.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    // Counting years from March puts the leap day last, so that months have fixed starts.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_has_milliseconds_and_z() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_123, "2000-02-29T00:00:00.123Z"),
            (1_764_324_000_123, "2025-11-28T10:00:00.123Z"),
            (Timestamp::MAX.0, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::from_millis(millis).to_rfc3339(), text);
        }
    }

    #[test]
    fn only_plain_whole_numbers_are_times() {
        assert_eq!(Timestamp::parse(b"1764324000123"), Some(Timestamp(1_764_324_000_123)));
        for bad in [
            "",
            "-1",
            "+1",
            " 1",
            "1 ",
            "1e3",
            "0x1",
            "1.0",
            "nan",
            "253402300800000",
            "18446744073709551616",
        ] {
            assert_eq!(Timestamp::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn waits_are_rounded_up() {
        assert_eq!(Timestamp(5).after(Duration::from_micros(1)), Timestamp(6));
        assert_eq!(Timestamp(5).after(Duration::from_millis(1)), Timestamp(6));
        assert_eq!(Timestamp(5).after(Duration::MAX), Timestamp::MAX);
    }
}
