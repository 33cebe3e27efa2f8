//! Registered hooks, remembered for a second: a change of a record holds for attempts that start a second later.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use postrider_core::fault::Fault;
use postrider_core::hook::Hook;
use postrider_store::fault::{FaultClass, StoreError};
use postrider_store::link::{Link, SharedLink};
use postrider_store::{events, hooks};

/// How old a record may be when a request starts (contract section 5).
const MAX_AGE: Duration = Duration::from_secs(1);

/// Records that are remembered; beyond it, the outdated ones are dropped.
const MAX_RECORDS: usize = 10_000;

/// A record as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Its bytes, for replacing it.
    pub(crate) json: Arc<[u8]>,
    /// What they say, or why they can't be used.
    pub(crate) hook: Result<Arc<Hook>, Fault>,
}

type Key = (Box<str>, Box<str>);

/// The hooks of one owner, as they were read at a moment.
type Owned = (Arc<[(Box<str>, Hook)]>, Instant);

/// The cache, and the link that fills it.
#[derive(Debug)]
pub(crate) struct HookCache {
    records: Mutex<HashMap<Key, (Option<Record>, Instant)>>,
    owners: Mutex<HashMap<Box<str>, Owned>>,
    link: SharedLink,
}

impl HookCache {
    pub(crate) fn new(link: SharedLink) -> Self {
        Self { records: Mutex::default(), owners: Mutex::default(), link }
    }

    /// The record of a hook, at most a second old; `None` where it isn't registered.
    pub(crate) async fn get(&self, user_id: &str, hook_id: &str) -> Result<Option<Record>, StoreError> {
        let key: Key = (user_id.into(), hook_id.into());
        match self.remembered(&key) {
            Some(record) => Ok(record),
            // Boxed, since it is seldom and every job under way would have to hold its room.
            None => Box::pin(self.read(key)).await,
        }
    }

    /// The same, but an answer that the hook isn't registered is never a remembered one: it would bury a job of a hook that
    /// was registered just now.
    pub(crate) async fn get_or_look_again(
        &self,
        user_id: &str,
        hook_id: &str,
    ) -> Result<Option<Record>, StoreError> {
        match self.get(user_id, hook_id).await? {
            None => Box::pin(self.read((user_id.into(), hook_id.into()))).await,
            record => Ok(record),
        }
    }

    async fn read(&self, key: Key) -> Result<Option<Record>, StoreError> {
        let mut link = self.link.link().await;
        let asked = Instant::now();
        let json = readable(hooks::read_record(&mut link, &key.0, &key.1).await)?;
        let record = json.map(|json| Record { hook: Hook::parse(&json).map(Arc::new), json: json.into() });
        self.remember(key, record.clone(), asked);
        Ok(record)
    }

    /// Ids of the owner's active hooks that asked for events of this type, or for all; at most a second old.
    pub(crate) async fn asking_for(
        &self,
        user_id: &str,
        event_type: &str,
    ) -> Result<Vec<Box<str>>, StoreError> {
        let hooks = self.hooks_of(user_id).await?;
        Ok(hooks
            .iter()
            .filter(|(_, hook)| hook.active && hook.on.includes(event_type))
            .map(|(id, _)| id.clone())
            .collect())
    }

    async fn hooks_of(&self, user_id: &str) -> Result<Arc<[(Box<str>, Hook)]>, StoreError> {
        if let Some((hooks, _)) = self.owners().get(user_id).filter(|(_, asked)| asked.elapsed() < MAX_AGE) {
            return Ok(hooks.clone());
        }
        let mut link = self.link.link().await;
        let asked = Instant::now();
        let records = readable(events::hooks_of(&mut link, user_id).await.map(Some))?.unwrap_or_default();
        // A record that can't be read counts like a hook that isn't registered.
        let read = |(id, json): (Vec<u8>, Vec<u8>)| {
            Some((String::from_utf8(id).ok()?.into(), Hook::parse(&json).ok()?))
        };
        let hooks: Arc<[_]> = records.into_iter().filter_map(read).collect();
        let mut owners = self.owners();
        if owners.len() >= MAX_RECORDS {
            owners.retain(|_, (_, asked)| asked.elapsed() < MAX_AGE);
        }
        if owners.len() < MAX_RECORDS {
            owners.insert(user_id.into(), (hooks.clone(), asked));
        }
        Ok(hooks)
    }

    fn owners(&self) -> MutexGuard<'_, HashMap<Box<str>, Owned>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Switches a hook off, unless its owner has changed it since `record` was read.
    pub(crate) async fn switch_off(
        &self,
        user_id: &str,
        hook_id: &str,
        record: &Record,
        reason: &str,
    ) -> Result<bool, StoreError> {
        let Some(off) = Hook::switched_off(&record.json, reason) else { return Ok(false) };
        let mut link = self.link.link().await;
        let replaced = hooks::replace_record(&mut link, user_id, hook_id, &record.json, &off).await?;
        self.records().remove(&(user_id.into(), hook_id.into()));
        Ok(replaced)
    }

    /// Switches a hook off as it is now; `false` where it is off already, gone, or was changed at this very moment.
    pub(crate) async fn disable(
        &self,
        user_id: &str,
        hook_id: &str,
        reason: &str,
    ) -> Result<bool, StoreError> {
        match self.get(user_id, hook_id).await? {
            Some(record) if record.hook.as_ref().is_ok_and(|hook| hook.active) => {
                self.switch_off(user_id, hook_id, &record, reason).await
            }
            _ => Ok(false),
        }
    }

    /// A link over the same connection, for other questions that come before a request.
    pub(crate) async fn link(&self) -> Link {
        self.link.link().await
    }

    fn remembered(&self, key: &Key) -> Option<Option<Record>> {
        let records = self.records();
        let (record, asked) = records.get(key)?;
        (asked.elapsed() < MAX_AGE).then(|| record.clone())
    }

    fn remember(&self, key: Key, record: Option<Record>, asked: Instant) {
        let mut records = self.records();
        if records.len() >= MAX_RECORDS {
            records.retain(|_, (_, asked)| asked.elapsed() < MAX_AGE);
        }
        if records.len() < MAX_RECORDS {
            records.insert(key, (record, asked));
        }
    }

    fn records(&self) -> MutexGuard<'_, HashMap<Key, (Option<Record>, Instant)>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A key of another type holds no records that anyone could read.
fn readable<T>(read: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Err(error) if error.class() == FaultClass::WrongType => Ok(None),
        read => read,
    }
}
