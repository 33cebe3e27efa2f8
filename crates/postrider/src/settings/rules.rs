//! Rules between settings, and what this version does not do yet: refused with a sentence rather than
//! silently ignored.

use super::Settings;
use super::reader::Reader;

/// How many heartbeats must fit into the silence after which a worker counts as dead: one lost beat, and one
/// late, must kill nobody.
const HEARTBEATS_TO_DEATH: u32 = 3;

/// Checks all rules; a rule is skipped where one of its keys has a problem already.
pub(crate) fn check(settings: &Settings, reader: &mut Reader<'_>) {
    let worker = &settings.worker;
    let rules = [
        Rule {
            broken: worker.dead_after < worker.heartbeat * HEARTBEATS_TO_DEATH,
            key: "worker.dead_after",
            other: "worker.heartbeat",
            rule: "must be at least three times worker.heartbeat",
        },
        Rule {
            broken: settings.retry.cap < settings.retry.base,
            key: "retry.cap",
            other: "retry.base",
            rule: "must be at least retry.base",
        },
        Rule {
            broken: worker.max_in_flight > worker.concurrency,
            key: "destination.max_in_flight",
            other: "worker.concurrency",
            rule: "must be at most worker.concurrency",
        },
        Rule {
            broken: worker.max_bytes < settings.queue.max_job_bytes,
            key: "worker.max_bytes",
            other: "queue.max_job_bytes",
            rule: "must be at least queue.max_job_bytes",
        },
        Rule {
            broken: settings.events_stream.as_ref() == Some(settings.queue.first()),
            key: "events.stream",
            other: "queue.names",
            rule: "must not be one of queue.names",
        },
    ];
    for rule in rules.iter().filter(|rule| rule.broken) {
        rule.tell(reader);
    }
    refuse_what_is_not_served(settings, reader);
}

/// A rule between two keys; told of `key`, with what `other` is.
struct Rule {
    broken: bool,
    key: &'static str,
    other: &'static str,
    rule: &'static str,
}

impl Rule {
    fn tell(&self, reader: &mut Reader<'_>) {
        if reader.sound(&[self.key, self.other]) {
            let rule = format!("{}, which is {}", self.rule, reader.text(self.other));
            reader.complain(self.key, rule);
        }
    }
}

fn refuse_what_is_not_served(settings: &Settings, reader: &mut Reader<'_>) {
    let several = settings.queue.shares.len() > 1;
    let hold = reader.text("hooks.when_inactive") == "hold";
    let rate = !reader.text("destination.rate").is_empty();
    for (refused, key, rule) in [
        (several, "queue.names", "this version serves one queue a worker; start a worker for each"),
        (hold, "hooks.when_inactive", "this version can only drop jobs of inactive hooks; expected drop"),
        (rate, "destination.rate", "this version has no limit of rate; leave it empty"),
    ] {
        if refused && reader.sound(&[key]) {
            reader.complain(key, rule.to_owned());
        }
    }
}
