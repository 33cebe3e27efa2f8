//! All that was written, by where it was found.

use std::process::Command;

use postrider_tests::worker_process::{WorkerProcess, program};
use postrider_tests::world::World;
use redis::Value;

use super::planted::{self, betrayals};

/// The command line, with secrets in its settings.
pub(super) struct Shell {
    redis_url: String,
}

/// What a command told, both ways.
#[derive(Debug)]
pub(super) struct Told {
    code: Option<i32>,
    text: String,
}

impl Told {
    /// That it ended like this; what it told.
    #[track_caller]
    pub(super) fn check(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}", self.text);
        self.text
    }
}

impl Shell {
    pub(super) fn of(world: &World) -> Self {
        Self { redis_url: world.redis.url() }
    }

    pub(super) fn run(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Told {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .env_clear()
            .env("POSTRIDER_REDIS_URL", &self.redis_url)
            .env("POSTRIDER_SSRF_ALLOW", "127.0.0.0/8")
            .env("POSTRIDER_LOG_LEVEL", "trace")
            .env("POSTRIDER_HTTP_TOKEN", planted::TOKEN)
            .envs(settings.iter().copied());
        let output = command.output().expect("the program is built");
        let text = [output.stdout, output.stderr].concat();
        Told { code: output.status.code(), text: String::from_utf8_lossy(&text).into_owned() }
    }
}

/// Texts, and where each was found.
#[derive(Default)]
pub(super) struct Written(Vec<(String, String)>);

impl Written {
    pub(super) fn add(&mut self, place: &str, text: String) {
        self.0.push((place.to_owned(), text));
    }

    /// What an operator may look at without asking for secrets; `url` is the hook's.
    pub(super) fn add_looks(&mut self, shell: &Shell, url: &str) {
        let proxy = format!("http://user:{}@127.0.0.1:1", planted::PROXY_PASSWORD);
        for line in ["config", "config --json"] {
            let arguments: Vec<_> = line.split(' ').collect();
            self.add(line, shell.run(&arguments, &[("POSTRIDER_PROXY_URL", &proxy)]).check(0));
        }
        for line in
            ["list", "list --json", "show h --user u", "show h --user u --json", "update h --user u --name n"]
        {
            let arguments: Vec<_> = ["hooks"].into_iter().chain(line.split(' ')).collect();
            // `show` tells the URL whole, by contract.
            self.add(line, shell.run(&arguments, &[]).check(0).replace(url, "(url)"));
        }
    }

    /// What commands say that can't do their work; Redis is down.
    pub(super) fn add_errors(&mut self, shell: &Shell) {
        let create = [
            "hooks",
            "create",
            "--user",
            "u",
            "--on",
            "note",
            "--url",
            "http://u:cnry-userinfo@hooks.example/cnry",
        ];
        let enqueue =
            ["enqueue", "--to", "http://10.0.0.1/cnry", "--type", "note", "--content", "{cnry", "--dry-run"];
        for (line, settings, code) in [
            (&["hooks", "list"][..], &[][..], 3),
            (&["hooks", "list"], &[("POSTRIDER_REDIS_URL", "redis://u:cnry-password@no host")], 2),
            (&["hooks", "list"], &[("POSTRIDER_REDIS_URL", "redis+other://u:cnry-password@127.0.0.1")], 2),
            (&[&create[..], &["--secret", "cnry\n"]].concat(), &[], 2),
            (&enqueue, &[("POSTRIDER_ENQUEUE_SECRET", "cnry\u{e9}")], 1),
            (&["worker"], &[("POSTRIDER_HTTP_TOKEN", "cnry token")], 2),
            (&["worker"], &[("POSTRIDER_PROXY_URL", "socks://u:cnry-password@proxy")], 2),
            (&["worker", "--redis-url", "redis://:cnry-password@127.0.0.1:port"], &[], 2),
        ] {
            self.add(&line.join(" "), shell.run(line, settings).check(code));
        }
    }

    /// The admin port.
    pub(super) async fn add_port(&mut self, worker: &WorkerProcess) {
        self.add("/metrics", worker.metrics().await);
        self.add("/readyz", worker.readyz().await.1);
        self.add("/healthz", worker.healthz().await.1);
    }

    /// Every key of Redis that doesn't hold jobs or hooks by contract, the names of all, and what workers add to a dead letter.
    pub(super) async fn add_redis(&mut self, world: &World) {
        let keys: Vec<String> = world.query(redis::cmd("KEYS").arg("*")).await;
        self.add("names of keys", keys.join("\n"));
        let own = [
            world.queue().to_owned(),
            world.key("retry:jobs"),
            world.key("dead"),
            "postrider:hooks:{u}".into(),
        ];
        let searched: Vec<&String> = keys.iter().filter(|key| !own.contains(key)).collect();
        for wanted in [world.key("attempts"), "postrider:notices".into()] {
            assert!(searched.contains(&&wanted), "{wanted} is among {keys:?}");
        }
        for key in searched {
            self.add(key, content(world, key).await);
        }
        for (_, fields) in world.entries(&world.key("dead")).await {
            let added = fields.iter().filter(|(name, _)| name.starts_with(b"_"));
            let added: Vec<_> = added.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect();
            self.add("a dead letter", added.join("\n"));
        }
    }

    /// That no text betrays anything.
    #[track_caller]
    pub(super) fn check(&self) {
        let betrayals = betrayals();
        let betrays = |line: &str| betrayals.iter().any(|betrayal| line.to_lowercase().contains(betrayal));
        let lines = self.0.iter().flat_map(|(place, text)| text.lines().map(move |line| (place, line)));
        let found: Vec<String> =
            lines.filter(|(_, line)| betrays(line)).map(|(place, line)| format!("{place}: {line}")).collect();
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

/// All that a key holds.
async fn content(world: &World, key: &str) -> String {
    let kind: String = world.query(redis::cmd("TYPE").arg(key)).await;
    let mut command = redis::cmd(match kind.as_str() {
        "stream" => "XRANGE",
        "hash" => "HGETALL",
        "zset" => "ZRANGE",
        "set" => "SMEMBERS",
        _ => "GET",
    });
    command.arg(key);
    match kind.as_str() {
        "stream" => drop(command.arg("-").arg("+")),
        "zset" => drop(command.arg(0).arg(-1)),
        _ => {}
    }
    let mut text = String::new();
    write_all(&world.query(&command).await, &mut text);
    text
}

fn write_all(value: &Value, text: &mut String) {
    match value {
        Value::BulkString(bytes) => {
            text.push_str(&String::from_utf8_lossy(bytes));
            text.push('\n');
        }
        Value::Array(items) => items.iter().for_each(|item| write_all(item, text)),
        Value::Map(pairs) => pairs.iter().for_each(|(name, value)| {
            write_all(name, text);
            write_all(value, text);
        }),
        other => text.push_str(&format!("{other:?}\n")),
    }
}
