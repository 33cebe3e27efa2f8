//! A Redis without workers, and the command against it.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use postrider_tests::world::{World, WorldOptions};
use serde_json::Value;

/// What a command told.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Told {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let code = output.status.code().unwrap();
        Self { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// That it ended well, telling nothing is wrong.
    #[track_caller]
    pub(crate) fn check_ok(&self) {
        assert_eq!((self.code, &*self.stderr), (0, ""), "{self:?}");
    }

    /// That it ended well; its lines of JSON.
    #[track_caller]
    pub(crate) fn rows(&self) -> Vec<Value> {
        self.check_ok();
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// That it ended well with one line of JSON.
    #[track_caller]
    pub(crate) fn row(&self) -> Value {
        let mut rows = self.rows();
        assert_eq!(rows.len(), 1, "{self:?}");
        rows.remove(0)
    }

    /// That it ended like this, with one line on stderr that holds these words and no canary.
    #[track_caller]
    pub(crate) fn check_failed(&self, code: i32, words: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.stderr.contains(words), "{self:?}");
        assert!(self.stderr.starts_with("postrider: ") && self.stderr.lines().count() == 1, "{self:?}");
        assert!(!self.stderr.contains("canary") && !self.stdout.contains("canary"), "{self:?}");
    }
}

/// Redis and a receiver.
pub(crate) struct Shell {
    pub(crate) world: World,
}

impl Shell {
    pub(crate) async fn open() -> Self {
        Self { world: World::with(WorldOptions::default().workers(0)).await }
    }

    /// `postrider hooks …`, with words parted by blanks.
    pub(crate) fn hooks(&self, line: &str) -> Told {
        self.run(&line.split(' ').collect::<Vec<_>>(), "")
    }

    /// The same with `--json`.
    pub(crate) fn json(&self, line: &str) -> Told {
        self.hooks(&format!("{line} --json"))
    }

    /// The same with any words, and this on stdin.
    pub(crate) fn run(&self, arguments: &[&str], stdin: &str) -> Told {
        run_at(&self.world.redis.url(), arguments, stdin)
    }

    /// Registers a hook of `u`; more of the line behind it.
    #[track_caller]
    pub(crate) fn create(&self, id: &str, more: &str) -> Value {
        let line = format!("create --user u --id {id} --url https://hooks.example/in --json{more}");
        self.hooks(&line).row()
    }

    /// The stored record.
    pub(crate) async fn stored(&self, hook: &str) -> String {
        let mut command = redis::cmd("HGET");
        command.arg("postrider:hooks:{u}").arg(hook);
        self.world.query::<Option<String>>(&command).await.unwrap_or_default()
    }
}

/// The command against a Redis at this URL. Loopback is open, so that tests can be sent.
pub(crate) fn run_at(redis_url: &str, arguments: &[&str], stdin: &str) -> Told {
    let mut child = Command::new(env!("CARGO_BIN_EXE_postrider"))
        .arg("hooks")
        .args(arguments)
        .env_clear()
        .env("POSTRIDER_REDIS_URL", redis_url)
        .env("POSTRIDER_SSRF_ALLOW", "127.0.0.0/8")
        .env("POSTRIDER_SERVER_URL", "https://misskey.example")
        .env("POSTRIDER_LOG_LEVEL", "trace")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    Told::of(&child.wait_with_output().unwrap())
}
