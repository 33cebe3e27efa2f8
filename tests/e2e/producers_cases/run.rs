//! Puts cases into the stream, waits, and gathers what became of them. Never judges.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use postrider_tests::cases::{Case, Context, EntryCase, HookSetup};
use postrider_tests::receiver::request::Request;
use postrider_tests::world::{Fields, World, xadd};

use super::judge;

/// How long a group may take from its first entry to its last outcome.
const MAX_GROUP: Duration = Duration::from_secs(15);

/// An entry that is in the stream.
pub(super) struct Added<'a> {
    pub(super) case: &'a Case,
    pub(super) entry: &'a EntryCase,
    /// Its place in its case.
    pub(super) number: usize,
    /// Its bytes.
    pub(super) fields: Fields,
    /// Its id in the stream.
    pub(super) id: String,
    /// When it was added.
    pub(super) at: Instant,
}

/// What is to be seen from outside at one moment.
pub(super) struct Seen {
    pub(super) requests: Vec<Request>,
    pub(super) dead: Vec<Fields>,
    pub(super) waiting: Vec<(String, f64)>,
    pub(super) in_stream: BTreeSet<String>,
}

/// Runs cases group by group, the entries of a group at once, and tells what is not as it should be.
pub(super) async fn in_groups(world: &World, cases: &[Case]) -> Vec<String> {
    let groups: BTreeSet<&str> = cases.iter().map(|case| case.group.as_str()).collect();
    let (mut all, mut failures) = (Vec::new(), Vec::new());
    for group in groups {
        let mut added = Vec::new();
        for case in cases.iter().filter(|case| case.group == group) {
            set_up(world, case).await;
            added.extend(add(world, case).await);
        }
        failures.extend(failures_of(world, &added).await);
        all.extend(added);
    }
    failures.extend(judge::stray_letters(&all, &look(world).await));
    failures
}

/// Looks until all is as it should be; what isn't when the time is over.
async fn failures_of(world: &World, added: &[Added<'_>]) -> Vec<String> {
    let deadline = Instant::now() + MAX_GROUP;
    // Looking costs the machine more than the worker's work: it begins when the stream is empty.
    while world.length().await > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    loop {
        let failures = judge::failures(added, &look(world).await);
        if failures.is_empty() || Instant::now() > deadline {
            return failures;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn look(world: &World) -> Seen {
    let in_stream = world.entries(world.queue()).await.into_iter().map(|(id, _)| id).collect();
    let dead = world.entries(&world.key("dead")).await.into_iter().map(|(_, fields)| fields).collect();
    Seen { requests: world.receiver.requests(), dead, waiting: world.waiting().await, in_stream }
}

async fn set_up(world: &World, case: &Case) {
    for hook in &case.setup.hooks {
        if hook.wrong_type {
            let key = format!("postrider:hooks:{{{}}}", hook.user_id);
            let () = world.query(redis::cmd("SET").arg(key).arg("a string")).await;
        } else {
            world.register(&hook.user_id, &hook.hook_id, &record(world, case, hook)).await;
        }
    }
}

fn record(world: &World, case: &Case, hook: &HookSetup) -> Vec<u8> {
    let Some(mut json) = hook.json.clone() else { return hook.raw.clone().unwrap_or_default().into_bytes() };
    if let Some(status) = json.pointer("/url/receiver").and_then(serde_json::Value::as_u64) {
        json["url"] = url(world, status, case, "hook").into();
    }
    json.to_string().into_bytes()
}

async fn add<'a>(world: &World, case: &'a Case) -> Vec<Added<'a>> {
    let mut connection = world.connection().await;
    let mut added = Vec::new();
    for (number, entry) in case.entries.iter().enumerate() {
        let receiver = |status: u16| url(world, status.into(), case, &number.to_string());
        let fields = entry.fields.resolve(&Context { receiver: &receiver, now_ms: now_ms() });
        let wanted = entry.entry_id.as_deref().unwrap_or("*");
        let at = Instant::now();
        let id = xadd(world.queue(), wanted, &fields)
            .query_async(&mut connection)
            .await
            .expect("XADD is accepted");
        added.push(Added { case, entry, number, fields, id, at });
    }
    added
}

/// A URL that tells the status to answer, the case and its part.
fn url(world: &World, status: u64, case: &Case, part: &str) -> String {
    world.receiver.url(&format!("/status/{status}/{}/{part}", case.id))
}

fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right");
    i64::try_from(since_epoch.as_millis()).expect("this century")
}

impl Added<'_> {
    /// How it is called in messages.
    pub(super) fn name(&self) -> String {
        format!("{}[{}] {}", self.case.id, self.number, self.case.name)
    }

    /// The value of a field, the first of that name.
    pub(super) fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(given, _)| given == name.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// The id of its job.
    pub(super) fn job(&self) -> &str {
        self.field("id").and_then(|id| std::str::from_utf8(id).ok()).unwrap_or(&self.id)
    }

    /// Its requests among `all`.
    pub(super) fn requests<'r>(&self, all: &'r [Request]) -> Vec<&'r Request> {
        let part = if self.field("to").is_some() { self.number.to_string() } else { "hook".to_owned() };
        let ending = format!("/{}/{part}", self.case.id);
        all.iter().filter(|request| request.path().ends_with(&ending)).collect()
    }
}
