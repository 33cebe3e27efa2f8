//! Which server is the primary now: asked of the sentinels in turn, and believed only when that server says so itself, since
//! a sentinel that was cut off names the old one.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::{RedisConnectionInfo, RedisError, Value};

use super::place::{self, Host};
use super::socket::Socket;
use super::{Dialler, REDIS_PORT};
use crate::entry::bytes;
use crate::fault::{FaultClass, describe};

/// How long a sentinel may take to answer, and the primary to say what it is.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// The sentinels of one primary.
pub(super) struct Sentinels {
    hosts: Vec<Host>,
    name: Box<str>,
    login: RedisConnectionInfo,
    /// Which is asked first: the one that answered last.
    first: AtomicUsize,
    /// The primary that was found last.
    last: Mutex<Option<Host>>,
}

/// A primary that was found.
pub(super) struct Primary {
    /// Logged in.
    pub(super) socket: Socket,
    /// Whether it is another one than the last.
    pub(super) is_new: bool,
}

impl Sentinels {
    pub(super) fn new(hosts: &[Host], name: &str, login: &RedisConnectionInfo) -> Self {
        Self {
            hosts: hosts.to_vec(),
            name: name.into(),
            login: login.clone(),
            first: AtomicUsize::new(0),
            last: Mutex::default(),
        }
    }

    /// Connects to the primary.
    pub(super) async fn dial_primary(&self, dialler: Dialler<'_>) -> Result<Primary, RedisError> {
        let mut failures = Vec::new();
        for _ in 0..self.hosts.len() {
            let at = self.first.load(Ordering::Relaxed) % self.hosts.len();
            match self.by(&self.hosts[at], dialler).await {
                Ok(primary) => return Ok(primary),
                Err(failure) => failures.push(format!("{} {failure}", self.hosts[at])),
            }
            self.first.store(at + 1, Ordering::Relaxed);
        }
        let text = format!("no sentinel leads to the primary {}: {}", self.name, failures.join("; "));
        Err(io::Error::new(io::ErrorKind::NotConnected, text).into())
    }

    /// By what one sentinel says; else what it said, in words.
    async fn by(&self, sentinel: &Host, dialler: Dialler<'_>) -> Result<Primary, String> {
        let primary = in_time(self.ask(sentinel, dialler)).await?;
        let primary = primary.ok_or_else(|| format!("knows no primary named {}", self.name))?;
        match in_time(proven(&primary, dialler)).await {
            Ok(Some(socket)) => Ok(Primary { socket, is_new: self.is_new(primary) }),
            Ok(None) => Err(format!("names {primary}, which is a replica")),
            Err(failure) => Err(format!("names {primary}, which {failure}")),
        }
    }

    fn is_new(&self, primary: Host) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = last.as_ref().is_some_and(|last| *last != primary);
        *last = Some(primary);
        is_new
    }

    async fn ask(&self, sentinel: &Host, dialler: Dialler<'_>) -> Result<Option<Host>, RedisError> {
        let dialler = dialler.with_login(&self.login);
        let mut question = redis::cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(&*self.name);
        let Value::Array(parts) = dialler.log_in(sentinel).await?.ask(&question).await? else {
            return Ok(None);
        };
        let mut texts = parts.into_iter().filter_map(|part| String::from_utf8(bytes(part)?).ok());
        let (name, port) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
        let bracketed =
            if name.contains(':') { format!("[{name}]:{port}") } else { format!("{name}:{port}") };
        Ok(place::host(&bracketed, REDIS_PORT))
    }
}

/// A socket to a server that says that it is a primary; none where it says otherwise.
async fn proven(host: &Host, dialler: Dialler<'_>) -> Result<Option<Socket>, RedisError> {
    let mut connection = dialler.log_in(host).await?;
    let is_primary = match connection.ask(&redis::cmd("ROLE")).await {
        Ok(Value::Array(role)) => {
            role.into_iter().next().and_then(bytes).is_some_and(|role| role == b"master")
        }
        Ok(_) => false,
        // A producer may not ask. It only writes, which a replica refuses.
        Err(error) if FaultClass::of(&error) == FaultClass::Denied => true,
        Err(error) => return Err(error),
    };
    Ok(is_primary.then(|| connection.into_socket()))
}

/// The failure in words that complete a sentence about the server.
async fn in_time<T>(asking: impl Future<Output = Result<T, RedisError>>) -> Result<T, String> {
    match tokio::time::timeout(ANSWER_TIMEOUT, asking).await {
        Ok(answer) => answer.map_err(|error| format!("can't be asked ({})", describe(&error))),
        Err(_) => Err("doesn't answer within 1 s".to_owned()),
    }
}
