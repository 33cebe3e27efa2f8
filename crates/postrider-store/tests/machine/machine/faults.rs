//! What goes wrong with Redis, by accident or by hand.

use postrider_store::keys::GROUP;

use super::{Machine, Told};
use crate::ledger::{all_places, token_of};
use crate::look::{QUEUES, look};
use crate::state::{Record, World};
use crate::steps::{Fault, JOBS, WORKERS};

/// The satellites that may be of another type for a while.
const SATELLITES: [&str; 5] = ["retry", "retry:jobs", "dead", "held", "attempts"];

impl Machine {
    pub(super) async fn fail(&mut self, fault: Fault) -> Told {
        match fault {
            Fault::FlushScripts => {
                self.ask::<String>(&["SCRIPT", "FLUSH"]).await;
                self.load_substitute().await;
            }
            Fault::DestroyGroup { queue } => {
                let _ = self.try_ask::<usize>(&["XGROUP", "DESTROY", QUEUES[queue], GROUP]).await;
                self.state(queue).group = None;
            }
            Fault::Rewind { queue } => self.set_position(queue, "0").await,
            Fault::SkipUnread { queue } => self.set_position(queue, "$").await,
            Fault::RemoveConsumer { queue, worker } => {
                let remove = ["XGROUP", "DELCONSUMER", QUEUES[queue], GROUP, WORKERS[worker]];
                let _ = self.try_ask::<usize>(&remove).await;
                self.state(queue).remove_consumer(WORKERS[worker]);
            }
            Fault::DeleteStream { queue } => self.delete_stream(queue).await,
            Fault::DeleteEntry { queue, pick } => self.delete_entry(queue, pick).await,
            Fault::Break { satellite } => self.break_satellite(SATELLITES[satellite]).await,
            Fault::Mend => self.mend().await,
            Fault::DamageRecord { pick } => self.damage_record(pick).await,
            Fault::FillMemory | Fault::FreeMemory => {
                self.is_full = matches!(fault, Fault::FillMemory);
                self.set_limit(self.is_full).await;
            }
            Fault::FlushAll => self.flush_all().await,
        }
        Told::new((), ())
    }

    /// Has Redis refuse to take more, or not.
    pub(super) async fn set_limit(&mut self, is_full: bool) {
        let limit = if is_full { "1" } else { "0" };
        self.ask::<String>(&["CONFIG", "SET", "maxmemory", limit]).await;
    }

    async fn set_position(&mut self, queue: usize, position: &str) {
        if self.state(queue).group.is_none() {
            return;
        }
        self.ask::<String>(&["XGROUP", "SETID", QUEUES[queue], GROUP, position]).await;
        let last = look(&mut self.raw).await.world.queues[queue].group.as_ref().map(|group| group.last);
        if let (Some(group), Some(last)) = (&mut self.state(queue).group, last) {
            group.last = last;
        }
    }

    async fn delete_stream(&mut self, queue: usize) {
        self.ask::<usize>(&["DEL", QUEUES[queue]]).await;
        let state = self.state(queue);
        (state.exists, state.group) = (false, None);
        for entry in std::mem::take(&mut state.entries) {
            self.ledger.ends(&token_of(&entry.fields));
        }
    }

    async fn delete_entry(&mut self, queue: usize, pick: usize) {
        let entries = &self.model.queues[queue].entries;
        let Some(entry) = entries.get(pick % entries.len().max(1)).cloned() else { return };
        self.ask::<usize>(&["XDEL", QUEUES[queue], &entry.id.to_string()]).await;
        self.ledger.ends(&token_of(&entry.fields));
        self.state(queue).entries.retain(|other| other.id != entry.id);
    }

    /// Puts a satellite aside and a text in its place.
    async fn break_satellite(&mut self, name: &str) {
        if !self.state(JOBS).broken.insert(name.to_owned()) {
            return;
        }
        self.set_limit(false).await;
        let key = format!("{{q}}:{name}");
        let _ = self.try_ask::<String>(&["RENAME", &key, &format!("saved:{key}")]).await;
        self.ask::<String>(&["SET", &key, "not what it should be"]).await;
        self.set_limit(self.is_full).await;
    }

    async fn mend(&mut self) {
        for name in std::mem::take(&mut self.state(JOBS).broken) {
            let key = format!("{{q}}:{name}");
            self.ask::<usize>(&["DEL", &key]).await;
            let _ = self.try_ask::<String>(&["RENAME", &format!("saved:{key}"), &key]).await;
        }
    }

    async fn damage_record(&mut self, pick: usize) {
        let state = self.state(JOBS);
        let Some((job, record)) =
            state.records.iter_mut().nth(pick).filter(|_| !state.broken.contains("retry:jobs"))
        else {
            return;
        };
        let (job, was) = (job.clone(), std::mem::replace(record, Record::Unreadable("0 odd".into())));
        if let Record::Job { fields, .. } = was {
            self.ledger.ends(&token_of(&fields));
        }
        self.set_limit(false).await;
        self.ask::<usize>(&["HSET", "{q}:retry:jobs", &job, "0 odd"]).await;
        self.set_limit(self.is_full).await;
    }

    async fn flush_all(&mut self) {
        self.ask::<String>(&["FLUSHALL"]).await;
        for (token, _) in all_places(&self.model) {
            self.ledger.ends(&token);
        }
        self.model = World::default();
    }
}
