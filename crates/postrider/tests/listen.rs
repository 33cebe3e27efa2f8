//! `postrider listen` between a real worker and a target: what arrives, what is answered, and that its hook goes with it.

#![allow(clippy::panic, clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use postrider_tests::ports::free_port;
use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{World, WorldOptions};
use serde_json::Value;

fn postrider(world: &World, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
    command.args(arguments).env_clear().env("POSTRIDER_REDIS_URL", world.redis.url());
    command.env("POSTRIDER_SSRF_ALLOW", "127.0.0.1").env("POSTRIDER_RETRY_SCHEDULE", "100ms");
    command
}

fn output(world: &World, arguments: &[&str]) -> Output {
    postrider(world, arguments).output().unwrap()
}

/// A running `listen`.
struct Listening {
    process: Child,
    told: Receiver<String>,
    notes: Receiver<String>,
    address: SocketAddr,
}

impl Listening {
    fn start(world: &World, arguments: &[&str]) -> Self {
        let mut command = postrider(world, &[&["listen", "--json"], arguments].concat());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let told = lines(process.stdout.take().unwrap());
        let notes = lines(process.stderr.take().unwrap());
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut listening = Self { process, told, notes, address };
        let told = listening.note("listens on http://");
        listening.address = told.rsplit_once("http://").unwrap().1.parse().unwrap();
        listening.note("forwards ");
        listening
    }

    /// Reads notes until one has these words.
    fn note(&mut self, words: &str) -> String {
        loop {
            let note = self.notes.recv_timeout(PATIENCE);
            let note = note.unwrap_or_else(|_| panic!("no note says {words:?}"));
            if note.contains(words) {
                return note;
            }
        }
    }

    /// The next request that it tells of.
    fn told(&mut self) -> Value {
        serde_json::from_str(&self.told.recv_timeout(PATIENCE).expect("it told of nothing")).unwrap()
    }

    fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    fn end(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it never ended");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Lines as they come, so that nobody waits for ever.
fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        BufReader::new(stream).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    lines
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn add_event(world: &World, event_type: &str) {
    let added = output(world, &["event", "--user", "9u", "--type", event_type, "--content", r#"{"n":1}"#]);
    assert!(added.status.success(), "{added:?}");
}

async fn hooks(world: &World) -> usize {
    world.query(redis::cmd("HLEN").arg("postrider:hooks:{9u}")).await
}

/// That a target which says 503 first gets it again, its proof found good.
async fn check_profile(profile: &str, proof: &str, header: &str) {
    let world = World::with(WorldOptions::default().set("POSTRIDER_RETRY_SCHEDULE", "100ms")).await;
    world.receiver.respond("/in", 503);
    let flags =
        ["--forward", &world.receiver.url("/in"), "--user", "9u", "--on", "note", "--profile", profile];
    let mut listening = Listening::start(&world, &flags);
    assert_eq!(hooks(&world).await, 1);
    add_event(&world, "reply");
    add_event(&world, "note");
    let first = listening.told();
    assert_eq!((&first["status"], &first["attempt"]), (&503.into(), &1.into()), "{first}");
    assert_eq!((&first["proof"], &first["proofSays"]), (&"ok".into(), &proof.into()), "{first}");
    world.receiver.respond("/in", 200);
    // The worker comes again, as to any receiver that said 503.
    let last = std::iter::repeat_with(|| listening.told()).find(|told| told["status"] == 200).unwrap();
    assert_eq!(last["eventId"], first["eventId"]);
    let forwarded = world.receiver.requests_to("/in");
    assert!(forwarded.iter().all(|request| request.header(header).is_some()), "{forwarded:?}");
    listening.signal("-INT");
    assert_eq!((listening.end(), hooks(&world).await), (Some(0), 0));
    listening.note("is removed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrives_is_checked_told_and_forwarded_and_the_hook_ends_with_it() {
    check_profile("misskey", "secret matches", "X-Misskey-Hook-Id").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signatures_are_checked_too() {
    check_profile("standard", "signature valid", "webhook-signature").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_down_is_502_and_said_to_be() {
    let world = World::with(WorldOptions::default()).await;
    let target = format!("http://127.0.0.1:{}", free_port());
    let mut listening = Listening::start(&world, &["--forward", &target, "--user", "9u"]);
    add_event(&world, "note");
    let told = listening.told();
    assert_eq!((&told["status"], &told["target"]), (&502.into(), &target.as_str().into()), "{told}");
    assert!(told["error"].as_str().is_some_and(|error| error.contains("connect")), "{told}");
    let attempt: String = world
        .until("the worker has logged it", PATIENCE, || async {
            let tail = output(&world, &["tail", "--once", "--json"]);
            let line = String::from_utf8(tail.stdout).unwrap();
            if line.is_empty() { Err(line) } else { Ok(line) }
        })
        .await;
    assert!(attempt.contains(r#""outcome":"retried","status":502"#), "{attempt}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_never_answers_is_left_when_the_worker_gives_up() {
    let world = World::with(WorldOptions::default().set("POSTRIDER_DELIVERY_TIMEOUT", "300ms")).await;
    world.receiver.hang_once();
    let flags = ["--forward", &world.receiver.url("/in"), "--user", "9u"];
    let mut listening = Listening::start(&world, &flags);
    add_event(&world, "note");
    assert_eq!(listening.told()["error"], "the worker gave up waiting");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_jobs_of_a_queue_that_is_taken_come_here_wherever_they_lead_and_end_as_the_target_says() {
    let world = World::with(WorldOptions::default().workers(0)).await;
    world.receiver.respond("/in", 503);
    let target = world.receiver.url("");
    let flags = ["--forward", &target, "--queue", "dev:deliveries", "--secret", "canary"];
    let mut listening = Listening::start(&world, &flags);
    let mut add = redis::cmd("XADD");
    add.arg("dev:deliveries").arg("*").arg("to").arg("https://hooks.example/in?a=1").arg("type").arg("note");
    let _: String = world.query(add.arg("content").arg("{}").arg("secret").arg("canary")).await;
    let first = listening.told();
    assert_eq!((&first["status"], &first["path"]), (&503.into(), &"/in?a=1".into()), "{first}");
    assert_eq!(first["proof"], "ok", "{first}");
    world.receiver.respond("/in", 200);
    let last = std::iter::repeat_with(|| listening.told()).find(|told| told["status"] == 200).unwrap();
    assert_eq!(last["eventId"], first["eventId"]);
    listening.signal("-INT");
    assert_eq!(listening.end(), Some(0));
    let left: usize = world.query(redis::cmd("XLEN").arg("dev:deliveries")).await;
    let dead: usize = world.query(redis::cmd("XLEN").arg("{dev:deliveries}:dead")).await;
    assert_eq!((left, dead), (0, 0), "what was delivered is gone from the queue");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hook_of_a_killed_one_is_removed_by_the_next() {
    let world = World::with(WorldOptions::default().workers(0)).await;
    let mut killed = Listening::start(&world, &["--user", "9u"]);
    killed.signal("-KILL");
    killed.end();
    assert_eq!(hooks(&world).await, 1);
    let mut next = Listening::start(&world, &["--user", "9u"]);
    assert_eq!(hooks(&world).await, 1);
    next.signal("-TERM");
    assert_eq!((next.end(), hooks(&world).await), (Some(0), 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_user_it_only_receives() {
    let world = World::with(WorldOptions::default().workers(0)).await;
    let port = free_port().to_string();
    let mut listening = Listening::start(&world, &["--port", &port, "--secret", "canary"]);
    let mut client = TcpStream::connect(listening.address).unwrap();
    let request =
        "POST /in HTTP/1.1\r\nHost: x\r\nX-Misskey-Hook-Secret: wrong\r\nContent-Length: 2\r\n\r\n{}";
    client.write_all(request.as_bytes()).unwrap();
    let told = listening.told();
    assert_eq!((&told["proof"], &told["status"], &told["path"]), (&"bad".into(), &200.into(), &"/in".into()));
    assert!(!told.to_string().contains("canary") && !told.to_string().contains("wrong"), "{told}");
    assert_eq!(hooks(&world).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cant_work_is_said_before_anything_is_registered() {
    let world = World::with(WorldOptions::default().workers(0)).await;
    for (arguments, words) in [
        (&["listen", "--forward", "localhost:3000", "--user", "9u"][..], "--forward"),
        (&["listen", "--user", "9u", "--ssrf-allow", "10.0.0.0/8"], "ssrf.allow = 127.0.0.1"),
        (&["listen", "--user", "9u", "--profile", "odd"], "expected misskey, standard"),
        (&["listen"], "--user"),
    ] {
        let refused = output(&world, arguments);
        let stderr = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(words), "{arguments:?}: {stderr}");
    }
    assert_eq!(hooks(&world).await, 0);
}
