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
            broken: settings.events.as_ref().is_some_and(|events| events.stream == *settings.queue.first()),
            key: "events.stream",
            other: "queue.names",
            rule: "must not be one of queue.names",
        },
        Rule {
            broken: settings.events.as_ref().is_some_and(|events| events.queue == events.stream),
            key: "events.queue",
            other: "events.stream",
            rule: "must not be events.stream",
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
    let rate = !reader.text("destination.rate").is_empty();
    for (refused, key, rule) in [
        (several, "queue.names", "this version serves one queue a worker; start a worker for each"),
        (rate, "destination.rate", "this version has no limit of rate; leave it empty"),
    ] {
        if refused && reader.sound(&[key]) {
            reader.complain(key, rule.to_owned());
        }
    }
}
