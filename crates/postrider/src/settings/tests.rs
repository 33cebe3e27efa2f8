//! The settings as a whole.

use std::time::Duration;

use postrider_core::profile::Profile;
use postrider_worker::dispatcher::Order;

use super::key::Key;
use super::keys::KEYS;
use super::layers::Given;
use super::problem::Problems;
use super::sections::Queue;
use super::{Loaded, Settings};

fn load(values: &[(&str, &str)]) -> Result<Loaded, Problems> {
    let flags = values.iter().map(|(name, text)| (Key::find(name).unwrap(), (*text).to_owned())).collect();
    Settings::load(&Given { flags, ..Given::default() })
}

fn settings(values: &[(&str, &str)]) -> Settings {
    load(values).unwrap_or_else(|problems| panic!("{problems}")).settings
}

/// The keys that a configuration is refused for.
fn refused(values: &[(&str, &str)]) -> Vec<String> {
    load(values)
        .map_or_else(|problems| problems.0.into_iter().map(|problem| problem.key).collect(), |_| Vec::new())
}

fn check_refused(name: &str, text: &str) {
    assert_eq!(refused(&[(name, text)]), [name], "{text:?}");
}

#[test]
fn the_defaults_are_accepted_and_are_the_promised_ones() {
    let all = settings(&[]);
    assert_eq!(&*all.redis.url, "redis://127.0.0.1:6379");
    assert_eq!(all.queue.first().as_str(), "postrider:deliveries");
    assert_eq!((all.queue.max_job_bytes, all.queue.max_crashes), (1 << 20, 5));
    assert_eq!((all.worker.concurrency, all.worker.threads, all.worker.max_in_flight), (256, 1, 64));
    assert_eq!(all.worker.grace, Duration::from_secs(25));
    assert_eq!((all.delivery.profile, all.delivery.timeout), (Profile::Misskey, Duration::from_secs(10)));
    assert_eq!(all.retry, postrider_core::retry::RetryPolicy::default());
    assert_eq!(all.http.listen, Some(([127, 0, 0, 1], 8080).into()));
    assert!(all.http.token.is_none());
    assert_eq!((all.keep.attempts_max_entries, all.keep.notices_max_entries), (100_000, 10_000));
    assert_eq!(
        (all.keep.dead_max_age, all.keep.attempts_max_age),
        (None, Some(Duration::from_secs(7 * 86_400)))
    );
    assert!(all.addresses.allow.is_empty() && !all.addresses.https_only);
}

#[test]
fn every_key_can_be_given_its_own_default() {
    for key in KEYS {
        assert!(load(&[(key.name, key.preset_text())]).is_ok(), "{}", key.name);
    }
}

/// A value that no kind accepts: every key is read, and none is read loosely.
#[test]
fn every_key_refuses_nonsense_by_its_own_name() {
    for key in KEYS {
        check_refused(key.name, "\u{1}?,\n");
    }
}

