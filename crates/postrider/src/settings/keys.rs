//! The table of all settings, and the only place that names them all: flags, variables, the file's keys, help
//! and `postrider config` follow from it. What the values mean is read elsewhere.

use super::key::Key;
use super::key::Preset::{Clearable, Derived, Nothing, Text};
use super::kind::Kind;
use super::units::{DAY, HOUR, MINUTE, SECOND, duration};

/// No wait that this program plans is longer.
const YEAR: u64 = 365 * DAY;

/// All settings, in the order of `--help` and of the reference.
pub(crate) static KEYS: &[Key] = &[
    Key::new(
        "redis.url",
        Text("redis://127.0.0.1:6379"),
        Kind::RedisUrl,
        "Where Redis is; user and password in the URL, rediss:// for TLS",
    ),
    Key::new(
        "redis.allow_eviction",
        Text("false"),
        Kind::Switch,
        "Start even if Redis may evict keys, and so lose jobs",
    ),
    Key::new(
        "redis.ca_file",
        Nothing,
        Kind::File,
        "PEM file of certificates to trust beside the system's roots, for Redis",
    ),
    Key::new(
        "redis.client_cert_file",
        Nothing,
        Kind::File,
        "PEM file of the certificate chain that Redis is shown; with redis.client_key_file",
    ),
    Key::new(
        "redis.client_key_file",
        Nothing,
        Kind::File,
        "PEM file of its private key, unencrypted; with redis.client_cert_file",
    ),
    Key::new(
        "queue.names",
        Text("postrider:deliveries"),
        Kind::QueueNames,
        "The queues to serve, by weight: name*4",
    ),
    Key::new(
        "queue.order",
        Text("weighted"),
        Kind::OneOf(&["weighted", "strict"]),
        "How several queues share the slots; strict: the first named first",
    ),
    Key::new(
        "queue.max_job_bytes",
        Text("1MiB"),
        Kind::Size { min: 1 << 10, max: 64 << 20 },
        "Largest entry; a larger one is invalid. An event may have 512 bytes less, which its jobs need",
    ),
    Key::new(
        "queue.max_crashes",
        Text("5"),
        Kind::Whole { min: 1, max: 100 },
        "A job that was lost with its worker this many times ends dead, reason poison",
    ),
    Key::new(
        "events.stream",
        Clearable("postrider:events"),
        Kind::QueueName,
        "Stream of events to fan out; empty: none",
    ),
    Key::new(
        "events.queue",
        Derived("the first of queue.names"),
        Kind::QueueName,
        "Queue that gets the jobs of events",
    ),
    Key::new(
        "worker.concurrency",
        Text("256"),
        Kind::Whole { min: 1, max: 10_000 },
        "Requests in flight at a time: slots. Those that wait for long hold none",
    ),
    Key::new(
        "worker.threads",
        Text("1"),
        Kind::Whole { min: 1, max: 256 },
        "Threads that send; with one, no task is handed from thread to thread",
    ),
    Key::new(
        "worker.grace",
        Text("25s"),
        duration(0, HOUR),
        "How long requests in flight may go on after SIGTERM",
    ),
    Key::new("worker.heartbeat", Text("1s"), duration(100, MINUTE), "Pause between two signs of life"),
    Key::new(
        "worker.dead_after",
        Text("5s"),
        duration(300, HOUR),
        "Silence after which others take a worker for dead; at least 3 times worker.heartbeat",
    ),
    Key::new(
        "worker.max_bytes",
        Text("64MiB"),
        Kind::Size { min: 1 << 20, max: 1 << 40 },
        "Memory for the jobs in flight",
    ),
    Key::new(
        "delivery.profile",
        Text("misskey"),
        Kind::OneOf(&["misskey", "standard", "cloudevents", "raw"]),
        "How requests look where neither job nor hook says",
    ),
    Key::new(
        "delivery.timeout",
        Text("10s"),
        duration(100, 2 * MINUTE),
        "Limit of one whole attempt, DNS to the last byte read",
    ),
    Key::new(
        "destination.max_in_flight",
        Derived("a quarter of worker.concurrency"),
        Kind::Whole { min: 1, max: 10_000 },
        "Requests of one worker at a time to one destination; all slots at most",
    ),
    Key::new("destination.rate", Nothing, Kind::Rate, "Requests of one worker a second to one destination"),
    Key::new(
        "retry.max_attempts",
        Text("12"),
        Kind::Whole { min: 1, max: 100 },
        "Attempts in all, the first included",
    ),
    Key::new("retry.base", Text("60s"), duration(1, YEAR), "Unit of the wait: min((2^n - 1) x base, cap)"),
    Key::new(
        "retry.cap",
        Text("8h"),
        duration(1, YEAR),
        "Longest wait that the formula gives; at least retry.base",
    ),
    Key::new("retry.jitter", Text("0.2"), Kind::Share, "Share of the wait that is added at random"),
    Key::new(
        "retry.schedule",
        Nothing,
        Kind::Durations { min: 1, max: YEAR },
        "Waits instead of the formula; the last one repeats",
    ),
    Key::new(
        "retry.max_retry_after",
        Text("1h"),
        duration(0, YEAR),
        "Longest wait that a receiver's Retry-After can ask for",
    ),
    Key::new(
        "server.url",
        Text("http://localhost"),
        Kind::ServerUrl,
        "The sending server, as receivers see it",
    ),
    Key::new(
        "profile.misskey.user_agent",
        Text("Misskey-Hooks"),
        Kind::HeaderText,
        "User-Agent of profile misskey",
    ),
    Key::new(
        "profile.misskey.header_prefix",
        Text("X-Misskey"),
        Kind::HeaderPrefix,
        "What the headers of profile misskey begin with",
    ),
    Key::new(
        "ssrf.policy",
        Text("public"),
        Kind::OneOf(&["public", "list"]),
        "Where requests may go: public addresses, or only what ssrf.allow opens",
    ),
    Key::new(
        "ssrf.allow",
        Nothing,
        Kind::Rules,
        "Addresses, networks and hosts to open, each with an optional :port",
    ),
    Key::new(
        "ssrf.deny",
        Nothing,
        Kind::Rules,
        "Addresses, networks and hosts to close; wins over ssrf.allow",
    ),
    Key::new("ssrf.https_only", Text("false"), Kind::Switch, "Block http:// URLs"),
    Key::new(
        "ssrf.nat64",
        Text("false"),
        Kind::Switch,
        "Judge addresses in 64:ff9b::/96 by the IPv4 address in them",
    ),
    Key::new(
        "proxy.url",
        Nothing,
        Kind::ProxyUrl,
        "HTTP proxy that all requests go through, by CONNECT; those of the environment are ignored",
    ),
    Key::new(
        "tls.ca_file",
        Nothing,
        Kind::File,
        "PEM file of certificates to trust beside the system's roots",
    ),
    Key::new(
        "tls.client_cert_file",
        Nothing,
        Kind::File,
        "PEM file of the certificate chain that receivers are shown on request; with tls.client_key_file",
    ),
    Key::new(
        "tls.client_key_file",
        Nothing,
        Kind::File,
        "PEM file of its private key, unencrypted; with tls.client_cert_file",
    ),
    Key::new("http.listen", Clearable("127.0.0.1:8080"), Kind::Listen, "Address of the admin port"),
    Key::new(
        "http.token",
        Nothing,
        Kind::Token,
        "Bearer tokens of the admin API, of 32 characters or more, an admin's each, or with read: before it one that may only look",
    ),
    Key::new("http.token_file", Nothing, Kind::File, "File with such tokens, a line each"),
    Key::new(
        "misskey.token_file",
        Nothing,
        Kind::File,
        "File with tokens of users for Misskey's own API, a line each: user token",
    ),
    Key::new(
        "misskey.user_header",
        Nothing,
        Kind::HeaderName,
        "Header in which misskey.trusted_proxies name the user for Misskey's own API",
    ),
    Key::new(
        "misskey.trusted_proxies",
        Nothing,
        Kind::Networks,
        "Addresses and networks of those proxies; from others the header is refused",
    ),
    Key::new(
        "hooks.when_inactive",
        Text("drop"),
        Kind::OneOf(&["drop", "hold"]),
        "What becomes of jobs whose hook is inactive: they end, or wait until it is active again",
    ),
    Key::new(
        "hooks.disable_after",
        Nothing,
        duration(SECOND, 10 * YEAR),
        "Nothing but failures for so long switches a hook off",
    ),
    Key::new(
        "hooks.max_per_user",
        Text("10"),
        Kind::Whole { min: 1, max: 10_000 },
        "Hooks that one owner may register, inactive ones included",
    ),
    Key::new(
        "dead.max_age",
        Nothing,
        duration(SECOND, 10 * YEAR),
        "Age at which dead letters are removed, by each worker, within a minute",
    ),
    Key::new(
        "attempts.max_entries",
        Text("100000"),
        Kind::Whole { min: 0, max: 100_000_000 },
        "Attempt records kept, about; 0: none",
    ),
    Key::new(
        "attempts.max_age",
        Clearable("7d"),
        duration(SECOND, 10 * YEAR),
        "Age at which attempt records are removed, about and within a minute; attempts.max_entries holds too",
    ),
    Key::new(
        "notices.max_entries",
        Text("10000"),
        Kind::Whole { min: 0, max: 100_000_000 },
        "Notices kept, about; 0: none",
    ),
    Key::new("log.level", Text("info"), Kind::LogLevel, "What is logged, to stderr"),
    Key::new(
        "log.format",
        Derived("text on a terminal, else json"),
        Kind::OneOf(&["text", "json"]),
        "How a log line looks",
    ),
    Key::new(
        "traces.endpoint",
        Derived("OTEL_EXPORTER_OTLP_ENDPOINT, else none"),
        Kind::Collector,
        "Collector that is told of traces, by OTLP over HTTP",
    ),
    Key::new(
        "traces.headers",
        Nothing,
        Kind::SecretHeaders,
        "Headers that the collector asks for, name=value each",
    ),
    Key::new(
        "traces.share",
        Text("0"),
        Kind::Share,
        "Share of the jobs without a traceparent that get a trace of their own",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The keys and defaults that operators rely on.
    const PROMISED: &[(&str, &str, &str)] = &[
        ("redis.url", "redis://127.0.0.1:6379", "POSTRIDER_REDIS_URL"),
        ("queue.names", "postrider:deliveries", "POSTRIDER_QUEUE_NAMES"),
        ("queue.order", "weighted", "POSTRIDER_QUEUE_ORDER"),
        ("queue.max_job_bytes", "1MiB", "POSTRIDER_QUEUE_MAX_JOB_BYTES"),
        ("queue.max_crashes", "5", "POSTRIDER_QUEUE_MAX_CRASHES"),
        ("events.stream", "postrider:events", "POSTRIDER_EVENTS_STREAM"),
        ("worker.concurrency", "256", "POSTRIDER_WORKER_CONCURRENCY"),
        ("worker.threads", "1", "POSTRIDER_WORKER_THREADS"),
        ("worker.grace", "25s", "POSTRIDER_WORKER_GRACE"),
        ("worker.heartbeat", "1s", "POSTRIDER_WORKER_HEARTBEAT"),
        ("worker.dead_after", "5s", "POSTRIDER_WORKER_DEAD_AFTER"),
        ("worker.max_bytes", "64MiB", "POSTRIDER_WORKER_MAX_BYTES"),
        ("delivery.profile", "misskey", "POSTRIDER_DELIVERY_PROFILE"),
        ("delivery.timeout", "10s", "POSTRIDER_DELIVERY_TIMEOUT"),
        (
            "destination.max_in_flight",
            "a quarter of worker.concurrency",
            "POSTRIDER_DESTINATION_MAX_IN_FLIGHT",
        ),
        ("destination.rate", "none", "POSTRIDER_DESTINATION_RATE"),
        ("retry.max_attempts", "12", "POSTRIDER_RETRY_MAX_ATTEMPTS"),
        ("retry.base", "60s", "POSTRIDER_RETRY_BASE"),
        ("retry.cap", "8h", "POSTRIDER_RETRY_CAP"),
        ("retry.jitter", "0.2", "POSTRIDER_RETRY_JITTER"),
        ("retry.schedule", "none", "POSTRIDER_RETRY_SCHEDULE"),
        ("retry.max_retry_after", "1h", "POSTRIDER_RETRY_MAX_RETRY_AFTER"),
        ("server.url", "http://localhost", "POSTRIDER_SERVER_URL"),
        ("profile.misskey.user_agent", "Misskey-Hooks", "POSTRIDER_PROFILE_MISSKEY_USER_AGENT"),
        ("profile.misskey.header_prefix", "X-Misskey", "POSTRIDER_PROFILE_MISSKEY_HEADER_PREFIX"),
        ("ssrf.policy", "public", "POSTRIDER_SSRF_POLICY"),
        ("ssrf.allow", "none", "POSTRIDER_SSRF_ALLOW"),
        ("ssrf.deny", "none", "POSTRIDER_SSRF_DENY"),
        ("ssrf.https_only", "false", "POSTRIDER_SSRF_HTTPS_ONLY"),
        ("ssrf.nat64", "false", "POSTRIDER_SSRF_NAT64"),
        ("proxy.url", "none", "POSTRIDER_PROXY_URL"),
        ("tls.ca_file", "none", "POSTRIDER_TLS_CA_FILE"),
        ("tls.client_cert_file", "none", "POSTRIDER_TLS_CLIENT_CERT_FILE"),
        ("tls.client_key_file", "none", "POSTRIDER_TLS_CLIENT_KEY_FILE"),
        ("http.listen", "127.0.0.1:8080", "POSTRIDER_HTTP_LISTEN"),
        ("http.token", "none", "POSTRIDER_HTTP_TOKEN"),
        ("hooks.when_inactive", "drop", "POSTRIDER_HOOKS_WHEN_INACTIVE"),
        ("hooks.max_per_user", "10", "POSTRIDER_HOOKS_MAX_PER_USER"),
        ("dead.max_age", "none", "POSTRIDER_DEAD_MAX_AGE"),
        ("attempts.max_entries", "100000", "POSTRIDER_ATTEMPTS_MAX_ENTRIES"),
        ("attempts.max_age", "7d", "POSTRIDER_ATTEMPTS_MAX_AGE"),
        ("notices.max_entries", "10000", "POSTRIDER_NOTICES_MAX_ENTRIES"),
        ("log.level", "info", "POSTRIDER_LOG_LEVEL"),
        ("log.format", "text on a terminal, else json", "POSTRIDER_LOG_FORMAT"),
    ];

    #[test]
    fn every_promised_key_has_its_default_and_its_variable() {
        for (name, preset, variable) in PROMISED {
            let key = Key::find(name).unwrap_or_else(|| panic!("{name} is missing"));
            assert_eq!((key.preset_in_words(), &*key.variable()), (*preset, *variable), "{name}");
        }
    }

    #[test]
    fn no_two_keys_share_a_name_a_flag_or_a_variable() {
        let distinct = |of: fn(&Key) -> String| KEYS.iter().map(of).collect::<BTreeSet<_>>().len();
        assert_eq!(distinct(|key| key.name.to_owned()), KEYS.len());
        assert_eq!(distinct(Key::flag), KEYS.len());
        assert_eq!(distinct(Key::variable), KEYS.len());
    }

    #[test]
    fn nested_sections_and_long_keys_keep_their_words() {
        let key = Key::find("profile.misskey.user_agent").unwrap();
        assert_eq!((key.section(), &*key.flag()), ("profile.misskey", "profile-misskey-user-agent"));
    }
}
