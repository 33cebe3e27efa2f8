//! Rules between settings.

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
            broken: settings.events.as_ref().is_some_and(|events| settings.queue.serves(&events.stream)),
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
    check_pair(reader, ["tls.client_cert_file", "tls.client_key_file"]);
    check_pair(reader, ["redis.client_cert_file", "redis.client_key_file"]);
    check_pair(reader, ["misskey.user_header", "misskey.trusted_proxies"]);
    check_tls_of_redis(settings, reader);
}

/// Two keys that say nothing without each other: a certificate and its key, a header and whom it is believed of.
fn check_pair(reader: &mut Reader<'_>, pair: [&str; 2]) {
    for (given, other) in [(pair[0], pair[1]), (pair[1], pair[0])] {
        let is_alone = !reader.text(given).is_empty() && reader.text(other).is_empty();
        if is_alone && reader.sound(&pair) {
            reader.complain(given, format!("needs {other} beside it"));
        }
    }
}

/// Who names a certificate thinks that TLS is spoken.
fn check_tls_of_redis(settings: &Settings, reader: &mut Reader<'_>) {
    for key in ["redis.ca_file", "redis.client_cert_file"] {
        if !settings.redis.wants_tls && !reader.text(key).is_empty() && reader.sound(&[key, "redis.url"]) {
            reader.complain(key, "needs a redis.url with TLS, which begins with rediss".to_owned());
        }
    }
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
