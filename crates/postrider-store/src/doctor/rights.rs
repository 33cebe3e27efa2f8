//! What the user of this connection may do, tried command by command: by `ACL DRYRUN` on the very keys where that is allowed,
//! else by commands that change nothing, on a key beside them.

use redis::Cmd;

use super::Patient;
use super::asking::Asking;
use super::finding::{Code, Finding};
use super::server::text;
use crate::fault::{FaultClass, StoreError, describe};
use crate::keys::{NOTICES, QueueKeys, hooks_health_key, hooks_key, hooks_latest_key};

/// Stands for a key in the commands below.
#[derive(Clone, Copy)]
enum On {
    Stream,
    Retry,
    Jobs,
    Held,
    Dead,
    Attempts,
    Workers,
    Seen,
    Control,
    Epoch,
    Stats,
    Hooks,
    Latest,
    Health,
    Notices,
    NoKey,
}

/// Every command that a worker, or a script of its, sends: name, key, and the rest, `?` being where the key goes. On a key that isn't there
/// they change nothing, but for the last ones, which undo each other.
const NEEDED: &[(On, &str)] = &[
    (On::NoKey, "TIME"),
    (On::NoKey, "INFO"),
    (On::NoKey, "SCRIPT LOAD return"),
    (On::Stream, "EVALSHA 0000000000000000000000000000000000000000 1 ?"),
    (On::Stream, "XREADGROUP GROUP postrider doctor COUNT 1 STREAMS ? >"),
    (On::Stream, "XGROUP CREATE ? postrider 0"),
    (On::Stream, "XGROUP DELCONSUMER ? postrider doctor"),
    (On::Stream, "XINFO GROUPS ?"),
    (On::Stream, "XINFO CONSUMERS ? postrider"),
    (On::Stream, "XPENDING ? postrider"),
    (On::Stream, "XCLAIM ? postrider doctor 0 0-1 JUSTID"),
    (On::Stream, "XRANGE ? - + COUNT 1"),
    (On::Stream, "XLEN ?"),
    (On::Stream, "XACK ? postrider 0-1"),
    (On::Stream, "XDEL ? 0-1"),
    (On::Stream, "XADD ? NOMKSTREAM * doctor trial"),
    (On::Dead, "XADD ? NOMKSTREAM * doctor trial"),
    (On::Dead, "XLEN ?"),
    (On::Dead, "TYPE ?"),
    (On::Attempts, "XADD ? NOMKSTREAM * doctor trial"),
    (On::Notices, "XADD ? NOMKSTREAM * doctor trial"),
    (On::Retry, "ZADD ? XX 0 doctor"),
    (On::Retry, "ZREM ? doctor"),
    (On::Retry, "ZRANGE ? 0 0"),
    (On::Retry, "ZRANGEBYSCORE ? 0 0 LIMIT 0 1"),
    (On::Retry, "ZMSCORE ? doctor"),
    (On::Retry, "ZCARD ?"),
    (On::Held, "ZADD ? XX 0 doctor"),
    (On::Held, "ZREM ? doctor"),
    (On::Seen, "ZADD ? XX 0 doctor"),
    (On::Seen, "ZSCORE ? doctor"),
    (On::Control, "HGET ? paused"),
    (On::Hooks, "HGET ? doctor"),
    (On::Hooks, "HEXISTS ? doctor"),
    (On::Stats, "HINCRBY ? doctor 0"),
    (On::Stats, "EXPIRE ? 60"),
    (On::Jobs, "HSET ? doctor trial"),
    (On::Workers, "HSET ? doctor trial"),
    (On::Epoch, "HSET ? doctor trial"),
    (On::Latest, "HSET ? doctor trial"),
    (On::Health, "HSET ? doctor trial"),
    (On::Jobs, "HDEL ? doctor"),
    (On::Workers, "HDEL ? doctor"),
    (On::Health, "HDEL ? doctor"),
];

/// Commands that a worker does without, a little worse.
const HANDY: &[(On, &str, &str)] = &[
    (On::NoKey, "CLIENT ID", "a stop takes up to a second longer"),
    (On::NoKey, "CLIENT UNBLOCK 0", "a stop takes up to a second longer"),
    (
        On::Attempts,
        "XTRIM ? MINID ~ 0",
        "attempts.max_age has no effect, attempts.max_entries is the only limit",
    ),
];

/// How rights can be found out.
enum Way {
    /// `ACL DRYRUN` as this user.
    DryRun(String),
    /// By doing it.
    Trial,
}

pub(super) async fn examine(asking: &mut Asking<'_>, patient: &Patient) -> Result<Vec<Finding>, StoreError> {
    let (user, way) = way(asking).await?;
    let mut missing = Vec::new();
    for queue in patient.streams() {
        let keys = QueueKeys::new(queue);
        for (on, words) in NEEDED {
            if !may(asking, &way, words, &key_of(*on, &keys, &way)).await? {
                missing.push(denied(words, &key_of(*on, &keys, &Way::DryRun(String::new()))));
            }
        }
    }
    missing.dedup();
    let mut findings = vec![judge(&user, &missing)];
    // What is missing for one queue is missing for all, or soon tried there too.
    let keys = patient.streams().next().map(QueueKeys::new);
    for (on, words, cost) in HANDY {
        let key = keys.as_ref().map_or_else(String::new, |keys| key_of(*on, keys, &way));
        if !may(asking, &way, words, &key).await? {
            let text = format!("user {user} may not run {}: {cost}", name_of(words));
            findings.push(Finding::note(Code::Rights, text));
        }
    }
    Ok(findings)
}

