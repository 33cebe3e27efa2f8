//! Dates as HTTP writes them, in the form of today and the two old ones that receivers still send (RFC 9110, 5.6.7).

use postrider_core::time::Timestamp;
use serde::Deserialize;

/// How a date is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
    /// `Sun, 06 Nov 1994 08:49:37 GMT`
    Imf,
    /// `Sunday, 06-Nov-94 08:49:37 GMT`
    Rfc850,
    /// `Sun Nov  6 08:49:37 1994`
    Asctime,
}

/// The first day of 1970 was a Thursday.
const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const MILLIS_PER_DAY: u64 = 24 * 60 * 60 * 1000;

/// Writes a date.
pub(super) fn format(at: Timestamp, form: Form) -> String {
    let text = at.to_rfc3339();
    let (date, time) = (text.get(..10).unwrap_or_default(), text.get(11..19).unwrap_or_default());
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let (year, day) = (year.unwrap_or_default(), day.unwrap_or_default());
    let month = month.and_then(|month| MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?));
    let month = month.copied().unwrap_or_default();
    let weekday = WEEKDAYS[(at.as_millis() / MILLIS_PER_DAY % 7) as usize];
    match form {
        Form::Imf => format!("{}, {day} {month} {year} {time} GMT", &weekday[..3]),
        Form::Rfc850 => {
            format!("{weekday}, {day}-{month}-{} {time} GMT", year.get(2..).unwrap_or_default())
        }
        Form::Asctime => {
            format!("{} {month} {:>2} {time} {year}", &weekday[..3], day.trim_start_matches('0'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_that_of_the_standard() {
        let at = Timestamp::from_millis(784_111_777_000);
        assert_eq!(format(at, Form::Imf), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(format(at, Form::Rfc850), "Sunday, 06-Nov-94 08:49:37 GMT");
        assert_eq!(format(at, Form::Asctime), "Sun Nov  6 08:49:37 1994");
    }
}
