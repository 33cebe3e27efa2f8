//! The job that a producer put into the stream (contract section 1): checked once in [`Job::parse`], trusted afterwards.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;

use crate::endpoint::{Endpoint, EndpointCache};
use crate::entry_id::EntryId;
use crate::fault::Fault;
use crate::headers::{ExtraHeaders, header_text};
use crate::job_state::{JobState, STATE_FIELD};
use crate::json;
use crate::profile::Profile;
use crate::secret::Secret;
use crate::time::{Timestamp, parse_whole};
use crate::trace::TraceParent;

/// Most fields that an entry may have (contract section 1).
pub const MAX_FIELDS: usize = 1000;

/// Longest id, type and the like, in bytes.
pub const MAX_NAME_BYTES: usize = 128;

/// A field of an entry as Redis gives it: name and value, any bytes.
pub type Field = (Vec<u8>, Vec<u8>);

/// Longest id of an event: with `:` and a hook's id behind it, it is the id of a job (contract section 4).
pub const MAX_EVENT_ID_BYTES: usize = 63;

/// What the entries of a stream are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Jobs, each for one destination (contract section 1).
    Job,
    /// Events: jobs whose hooks are found when they are fanned out (contract section 4).
    Event,
}

/// What reading an entry needs beside the entry.
#[derive(Debug)]
pub struct ParseContext {
    /// What the stream holds.
    pub kind: EntryKind,
    /// `queue.max_job_bytes`.
    pub max_job_bytes: usize,
    /// [`crate::queue_name::QueueName::event_id_suffix`] of the queue.
    pub event_id_suffix: Box<str>,
    /// URLs that were parsed before.
    pub endpoints: EndpointCache,
}

/// What a job has beyond its event: the hook's id, its own id twice, the time, and their names.
const MORE_THAN_ITS_EVENT: usize = 512;

impl ParseContext {
    /// Largest entry: an event leaves room for what its jobs have beside it, lest it become jobs that are too large.
    fn max_bytes(&self) -> usize {
        match self.kind {
            EntryKind::Job => self.max_job_bytes,
            EntryKind::Event => self.max_job_bytes.saturating_sub(MORE_THAN_ITS_EVENT),
        }
    }
}

/// One event for one hook, with everything that its producer may set.
#[derive(Clone, Debug)]
pub struct Job {
    /// Unique while the job is alive.
    pub id: Box<str>,
    /// Where to send it; the registered hook's URL where absent.
    pub to: Option<Endpoint>,
    /// The event's type.
    pub event_type: Option<Box<str>>,
    /// The event, sent byte for byte.
    pub content: Bytes,
    /// The hook that it is for.
    pub hook_id: Option<Box<str>>,
    /// The hook's owner.
    pub user_id: Option<Box<str>>,
    /// Overrides the registered hook's secrets.
    pub secret: Option<Secret>,
    /// What receivers de-duplicate by.
    pub event_id: Box<str>,
    /// When the event happened.
    pub created_at: Timestamp,
    /// How the request looks.
    pub profile: Option<Profile>,
    /// `Content-Type` for `raw`.
    pub content_type: Option<HeaderValue>,
    /// Request headers beyond the profile's.
    pub headers: ExtraHeaders,
    /// Attempts in all, 1 to 100.
    pub max_attempts: Option<u32>,
    /// Limit of one whole attempt, 100 ms to 120 s.
    pub timeout: Option<Duration>,
    /// Not sent earlier.
    pub not_before: Option<Timestamp>,
    /// No attempt starts later.
    pub expires_at: Option<Timestamp>,
    /// The producer's trace, where it is well-formed.
    pub trace_parent: Option<TraceParent>,
    /// What earlier workers noted.
    pub state: JobState,
    /// Sum of the bytes of its names and values.
    pub size: usize,
}

/// An entry that can't become a job: it is buried as `invalid`.
#[derive(Clone, Debug)]
pub struct InvalidJob {
    /// Its own id where that is sound, else the id of its first entry.
    pub id: Box<str>,
    /// What earlier workers noted.
    pub state: JobState,
    /// What is wrong, naming the field.
    pub fault: Fault,
}

