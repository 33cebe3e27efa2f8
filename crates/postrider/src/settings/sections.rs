//! The settings by section, as values that can be trusted; how each is read from its texts. Rules between
//! keys are not here.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use postrider_admin::misskey::{TrustedProxies, UserHeader};
use postrider_core::queue_name::QueueName;
use postrider_core::secret::Secret;
use postrider_store::connect;
use postrider_worker::config::WhenInactive;
use postrider_worker::dispatcher::Order;

use super::kind::{Kind, LOG_LEVELS};
use super::reader::Reader;
use super::units::split_list;

/// `redis.*`.
#[derive(Clone)]
pub(crate) struct Redis {
    /// Where it is, password included.
    pub(crate) url: Box<str>,
    /// Whether a Redis that may evict keys is put up with.
    pub(crate) allow_eviction: bool,
    /// Whether TLS is spoken with it.
    pub(crate) wants_tls: bool,
    /// How; the files are read by whoever connects.
    pub(crate) tls: Tls,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("allow_eviction", &self.allow_eviction).finish_non_exhaustive()
    }
}

impl Redis {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let url = reader.text("redis.url");
        // The store knows what it can connect to; its sentence never repeats the URL.
        let wants_tls = connect::wants_tls(url).unwrap_or_else(|problem| {
            reader.complain("redis.url", problem);
            false
        });
        let allow_eviction = reader.switch("redis.allow_eviction");
        Self { url: url.into(), allow_eviction, wants_tls, tls: Tls::read(reader, "redis") }
    }
}

/// `queue.*`.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    /// The queues to serve, with their weights; never empty.
    pub(crate) shares: Vec<QueueShare>,
    /// How they share the slots.
    pub(crate) order: Order,
    /// Largest entry in bytes.
    pub(crate) max_job_bytes: usize,
    /// A job lost with its worker this many times is poison.
    pub(crate) max_crashes: u32,
}

/// One queue and its weight beside others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueueShare {
    pub(crate) name: QueueName,
    /// 1 to [`MAX_WEIGHT`].
    pub(crate) weight: u32,
}

/// Greatest weight of a queue: beyond it, the others would hardly be read.
const MAX_WEIGHT: u32 = 1000;

impl Queue {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            shares: reader.plain("queue.names", |_, text| queue_shares(text)),
            order: if reader.word("queue.order") == "strict" { Order::Strict } else { Order::Weighted },
            max_job_bytes: reader.bytes("queue.max_job_bytes"),
            max_crashes: reader.whole("queue.max_crashes"),
        }
    }

    /// The queue named first: where jobs go that name none.
    pub(crate) fn first(&self) -> &QueueName {
        &self.shares.first().expect("an empty list is refused").name
    }

    /// Whether it is one of them.
    pub(crate) fn serves(&self, queue: &QueueName) -> bool {
        self.shares.iter().any(|share| share.name == *queue)
    }
}

fn queue_shares(text: &str) -> Option<Vec<QueueShare>> {
    let shares: Vec<QueueShare> = split_list(text).into_iter().map(queue_share).collect::<Option<_>>()?;
    let twice = |(n, share): (usize, &QueueShare)| shares[..n].iter().any(|other| other.name == share.name);
    (!shares.is_empty() && !shares.iter().enumerate().any(twice)).then_some(shares)
}

fn queue_share(item: &str) -> Option<QueueShare> {
    let (name, weight) = item.split_once('*').unwrap_or((item, "1"));
    let weight = (Kind::Whole { min: 1, max: MAX_WEIGHT.into() }).whole(weight)?;
    Some(QueueShare { name: QueueName::parse(name).ok()?, weight: weight.try_into().ok()? })
}

/// `events.*`: events to fan out.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    /// Where they come from.
    pub(crate) stream: QueueName,
    /// Where their jobs go.
    pub(crate) queue: QueueName,
}

impl Events {
    /// None where `events.stream` is empty; jobs go to `first_queue` where nothing is set.
    pub(crate) fn read(reader: &mut Reader<'_>, first_queue: &QueueName) -> Option<Self> {
        let name = |_, text: &str| QueueName::parse(text).ok();
        let queue = reader.optional("events.queue", name).unwrap_or_else(|| first_queue.clone());
        reader.optional("events.stream", name).map(|stream| Self { stream, queue })
    }
}

/// `worker.*`, `destination.*`.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    /// Requests in flight at a time.
    pub(crate) concurrency: usize,
    /// Threads that send.
    pub(crate) threads: usize,
    /// How long requests in flight may go on after SIGTERM.
    pub(crate) grace: Duration,
    /// Pause between two signs of life.
    pub(crate) heartbeat: Duration,
    /// Silence after which a worker counts as dead.
    pub(crate) dead_after: Duration,
    /// Memory for the jobs in flight, in bytes.
    pub(crate) max_bytes: usize,
    /// Requests at a time to one destination.
    pub(crate) max_in_flight: usize,
    /// Requests a second to one destination, if limited.
    pub(crate) rate: Option<f64>,
}

/// The part of a worker's slots that one destination may take where nothing is set.
const SHARE_OF_ONE_DESTINATION: usize = 4;

