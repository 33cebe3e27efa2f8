//! One event, from its start to its jobs: one for each active hook of its owner that asked for its type.

use postrider_core::queue_name::QueueName;
use postrider_store::events::{Event, FannedOut};
use postrider_store::fault::StoreError;
use postrider_store::settlement::{Destination, Settlement};

use crate::deliver::patience::unless_abandoned;
use crate::deliver::{Stop, count_start};
use crate::destination::Answer;
use crate::dispatcher::Ticket;
use crate::engine::{Engine, Lease, settlement};
use crate::health::Part;
use crate::pace::Backoff;
use crate::traces;

/// Fans one event out. Its settlement, where it has one left to be written, is that of an event that is no one's.
pub(crate) async fn fan_out(
    engine: &Engine,
    ticket: &mut Ticket<Lease>,
    deliveries: &QueueName,
) -> Result<(Settlement, Answer), Stop> {
    count_start(engine, ticket).await?;
    let ticket = &*ticket;
    let job = &ticket.job.job;
    let mut backoff = Backoff::default();
    loop {
        // A worker that may have lost the event to another must not read hooks for it; the script looks once more.
        if engine.may_start() {
            match unless_abandoned(engine, &ticket.job, attempt(engine, ticket, deliveries)).await? {
                Ok(Some(FannedOut::Jobs(jobs))) => {
                    engine.works(Part::Hooks);
                    engine.metrics.fanned_out(jobs);
                    traces::tell_of_fan_out(engine, &ticket.job, ticket.id.entry);
                    return Err(Stop::Ended);
                }
                Ok(Some(FannedOut::Refused | FannedOut::Gone)) => return Err(Stop::Ended),
                Ok(None) => {
                    let ended = settlement(ticket.id.entry, job, Destination::Discarded);
                    return Ok((ended, Answer::None));
                }
                // Redis without memory refuses new jobs: the event waits.
                Err(error) => engine.failed(Part::Hooks, &error),
            }
        }
        unless_abandoned(engine, &ticket.job, backoff.pause()).await?;
    }
}

/// `None`: no hook has asked for it.
async fn attempt(
    engine: &Engine,
    ticket: &Ticket<Lease>,
    deliveries: &QueueName,
) -> Result<Option<FannedOut>, StoreError> {
    let job = &ticket.job.job;
    // An event has both: `Job::parse` sees to it.
    let (owner, event_type) =
        (job.user_id.as_deref().unwrap_or_default(), job.event_type.as_deref().unwrap_or_default());
    let hooks = engine.hooks.asking_for(owner, event_type).await?;
    if hooks.is_empty() {
        return Ok(None);
    }
    let event = Event { entry: ticket.id.entry, id: &job.id, created_at: job.created_at };
    let mut link = engine.hooks.link().await;
    engine.queue.fan_out(&mut link, deliveries, event, &hooks).await.map(Some)
}