/// Sum of the bytes of all names and values.
pub fn entry_size(fields: &[Field]) -> usize {
    fields.iter().map(|(name, value)| name.len() + value.len()).sum()
}

impl Job {
    /// Reads an entry by the rules of contract section 1. What depends on the profile (is `content` JSON, is there
    /// a `type`) is checked by [`crate::delivery::Delivery::assemble`], since the profile may be the hook's.
    pub fn parse(entry: EntryId, fields: Vec<Field>, context: &mut ParseContext) -> Result<Self, InvalidJob> {
        let state = match find(&fields, STATE_FIELD).map(JobState::parse) {
            None => Ok(JobState::default()),
            Some(Some(state)) => Ok(state),
            Some(None) => {
                Err(Fault::of_field(STATE_FIELD, "is the workers' own and can't be read: leave it out"))
            }
        };
        let known = *state.as_ref().unwrap_or(&JobState::default());
        let first = known.first_entry.unwrap_or(entry);
        let own_id = find(&fields, b"id").filter(|id| is_job_id(id)).map(lossy);
        let id = own_id.unwrap_or_else(|| first.to_string().into());
        let invalid = |fault| InvalidJob { id: id.clone(), state: known, fault };

        let state = state.map_err(invalid)?;
        let size = check_entry(&fields, context.max_bytes()).map_err(invalid)?;
        let mut job = Self {
            event_id: format!("{id}{}", context.event_id_suffix).into(),
            id: id.clone(),
            to: None,
            event_type: None,
            content: Bytes::new(),
            hook_id: None,
            user_id: None,
            secret: None,
            created_at: first.time(),
            profile: None,
            content_type: None,
            headers: ExtraHeaders::new(),
            max_attempts: None,
            timeout: None,
            not_before: None,
            expires_at: None,
            trace_parent: None,
            state: JobState { first_entry: Some(first), ..state },
            size,
        };
        let mut has_content = false;
        for (name, value) in fields {
            has_content |= name == b"content";
            if context.kind == EntryKind::Job || is_field_of_events(&name) {
                job.take_field(&name, value, &mut context.endpoints).map_err(invalid)?;
            }
        }
        if !has_content {
            return Err(invalid(Fault::of_field(b"content", "is missing: it holds the event")));
        }
        let complete = match context.kind {
            EntryKind::Job => job.check_destination(),
            EntryKind::Event => job.check_event(),
        };
        complete.map_err(invalid)?;
        Ok(job)
    }

    fn take_field(
        &mut self,
        name: &[u8],
        value: Vec<u8>,
        endpoints: &mut EndpointCache,
    ) -> Result<(), Fault> {
        let fault = |rule: &str| Fault::of_field(name, rule);
        match name {
            b"to" => self.to = Some(endpoints.get(&value).map_err(fault)?),
            b"type" => self.event_type = Some(visible(&value).ok_or_else(|| fault(VISIBLE))?),
            b"content" => self.content = Bytes::from(value),
            b"hookId" => self.hook_id = Some(visible(&value).ok_or_else(|| fault(VISIBLE))?),
            b"userId" => self.user_id = Some(visible(&value).ok_or_else(|| fault(VISIBLE))?),
            b"secret" => self.secret = Some(Secret::parse(&value).ok_or_else(|| fault(SECRET))?),
            b"eventId" => {
                let id = visible(&value).filter(|id| !id.contains('.'));
                self.event_id =
                    id.ok_or_else(|| fault("must be 1 to 128 visible ASCII characters without '.'"))?;
            }
            b"createdAt" => self.created_at = time(&value).ok_or_else(|| fault(TIME))?,
            b"id" if !is_job_id(&value) => return Err(fault("must be 1 to 128 of A-Z a-z 0-9 _ : -")),
            b"profile" => {
                let profile = Profile::parse(&value);
                self.profile =
                    Some(profile.ok_or_else(|| fault("must be misskey, standard, cloudevents or raw"))?);
            }
            b"contentType" => {
                self.content_type = Some(header_text(&value).ok_or_else(|| fault(HEADER_TEXT))?);
            }
            b"maxAttempts" => {
                let attempts = whole_within(&value, 1, 100);
                self.max_attempts =
                    Some(attempts.ok_or_else(|| fault("must be a whole number from 1 to 100"))? as u32);
            }
            b"timeoutMs" => {
                let millis = whole_within(&value, 100, 120_000);
                let millis = millis.ok_or_else(|| fault("must be a whole number from 100 to 120000"))?;
                self.timeout = Some(Duration::from_millis(millis));
            }
            b"notBefore" => self.not_before = Some(time(&value).ok_or_else(|| fault(TIME))?),
            b"expiresAt" => self.expires_at = Some(time(&value).ok_or_else(|| fault(TIME))?),
            b"traceparent" => self.trace_parent = TraceParent::parse(&value),
            _ => {
                if let Some(header) = name.strip_prefix(b"header:") {
                    self.headers.add(header, &value).map_err(fault)?;
                }
            }
        }
        Ok(())
    }

