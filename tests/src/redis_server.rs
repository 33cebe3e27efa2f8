//! A `redis-server` of the test's own. Owns the process and its folder; both are gone when it is dropped.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};
use tempfile::TempDir;

use crate::ports::free_port;
use crate::process::{Process, Signal};
use crate::wait::PATIENCE;

/// How long a command of a test may take: Redis may be busy with gigabytes of a soak, but not for ever.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often another program may be faster in taking the port.
const MAX_STARTS: u32 = 5;

/// How the server is set up. The default keeps an append-only file, written every second, as `doctor` asks for.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    /// `appendfsync`; `None` keeps no file at all.
    pub append_fsync: Option<&'static str>,
    /// `maxmemory`, with `noeviction`.
    pub max_memory: Option<String>,
    /// `requirepass`.
    pub password: Option<String>,
    /// More of the command line: `--name`, `value`, …
    pub extra: Vec<String>,
    /// A program and its arguments that start the server in their place (`exec`), as `env NAME=value`; none: nothing does.
    pub launcher: Vec<String>,
}

impl Default for RedisOptions {
    fn default() -> Self {
        let (extra, launcher) = (Vec::new(), Vec::new());
        Self { append_fsync: Some("everysec"), max_memory: None, password: None, extra, launcher }
    }
}

/// A server on a loopback port.
#[derive(Debug)]
pub struct RedisServer {
    // Before the folder: the process must be gone when its files are removed.
    process: Process,
    folder: TempDir,
    port: u16,
    options: RedisOptions,
}

impl RedisServer {
    /// With default options; returns when it answers.
    pub async fn start() -> Self {
        Self::start_with(RedisOptions::default()).await
    }

    /// With options of the test's own; returns when it answers.
    ///
    /// # Panics
    /// When it can't be started: says what is missing, or shows its log.
    pub async fn start_with(options: RedisOptions) -> Self {
        for _ in 0..MAX_STARTS {
            let folder = tempfile::tempdir().expect("a temporary folder can be made");
            let port = free_port();
            let process = spawn(&options, port, &folder);
            let mut server = Self { process, folder, port, options: options.clone() };
            if server.answers_or_lost_its_port().await {
                return server;
            }
        }
        panic!("redis-server found no free port in {MAX_STARTS} starts");
    }

