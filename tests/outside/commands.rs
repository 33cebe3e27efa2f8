//! The commands of `README.md` and `docs/quick-start.md`, run as they stand there, each block in its turn, against a Redis of
//! their own. A block marked `sh` is run to its end and must succeed; one marked `sh background` stays, as in a terminal of its
//! own. Only ports are others than in the text: those may be taken.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use postrider_tests::fenced::{Block, blocks};
use postrider_tests::http_get::get;
use postrider_tests::ports::free_port;
use postrider_tests::process::Process;
use postrider_tests::redis_server::RedisServer;
use postrider_tests::wait::{PATIENCE, until};
use postrider_tests::worker_process::program;
use tempfile::TempDir;

use crate::program::{Program, root};

/// A desk at which a newcomer types: a folder with the built program, and a Redis that `redis-cli` finds by itself.
struct Desk {
    // Before the folder, which holds their logs.
    terminals: Vec<Process>,
    folder: TempDir,
    redis: RedisServer,
    sink: u16,
    admin: u16,
}

impl Desk {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let redis = RedisServer::start().await;
        let built = folder.path().join("target/release");
        std::fs::create_dir_all(&built).expect("a folder can be made");
        symlink(program(), built.join("postrider")).expect("a link can be made");
        let client = folder.path().join("redis-cli");
        let script = format!("#!/bin/sh\nPATH=${{PATH#*:}} exec redis-cli -p {} \"$@\"\n", redis.port());
        std::fs::write(&client, script).expect("the script can be written");
        std::fs::set_permissions(&client, PermissionsExt::from_mode(0o755)).expect("it may be run");
        Self { terminals: Vec::new(), folder, redis, sink: free_port(), admin: free_port() }
    }

    /// The text with this desk's ports.
    fn typed(&self, text: &str) -> String {
        let sink = format!("127.0.0.1:{}", self.sink);
        text.replace("127.0.0.1:9000", &sink)
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{}", self.admin))
            .replace("postrider sink", &format!("postrider sink --listen {sink}"))
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let path = std::env::var("PATH").unwrap_or_default();
        vec![
            ("PATH", format!("{}:{path}", self.folder.path().display())),
            ("POSTRIDER_REDIS_URL", self.redis.url()),
            ("POSTRIDER_HTTP_LISTEN", format!("127.0.0.1:{}", self.admin)),
        ]
    }

    /// Starts a command in a terminal of its own; returns when it is ready.
    async fn stays(&mut self, text: &str) {
        let log = self.folder.path().join(format!("terminal-{}.log", self.terminals.len()));
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec {}", self.typed(text))]).current_dir(self.folder.path());
        let process = Process::spawn(command.envs(self.environment()), &log).expect("sh can be run");
        self.terminals.push(process);
        let admin = ([127, 0, 0, 1], self.admin).into();
        let is_worker = text.contains("postrider worker");
        until(&format!("{text} is ready"), PATIENCE, || async {
            let ready = if is_worker {
                get(admin, "/readyz").await.is_ok_and(|(status, _)| status == 200)
            } else {
                said(&log).contains("listens on")
            };
            if ready { Ok(()) } else { Err(said(&log)) }
        })
        .await;
    }

    /// Runs a block to its end, which must be a success; then waits until the workers have nothing to do but wait.
    async fn ends(&self, text: &str) {
        let script = format!("cd '{}'\n{}", self.folder.path().display(), self.typed(text));
        let shell = Program::new("sh", ["-ec".into(), script.into()].to_vec());
        let environment = self.environment();
        let environment: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (*name, &**value)).collect();
        let ended = shell.run(&environment).await;
        let told = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success(), "{text}\n{told}\n{}", String::from_utf8_lossy(&ended.stderr));
        if !self.terminals.is_empty() {
            self.until_quiet().await;
        }
    }

    async fn until_quiet(&self) {
        let connection = self.redis.connection().await;
        until("nothing is ready or leased", PATIENCE, || async {
            let mut left = 0;
            for stream in ["postrider:deliveries", "postrider:events"] {
                let length = redis::cmd("XLEN").arg(stream).query_async::<u64>(&mut connection.clone()).await;
                left += length.expect("Redis answers");
            }
            if left == 0 { Ok(()) } else { Err(left) }
        })
        .await;
    }

    /// Waits until the sink has answered so many requests with this status.
    async fn sink_answers(&self, status: u16, times: usize) {
        let log = self.folder.path().join("terminal-0.log");
        until(&format!("{times} requests are answered {status}"), PATIENCE, || async {
            let told = said(&log);
            let found = told.matches(&format!(" {status} POST ")).count();
            if found == times { Ok(()) } else { Err(told) }
        })
        .await;
    }
}

fn said(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}

/// Types a document's blocks, one after another; how many there were.
async fn type_all(desk: &mut Desk, document: &str) -> usize {
    let text = std::fs::read_to_string(root().join(document)).expect("the document is there");
    let marked: Vec<Block> =
        blocks(&text).into_iter().filter(|block| block.language.starts_with("sh")).collect();
    for block in &marked {
        match &*block.language {
            "sh" => desk.ends(&block.text).await,
            "sh background" => desk.stays(block.text.trim_end()).await,
            other => panic!("{document}: nobody knows how to run a block marked {other}"),
        }
    }
    marked.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_readme_do_what_it_says() {
    let mut desk = Desk::new().await;
    assert!(type_all(&mut desk, "README.md").await >= 5);
    // A job and an event, each refused once.
    desk.sink_answers(500, 2).await;
    desk.sink_answers(200, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_quick_start_do_what_it_says() {
    let mut desk = Desk::new().await;
    assert!(type_all(&mut desk, "docs/quick-start.md").await >= 8);
    desk.sink_answers(500, 2).await;
    desk.sink_answers(200, 2).await;
}
