//! `postrider demo`, the real binary from end to end: what it says, how it ends, and that it leaves nothing running.
//! Needs `redis-server` in PATH.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may panic as tests do")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::{TempDir, tempdir};

/// The demo promises 30 s; the rest is for a machine under load.
const MAX_DEMO: Duration = Duration::from_secs(35);

/// A running demo. Everything that it starts has its working directory in the given folder.
struct Demo {
    process: Child,
    stdout: BufReader<ChildStdout>,
    told: String,
}

impl Demo {
    fn start(folder: &TempDir, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
        command.args(["demo", "--data-dir", "data"]).args(arguments).current_dir(folder.path());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).envs(environment.iter().copied());
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        Self { process, stdout, told: String::new() }
    }

    /// Reads on until a line holds `text`.
    fn wait_for(&mut self, text: &str) {
        while !self.told.lines().last().is_some_and(|line| line.contains(text)) {
            let read = self.stdout.read_line(&mut self.told).unwrap();
            assert!(read > 0, "never said {text:?}:\n{}", self.told);
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for its end; the exit code.
    fn end(&mut self) -> i32 {
        self.stdout.read_to_string(&mut self.told).unwrap();
        self.process.wait().unwrap().code().unwrap()
    }

    /// The number before a figure's name.
    fn figure(&self, name: &str) -> u64 {
        let rows = self.told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let mut found =
            rows.filter(|words| words.get(1) == Some(&name)).filter_map(|words| words[0].parse().ok());
        found.next_back().unwrap_or_else(|| panic!("no figure {name}:\n{}", self.told))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The command lines of the processes whose working directory is in the folder.
fn left_in(folder: &Path) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let ours = processes.filter(|process| lives_in(process, folder));
    ours.map(|process| std::fs::read_to_string(process.join("cmdline")).unwrap_or_default()).collect()
}

fn lives_in(process: &Path, folder: &Path) -> bool {
    std::fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
}

#[test]
fn the_demo_loses_nothing_whatever_is_set_around_it_and_leaves_nothing_running() {
    let hostile = [
        ("POSTRIDER_REDIS_URL", "redis://127.0.0.1:1"),
        ("POSTRIDER_WORKER_CONCURRENCY", "many"),
        ("POSTRIDER_SSRF_DENY", "127.0.0.0/8"),
        ("POSTRIDER_CONFIG", "/nowhere.toml"),
        ("HTTP_PROXY", "http://127.0.0.1:1"),
        ("http_proxy", "http://127.0.0.1:1"),
    ];
    let started = Instant::now();
    let folder = tempdir().unwrap();
    let mut demo = Demo::start(&folder, &[], &hostile);
    assert_eq!(demo.end(), 0, "{}", demo.told);
    assert!(started.elapsed() < MAX_DEMO, "{:?}", started.elapsed());
    let [events, jobs, delivered, dead, lost] =
        ["events", "jobs", "delivered", "dead", "lost"].map(|name| demo.figure(name));
    assert_eq!((events, delivered + dead, lost), (400, jobs, 0), "{}", demo.told);
    // Of 20 events, one is for the receiver that answers 404; the one that is gone is told of a single one.
    let part = events / 20;
    assert!((part..=part + 2).contains(&dead) && demo.told.contains(" 1 gone, "), "{}", demo.told);
    assert!(jobs >= 24 * part && demo.figure("retried") >= 12 * part, "{}", demo.told);
    assert!(demo.told.contains("the hook of old-blog was switched off"), "{}", demo.told);
    assert!(!demo.told.contains("unasked"), "{}", demo.told);
    assert!(demo.figure("taken") >= 1 && demo.figure("duplicates") >= 1, "{}", demo.told);
    assert!(
        demo.told.contains("worker B is killed") && demo.told.contains("worker A took over"),
        "{}",
        demo.told
    );
    assert!(!demo.told.contains('\x1b'), "colours are for terminals: {:?}", demo.told);
    assert_eq!(left_in(folder.path()), [""; 0]);
    assert!(folder.path().join("data/appendonlydir").is_dir());
}

#[test]
fn a_demo_that_is_interrupted_lets_its_jobs_end_and_goes_on_in_the_same_folder_another_time() {
    let folder = tempdir().unwrap();
    for signal in ["INT", "TERM"] {
        let mut demo = Demo::start(&folder, &["--keep"], &[]);
        demo.wait_for("dead letter (gone)");
        demo.signal(signal);
        assert_eq!(demo.end(), 0, "{}", demo.told);
        assert_eq!(demo.figure("lost"), 0, "{}", demo.told);
        assert!(demo.figure("events") < 400, "{}", demo.told);
        assert_eq!(left_in(folder.path()), [""; 0]);
    }
}

#[test]
fn nothing_outlives_a_demo_that_is_killed() {
    let folder = tempdir().unwrap();
    let mut demo = Demo::start(&folder, &[], &[]);
    demo.wait_for("dead letter (gone)");
    assert!(left_in(folder.path()).len() >= 4, "{:?}", left_in(folder.path()));
    demo.process.kill().unwrap();
    demo.process.wait().unwrap();
    let deadline = Instant::now() + MAX_DEMO;
    while !left_in(folder.path()).is_empty() {
        assert!(Instant::now() < deadline, "still there: {:?}", left_in(folder.path()));
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn without_redis_server_it_says_what_to_install() {
    let folder = tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
    let output = command.arg("demo").env_clear().env("PATH", folder.path()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("apt-get install redis-server") && told.lines().count() == 1, "{told}");
}