    fn check_destination(&self) -> Result<(), Fault> {
        if self.to.is_some() {
            return Ok(());
        }
        match (&self.hook_id, &self.user_id) {
            (Some(_), Some(_)) => Ok(()),
            (Some(_), None) => {
                Err(Fault::of_field(b"userId", "is missing: a job without 'to' needs its hook's owner"))
            }
            (None, _) => Err(Fault::of_field(
                b"to",
                "is missing: give an http(s) URL, or 'hookId' and 'userId' of a registered hook",
            )),
        }
    }

    /// What an event needs beside its content.
    fn check_event(&self) -> Result<(), Fault> {
        if self.user_id.is_none() {
            return Err(Fault::of_field(
                b"userId",
                "is missing: an event needs the owner whose hooks it is for",
            ));
        }
        if self.event_type.is_none() {
            return Err(Fault::of_field(b"type", "is missing: hooks ask for types of events"));
        }
        if self.id.len() > MAX_EVENT_ID_BYTES {
            return Err(Fault::of_field(b"id", "of an event must be 1 to 63 of A-Z a-z 0-9 _ : -"));
        }
        json::validate(&self.content)
            .map_err(|problem| Fault::of_field(b"content", format_args!("must be one JSON value: {problem}")))
    }

    /// The hook that it names wholly: user id and hook id.
    pub fn hook_key(&self) -> Option<(&str, &str)> {
        Some((self.user_id.as_deref()?, self.hook_id.as_deref()?))
    }

    /// Number of the attempt that comes next: 1, 2, …
    pub fn next_attempt(&self) -> u32 {
        self.state.attempts.saturating_add(1)
    }
}

const VISIBLE: &str = "must be 1 to 128 visible ASCII characters";
const SECRET: &str = "must be visible ASCII, with spaces inside only, at most 1024 bytes";
const TIME: &str = "must be epoch milliseconds, a whole number from 0 to 253402300799999";
const HEADER_TEXT: &str = "must be visible ASCII with spaces and tabs inside";

/// Fields that an event may have; its jobs inherit them. Any other is unknown there.
pub fn is_field_of_events(name: &[u8]) -> bool {
    let fields: [&[u8]; 8] =
        [b"userId", b"type", b"content", b"id", b"createdAt", b"notBefore", b"expiresAt", b"traceparent"];
    fields.contains(&name) || name.starts_with(b"header:")
}

fn find<'a>(fields: &'a [Field], wanted: &[u8]) -> Option<&'a [u8]> {
    fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_slice())
}

fn lossy(text: &[u8]) -> Box<str> {
    String::from_utf8_lossy(text).into()
}

fn time(value: &[u8]) -> Option<Timestamp> {
    Timestamp::parse(value)
}

fn whole_within(value: &[u8], least: u64, most: u64) -> Option<u64> {
    parse_whole(value).filter(|number| (least..=most).contains(number))
}

fn visible(value: &[u8]) -> Option<Box<str>> {
    let fits = (1..=MAX_NAME_BYTES).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic);
    fits.then(|| lossy(value))
}

/// Whether a job may bear this id: 1 to 128 of `A-Z a-z 0-9 _ : -`.
pub fn is_job_id(value: &[u8]) -> bool {
    (1..=MAX_NAME_BYTES).contains(&value.len())
        && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_:-".contains(byte))
}

