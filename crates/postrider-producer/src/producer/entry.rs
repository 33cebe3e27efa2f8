//! What jobs and events have in common when they are added, and what differs.

use postrider_core::entry_id::EntryId;
use postrider_core::fault::Fault;
use postrider_core::job::{Field, Job as CheckedJob};
use postrider_core::queue_name::QueueName;

use super::{Added, AddedEvent, Producer};
use crate::event::Event;
use crate::fields::Fields;
use crate::job::Job;
use crate::rules::Rules;

/// What differs between adding a job and adding an event.
pub(super) trait Entry {
    /// What is known of it once it is in its stream.
    type Added;

    fn stream<'a>(&self, producer: &'a Producer) -> &'a QueueName;
    fn fields(&self) -> &[Field];
    fn check(&self, rules: &mut Rules) -> Result<CheckedJob, Fault>;
    fn added(&self, producer: &Producer, checked: CheckedJob, entry: EntryId) -> Self::Added;
}

impl Entry for Job {
    type Added = Added;

    fn stream<'a>(&self, producer: &'a Producer) -> &'a QueueName {
        producer.streams.queue_of(self.fields())
    }

    fn fields(&self) -> &[Field] {
        self.fields()
    }

    fn check(&self, rules: &mut Rules) -> Result<CheckedJob, Fault> {
        rules.check(self)
    }

    fn added(&self, producer: &Producer, checked: CheckedJob, entry: EntryId) -> Added {
        let (id, queue) = (own_id(self.fields(), checked.id, entry), self.stream(producer).clone());
        let default_event_id = || format!("{id}{}", queue.event_id_suffix()).into();
        let gives_event_id = Fields::has(self.fields(), "eventId");
        let event_id = if gives_event_id { checked.event_id } else { default_event_id() };
        Added { id, event_id, entry, queue }
    }
}

impl Entry for Event {
    type Added = AddedEvent;

    fn stream<'a>(&self, producer: &'a Producer) -> &'a QueueName {
        producer.streams.events_of(self.fields())
    }

    fn fields(&self) -> &[Field] {
        self.fields()
    }

    fn check(&self, rules: &mut Rules) -> Result<CheckedJob, Fault> {
        rules.check_event(self)
    }

    fn added(&self, producer: &Producer, checked: CheckedJob, entry: EntryId) -> AddedEvent {
        let stream = self.stream(producer).clone();
        AddedEvent { id: own_id(self.fields(), checked.id, entry), entry, stream }
    }
}

/// The id now that the entry has one: that of the fields, else the entry's.
fn own_id(fields: &[Field], checked: Box<str>, entry: EntryId) -> Box<str> {
    if Fields::has(fields, "id") { checked } else { entry.to_string().into() }
}
