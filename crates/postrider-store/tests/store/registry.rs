//! The registry of hooks, with others who use it at the same time.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use postrider_core::address::AddressPolicy;
use postrider_core::hook::edit::{HookDraft, HookEdit, HookFaults};
use postrider_core::hook::field::{HookField, HookRules};
use postrider_core::hook::latest::Latest;
use postrider_core::hook::record::HookRecord;
use postrider_core::profile::{Profile, ProfileSettings, Profiles};
use postrider_core::time::Timestamp;
use postrider_store::connect::Connector;
use postrider_store::hooks::change::MAX_TRIES;
use postrider_store::hooks::{self, Created, Owners, UpdateError};
use postrider_store::link::Link;

use crate::bench_of_one::Bench;

const NOW: Timestamp = Timestamp::from_millis(1_764_324_000_123);

fn with_rules<T>(then: impl FnOnce(&HookRules<'_>) -> T) -> T {
    let (addresses, profiles) =
        (AddressPolicy::default(), Profiles::new(&ProfileSettings::default()).unwrap());
    then(&HookRules { addresses: &addresses, profiles: &profiles, default_profile: Profile::Misskey })
}

fn record(user_id: &str, hook_id: &str) -> HookRecord {
    let fields = HookEdit::new().set(HookField::Url, "https://hooks.example/in");
    let draft = HookDraft { id: hook_id.into(), user_id: user_id.into(), fields };
    with_rules(|rules| HookRecord::create(&draft, rules)).unwrap()
}

fn renamed(record: &HookRecord, name: &str) -> Result<HookRecord, HookFaults> {
    with_rules(|rules| record.edit(&HookEdit::new().set(HookField::Name, name), rules, NOW))
}

async fn create(bench: &mut Bench, user_id: &str, hook_id: &str) -> Created {
    hooks::create(&mut bench.link, user_id, hook_id, &record(user_id, hook_id), 10).await.unwrap()
}

fn link(bench: &Bench) -> Link {
    Link::new(Connector::new(&bench.redis.url()).unwrap())
}

#[tokio::test]
async fn a_hook_is_registered_once_and_read_as_it_was_written() {
    let mut bench = Bench::start().await;
    assert_eq!(create(&mut bench, "u", "h").await, Created::Done);
    assert_eq!(create(&mut bench, "u", "h").await, Created::Exists);
    assert_eq!(create(&mut bench, "other", "h").await, Created::Done);
    let shown = hooks::show(&mut bench.link, "u", "h").await.unwrap().unwrap();
    assert_eq!((shown.json, shown.latest), (record("u", "h").to_json(), None));
    assert!(hooks::show(&mut bench.link, "u", "x").await.unwrap().is_none());
}

#[tokio::test]
async fn an_owner_has_as_many_hooks_as_are_allowed_however_many_register_at_once() {
    let bench = Bench::start().await;
    let creators = (0..8).map(|creator| {
        let mut link = link(&bench);
        tokio::spawn(async move {
            let mut created = 0;
            for number in 0..5 {
                let id = format!("h{creator}-{number}");
                let reply = hooks::create(&mut link, "u", &id, &record("u", &id), 10).await.unwrap();
                created += usize::from(reply == Created::Done);
            }
            created
        })
    });
    let mut created = 0;
    for creator in creators.collect::<Vec<_>>() {
        created += creator.await.unwrap();
    }
    assert_eq!(created, 10);
    assert_eq!(bench.ask::<usize>(&["HLEN", "postrider:hooks:{u}"]).await, 10);
}

#[tokio::test]
async fn a_full_owner_still_hears_that_an_id_is_taken() {
    let mut bench = Bench::start().await;
    for id in 0..10 {
        create(&mut bench, "u", &format!("h{id}")).await;
    }
    assert_eq!(create(&mut bench, "u", "h3").await, Created::Exists);
    assert_eq!(create(&mut bench, "u", "new").await, Created::TooMany);
}

#[tokio::test]
async fn a_list_is_in_the_order_of_ids_and_tells_of_latest_attempts() {
    let mut bench = Bench::start().await;
    for id in ["b", "a", "c"] {
        create(&mut bench, "u", id).await;
    }
    let latest = Latest { sent_at: NOW, status: 503 };
    let json = String::from_utf8(latest.to_json()).unwrap();
    bench.ask::<usize>(&["HSET", "postrider:hooks:{u}:latest", "a", &json, "b", "odd"]).await;
    let listed = hooks::list(&mut bench.link, "u").await.unwrap();
    let seen: Vec<_> = listed.iter().map(|hook| (hook.hook_id.as_str(), hook.latest)).collect();
    assert_eq!(seen, [("a", Some(latest)), ("b", None), ("c", None)]);
    assert!(hooks::list(&mut bench.link, "nobody").await.unwrap().is_empty());
}

#[tokio::test]
async fn edits_that_race_are_all_made() {
    let mut bench = Bench::start().await;
    create(&mut bench, "u", "h").await;
    let editors = (0..4).map(|editor| {
        let mut link = link(&bench);
        tokio::spawn(async move {
            for number in 0..3 {
                let added = |record: &HookRecord| {
                    let hook = postrider_core::hook::Hook::parse(&record.to_json()).unwrap();
                    let mut on: Vec<String> = hook.on.iter().map(str::to_owned).collect();
                    on.push(format!("t{editor}-{number}"));
                    with_rules(|rules| {
                        record.edit(&HookEdit::new().set(HookField::On, on.clone()), rules, NOW)
                    })
                };
                hooks::update(&mut link, "u", "h", added).await.unwrap();
            }
        })
    });
    for editor in editors.collect::<Vec<_>>() {
        editor.await.unwrap();
    }
    let json = hooks::read_record(&mut bench.link, "u", "h").await.unwrap().unwrap();
    assert_eq!(postrider_core::hook::Hook::parse(&json).unwrap().on.iter().count(), 12);
}

#[tokio::test]
async fn an_edit_that_always_comes_too_late_gives_up() {
    let mut bench = Bench::start().await;
    create(&mut bench, "u", "h").await;
    let (tries, redis) = (AtomicUsize::new(0), redis_of(&bench));
    let overtaken = |record: &HookRecord| {
        let number = tries.fetch_add(1, Ordering::Relaxed);
        let json = format!("{{\"n\":{number}}}");
        redis::cmd("HSET")
            .arg("postrider:hooks:{u}")
            .arg("h")
            .arg(json)
            .exec(&mut *redis.lock().unwrap())
            .unwrap();
        renamed(record, "mine")
    };
    let error = hooks::update(&mut bench.link, "u", "h", overtaken).await.unwrap_err();
    assert!(matches!(error, UpdateError::Contended), "{error}");
    assert_eq!(tries.load(Ordering::Relaxed), MAX_TRIES);
    assert_eq!(bench.ask::<String>(&["HGET", "postrider:hooks:{u}", "h"]).await, r#"{"n":15}"#);
}

/// A connection that a closure which isn't asynchronous can use.
fn redis_of(bench: &Bench) -> std::sync::Mutex<redis::Connection> {
    redis::Client::open(bench.redis.url()).unwrap().get_connection().unwrap().into()
}

#[tokio::test]
async fn a_hook_that_is_removed_meanwhile_is_not_brought_back_by_an_edit() {
    let mut bench = Bench::start().await;
    create(&mut bench, "u", "h").await;
    let redis = redis_of(&bench);
    let removed = |record: &HookRecord| {
        redis::cmd("HDEL").arg("postrider:hooks:{u}").arg("h").exec(&mut *redis.lock().unwrap()).unwrap();
        renamed(record, "mine")
    };
    let error = hooks::update(&mut bench.link, "u", "h", removed).await.unwrap_err();
    assert!(matches!(error, UpdateError::Unknown), "{error}");
    assert_eq!(bench.ask::<usize>(&["EXISTS", "postrider:hooks:{u}"]).await, 0);
}

#[tokio::test]
async fn what_is_no_object_is_not_edited() {
    let mut bench = Bench::start().await;
    bench.ask::<usize>(&["HSET", "postrider:hooks:{u}", "h", "[]"]).await;
    let error = hooks::update(&mut bench.link, "u", "h", |record| renamed(record, "mine")).await.unwrap_err();
    assert!(matches!(error, UpdateError::Unreadable), "{error}");
}

#[tokio::test]
async fn a_removed_hook_leaves_nothing_behind() {
    let mut bench = Bench::start().await;
    create(&mut bench, "u", "h").await;
    for kind in ["latest", "health"] {
        bench.ask::<usize>(&["HSET", &format!("postrider:hooks:{{u}}:{kind}"), "h", "{}"]).await;
    }
    assert!(hooks::delete(&mut bench.link, "u", "h").await.unwrap());
    assert!(!hooks::delete(&mut bench.link, "u", "h").await.unwrap());
    assert_eq!(bench.ask::<Vec<String>>(&["KEYS", "postrider:hooks*"]).await, Vec::<String>::new());
}

#[tokio::test]
async fn failures_are_forgotten_hook_by_hook() {
    let mut bench = Bench::start().await;
    bench.ask::<usize>(&["HSET", "postrider:hooks:{u}:health", "h", "7 1 1", "other", "7 1 1"]).await;
    hooks::forget_failures(&mut bench.link, "u", "h").await.unwrap();
    assert_eq!(bench.ask::<Vec<String>>(&["HKEYS", "postrider:hooks:{u}:health"]).await, ["other"]);
}

#[tokio::test]
async fn every_owner_is_met_page_by_page() {
    let mut bench = Bench::start().await;
    let script = "for n = 1, 3000 do redis.call('HSET', 'postrider:hooks:{u' .. n .. '}', 'h', '{}') \
                  redis.call('HSET', 'postrider:hooks:{u' .. n .. '}:latest', 'h', '{}') end";
    bench.ask::<Option<String>>(&["EVAL", script, "0"]).await;
    bench.ask::<String>(&["SET", "postrider:hooks:{text}", "no hash"]).await;
    let (mut owners, mut met) = (Owners::new(), BTreeSet::new());
    while let Some(owner) = owners.next(&mut bench.link).await.unwrap() {
        met.insert(owner);
    }
    assert_eq!(met, (1..=3000).map(|n| format!("u{n}")).collect());
}
