//! `redis.url`, read: where Redis is, by what login, and whether TLS is spoken. An error never repeats any of the URL.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;

use redis::{ProtocolVersion, RedisConnectionInfo};

/// What is accepted as `redis.url`.
pub const ACCEPTED_URLS: &str = "redis://[user:password@]host:port[/db], redis+unix:///path, \
     redis+sentinel://host:port,host:port/name or redis+cluster://host:port,host:port; with rediss for TLS";

/// Most hosts that a URL may name. A cluster tells of its other nodes by itself.
const MAX_HOSTS: usize = 64;

pub(super) const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// What a URL says.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) place: Place,
    /// How the servers that hold the data are logged in to.
    pub(crate) login: RedisConnectionInfo,
    pub(crate) wants_tls: bool,
}

/// Where Redis is.
#[derive(Clone)]
pub(crate) enum Place {
    /// One server.
    Server(Host),
    /// One server on this machine.
    Unix(PathBuf),
    /// Whichever server these sentinels name as the primary called `name`.
    Sentinel { sentinels: Vec<Host>, name: Box<str>, login: RedisConnectionInfo },
    /// A cluster, found by any of these nodes.
    Cluster(Vec<Host>),
}

/// Host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Host {
    /// A name, or an address without brackets.
    pub(crate) name: Box<str>,
    pub(crate) port: u16,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, port } = self;
        if name.contains(':') { write!(f, "[{name}]:{port}") } else { write!(f, "{name}:{port}") }
    }
}

/// No user, no password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(host) => host.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
            Self::Sentinel { sentinels, name, .. } => write!(f, "{name} by sentinels {}", listed(sentinels)),
            Self::Cluster(seeds) => write!(f, "cluster of {}", listed(seeds)),
        }
    }
}

fn listed(hosts: &[Host]) -> String {
    hosts.iter().map(Host::to_string).collect::<Vec<_>>().join(",")
}

impl Target {
    /// Reads a URL; the error says what would be accepted.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        if url.contains('#') {
            return Err(
                "no # is accepted: certificates are always verified, and in a password it is %23".into()
            );
        }
        let (scheme, rest) = url.split_once("://").ok_or_else(accepted)?;
        let parts = Parts::split(rest)?;
        match scheme {
            "redis" | "valkey" => parts.server(false),
            "rediss" | "valkeys" => parts.server(true),
            "redis+sentinel" => parts.sentinels(false),
            "rediss+sentinel" => parts.sentinels(true),
            "redis+cluster" => parts.cluster(false),
            "rediss+cluster" => parts.cluster(true),
            "redis+unix" | "valkey+unix" | "unix" => parts.socket(),
            _ => Err(accepted()),
        }
    }
}

/// Whether a `redis.url` wants TLS; the error says what would be accepted.
pub fn wants_tls(url: &str) -> Result<bool, String> {
    Target::parse(url).map(|target| target.wants_tls)
}

/// Whether a `redis.url` leads to a cluster; one that can't be read doesn't.
pub fn is_cluster(url: &str) -> bool {
    Target::parse(url).is_ok_and(|target| matches!(target.place, Place::Cluster(_)))
}

fn accepted() -> String {
    format!("accepted: {ACCEPTED_URLS}")
}

/// The parts of a URL behind its scheme.
struct Parts<'a> {
    credentials: &'a str,
    hosts: &'a str,
    path: &'a str,
    query: Vec<(&'a str, String)>,
}