#[test]
fn all_problems_are_told_together() {
    let found = refused(&[
        ("worker.concurrency", "0"),
        ("worker.dead_after", "fast"),
        ("ssrf.allow", "10.0.0.0/33"),
        ("server.url", "ftp://x"),
        ("profile.misskey.header_prefix", "a b"),
        ("redis.url", "http://x"),
    ]);
    let expected = [
        "redis.url",
        "worker.concurrency",
        "worker.dead_after",
        "server.url",
        "profile.misskey.header_prefix",
        "ssrf.allow",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_problem_says_what_would_be_accepted() {
    let problems = load(&[("worker.concurrency", "0")]).unwrap_err().to_string();
    assert_eq!(
        problems,
        "postrider: worker.concurrency = \"0\" (from --worker-concurrency): expected a whole number from 1 to 10000\n"
    );
}

#[test]
fn problems_never_tell_a_secret() {
    let problems =
        load(&[("http.token", "canary canary"), ("redis.url", "http://u:canary@host")]).unwrap_err();
    assert_eq!(problems.0.len(), 2);
    assert!(!problems.to_string().contains("canary"), "{problems}");
}

#[test]
fn the_settings_never_print_a_secret() {
    let all = settings(&[
        ("http.token", "canary"),
        ("redis.url", "redis://u:canary@host"),
        ("proxy.url", "http://canary:canary@host:3128"),
    ]);
    let printed = format!("{all:?}");
    assert!(!printed.contains("canary") && !printed.contains("Y2FuYXJ5"), "{printed}");
}

#[test]
fn a_proxy_is_named_by_a_plain_url_and_its_password_is_not_repeated() {
    assert!(settings(&[]).proxy.is_none() && settings(&[("proxy.url", "")]).proxy.is_none());
    let behind = settings(&[("proxy.url", "https://u:p@proxy.internal:3128")]);
    assert!(behind.proxy.is_some() && behind.addresses.behind_proxy);
    let problems = load(&[("proxy.url", "socks5://canary:canary@proxy:1080")]).unwrap_err().to_string();
    let expected =
        "postrider: proxy.url = \"socks5://***@proxy:1080\" (from --proxy-url): expected http://[user:";
    assert!(problems.starts_with(expected) && !problems.contains("canary"), "{problems}");
}

#[test]
fn a_client_certificate_and_its_key_come_together() {
    let both = [("tls.client_cert_file", "/chain.pem"), ("tls.client_key_file", "/key.pem")];
    assert!(settings(&both).tls.client.is_some());
    check_refused("tls.client_cert_file", "/chain.pem");
    check_refused("tls.client_key_file", "/key.pem");
}

#[test]
fn a_header_that_names_users_needs_those_who_are_believed() {
    let both = [("misskey.user_header", "X-User"), ("misskey.trusted_proxies", "10.0.0.0/8,::1")];
    assert!(settings(&both).misskey.proxies.is_some() && settings(&[]).misskey.proxies.is_none());
    check_refused("misskey.user_header", "X-User");
    check_refused("misskey.trusted_proxies", "10.0.0.0/8");
    check_refused("misskey.trusted_proxies", "0.0.0.0/0");
}

#[test]
fn rules_between_keys_are_told_of_the_key_that_has_to_change() {
    check_refused("worker.dead_after", "2s");
    check_refused("events.stream", "postrider:deliveries");
    check_refused("events.queue", "postrider:events");
    assert!(settings(&[("worker.dead_after", "3s")]).worker.dead_after == Duration::from_secs(3));
}

#[test]
fn one_destination_gets_all_slots_at_most() {
    assert_eq!(settings(&[("destination.max_in_flight", "257")]).worker.max_in_flight, 256);
}

#[test]
fn a_destination_has_a_rate_where_one_is_set() {
    assert_eq!(settings(&[("destination.rate", "2.5")]).worker.rate, Some(2.5));
    assert_eq!(settings(&[]).worker.rate, None);
    check_refused("destination.rate", "0");
}

#[test]
fn a_rule_is_silent_where_one_of_its_keys_has_a_problem_already() {
    assert_eq!(refused(&[("worker.heartbeat", "soon"), ("worker.dead_after", "2s")]), ["worker.heartbeat"]);
}

#[test]
fn several_queues_are_served_by_weight_or_in_strict_order() {
    let weights = |queue: &Queue| queue.shares.iter().map(|share| share.weight).collect::<Vec<_>>();
    let served = settings(&[("queue.names", "urgent*4,b")]).queue;
    assert_eq!((weights(&served), served.order), (vec![4, 1], Order::Weighted));
    assert_eq!(settings(&[("queue.names", "a,b"), ("queue.order", "strict")]).queue.order, Order::Strict);
    assert_eq!(refused(&[("queue.names", "a,postrider:events")]), ["events.stream"]);
}

#[test]
fn queue_names_may_bear_a_weight_and_come_once_each() {
    assert_eq!(settings(&[("queue.names", "urgent*4")]).queue.shares[0].weight, 4);
    for bad in ["", "a*0", "a*1001", "a*", "a*b", "a,,b", "a,a*2", "a b"] {
        check_refused("queue.names", bad);
    }
}

#[test]
fn empty_means_none_where_a_setting_may_be_absent() {
    let all =
        settings(&[("http.listen", ""), ("events.stream", ""), ("attempts.max_age", ""), ("http.token", "")]);
    assert!(all.http.listen.is_none() && all.events.is_none() && all.http.token.is_none());
    assert!(all.keep.attempts_max_age.is_none());
    for required in
        ["redis.url", "queue.names", "worker.concurrency", "retry.base", "server.url", "log.level"]
    {
        check_refused(required, "");
    }
}

#[test]
fn a_destination_gets_a_quarter_of_the_slots_and_at_least_one() {
    for (slots, share) in [("256", 64), ("10", 2), ("4", 1), ("1", 1)] {
        assert_eq!(settings(&[("worker.concurrency", slots)]).worker.max_in_flight, share);
    }
    assert_eq!(settings(&[("destination.max_in_flight", "256")]).worker.max_in_flight, 256);
}

#[test]
fn derived_defaults_are_shown_as_they_are_in_force() {
    let loaded = load(&[("worker.concurrency", "100")]).unwrap();
    let shown = loaded.chosen.iter().find(|chosen| chosen.key.name == "destination.max_in_flight").unwrap();
    assert_eq!((&*shown.text, shown.source.as_str()), ("25", "default"));
}

#[test]
fn log_levels_are_words_or_directives_and_a_misspelt_word_is_neither() {
    for good in ["error", "trace", "info,postrider=debug", "warn,hyper=off"] {
        assert_eq!(&*settings(&[("log.level", good)]).log.level, good);
    }
    for bad in ["loud", "INFO", "postrider=loud", "info,debug"] {
        check_refused("log.level", bad);
    }
}

#[test]
fn address_rules_are_read_as_lists_and_a_bad_entry_is_named() {
    assert_eq!(
        settings(&[("ssrf.allow", "127.0.0.0/8, ::1/128,hooks.example:8443")]).addresses.allow.len(),
        3
    );
    let problems = load(&[("ssrf.deny", "10.0.0.0/8,10.0.0.0/33")]).unwrap_err().to_string();
    assert!(problems.contains("'10.0.0.0/33'"), "{problems}");
}
