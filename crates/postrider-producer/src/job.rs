//! A job as its producer writes it: the fields of one stream entry. Checks nothing; that is [`crate::rules`].

use std::fmt;
use std::time::{Duration, SystemTime};

use postrider_core::job::Field;
use postrider_core::profile::Profile;
use postrider_core::time::whole_millis_up;

use crate::fields::{self, Fields};

/// One event for one hook. Each setter replaces what was set before, except [`header`](Self::header). `Debug` shows the
/// fields' names only, since URLs, secrets and events are nobody else's.
#[derive(Clone, PartialEq, Eq)]
pub struct Job {
    fields: Fields,
}

impl Job {
    /// A job for this URL, an absolute `http` or `https` one.
    pub fn to(url: impl AsRef<str>) -> Self {
        Self { fields: Fields::default().set("to", url.as_ref()) }
    }

    /// A job for a registered hook: its URL, secret, profile and limits are looked up when the job is sent.
    pub fn for_hook(user_id: impl AsRef<str>, hook_id: impl AsRef<str>) -> Self {
        let fields = Fields::default().set("userId", user_id.as_ref()).set("hookId", hook_id.as_ref());
        Self { fields }
    }

    /// A job of any fields in any order, names and values as they stand in the stream.
    pub fn from_fields(fields: Vec<Field>) -> Self {
        Self { fields: Fields(fields) }
    }

    /// The event's type, 1 to 128 visible ASCII characters. Needed, except for profile `raw`.
    pub fn event_type(self, event_type: impl AsRef<str>) -> Self {
        self.set("type", event_type.as_ref())
    }

    /// The event: JSON, sent byte for byte as it is here; any bytes for profile `raw`.
    pub fn content(self, content: impl Into<Vec<u8>>) -> Self {
        self.set("content", content)
    }

    /// The hook's id, for a job that has a URL of its own: it is told to the receiver, and the registered hook of this
    /// id, where there is one, lends what the job doesn't say.
    pub fn hook_id(self, hook_id: impl AsRef<str>) -> Self {
        self.set("hookId", hook_id.as_ref())
    }

    /// The hook's owner.
    pub fn user_id(self, user_id: impl AsRef<str>) -> Self {
        self.set("userId", user_id.as_ref())
    }

    /// The secret shared with the receiver, in place of the registered hook's.
    pub fn secret(self, secret: impl AsRef<str>) -> Self {
        self.set("secret", secret.as_ref())
    }

    /// What receivers de-duplicate by, 1 to 128 visible ASCII characters without `.`. With one of your own, a job that
    /// was added twice is one event to them.
    pub fn event_id(self, event_id: impl AsRef<str>) -> Self {
        self.set("eventId", event_id.as_ref())
    }

    /// When the event happened; by default, when the job was added.
    pub fn created_at(self, at: SystemTime) -> Self {
        self.set("createdAt", fields::millis_down(at))
    }

    /// The job's id, unique while the job is alive; by default that of its stream entry.
    pub fn id(self, id: impl AsRef<str>) -> Self {
        self.set("id", id.as_ref())
    }

    /// How the request looks; by default as the registered hook says, else the worker.
    pub fn profile(self, profile: Profile) -> Self {
        self.set("profile", profile.as_str())
    }

    /// The request's `Content-Type`, for profile `raw`; by default `application/json`.
    pub fn content_type(self, content_type: impl AsRef<str>) -> Self {
        self.set("contentType", content_type.as_ref())
    }

    /// One more request header. A name given twice makes the job unsound.
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        Self { fields: self.fields.add_header(name.as_ref(), value.as_ref()) }
    }

    /// Attempts in all, 1 to 100.
    pub fn max_attempts(self, attempts: u32) -> Self {
        self.set("maxAttempts", attempts.to_string())
    }

    /// Limit of one whole attempt, 100 ms to 120 s.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.set("timeoutMs", whole_millis_up(timeout).to_string())
    }

    /// Not sent earlier than this.
    pub fn not_before(self, at: SystemTime) -> Self {
        self.set("notBefore", fields::millis_up(at))
    }

    /// No attempt starts later than this.
    pub fn expires_at(self, at: SystemTime) -> Self {
        self.set("expiresAt", fields::millis_down(at))
    }

    /// The W3C trace context that the delivery belongs to.
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

impl AsRef<[Field]> for Job {
    fn as_ref(&self) -> &[Field] {
        self.fields()
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Job")?;
        self.fields.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn every_setter_writes_its_field() {
        let at = |micros| UNIX_EPOCH + Duration::from_micros(micros);
        let job = Job::to("https://hooks.example/in")
            .event_type("note")
            .content(r#"{"a":1}"#)
            .hook_id("h")
            .user_id("u")
            .secret("s")
            .event_id("e")
            .created_at(at(1_001))
            .id("i")
            .profile(Profile::Raw)
            .content_type("text/plain")
            .header("X-A", "1")
            .max_attempts(3)
            .timeout(Duration::from_secs(5))
            .not_before(at(2_001))
            .expires_at(at(9_999))
            .trace_parent("t");
        let expected = "to=https://hooks.example/in type=note content={\"a\":1} hookId=h userId=u secret=s eventId=e \
                        createdAt=1 id=i profile=raw contentType=text/plain header:X-A=1 maxAttempts=3 timeoutMs=5000 \
                        notBefore=3 expiresAt=9 traceparent=t";
        assert_eq!(job.fields.shown(), expected);
    }

    #[test]
    fn the_last_value_counts() {
        assert_eq!(Job::for_hook("u", "h").user_id("v").fields.shown(), "hookId=h userId=v");
    }

    #[test]
    fn debug_shows_no_value() {
        let job = Job::to("https://canary.example/").secret("canary").header("X-Key", "canary");
        assert_eq!(format!("{job:?}"), r#"Job["to", "secret", "header:X-Key"]"#);
    }
}
