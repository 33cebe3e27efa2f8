//! Is this Redis fit to hold jobs, and is everything in it where it belongs? Facts are gathered by reading alone; what they
//! mean is decided by pure functions; what is faulty is mended only by [`mend`].
//!
//! - [`server`]: the server, [`judge_server`]: what that means; [`rights`]: what its user may do; [`slots`]: the cluster.
//! - [`queue`]: a queue, [`workers`]: who serves it, [`judge_queue`]: what that means; [`walks`]: leftovers, page by page.
//! - [`streams`]: streams that look like queues and that nobody serves; [`registry`]: records of hooks.
//! - [`finding`]: what is told. [`asking`]: questions that may be refused.

mod asking;
pub mod finding;
mod judge_queue;
mod judge_server;
mod mend;
mod queue;
mod registry;
mod rights;
mod server;
mod slots;
mod streams;
mod walks;
mod workers;

use std::time::Duration;

use postrider_core::queue_name::QueueName;

use self::asking::{Asking, Refusal};
use self::finding::{Code, Finding};
use crate::fault::StoreError;
use crate::link::Link;

pub use self::judge_server::{is_unfit, judge_server};
pub use self::mend::{Mended, mend};
pub use self::server::{ServerFacts, server_facts};

/// What is to be examined.
#[derive(Clone, Debug)]
pub struct Patient {
    /// The queues that workers with these settings serve.
    pub queues: Vec<QueueName>,
    /// The stream of events and the queue that their jobs go to.
    pub events: Option<(QueueName, QueueName)>,
    /// `redis.allow_eviction`.
    pub allow_eviction: bool,
    /// `worker.dead_after`.
    pub dead_after: Duration,
}

impl Patient {
    /// Every stream that is served.
    fn streams(&self) -> impl Iterator<Item = &QueueName> {
        self.queues.iter().chain(self.events.as_ref().map(|(stream, _)| stream))
    }
}

/// Examines Redis and all that is kept there, and changes nothing. An error means that Redis couldn't be asked; what its user
/// may not ask for is a finding.
pub async fn examine(link: &mut Link, patient: &Patient) -> Result<Vec<Finding>, StoreError> {
    let mut asking = Asking::new(link);
    let server = server::examine(&mut asking).await?;
    let mut findings = judge_server(&server, patient.allow_eviction);
    findings.extend(rights::examine(&mut asking, patient).await?);
    findings.extend(slots::examine(&mut asking, &server, patient).await?);
    for queue in patient.streams() {
        let facts = queue::examine(&mut asking, queue, patient.dead_after).await?;
        findings.extend(judge_queue::judge_queue(&facts));
    }
    findings.extend(streams::examine(&mut asking, patient).await?);
    findings.extend(registry::examine(&mut asking).await?);
    findings.extend(asking.refused().into_iter().map(refused));
    Ok(findings)
}

fn refused(refusal: Refusal) -> Finding {
    let line = refusal.line;
    if refusal.is_for_now {
        return Finding::error(Code::Refuses, line).remedy(
            "mend what Redis names; workers keep their results and go on by themselves once it answers",
        );
    }
    Finding::note(Code::NotExamined, format!("not examined: {line}"))
        .remedy("run doctor as a user that may ask for it, as that of deploy/redis/admin.acl")
}
