//! Which jobs, letters or attempts are meant. Decides about values that were read; asks nothing of Redis.

use postrider_core::endpoint::Endpoint;
use postrider_core::entry_id::EntryId;
use postrider_core::job::Field;
use postrider_core::time::Timestamp;
use serde_json::{Map, Value, json};

/// What must hold; whatever is left open holds for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The hook's owner.
    pub user_id: Option<String>,
    /// The hook's id.
    pub hook_id: Option<String>,
    /// Scheme, host and port of the job's own URL.
    pub destination: Option<String>,
    /// Why a letter died.
    pub reason: Option<String>,
    /// Died, or falls due, then or later.
    pub since: Option<Timestamp>,
    /// Died, or falls due, then or earlier.
    pub until: Option<Timestamp>,
}

/// What a filter looks at.
pub(crate) trait Facts {
    fn user_id(&self) -> &str;
    fn hook_id(&self) -> &str;
    fn destination(&self) -> &str;
    fn reason(&self) -> &str;
    fn time(&self) -> Timestamp;
}

impl Filter {
    /// Whether everything is meant.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn admits(&self, facts: &impl Facts) -> bool {
        let fits = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        fits(&self.user_id, facts.user_id())
            && fits(&self.hook_id, facts.hook_id())
            && fits(&self.destination, facts.destination())
            && fits(&self.reason, facts.reason())
            && self.since.is_none_or(|since| facts.time() >= since)
            && self.until.is_none_or(|until| facts.time() <= until)
    }

    /// The entries of a stream that may be meant, whose ids tell when they were added.
    pub(crate) fn span(&self) -> (EntryId, EntryId) {
        let first = EntryId { millis: self.since.map_or(0, Timestamp::as_millis), sequence: 0 };
        let last = EntryId { millis: self.until.map_or(u64::MAX, Timestamp::as_millis), sequence: u64::MAX };
        (first, last)
    }

    /// As an object that [`Self::of_json`] reads.
    pub fn to_json(&self) -> Value {
        let texts = [
            ("userId", &self.user_id),
            ("hookId", &self.hook_id),
            ("destination", &self.destination),
            ("reason", &self.reason),
        ];
        let times = [("since", self.since), ("until", self.until)];
        let texts =
            texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text.as_ref()?))));
        let times =
            times.into_iter().filter_map(|(name, time)| Some((name.to_owned(), json!(time?.as_millis()))));
        Value::Object(texts.chain(times).collect::<Map<_, _>>())
    }

    /// Reads what [`Self::to_json`] wrote; `None` for what would mean more than was meant.
    pub fn of_json(json: &str) -> Option<Self> {
        let Value::Object(object) = serde_json::from_str(json).ok()? else { return None };
        let mut filter = Self::default();
        for (name, value) in object {
            let text = || value.as_str().map(str::to_owned);
            let time = || value.as_u64().map(Timestamp::from_millis);
            match name.as_str() {
                "userId" => filter.user_id = Some(text()?),
                "hookId" => filter.hook_id = Some(text()?),
                "destination" => filter.destination = Some(text()?),
                "reason" => filter.reason = Some(text()?),
                "since" => filter.since = Some(time()?),
                "until" => filter.until = Some(time()?),
                _ => return None,
            }
        }
        Some(filter)
    }
}

/// The first field of that name, which is the job's own.
pub(crate) fn first_text(fields: &[Field], name: &str) -> String {
    let found = fields.iter().find(|(given, _)| given == name.as_bytes());
    found.map_or_else(String::new, |(_, value)| String::from_utf8_lossy(value).into_owned())
}

/// Scheme, host and port of a job's own URL; empty where it has none that can be read.
pub(crate) fn origin_of(fields: &[Field]) -> String {
    let to = fields.iter().find(|(name, _)| name == b"to");
    to.and_then(|(_, url)| Endpoint::parse(url).ok()).map_or_else(String::new, |url| url.origin().to_owned())
}

/// When a job's event happened: as it says itself, else `otherwise`.
pub(crate) fn created_at(fields: &[Field], otherwise: Option<Timestamp>) -> Option<Timestamp> {
    let own = fields.iter().find(|(name, _)| name == b"createdAt");
    own.and_then(|(_, time)| Timestamp::parse(time)).or(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_survives_being_written_and_read() {
        let filter = Filter {
            user_id: Some("9u".into()),
            reason: Some("gone".into()),
            since: Some(Timestamp::from_millis(7)),
            ..Filter::default()
        };
        assert_eq!(Filter::of_json(&filter.to_json().to_string()), Some(filter));
        assert_eq!(Filter::of_json("{}"), Some(Filter::default()));
    }

    #[test]
    fn a_condition_that_cannot_be_read_is_never_left_out() {
        for bad in ["", "[]", r#"{"colour":"blue"}"#, r#"{"since":"x"}"#, r#"{"reason":7}"#] {
            assert_eq!(Filter::of_json(bad), None, "{bad}");
        }
    }
}
