//! A healthy destination that gets jobs all the time, and how long each was on its way.

use std::sync::{self, Arc, PoisonError};
use std::time::{Duration, Instant};

use postrider_tests::world::{World, xadd};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinSet;
use tokio::time::interval;

/// Time between two of its jobs.
const EVERY: Duration = Duration::from_millis(10);

/// Its path on the world's receiver; the number of the job follows.
const PATH: &str = "/neighbour/";

/// The least number of jobs that say something.
const MIN_JOBS: usize = 50;

/// Held by the one that measures: beside another crowd of hostile receivers it would measure the machine.
static MEASURING: Mutex<()> = Mutex::const_new(());

/// A healthy destination under a steady load; it ends with its value.
pub(super) struct Neighbour {
    /// When each job was added.
    added: Arc<sync::Mutex<Vec<Instant>>>,
    _adding: JoinSet<()>,
    _measuring: MutexGuard<'static, ()>,
}

impl Neighbour {
    /// Starts, and returns when its first jobs have arrived.
    pub(super) async fn start(world: &World) -> Self {
        let measuring = MEASURING.lock().await;
        let added = Arc::default();
        let (mut connection, queue) = (world.connection().await, world.queue().to_owned());
        let (url, log) = (world.receiver.url(PATH), Arc::clone(&added));
        let mut adding = JoinSet::new();
        adding.spawn(async move {
            let mut ticks = interval(EVERY);
            loop {
                ticks.tick().await;
                let number = note(&log);
                let to = format!("{url}{number}");
                let job = [("to", to.as_str()), ("type", "note"), ("content", "{}")];
                let _: String =
                    xadd(&queue, "*", &job).query_async(&mut connection).await.expect("XADD is accepted");
            }
        });
        world.receiver.wait_for(10).await;
        Self { added, _adding: adding, _measuring: measuring }
    }

    /// Waits until what was added so far has arrived, and checks how long 99 of 100 took.
    pub(super) async fn check(&self, world: &World, most: Duration) {
        let added = self.added.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut waits = self.waits(world, &added).await;
        waits.sort_unstable();
        let (p99, count) = (waits[waits.len() * 99 / 100], waits.len());
        assert!(count >= MIN_JOBS, "{count} jobs say nothing");
        assert!(
            p99 <= most,
            "of {count} jobs for a healthy receiver, one in a hundred took {p99:?} or longer"
        );
    }

    async fn waits(&self, world: &World, added: &[Instant]) -> Vec<Duration> {
        world
            .until("the healthy receiver has got its jobs", Duration::from_secs(10), || async {
                let requests = world.receiver.requests();
                let waits: Vec<Duration> = requests
                    .iter()
                    .filter_map(|request| {
                        let number: usize = request.path().strip_prefix(PATH)?.parse().ok()?;
                        Some(request.at.saturating_duration_since(*added.get(number)?))
                    })
                    .collect();
                if waits.len() >= added.len() { Ok(waits) } else { Err(waits.len()) }
            })
            .await
    }
}

/// Notes a job, and gives its number.
fn note(added: &sync::Mutex<Vec<Instant>>) -> usize {
    let mut added = added.lock().unwrap_or_else(PoisonError::into_inner);
    added.push(Instant::now());
    added.len() - 1
}
