//! An event as its producer writes it: the fields of one stream entry. Checks nothing; that is [`crate::rules`].

use std::fmt;
use std::time::SystemTime;

use postrider_core::job::Field;

use crate::fields::{self, Fields};

/// Something that happened to a user; workers make a job of it for each of the user's active hooks that asked for its
/// type. Each setter replaces what was set before, except [`header`](Self::header). `Debug` shows the fields' names
/// only, since events are nobody else's.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    fields: Fields,
}

impl Event {
    /// An event of this type, for the hooks of this user: both 1 to 128 visible ASCII characters.
    pub fn new(user_id: impl AsRef<str>, event_type: impl AsRef<str>) -> Self {
        let fields = Fields::default().set("userId", user_id.as_ref()).set("type", event_type.as_ref());
        Self { fields }
    }

    /// An event of any fields in any order, names and values as they stand in the stream.
    pub fn from_fields(fields: Vec<Field>) -> Self {
        Self { fields: Fields(fields) }
    }

    /// The event: one JSON value, sent byte for byte as it is here. Needed.
    pub fn content(self, content: impl Into<Vec<u8>>) -> Self {
        self.set("content", content)
    }

    /// The event's id, 1 to 63 of `A-Z a-z 0-9 _ : -`; by default that of its stream entry. Its jobs, and what receivers
    /// de-duplicate by, are `<id>:<hook id>`: with an id of your own, an event that was added twice is one event to them.
    pub fn id(self, id: impl AsRef<str>) -> Self {
        self.set("id", id.as_ref())
    }

    /// When it happened; by default, when it was added.
    pub fn created_at(self, at: SystemTime) -> Self {
        self.set("createdAt", fields::millis_down(at))
    }

    /// One more header of its requests. A name given twice makes the event unsound.
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        Self { fields: self.fields.add_header(name.as_ref(), value.as_ref()) }
    }

    /// Not sent earlier than this.
    pub fn not_before(self, at: SystemTime) -> Self {
        self.set("notBefore", fields::millis_up(at))
    }

    /// No attempt starts later than this.
    pub fn expires_at(self, at: SystemTime) -> Self {
        self.set("expiresAt", fields::millis_down(at))
    }

    /// The W3C trace context that its deliveries belong to.
    pub fn trace_parent(self, trace_parent: impl AsRef<str>) -> Self {
        self.set("traceparent", trace_parent.as_ref())
    }

    /// The fields of its stream entry.
    pub fn fields(&self) -> &[Field] {
        &self.fields.0
    }

    fn set(self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        Self { fields: self.fields.set(name, value) }
    }
}

impl AsRef<[Field]> for Event {
    fn as_ref(&self) -> &[Field] {
        self.fields()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Event")?;
        self.fields.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn every_setter_writes_its_field() {
        let at = |micros| UNIX_EPOCH + Duration::from_micros(micros);
        let event = Event::new("u", "note")
            .content(r#"{"a":1}"#)
            .id("i")
            .created_at(at(1_001))
            .header("X-A", "1")
            .not_before(at(2_001))
            .expires_at(at(9_999))
            .trace_parent("t");
        let expected = "userId=u type=note content={\"a\":1} id=i createdAt=1 header:X-A=1 notBefore=3 expiresAt=9 traceparent=t";
        assert_eq!(event.fields.shown(), expected);
    }

    #[test]
    fn debug_shows_no_value() {
        let event = Event::new("canary", "note").content("canary").header("X-Key", "canary");
        assert_eq!(format!("{event:?}"), r#"Event["userId", "type", "content", "header:X-Key"]"#);
    }
}