    /// The URL for a worker, password included.
    pub fn url(&self) -> String {
        let login =
            self.options.password.as_ref().map_or_else(String::new, |password| format!(":{password}@"));
        format!("redis://{login}127.0.0.1:{}", self.port)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The folder with its files.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// A new connection.
    ///
    /// # Panics
    /// When it can't be reached.
    pub async fn connection(&self) -> MultiplexedConnection {
        self.try_connection().await.expect("redis-server can be reached")
    }

    /// SIGKILL; returns when it is gone.
    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Asks it to end, and waits for that; what it has accepted is in its file afterwards.
    pub async fn shutdown(&mut self) {
        self.process.signal(Signal::Term);
        self.process.wait_exit(PATIENCE).await;
    }

    /// Starts it again after [`Self::kill9`] or [`Self::shutdown`], on the same port with the same files; returns when it answers.
    pub async fn restart(&mut self) {
        self.process.kill9();
        self.process = spawn(&self.options, self.port, &self.folder);
        assert!(
            self.answers_or_lost_its_port().await,
            "another program took the port\n{}",
            self.process.log_end()
        );
    }

    /// Stops it where it is: connections stay open, nothing is answered.
    pub fn pause(&mut self) {
        self.process.signal(Signal::Stop);
    }

    /// Lets it go on after [`Self::pause`].
    pub fn resume(&mut self) {
        self.process.signal(Signal::Continue);
    }

    /// A new connection, if there can be one.
    ///
    /// # Errors
    /// It can't be reached.
    pub async fn try_connection(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(RESPONSE_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        Client::open(self.url())?.get_multiplexed_async_connection_with_config(&config).await
    }

    /// Waits until it answers; `false` when it ended because another program has its port.
    async fn answers_or_lost_its_port(&mut self) -> bool {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if self.own_pid_answers().await.unwrap_or(false) {
                return true;
            }
            if self.process.exited().is_some() {
                let end = self.process.log_end();
                assert!(end.contains("in use"), "redis-server ended at its start\n{end}");
                return false;
            }
            let in_time = tokio::time::Instant::now() < deadline;
            assert!(in_time, "redis-server did not answer in {PATIENCE:?}\n{}", self.process.log_end());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Whether a server answers here, is ours, and has read its files.
    async fn own_pid_answers(&self) -> RedisResult<bool> {
        let mut connection = self.try_connection().await?;
        let () = redis::cmd("PING").query_async(&mut connection).await?;
        let info: String = redis::cmd("INFO").arg("server").query_async(&mut connection).await?;
        let ours = format!("process_id:{}", self.process.id());
        Ok(info.lines().any(|line| line.trim_end() == ours))
    }
}

/// The program: named by `REDIS_SERVER_BIN`, else the one in `PATH`.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("REDIS_SERVER_BIN").map_or_else(|| PathBuf::from("redis-server"), PathBuf::from)
}

fn spawn(options: &RedisOptions, port: u16, folder: &TempDir) -> Process {
    let program = program();
    let mut words = options.launcher.iter().map(OsStr::new).chain([program.as_os_str()]);
    let mut command = Command::new(words.next().expect("there is at least the program"));
    command.args(words).current_dir(folder.path()).args(arguments(options, port));
    match Process::spawn(&mut command, &folder.path().join("redis.log")) {
        Ok(process) => process,
        Err(error) => panic!(
            "{} can't be started ({error}): install Redis 7.0 or newer, or name its server in REDIS_SERVER_BIN",
            program.display()
        ),
    }
}

fn arguments(options: &RedisOptions, port: u16) -> Vec<String> {
    let port = port.to_string();
    let mut arguments =
        vec!["--port", &port, "--bind", "127.0.0.1", "--save", "", "--maxmemory-policy", "noeviction"];
    match options.append_fsync {
        Some(how) => arguments.extend(["--appendonly", "yes", "--appendfsync", how]),
        None => arguments.extend(["--appendonly", "no"]),
    }
    if let Some(bytes) = &options.max_memory {
        arguments.extend(["--maxmemory", bytes]);
    }
    if let Some(password) = &options.password {
        arguments.extend(["--requirepass", password]);
    }
    arguments.into_iter().map(str::to_owned).chain(options.extra.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use redis::AsyncCommands;

    use super::*;

    #[tokio::test]
    async fn what_was_accepted_is_there_after_a_kill_and_a_restart() {
        let mut server = RedisServer::start().await;
        let url = server.url();
        let () = server.connection().await.set("key", "value").await.unwrap();
        server.kill9();
        assert!(server.try_connection().await.is_err());
        server.restart().await;
        assert_eq!(server.url(), url);
        let value: String = server.connection().await.get("key").await.unwrap();
        assert_eq!(value, "value");
    }

    #[tokio::test]
    async fn a_shutdown_server_can_be_started_again() {
        let mut server = RedisServer::start().await;
        server.shutdown().await;
        server.restart().await;
        let () = server.connection().await.set("key", "value").await.unwrap();
    }

    #[tokio::test]
    async fn a_paused_server_answers_only_after_it_is_resumed() {
        let mut server = RedisServer::start().await;
        let mut connection = server.connection().await;
        server.pause();
        let answer =
            tokio::spawn(async move { redis::cmd("PING").query_async::<String>(&mut connection).await });
        tokio::task::yield_now().await;
        assert!(!answer.is_finished());
        server.resume();
        assert_eq!(answer.await.unwrap().unwrap(), "PONG");
    }

    #[tokio::test]
    async fn options_reach_the_server() {
        let options = RedisOptions {
            append_fsync: None,
            max_memory: Some("3mb".into()),
            password: Some("s3cret".into()),
            extra: vec!["--maxclients".into(), "77".into()],
            launcher: vec!["env".into(), "NAME=value".into()],
        };
        let server = RedisServer::start_with(options).await;
        let mut connection = server.connection().await;
        for (name, value) in [("maxmemory", "3145728"), ("appendonly", "no"), ("maxclients", "77")] {
            let found: Vec<String> =
                redis::cmd("CONFIG").arg("GET").arg(name).query_async(&mut connection).await.unwrap();
            assert_eq!(found, [name, value]);
        }
    }
}