/// The rules that concern the entry as a whole; gives its size.
fn check_entry(fields: &[Field], max_job_bytes: usize) -> Result<usize, Fault> {
    if fields.len() > MAX_FIELDS {
        return Err(Fault::of_entry(format!(
            "the entry has {} fields; at most {MAX_FIELDS} are accepted",
            fields.len()
        )));
    }
    let size = entry_size(fields);
    if size > max_job_bytes {
        return Err(Fault::of_entry(format!(
            "the entry has {size} bytes; queue.max_job_bytes accepts at most {max_job_bytes}"
        )));
    }
    match duplicate_name(fields) {
        Some(name) => Err(Fault::of_field(name, "is given twice")),
        None => Ok(size),
    }
}

/// Up to this many fields, comparing each with each is cheaper than hashing.
const FEW_FIELDS: usize = 16;

fn duplicate_name(fields: &[Field]) -> Option<&[u8]> {
    // The workers' own names (`_…`) are dropped anyway, but two `_job` would be two truths.
    let mut names = fields.iter().map(|(name, _)| name.as_slice()).filter(|name| counts_as_given(name));
    if fields.len() <= FEW_FIELDS {
        let mut earlier: Vec<&[u8]> = Vec::with_capacity(fields.len());
        return names.find(|name| {
            let twice = earlier.contains(name);
            earlier.push(name);
            twice
        });
    }
    let mut earlier = HashSet::with_capacity(fields.len());
    names.find(|name| !earlier.insert(*name))
}

