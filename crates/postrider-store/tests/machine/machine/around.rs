//! Workers that come and go, those who look on, and the registry of hooks.

use postrider_core::hook::record::HookRecord;
use postrider_store::fault::FaultClass;
use postrider_store::hooks::{self, UpdateError};
use postrider_store::notices::{Observed, note_health};
use postrider_store::presence;

use super::{Machine, Told, class};
use crate::state::Text;
use crate::steps::{JOBS, Step, WORKERS};

const OWNER: &str = "u";

/// Fewer than there are ids, so that the limit is met.
const MAX_HOOKS: usize = 2;

/// Failures in a row that are told.
const TOLD_FROM: u32 = 3;

impl Machine {
    pub(super) async fn around(&mut self, step: &Step) -> Told {
        match *step {
            Step::Beat { queue, worker } => self.beat(queue, worker).await,
            Step::SignOff { queue, worker } => {
                let actual = class(self.queue(queue, worker).sign_off(&mut self.link).await);
                Told::new(Ok::<_, FaultClass>(self.state(queue).sign_off(WORKERS[worker])), actual)
            }
            Step::EnsureGroup { queue } => {
                let actual = class(self.queue(queue, 0).ensure_group(&mut self.link).await);
                Told::new(Ok::<_, FaultClass>(self.state(queue).ensure_group()), actual)
            }
            Step::Survey { queue, worker } => self.survey(queue, worker).await,
            _ => self.register(step).await,
        }
    }

    async fn beat(&mut self, queue: usize, worker: usize) -> Told {
        let keys = self.queue(queue, worker).keys().clone();
        let beat = class(presence::beat(&mut self.link, &keys, WORKERS[worker], "{}").await);
        let next_due = beat.as_ref().ok().map(|beat| beat.next_due).filter(|_| queue == JOBS);
        self.state(queue).beat(WORKERS[worker]);
        Told { next_due, ..Told::new(Ok::<_, FaultClass>(false), beat.map(|beat| beat.paused)) }
    }

    /// The counts, the consumers and the own leases, as they are told to those who look on.
    async fn survey(&mut self, queue: usize, worker: usize) -> Told {
        let seen = self.queue(queue, worker);
        let sample = class(seen.sample(&mut self.link).await)
            .map(|sample| [sample.ready, sample.leased, sample.waiting, sample.dead, sample.workers]);
        let consumers = seen.consumers(&mut self.link).await.ok();
        let consumers = consumers
            .map(|all| all.into_iter().map(|one| (one.name.into_string(), one.pending)).collect::<Vec<_>>());
        let own = seen.own_pending(&mut self.link, 1000).await.ok();
        let state = self.state(queue);
        let is_broken = state.is_broken("retry") || state.is_broken("dead");
        let pending = state.group.as_ref().map_or(0, |group| group.pending.len());
        let counts = [
            state.entries.len().saturating_sub(pending),
            pending,
            state.retry.len(),
            state.dead.len(),
            state.seen.len(),
        ];
        let counts = counts.map(|count| count as u64);
        let counts = if is_broken { Err(FaultClass::WrongType) } else { Ok(counts) };
        // Without a group there are none.
        let names = state.group.iter().flat_map(|group| group.consumers.iter().cloned());
        let listed: Vec<_> = names.map(|name| (name.clone(), state.pending_of(&name).len())).collect();
        let leases = state.group.is_some().then(|| state.pending_of(WORKERS[worker]));
        Told::new((counts, Some(listed), leases), (sample, consumers, own))
    }

    async fn register(&mut self, step: &Step) -> Told {
        match *step {
            Step::CreateHook { hook, version } => self.create_hook(hook, version).await,
            Step::ReplaceHook { hook, from, to } => {
                let (id, from, to) = (hook_id(hook), record_of(hook, from, true), record_of(hook, to, true));
                let replaced =
                    hooks::replace_record(&mut self.link, OWNER, &id, from.as_bytes(), to.as_bytes()).await;
                let expected = self.model.hooks.replace(&id, &from, &to);
                Told::new(Ok::<_, FaultClass>(expected), class(replaced))
            }
            Step::SwitchHook { hook, active } => self.switch_hook(hook, active).await,
            Step::DeleteHook { hook } => {
                let deleted = class(hooks::delete(&mut self.link, OWNER, &hook_id(hook)).await);
                Told::new(Ok::<_, FaultClass>(self.model.hooks.delete(&hook_id(hook))), deleted)
            }
            Step::NoteHealth { hook, succeeded, failures } => {
                self.note_health(&hook_id(hook), succeeded, failures).await
            }
            _ => unreachable!("the other steps are done elsewhere: {step:?}"),
        }
    }

    async fn create_hook(&mut self, hook: usize, version: u8) -> Told {
        let (id, text) = (hook_id(hook), record_of(hook, version, true));
        let record = HookRecord::parse(text.as_bytes()).expect("the record is a JSON object");
        let created = class(hooks::create(&mut self.link, OWNER, &id, &record, MAX_HOOKS).await);
        if self.is_full {
            return Told::new(Err::<hooks::Created, _>(FaultClass::OutOfMemory), created);
        }
        Told::new(Ok::<_, FaultClass>(self.model.hooks.create(&id, &text, MAX_HOOKS)), created)
    }

    async fn switch_hook(&mut self, hook: usize, active: bool) -> Told {
        let id = hook_id(hook);
        let switched = |record: &[u8]| {
            let text = String::from_utf8_lossy(record).into_owned();
            text.replace(&format!("\"active\":{}", !active), &format!("\"active\":{active}"))
        };
        let updated = hooks::update(&mut self.link, OWNER, &id, |record| {
            Ok(HookRecord::parse(switched(&record.to_json()).as_bytes()).expect("it is a JSON object still"))
        })
        .await;
        let actual = match updated {
            Ok(record) => Some(Text(record.to_json())),
            Err(UpdateError::Unknown) => None,
            Err(error) => panic!("nobody else edits hooks: {error}"),
        };
        let record = self.model.hooks.records.get_mut(&id);
        let expected = record.map(|record| {
            *record = switched(&record.0).into();
            record.clone()
        });
        Told::new(expected, actual)
    }

    async fn note_health(&mut self, hook: &str, succeeded: bool, failures: u32) -> Told {
        let latest = format!("{{\"n\":{failures}}}");
        let observed = Observed { latest: latest.clone(), succeeded, failures };
        let noted = class(note_health(&mut self.link, OWNER, hook, &observed, TOLD_FROM).await);
        let expected =
            self.model.hooks.note(hook, latest.into(), (succeeded, failures), u64::from(TOLD_FROM));
        Told::new(Ok::<_, FaultClass>(expected), noted.map(|health| (health.change, health.failures)))
    }
}

fn hook_id(hook: usize) -> String {
    format!("h{hook}")
}

fn record_of(hook: usize, version: u8, active: bool) -> String {
    format!(
        "{{\"id\":\"h{hook}\",\"userId\":\"u\",\"name\":\"v{version}\",\"on\":[],\"url\":\"https://x.example/\",\"secret\":\"\",\"active\":{active}}}"
    )
}