impl Worker {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let concurrency: usize = reader.whole("worker.concurrency");
        let max_in_flight: Option<usize> = reader.optional_whole("destination.max_in_flight");
        Self {
            concurrency,
            threads: reader.whole("worker.threads"),
            grace: reader.duration("worker.grace"),
            heartbeat: reader.duration("worker.heartbeat"),
            dead_after: reader.duration("worker.dead_after"),
            max_bytes: reader.bytes("worker.max_bytes"),
            max_in_flight: max_in_flight
                .map_or((concurrency / SHARE_OF_ONE_DESTINATION).max(1), |most| most.min(concurrency)),
            rate: reader.optional("destination.rate", Kind::rate),
        }
    }
}

/// `tls.*`, or the like of another section: the files; what is in them is read by whoever speaks TLS.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    /// Certificates to trust beside the system's roots.
    pub(crate) ca_file: Option<PathBuf>,
    /// What servers are shown that ask for a client's certificate: its chain and its key.
    pub(crate) client: Option<(PathBuf, PathBuf)>,
}

impl Tls {
    pub(crate) fn read(reader: &mut Reader<'_>, section: &str) -> Self {
        let mut file = |key| reader.optional(&format!("{section}.{key}"), Kind::file);
        let (ca_file, chain, key) = (file("ca_file"), file("client_cert_file"), file("client_key_file"));
        Self { ca_file, client: chain.zip(key) }
    }
}

/// `http.*`.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    /// Address of the admin port, if there is to be one.
    pub(crate) listen: Option<SocketAddr>,
    /// Bearer tokens of the admin API, as they were written, if any.
    pub(crate) token: Option<Secret>,
    /// File with more of them.
    pub(crate) token_file: Option<PathBuf>,
}

impl Http {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let token = |text: &str| Secret::parse(text.as_bytes()).filter(|_| !text.contains(' '));
        Self {
            listen: reader.address("http.listen"),
            token: reader.optional("http.token", |_, text| token(text)),
            token_file: reader.optional("http.token_file", Kind::file),
        }
    }
}

/// `misskey.*`: who may ask in the shape of Misskey's own API.
#[derive(Clone, Debug)]
pub(crate) struct Misskey {
    /// File of tokens, each with its user.
    pub(crate) token_file: Option<PathBuf>,
    /// The header in which proxies name the user, and the proxies that are trusted to.
    pub(crate) proxies: Option<TrustedProxies>,
}

impl Misskey {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let header = reader.optional("misskey.user_header", |_, text| UserHeader::parse(text));
        let networks = reader.optional("misskey.trusted_proxies", Kind::networks);
        let proxies = header.zip(networks).map(|(header, networks)| TrustedProxies::new(header, networks));
        Self { token_file: reader.optional("misskey.token_file", Kind::file), proxies }
    }
}

/// `hooks.*`, `dead.*`, `attempts.*`, `notices.*`: what is kept, and how much of it.
#[derive(Clone, Debug)]
pub(crate) struct Keep {
    /// What becomes of jobs of inactive hooks.
    pub(crate) when_inactive: WhenInactive,
    /// Nothing but failures for so long switches a hook off, if ever.
    pub(crate) disable_after: Option<Duration>,
    /// Hooks that one owner may register.
    pub(crate) max_hooks_per_user: usize,
    /// Age at which dead letters are removed, if ever.
    pub(crate) dead_max_age: Option<Duration>,
    /// Attempt records kept, about; 0: none are written.
    pub(crate) attempts_max_entries: u64,
    /// Age at which attempt records are removed, if ever.
    pub(crate) attempts_max_age: Option<Duration>,
    /// Notices kept, about; 0: none are written.
    pub(crate) notices_max_entries: u64,
}

impl Keep {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            when_inactive: match reader.word("hooks.when_inactive") {
                "hold" => WhenInactive::Hold,
                _ => WhenInactive::Drop,
            },
            disable_after: reader.optional_duration("hooks.disable_after"),
            max_hooks_per_user: reader.whole("hooks.max_per_user"),
            dead_max_age: reader.optional_duration("dead.max_age"),
            attempts_max_entries: reader.whole("attempts.max_entries"),
            attempts_max_age: reader.optional_duration("attempts.max_age"),
            notices_max_entries: reader.whole("notices.max_entries"),
        }
    }
}

/// `log.*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Log {
    /// A level, or directives.
    pub(crate) level: Box<str>,
    /// How a line looks.
    pub(crate) format: LogFormat,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Log {
    /// `stderr_is_terminal` decides the format where nothing is set.
    pub(crate) fn read(reader: &mut Reader<'_>, stderr_is_terminal: bool) -> Self {
        let format = match reader.optional("log.format", Kind::word) {
            Some("text") => LogFormat::Text,
            None if stderr_is_terminal => LogFormat::Text,
            _ => LogFormat::Json,
        };
        Self { level: reader.plain("log.level", |_, text| log_level(text)), format }
    }
}

/// A level, or directives with at least one `=`: a single misspelt word would otherwise be read as a module's
/// name.
fn log_level(text: &str) -> Option<Box<str>> {
    let directives = || text.contains('=') && tracing_subscriber::EnvFilter::builder().parse(text).is_ok();
    (LOG_LEVELS.contains(&text) || directives()).then(|| text.into())
}
