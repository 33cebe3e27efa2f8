//! Which stream a job or an event is added to: the one that was named, or that of its shard.

use postrider_core::job::Field;
use postrider_core::queue_name::QueueName;
use postrider_core::shard::{MAX_SHARDS, shard_events, shard_of, shard_queue};

/// The queues and the streams of events of a producer.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    /// One for each shard; a queue without shards is the only one.
    queues: Vec<QueueName>,
    events: Vec<QueueName>,
}

impl Streams {
    /// One queue, one stream of events.
    pub(crate) fn named(queue: QueueName, events: QueueName) -> Self {
        Self { queues: vec![queue], events: vec![events] }
    }

    /// Those of so many shards, 1 to [`MAX_SHARDS`].
    pub(crate) fn sharded(shards: u16) -> Self {
        let shards = 0..shards.clamp(1, MAX_SHARDS);
        Self { queues: shards.clone().map(shard_queue).collect(), events: shards.map(shard_events).collect() }
    }

    /// The queue of a job.
    pub(crate) fn queue_of(&self, fields: &[Field]) -> &QueueName {
        at_shard(&self.queues, fields)
    }

    /// The stream of an event.
    pub(crate) fn events_of(&self, fields: &[Field]) -> &QueueName {
        at_shard(&self.events, fields)
    }

    /// Any queue: what depends on its name is the same for all.
    pub(crate) fn any_queue(&self) -> &QueueName {
        &self.queues[0]
    }
}

fn at_shard<'a>(streams: &'a [QueueName], fields: &[Field]) -> &'a QueueName {
    if streams.len() == 1 {
        return &streams[0];
    }
    let value = |wanted: &str| {
        let found = fields.iter().find(|(name, _)| name == wanted.as_bytes());
        found.map_or(&[][..], |(_, value)| value)
    };
    let shards = u16::try_from(streams.len()).unwrap_or(MAX_SHARDS);
    &streams[usize::from(shard_of(value("userId"), value("hookId"), value("to"), shards))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, Job};

    #[test]
    fn jobs_and_events_of_one_owner_share_a_shard() {
        let streams = Streams::sharded(8);
        for user in 0..40 {
            let user = format!("u{user}");
            let job = Job::to("https://hooks.example").hook_id("h").user_id(&*user);
            let event = Event::new(&*user, "note");
            let shard = shard_of(user.as_bytes(), b"", b"", 8);
            assert_eq!(*streams.queue_of(job.fields()), shard_queue(shard));
            assert_eq!(*streams.events_of(event.fields()), shard_events(shard));
        }
    }

    #[test]
    fn the_number_of_shards_is_bounded() {
        assert_eq!(*Streams::sharded(0).any_queue(), shard_queue(0));
        assert_eq!(Streams::sharded(u16::MAX).queues.len(), usize::from(MAX_SHARDS));
    }
}
