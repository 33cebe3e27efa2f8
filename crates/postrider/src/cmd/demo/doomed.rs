//! The worker that is killed half-way: when, with how much in its hands, and when another has taken that over. What
//! it held is asked of Redis, which alone knows it after the kill.

use std::time::Duration;

use postrider_store::fault::StoreError;
use tokio::time::Instant;

use super::account::{Line, Tone, seconds};
use super::stage::Stage;

/// It is killed when it holds so many jobs, or else when its time is up.
const MIN_HELD: usize = 6;

/// What a killed process has sent before its death, Redis has read after this.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// The last worker of the stage, and how far its story is.
#[derive(Debug)]
pub(crate) struct Doomed {
    consumer: String,
    fate: Fate,
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Works,
    Killed { since: Instant, held: usize },
    TakenOver { jobs: usize },
}

/// How urgently it is to be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hour {
    /// Not at all.
    NotYet,
    /// As soon as it has enough in its hands.
    WhenBusy,
    /// Now.
    Now,
}

impl Doomed {
    /// The last worker of the stage.
    pub(crate) fn on(stage: &Stage) -> Self {
        let consumer = stage.workers.last().map_or_else(String::new, |worker| worker.consumer.clone());
        Self { consumer, fate: Fate::Works }
    }

    /// Whether it is dead and its jobs are still its own.
    pub(crate) fn leaves_jobs(&self) -> bool {
        matches!(self.fate, Fate::Killed { .. })
    }

    /// Jobs that were taken over from it.
    pub(crate) fn taken_over(&self) -> usize {
        match self.fate {
            Fate::TakenOver { jobs } => jobs,
            Fate::Works | Fate::Killed { .. } => 0,
        }
    }

    /// Goes on with its story where it is time, and tells what happened.
    pub(crate) async fn advance(&mut self, stage: &mut Stage, hour: Hour) -> Result<Vec<Line>, StoreError> {
        if hour == Hour::NotYet && !self.leaves_jobs() {
            return Ok(Vec::new());
        }
        let held = self.held(stage).await?;
        match self.fate {
            Fate::Works if hour == Hour::Now || held.is_some_and(|held| held >= MIN_HELD) => {
                self.kill(stage).await
            }
            Fate::Killed { since, held: jobs } if held.is_none() => Ok(self.note_taking_over(since, jobs)),
            _ => Ok(Vec::new()),
        }
    }

    /// Jobs that it holds; `None` where the queue knows it no more.
    async fn held(&self, stage: &mut Stage) -> Result<Option<usize>, StoreError> {
        let consumers = stage.queue.consumers(&mut stage.link).await?;
        let found = consumers.iter().find(|consumer| *consumer.name == *self.consumer);
        Ok(found.map(|consumer| consumer.pending))
    }

    async fn kill(&mut self, stage: &mut Stage) -> Result<Vec<Line>, StoreError> {
        // Dropping it is SIGKILL.
        drop(stage.workers.pop());
        let since = Instant::now();
        tokio::time::sleep(LAST_WORDS).await;
        let held = self.held(stage).await?.unwrap_or(0);
        self.fate = Fate::Killed { since, held };
        Ok(vec![
            Line::new(Tone::Bad, format!("worker B is killed (SIGKILL) with {held} jobs in its hands")),
            Line::new(Tone::Plain, "worker A goes on alone; B counts as dead after 5 s without a heartbeat"),
        ])
    }

    fn note_taking_over(&mut self, since: Instant, jobs: usize) -> Vec<Line> {
        self.fate = Fate::TakenOver { jobs };
        let after = seconds(since.elapsed());
        vec![Line::new(
            Tone::Good,
            format!("worker A took over the {jobs} jobs {after} after the kill and resends them"),
        )]
    }
}
