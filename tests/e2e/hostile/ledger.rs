//! The records of attempts as they appear, by job. Owns one connection that follows them; never judges.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use postrider_tests::world::World;
use tokio::sync::watch;
use tokio::time::sleep;

/// Between two looks at the records: short beside any time that is measured.
const PAUSE: Duration = Duration::from_millis(10);

/// A record, as its fields.
pub(super) type Record = HashMap<String, String>;

/// What is known of all jobs so far.
#[derive(Default)]
pub(super) struct Ledger {
    jobs: Mutex<HashMap<String, Vec<Seen>>>,
    looks: watch::Sender<()>,
}

/// A record, and when it was seen.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) record: Record,
    pub(super) at: Instant,
}

impl Ledger {
    /// Follows the records of a world; never ends by itself.
    pub(super) async fn follow(&self, world: &World) {
        let mut connection = world.connection().await;
        let (key, mut last) = (world.key("attempts"), "-".to_owned());
        loop {
            let mut range = redis::cmd("XRANGE");
            range.arg(&key).arg(&last).arg("+");
            let found: Vec<(String, Vec<(String, redis::Value)>)> =
                range.query_async(&mut connection).await.expect("records can be read");
            if let Some((id, _)) = found.last() {
                last = format!("({id}");
            }
            self.note(found.into_iter().map(|(_, fields)| fields.into_iter().map(in_text).collect()));
            sleep(PAUSE).await;
        }
    }

    /// The records of a job, once `is_over` says that there are enough; those that there are when the time is over.
    pub(super) async fn wait(
        &self,
        job: &str,
        timeout: Duration,
        is_over: impl Fn(&[Seen]) -> bool,
    ) -> Vec<Seen> {
        let mut looks = self.looks.subscribe();
        let until_over = async { while !is_over(&self.of(job)) && looks.changed().await.is_ok() {} };
        let _ = tokio::time::timeout(timeout, until_over).await;
        self.of(job)
    }

    /// The records of a job so far.
    pub(super) fn of(&self, job: &str) -> Vec<Seen> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.get(job).cloned().unwrap_or_default()
    }

    fn note(&self, records: impl Iterator<Item = Record>) {
        let at = Instant::now();
        {
            let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
            for record in records {
                jobs.entry(record["job"].clone()).or_default().push(Seen { record, at });
            }
        }
        self.looks.send_replace(());
    }
}

fn in_text((name, value): (String, redis::Value)) -> (String, String) {
    let text = match value {
        redis::Value::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        other => format!("{other:?}"),
    };
    (name, text)
}