fn counts_as_given(name: &[u8]) -> bool {
    !name.starts_with(b"_") || name == STATE_FIELD
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn context() -> ParseContext {
        ParseContext {
            kind: EntryKind::Job,
            max_job_bytes: 1 << 20,
            event_id_suffix: "".into(),
            endpoints: EndpointCache::default(),
        }
    }

    fn parse(fields: &[(&str, &str)]) -> Result<Job, InvalidJob> {
        let fields = fields
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
            .collect();
        Job::parse(EntryId { millis: 1_764_324_000_123, sequence: 4 }, fields, &mut context())
    }

    const GOOD: [(&str, &str); 3] = [("to", "https://hooks.example/in"), ("type", "note"), ("content", "{}")];

    #[track_caller]
    fn check_fault(extra: &[(&str, &str)], sentence_starts: &str) {
        let fault = parse(&[&GOOD[..], extra].concat()).unwrap_err().fault;
        assert!(fault.sentence().starts_with(sentence_starts), "{fault}");
    }

    #[test]
    fn the_first_entry_gives_id_event_id_and_time() {
        let job = parse(&GOOD).unwrap();
        assert_eq!((&*job.id, &*job.event_id), ("1764324000123-4", "1764324000123-4"));
        assert_eq!(job.created_at, Timestamp::from_millis(1_764_324_000_123));
        let again = parse(&[&GOOD[..], &[("_job", "1 first=7-1 attempts=2")]].concat()).unwrap();
        assert_eq!((&*again.id, again.created_at.as_millis(), again.next_attempt()), ("7-1", 7, 3));
    }

    #[test]
    fn own_names_beside_the_state_are_dropped() {
        let job =
            parse(&[&GOOD[..], &[("_attempts", "99"), ("_reason", "a"), ("_reason", "b")]].concat()).unwrap();
        assert_eq!(job.next_attempt(), 1);
    }

    #[test]
    fn faults_name_their_field() {
        check_fault(&[("content", "[]")], "field 'content' is given twice");
        check_fault(&[("tenant", "a"), ("tenant", "b")], "field 'tenant' is given twice");
        check_fault(&[("_job", "x")], "field '_job' is the workers' own");
        check_fault(&[("timeoutMs", "99")], "field 'timeoutMs' must be a whole number from 100 to 120000");
        check_fault(&[("header:Host", "x")], "field 'header:Host'");
        let many: Vec<(String, String)> = (0..1000).map(|n| (format!("x{n}"), String::new())).collect();
        let many: Vec<(&str, &str)> =
            many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        check_fault(&many, "the entry has 1003 fields");
        check_fault(&[("junk", &"j".repeat(1 << 20))], "the entry has 1048623 bytes");
    }

    #[test]
    fn a_fault_never_holds_the_value() {
        let invalid = parse(&[&GOOD[..], &[("secret", "canary-4711\r\n")]].concat()).unwrap_err();
        assert!(!invalid.fault.sentence().contains("4711"), "{}", invalid.fault);
    }

    #[test]
    fn a_job_without_a_url_needs_a_whole_hook() {
        let event = [("type", "note"), ("content", "{}")];
        let fault =
            |extra: &[(&str, &str)]| parse(&[&event[..], extra].concat()).unwrap_err().fault.to_string();
        assert!(fault(&[]).starts_with("field 'to' is missing"));
        assert!(fault(&[("userId", "u")]).starts_with("field 'to' is missing"));
        assert!(fault(&[("hookId", "h")]).starts_with("field 'userId' is missing"));
        assert!(parse(&[&event[..], &[("hookId", "h"), ("userId", "u")]].concat()).is_ok());
    }

    #[test]
    fn an_event_needs_owner_type_and_json_and_nothing_else_of_a_job() {
        let parse = |fields: &[(&str, &str)]| {
            let fields =
                fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
            let mut context = ParseContext { kind: EntryKind::Event, ..context() };
            Job::parse(EntryId { millis: 7, sequence: 1 }, fields.collect(), &mut context)
        };
        let event =
            [("userId", "u"), ("type", "note"), ("content", "{}"), ("to", "not a url"), ("header:X-A", "1")];
        let read = parse(&event).unwrap();
        assert!(read.to.is_none() && read.headers.iter().count() == 1 && &*read.id == "7-1");
        let fault = |fields: &[(&str, &str)]| parse(fields).unwrap_err().fault.to_string();
        assert!(fault(&event[1..]).starts_with("field 'userId' is missing"));
        assert!(fault(&[event[0], event[2]]).starts_with("field 'type' is missing"));
        assert!(fault(&event[..2]).starts_with("field 'content' is missing"));
        assert!(
            fault(&[event[0], event[1], ("content", "x")])
                .starts_with("field 'content' must be one JSON value")
        );
        assert!(
            fault(&[&event[..], &[("id", &"i".repeat(64))]].concat()).starts_with("field 'id' of an event")
        );
    }

    #[test]
    fn an_invalid_job_keeps_a_sound_id() {
        let with_id = parse(&[("id", "mine"), ("content", "{}")]).unwrap_err();
        assert_eq!(&*with_id.id, "mine");
        assert_eq!(&*parse(&[("id", "a b")]).unwrap_err().id, "1764324000123-4");
    }

    const KNOWN: [&[u8]; 21] = [
        b"to",
        b"type",
        b"content",
        b"hookId",
        b"userId",
        b"secret",
        b"eventId",
        b"createdAt",
        b"id",
        b"profile",
        b"contentType",
        b"maxAttempts",
        b"timeoutMs",
        b"notBefore",
        b"expiresAt",
        b"traceparent",
        b"header:X-A",
        b"header:",
        b"_job",
        b"_reason",
        b"",
    ];

    fn any_field() -> impl Strategy<Value = Field> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..40);
        let known = prop::sample::select(KNOWN.to_vec()).prop_map(<[u8]>::to_vec);
        let header = bytes().prop_map(|name| [b"header:", &name[..]].concat());
        let likely = prop::sample::select(GOOD.to_vec()).prop_map(|(_, value)| value.as_bytes().to_vec());
        let number = any::<u64>().prop_map(|number| number.to_string().into_bytes());
        (prop_oneof![6 => known, 1 => header, 1 => bytes()], prop_oneof![bytes(), likely, number])
    }

    proptest! {
        #[test]
        fn nothing_panics_for_any_entry(
            fields in prop::collection::vec(any_field(), 0..24),
            millis in any::<u64>(),
            sequence in any::<u64>(),
        ) {
            let entry = EntryId { millis, sequence };
            if let Err(invalid) = Job::parse(entry, fields.clone(), &mut context()) {
                prop_assert!(is_job_id(invalid.id.as_bytes()));
                prop_assert!(!invalid.fault.sentence().chars().any(char::is_control));
            }
            let sound = GOOD.map(|(name, value)| (name.into(), value.into()));
            let _ = Job::parse(entry, [&sound[..], &fields].concat(), &mut context());
        }
    }
}