fn judge(user: &str, missing: &[String]) -> Finding {
    if missing.is_empty() {
        return Finding::ok(Code::Rights, format!("user {user} may do all that a worker does"));
    }
    let text = format!("user {user} may not: {}", missing.join(", "));
    Finding::error(Code::Rights, text).remedy(
        "grant it with ACL SETUSER; a worker that lacks a right isn't ready, and goes on once it has it",
    )
}

async fn way(asking: &mut Asking<'_>) -> Result<(String, Way), StoreError> {
    let mut who = redis::cmd("ACL");
    who.arg("WHOAMI");
    let user = asking.try_out(&who, "ask for the own name (ACL WHOAMI)").await?;
    let Ok(user) = user.map(text) else { return Ok(("of this connection".to_owned(), Way::Trial)) };
    let mut trial = redis::cmd("ACL");
    trial.arg("DRYRUN").arg(&user).arg("PING");
    let is_allowed = asking.try_out(&trial, "try a right (ACL DRYRUN)").await?.is_ok();
    let way = if is_allowed { Way::DryRun(user.clone()) } else { Way::Trial };
    Ok((user, way))
}

async fn may(asking: &mut Asking<'_>, way: &Way, words: &str, key: &str) -> Result<bool, StoreError> {
    let what = || format!("try the right to {}", name_of(words));
    match way {
        Way::DryRun(user) => {
            let mut command = redis::cmd("ACL");
            command.arg("DRYRUN").arg(user);
            let answer = asking.try_out(append(&mut command, words, key), &what()).await?;
            // What it can't judge, as a command of which it knows no such part, isn't held against the user.
            Ok(!answer.is_ok_and(|answer| text(answer).contains("no permissions")))
        }
        Way::Trial => {
            let answer = asking.try_out(append(&mut Cmd::new(), words, key), &what()).await?;
            Ok(!answer.is_err_and(|error| is_lack_of_right(&error)))
        }
    }
}

/// The key beside the real ones may be closed to a user for whom those are open.
fn is_lack_of_right(error: &redis::RedisError) -> bool {
    FaultClass::of(error) == FaultClass::Denied && !describe(error).contains("key")
}

fn append<'a>(command: &'a mut Cmd, words: &str, key: &str) -> &'a Cmd {
    for word in words.split(' ') {
        command.arg(if word == "?" { key } else { word });
    }
    command
}

fn denied(words: &str, key: &str) -> String {
    if key.is_empty() { name_of(words) } else { format!("{} on {key}", name_of(words)) }
}

/// A command's name, with that of its part where it has parts.
fn name_of(words: &str) -> String {
    let mut parts = words.split(' ');
    let first = parts.next().unwrap_or_default();
    let second = parts.next().filter(|_| matches!(first, "XGROUP" | "XINFO" | "SCRIPT" | "CLIENT"));
    second.map_or_else(|| first.to_owned(), |second| format!("{first} {second}"))
}

fn key_of(on: On, keys: &QueueKeys, way: &Way) -> String {
    if matches!(on, On::NoKey) {
        return String::new();
    }
    // A key that nobody uses, in the slot and under the prefix of the others.
    if matches!(way, Way::Trial) {
        return format!("{}:doctor", keys.dead);
    }
    match on {
        On::Stream => keys.stream.clone(),
        On::Retry => keys.retry.clone(),
        On::Jobs => keys.retry_jobs.clone(),
        On::Held => keys.held.clone(),
        On::Dead => keys.dead.clone(),
        On::Attempts => keys.attempts.clone(),
        On::Workers => keys.workers.clone(),
        On::Seen => keys.seen.clone(),
        On::Control => keys.control.clone(),
        On::Epoch => keys.epoch.clone(),
        On::Stats => format!("{}:0", keys.stats),
        On::Hooks => hooks_key("doctor"),
        On::Latest => hooks_latest_key("doctor"),
        On::Health => hooks_health_key("doctor"),
        On::Notices => NOTICES.to_owned(),
        On::NoKey => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use postrider_core::queue_name::QueueName;

    use super::*;
    use crate::keys::GROUP;

    #[test]
    fn commands_are_named_as_they_are_granted() {
        assert_eq!(name_of("XGROUP CREATE ? postrider 0"), "XGROUP CREATE");
        assert_eq!(denied("XADD ? NOMKSTREAM * a b", "q"), "XADD on q");
        assert_eq!(denied("TIME", ""), "TIME");
    }

    #[test]
    fn a_trial_touches_none_of_the_keys_that_are_in_use() {
        let keys = QueueKeys::new(&QueueName::parse("q").unwrap());
        for (on, _) in NEEDED {
            let (real, trial) =
                (key_of(*on, &keys, &Way::DryRun(String::new())), key_of(*on, &keys, &Way::Trial));
            assert!(real == trial && real.is_empty() || trial == "{q}:dead:doctor", "{real} {trial}");
        }
    }

    #[test]
    fn the_group_that_is_tried_is_the_one_of_every_queue() {
        let of_reading = NEEDED.iter().find(|(_, words)| words.starts_with("XREADGROUP"));
        assert!(of_reading.is_some_and(|(_, words)| words.contains(GROUP)));
    }
}
