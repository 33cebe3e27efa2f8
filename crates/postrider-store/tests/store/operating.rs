//! What operators do with attempts, waiting jobs and dead letters.

mod letters;
mod life;
mod many;
mod retries;

use std::time::Duration;

use postrider_core::entry_id::EntryId;
use postrider_core::verdict::DeadReason;
use postrider_store::dead::{self, Fate, Letter, Moved};
use postrider_store::jobs::{self, Reach, Whereabouts};
use postrider_store::keys::QueueKeys;
use postrider_store::settlement::{Destination, Made};

use crate::bench_of_one::{Bench, retry};

const LATER: Duration = Duration::from_secs(3600);

fn keys() -> QueueKeys {
    QueueKeys::new(&postrider_core::queue_name::QueueName::parse("q").unwrap())
}

fn died_of(reason: DeadReason) -> Destination {
    Destination::Dead { reason, made: Made::default(), error: "a sentence".to_owned() }
}

fn of_hook(hook: &str) -> [(&str, &str); 4] {
    [("to", "https://x.example/secret-path"), ("userId", "u"), ("hookId", hook), ("content", "{}")]
}

impl Bench {
    async fn buried(&mut self, hook: &str, job: &str, reason: DeadReason) {
        let entry = self.add(&of_hook(hook)).await;
        self.read("a", 10).await;
        self.settle("a", entry, job, died_of(reason)).await;
    }

    async fn waits(&mut self, hook: &str, job: &str) -> EntryId {
        let entry = self.add(&of_hook(hook)).await;
        self.read("a", 10).await;
        self.settle("a", entry, job, retry(LATER)).await;
        entry
    }

    /// Adds a dead letter by hand, with these fields; its entry.
    async fn letter_by_hand(&self, fields: &[&str]) -> EntryId {
        let id: String = self.ask(&[&["XADD", "{q}:dead", "*"], fields].concat()).await;
        EntryId::parse(id.as_bytes()).unwrap()
    }

    async fn letter(&mut self, job: &str) -> Option<Letter> {
        dead::find(&mut self.link, &keys(), job, 1_000).await.unwrap()
    }

    async fn moved(&mut self, fate: Fate, letters: &[EntryId]) -> Moved {
        dead::move_letters(&mut self.link, &keys(), fate, letters).await.unwrap()
    }

    async fn find(&mut self, job: &str) -> Whereabouts {
        jobs::find(&mut self.link, &keys(), job, Reach::NEAR).await.unwrap()
    }
}
