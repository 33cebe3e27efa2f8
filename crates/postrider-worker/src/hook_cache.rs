//! Registered hooks, remembered for a second: a change of a record holds for attempts that start a second later.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use postrider_core::hook::Hook;
use postrider_store::fault::StoreError;
use postrider_store::hooks;
use postrider_store::link::Link;

/// How old a record may be when a request starts (contract section 5).
const MAX_AGE: Duration = Duration::from_secs(1);

/// Records that are remembered; beyond it, the outdated ones are dropped.
const MAX_RECORDS: usize = 10_000;

/// A record as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Its bytes, for replacing it.
    pub(crate) json: Arc<[u8]>,
    /// What they say; none where they can't be used.
    pub(crate) hook: Option<Arc<Hook>>,
}

type Key = (Box<str>, Box<str>);

/// The cache, and the link that fills it.
#[derive(Debug)]
pub(crate) struct HookCache {
    records: Mutex<HashMap<Key, (Option<Record>, Instant)>>,
    link: tokio::sync::Mutex<Link>,
}

impl HookCache {
    pub(crate) fn new(link: Link) -> Self {
        Self { records: Mutex::default(), link: tokio::sync::Mutex::new(link) }
    }

    /// The record of a hook, at most a second old; `None` where it isn't registered.
    pub(crate) async fn get(&self, user_id: &str, hook_id: &str) -> Result<Option<Record>, StoreError> {
        let key: Key = (user_id.into(), hook_id.into());
        if let Some(record) = self.remembered(&key) {
            return Ok(record);
        }
        let mut link = self.link.lock().await;
        // Someone may have asked while this one waited for the link.
        if let Some(record) = self.remembered(&key) {
            return Ok(record);
        }
        let asked = Instant::now();
        let json = hooks::read_record(&mut link, user_id, hook_id).await?;
        let record = json.map(|json| Record { hook: Hook::parse(&json).map(Arc::new), json: json.into() });
        self.remember(key, record.clone(), asked);
        Ok(record)
    }

    /// Switches a hook off, unless its owner has changed it since `record` was read.
    pub(crate) async fn switch_off(
        &self,
        user_id: &str,
        hook_id: &str,
        record: &Record,
    ) -> Result<bool, StoreError> {
        let Some(off) = Hook::switched_off(&record.json) else { return Ok(false) };
        let mut link = self.link.lock().await;
        let replaced = hooks::replace_record(&mut link, user_id, hook_id, &record.json, &off).await?;
        self.records().remove(&(user_id.into(), hook_id.into()));
        Ok(replaced)
    }

    /// The link, for other questions that come before a request.
    pub(crate) async fn link(&self) -> tokio::sync::MutexGuard<'_, Link> {
        self.link.lock().await
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
