//! The real `postrider worker` as a child process. Owns the process, its log and its admin port.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::http_get::get;
use crate::ports::free_port;
use crate::process::{Process, Signal};
use crate::prometheus;
use crate::redis_server::RedisServer;
use crate::wait::{PATIENCE, until};

/// A worker that has been started.
#[derive(Debug)]
pub struct WorkerProcess {
    // Before the folder, which holds its log.
    process: Process,
    _folder: TempDir,
    admin: SocketAddr,
}

impl WorkerProcess {
    /// Starts a worker on `redis`. `environment` comes last: it adds to the harness' own settings, or replaces them.
    ///
    /// # Panics
    /// When the program is missing: says how to build it.
    pub fn start(redis: &RedisServer, environment: &[(&str, &str)]) -> Self {
        Self::start_at(&redis.url(), environment)
    }

    /// The same on the Redis at this URL.
    ///
    /// # Panics
    /// When the program is missing: says how to build it.
    pub fn start_at(redis_url: &str, environment: &[(&str, &str)]) -> Self {
        Self::start_program(&program(), redis_url, environment)
    }

    /// The same of another program, such as an older version.
    ///
    /// # Panics
    /// When the program is missing: says how to build it.
    pub fn start_program(program: &Path, redis_url: &str, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let admin = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let mut command = Command::new(program);
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("POSTRIDER_"))
        {
            command.env_remove(name);
        }
        command
            .arg("worker")
            .current_dir(folder.path())
            .env("POSTRIDER_REDIS_URL", redis_url)
            .env("POSTRIDER_SSRF_ALLOW", "127.0.0.0/8,::1/128")
            .env("POSTRIDER_HTTP_LISTEN", admin.to_string())
            .env("POSTRIDER_LOG_LEVEL", "debug")
            .envs(environment.iter().copied());
        match Process::spawn(&mut command, &folder.path().join("worker.log")) {
            Ok(process) => Self { process, _folder: folder, admin },
            Err(error) => panic!(
                "{} can't be started ({error}): run `cargo build -p postrider`, or name it in POSTRIDER_BIN",
                program.display()
            ),
        }
    }

    /// Where its admin port is.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until `/readyz` says 200.
    ///
    /// # Panics
    /// When it doesn't, or the worker ends: shows its log.
    pub async fn wait_ready(&mut self) {
        self.wait_readyz(200).await;
    }

    /// Waits until `/readyz` answers `status`, and returns its body.
    ///
    /// # Panics
    /// When it doesn't, or the worker ends: shows its log.
    pub async fn wait_readyz(&mut self, status: u16) -> String {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let (found, body) = self.readyz().await;
            if found == status {
                return body;
            }
            let hope = self.process.exited().is_none() && tokio::time::Instant::now() < deadline;
            assert!(hope, "/readyz never said {status}; last {found} {body:?}\n{}", self.process.log_end());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// `/readyz`; status 0 where nothing answers.
    pub async fn readyz(&self) -> (u16, String) {
        get(self.admin, "/readyz").await.unwrap_or_default()
    }

    /// `/healthz`; status 0 where nothing answers.
    pub async fn healthz(&self) -> (u16, String) {
        get(self.admin, "/healthz").await.unwrap_or_default()
    }

    /// `/metrics`.
    ///
    /// # Panics
    /// When it can't be had.
    pub async fn metrics(&self) -> String {
        match get(self.admin, "/metrics").await {
            Ok((200, text)) => text,
            other => panic!("/metrics: {other:?}\n{}", self.process.log_end()),
        }
    }

    /// The sum of the samples of a metric that bear these labels; 0 where there is none.
    pub async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        prometheus::value(&self.metrics().await, name, labels).unwrap_or(0.0)
    }

    /// Waits until a metric has reached a value.
    pub async fn wait_metric(&self, name: &str, labels: &[(&str, &str)], at_least: f64) {
        until(&format!("{name} {labels:?} >= {at_least}"), PATIENCE, || async {
            let value = self.metric(name, labels).await;
            if value >= at_least { Ok(()) } else { Err(value) }
        })
        .await;
    }

    /// SIGKILL; returns when it is gone.
    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// SIGTERM: asks it to drain and end.
    pub fn sigterm(&mut self) {
        self.process.signal(Signal::Term);
    }

    /// SIGSTOP: stops it where it is.
    pub fn sigstop(&mut self) {
        self.process.signal(Signal::Stop);
    }

    /// SIGCONT: lets it go on.
    pub fn sigcont(&mut self) {
        self.process.signal(Signal::Continue);
    }

    /// Waits for its end; its exit code, or `None` when a signal ended it.
    ///
    /// # Panics
    /// When it hasn't ended after `timeout`: shows its log.
    pub async fn wait_exit(&mut self, timeout: Duration) -> Option<i32> {
        self.process.wait_exit(timeout).await.code()
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        self.process.exited().is_none()
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Waits until a line of its log holds `text`, and returns that line.
    pub async fn wait_log(&self, text: &str) -> String {
        until(&format!("the log says {text:?}"), PATIENCE, || async {
            let log = self.log();
            log.lines()
                .find(|line| line.contains(text))
                .map(str::to_owned)
                .ok_or_else(|| self.process.log_end())
        })
        .await
    }
}

/// The program: named by `POSTRIDER_BIN`, else in the folder of the build that this test belongs to.
pub fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("POSTRIDER_BIN") {
        return PathBuf::from(named);
    }
    let test = std::env::current_exe().expect("a test has a file");
    // target/<profile>/deps/<test>, or target/<profile>/<program>
    let folder = test.parent().expect("a file lies in a folder");
    let profile = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    profile.join("postrider")
}
