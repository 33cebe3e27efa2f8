//! A producer that goes on through failovers, and what must have become of its jobs.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use postrider_producer::{AddError, Job, Producer, ProducerOptions};
use postrider_tests::receiver::Receiver;
use postrider_tests::receiver::request::Request;
use postrider_tests::wait::{PATIENCE, until};
use tokio::task::JoinHandle;

/// Pause between two jobs of one producer.
const PAUSE: Duration = Duration::from_millis(5);

/// How long a worker may take to go on once a new primary answers.
pub(super) const GOES_ON_WITHIN: Duration = Duration::from_secs(2);

/// A result whose writing a failover may have undone was written so shortly before.
const MAX_UNDONE: Duration = Duration::from_secs(1);

/// Jobs that keep coming until it is ended.
pub(super) struct Load {
    accepted: Arc<Mutex<HashSet<String>>>,
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Asks a replica for a receipt of each job: what Redis loses at a failover is what no replica has.
pub(super) fn replicated() -> ProducerOptions {
    ProducerOptions::default().replicated(1, Duration::from_millis(500))
}

impl Load {
    /// One stream of jobs for each producer; job n goes to `to(n)`.
    pub(super) fn start(
        producers: Vec<Producer>,
        job: impl Fn(usize) -> Job + Clone + Send + 'static,
    ) -> Self {
        let (accepted, stop) = (Arc::<Mutex<HashSet<String>>>::default(), Arc::<AtomicBool>::default());
        let add = |(number, producer): (usize, Producer)| {
            let (accepted, stop, job) = (accepted.clone(), stop.clone(), job.clone());
            tokio::spawn(async move {
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    n += 1;
                    let id = format!("p{number}-{n}");
                    match producer.add(&job(n).id(&*id).event_id(&*id)).await {
                        Ok(_) => drop(accepted.lock().unwrap().insert(id)),
                        Err(AddError::Invalid(fault)) => panic!("{}", fault.sentence()),
                        // Refused, lost or not replicated: nothing is promised.
                        Err(AddError::Redis(_)) => {}
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            })
        };
        let tasks = producers.into_iter().enumerate().map(add).collect();
        Self { accepted, stop, tasks }
    }

    /// How many jobs were accepted so far.
    pub(super) fn accepted(&self) -> usize {
        self.accepted.lock().unwrap().len()
    }

    /// Waits for so many jobs more.
    pub(super) async fn runs(&self, more: usize) {
        let goal = self.accepted() + more;
        let enough = || async { if self.accepted() >= goal { Ok(()) } else { Err(self.accepted()) } };
        until(&format!("{goal} jobs are accepted"), PATIENCE, enough).await;
    }

    /// Ends it, and waits until every accepted job has arrived.
    pub(super) async fn all_arrive(self, receiver: &Receiver) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        let accepted = std::mem::take(&mut *self.accepted.lock().unwrap());
        until("every accepted job has arrived", PATIENCE, || async {
            let seen: HashSet<_> = receiver.requests().iter().filter_map(Request::event_id).collect();
            let missing: Vec<_> = accepted.difference(&seen).take(5).collect();
            if missing.is_empty() { Ok(()) } else { Err(format!("missing: {missing:?}")) }
        })
        .await;
        accepted.len()
    }
}

/// Requests arrive again within [`GOES_ON_WITHIN`] of now, which is when a new primary answers.
pub(super) async fn goes_on(receiver: &Receiver) {
    let (before, answers) = (receiver.count(), Instant::now());
    receiver.wait_for(before + 1).await;
    assert!(answers.elapsed() < GOES_ON_WITHIN, "{:?}", answers.elapsed());
}

/// What was sent twice had first arrived while a failover was under way, or so shortly before one that its note was lost.
pub(super) fn only_touched_jobs_came_twice(receiver: &Receiver, failovers: &[(Instant, Instant)]) {
    let mut first: HashMap<String, Instant> = HashMap::new();
    for request in receiver.requests() {
        let Some(id) = request.event_id() else { continue };
        let Some(earlier) = first.get(&id) else {
            first.insert(id, request.at);
            continue;
        };
        let touched = |(start, end): &(Instant, Instant)| {
            *earlier + MAX_UNDONE > *start && *earlier < *end + GOES_ON_WITHIN
        };
        assert!(failovers.iter().any(touched), "{id} came twice without a reason");
    }
}