impl<'a> Parts<'a> {
    fn split(rest: &'a str) -> Result<Self, String> {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        // A password with an unescaped `@` is a common mistake, and harms nothing.
        let (credentials, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (hosts, path) = place.find('/').map_or((place, ""), |at| place.split_at(at));
        let query = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((name, percent_decoded(value)?))
        });
        let query = query.collect::<Option<_>>().ok_or_else(accepted)?;
        Ok(Self { credentials, hosts, path, query })
    }

    fn server(self, wants_tls: bool) -> Result<Target, String> {
        self.allow(&[])?;
        let place = Place::Server(host(self.hosts, REDIS_PORT).ok_or_else(accepted)?);
        Ok(Target { place, login: self.login(self.path.trim_start_matches('/'))?, wants_tls })
    }

    fn socket(self) -> Result<Target, String> {
        self.allow(&["db", "user", "pass"])?;
        let path = percent_decoded(self.path).filter(|path| path.len() > 1 && self.hosts.is_empty());
        let place = Place::Unix(path.ok_or_else(accepted)?.into());
        Ok(Target { place, login: self.login(self.parameter("db"))?, wants_tls: false })
    }

    fn sentinels(self, wants_tls: bool) -> Result<Target, String> {
        self.allow(&["db", "sentinel_user", "sentinel_password"])?;
        let name = percent_decoded(self.path.trim_start_matches('/')).filter(|name| !name.is_empty());
        let name =
            name.ok_or("the name of the primary belongs behind the sentinels: host:port,host:port/name")?;
        let login = login(self.parameter("sentinel_user"), self.parameter("sentinel_password"));
        let place = Place::Sentinel { sentinels: self.several(SENTINEL_PORT)?, name: name.into(), login };
        Ok(Target { place, login: self.login(self.parameter("db"))?, wants_tls })
    }

    fn cluster(self, wants_tls: bool) -> Result<Target, String> {
        self.allow(&[])?;
        let login = self.login(self.path.trim_start_matches('/'))?;
        if login.db() != 0 {
            return Err("a cluster has one database, 0: nothing belongs behind its hosts".into());
        }
        Ok(Target { place: Place::Cluster(self.several(REDIS_PORT)?), login, wants_tls })
    }

    /// Who logs in, and to which database.
    fn login(&self, database: &str) -> Result<RedisConnectionInfo, String> {
        let (user, password) = self.credentials.split_once(':').unwrap_or((self.credentials, ""));
        let user = percent_decoded(user).ok_or_else(accepted)?;
        let password = percent_decoded(password).ok_or_else(accepted)?;
        let given = |parameter, otherwise| match self.parameter(parameter) {
            "" => otherwise,
            value => value,
        };
        let is_number = database.bytes().all(|byte| byte.is_ascii_digit());
        let number = if database.is_empty() { Some(0) } else { database.parse().ok() };
        let number = number.filter(|_| is_number).ok_or_else(accepted)?;
        Ok(login(given("user", &user), given("pass", &password)).set_db(number))
    }

    fn several(&self, default_port: u16) -> Result<Vec<Host>, String> {
        if self.credentials.contains('@') {
            return Err("one login for all hosts, before the first of them; an @ in a password is %40".into());
        }
        let hosts: Option<Vec<Host>> = self.hosts.split(',').map(|text| host(text, default_port)).collect();
        hosts.filter(|hosts| hosts.len() <= MAX_HOSTS).ok_or_else(accepted)
    }

    /// Empty where it isn't given.
    fn parameter(&self, name: &str) -> &str {
        self.query.iter().find(|(given, _)| *given == name).map_or("", |(_, value)| value)
    }

    /// Refuses parameters that would mean nothing: a misspelt one isn't silently ignored.
    fn allow(&self, names: &[&str]) -> Result<(), String> {
        // Replies are taken apart in one protocol, whatever is asked for.
        let is_known = |name: &&str| names.contains(name) || *name == "protocol";
        if self.query.iter().all(|(name, _)| is_known(name)) {
            return Ok(());
        }
        let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        Err(format!("behind its ? such a URL may have {names}"))
    }
}

fn login(user: &str, password: &str) -> RedisConnectionInfo {
    // Replies are taken apart by hand, in the older protocol.
    let mut login = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP2);
    if !user.is_empty() {
        login = login.set_username(user);
    }
    if !password.is_empty() {
        // The answer to AUTH shows that the server is there. The client's name, whose answer shows it otherwise, isn't told:
        // users with least rights may not, and ACL LOG would fill with that.
        login = login.set_password(password).set_skip_set_lib_name();
    }
    login
}

/// `name`, `name:port`, `[address]` or `[address]:port`.
pub(crate) fn host(text: &str, default_port: u16) -> Option<Host> {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').filter(|(name, _)| name.parse::<Ipv6Addr>().is_ok())?,
        None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
    };
    let port = match port {
        "" => default_port,
        port => port.strip_prefix(':')?.parse().ok().filter(|port| *port > 0)?,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
    (!name.is_empty() && name.chars().all(plain)).then(|| Host { name: name.into(), port })
}

/// Undoes `%xx`; none where what comes out isn't UTF-8, or an escape isn't one.
fn percent_decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let code = part.get(..2).filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
