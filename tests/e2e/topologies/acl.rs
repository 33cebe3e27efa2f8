//! Users of Redis with least rights, as `deploy/redis` ships them: enough for everything, and no more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use postrider_tests::ports::free_port;
use postrider_tests::redis_server::RedisOptions;
use postrider_tests::wait::PATIENCE;
use postrider_tests::worker_process::WorkerProcess;
use postrider_tests::world::{World, WorldOptions};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::postrider;

/// How often the addresses of the workers are asked for; their connections live much longer.
const LOOK_EVERY: Duration = Duration::from_millis(20);

fn acl_file(user: &str) -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap().join(format!("deploy/redis/{user}.acl"))
}

/// Redis with the users of `deploy/redis`.
async fn world() -> World {
    world_with(&[]).await
}

async fn world_with(more: &[&str]) -> World {
    let include = |user| ["--include".to_owned(), acl_file(user).to_str().unwrap().to_owned()];
    let users = ["producer", "worker", "admin"].into_iter().flat_map(include);
    let extra = users.chain(more.iter().map(|word| (*word).to_owned())).collect();
    let redis = RedisOptions { extra, ..RedisOptions::default() };
    World::with(WorldOptions { redis, ..WorldOptions::default().workers(0) }).await
}

fn url(world: &World, user: &str) -> String {
    format!("redis://postrider-{user}:change-me@127.0.0.1:{}", world.redis.port())
}

/// The commands that the file grants one by one.
fn granted(user: &str) -> BTreeSet<String> {
    let file = std::fs::read_to_string(acl_file(user)).unwrap();
    let line = file.lines().find(|line| line.starts_with("user ")).unwrap();
    line.split(' ').filter_map(|word| word.strip_prefix('+')).map(str::to_owned).collect()
}

/// What Redis was asked by the workers and by their scripts: each command with the number of its calls.
struct Observed {
    calls: Arc<Mutex<BTreeMap<String, usize>>>,
    watching: Vec<JoinHandle<()>>,
}

impl Observed {
    /// From now on.
    async fn start(world: &World) -> Self {
        let calls = Arc::<Mutex<BTreeMap<String, usize>>>::default();
        let workers = Arc::<Mutex<BTreeSet<String>>>::default();
        let mut monitor = TcpStream::connect(("127.0.0.1", world.redis.port())).await.unwrap();
        monitor.write_all(b"MONITOR\r\n").await.unwrap();
        let mut connection = world.connection().await;
        let found = workers.clone();
        let looking = tokio::spawn(async move {
            loop {
                let clients: String =
                    redis::cmd("CLIENT").arg("LIST").query_async(&mut connection).await.unwrap();
                let address = |line: &str| {
                    let is_worker = line.contains(" user=postrider-worker ");
                    let addresses = line.split(' ').find_map(|word| word.strip_prefix("addr="));
                    addresses.filter(|_| is_worker).map(str::to_owned)
                };
                found.lock().unwrap().extend(clients.lines().filter_map(address));
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        let counted = calls.clone();
        let counting = tokio::spawn(async move {
            let mut lines = BufReader::new(monitor).split(b'\n');
            let mut unknown: Vec<(String, String)> = Vec::new();
            while let Ok(Some(line)) = lines.next_segment().await {
                unknown.extend(read_line(&String::from_utf8_lossy(&line)));
                let workers = workers.lock().unwrap();
                unknown.retain(|(client, command)| {
                    let is_worker = client == "lua" || workers.contains(client);
                    if is_worker {
                        *counted.lock().unwrap().entry(command.clone()).or_default() += 1;
                    }
                    !is_worker
                });
            }
        });
        Self { calls, watching: vec![looking, counting] }
    }

    fn stop(self) -> BTreeMap<String, usize> {
        self.watching.iter().for_each(JoinHandle::abort);
        std::mem::take(&mut *self.calls.lock().unwrap())
    }
}

/// Client and command of `+1764.1 [0 127.0.0.1:5000] "XINFO" "GROUPS" …`, as rights name it.
fn read_line(line: &str) -> Option<(String, String)> {
    let (head, words) = line.split_once("] ")?;
    let client = head.rsplit(' ').next()?.to_owned();
    let mut words = words.split(' ').map(|word| word.trim_matches(['"', '\r']).to_ascii_lowercase());
    let (name, sub) = (words.next()?, words.next().unwrap_or_default());
    let has_sub = ["xinfo", "xgroup", "script", "client"].contains(&&*name);
    Some((client, if has_sub { format!("{name}|{sub}") } else { name }))
}

fn record(world: &World, path: &str, is_active: bool) -> String {
    let url = world.receiver.url(path);
    format!(
        r#"{{"id":"h","userId":"u","name":"n","on":["note"],"url":"{url}","secret":"s","active":{is_active}}}"#
    )
}

async fn send_hook(world: &World, user: &str) {
    let fields = [("type", "note"), ("content", "{}"), ("hookId", "h"), ("userId", user)];
    world.enqueue(&fields).await;
}

/// Everything that a worker does, once. The second worker dies with a job in its hands.
async fn everything(world: &mut World) {
    let url = url(world, "worker");
    let settings = [
        ("POSTRIDER_REDIS_URL", &*url),
        ("POSTRIDER_RETRY_SCHEDULE", "100ms"),
        ("POSTRIDER_HOOKS_WHEN_INACTIVE", "hold"),
        ("POSTRIDER_DESTINATION_MAX_IN_FLIGHT", "1"),
        ("POSTRIDER_WORKER_HEARTBEAT", "100ms"),
        ("POSTRIDER_WORKER_DEAD_AFTER", "500ms"),
    ];
    world.add_worker(&settings).wait_ready().await;
    // Delivered, retried, dead, gone, held, fanned out, with an owner that is told.
    for (user, path, is_active) in [
        ("fine", "/ok", true),
        ("gone", "/status/410", true),
        ("held", "/held", false),
        ("fails", "/fail-first/1", true),
    ] {
        world.register(user, "h", record(world, path, is_active).as_bytes()).await;
        send_hook(world, user).await;
    }
    world.send_to("/status/404", &[]).await;
    let event = [("userId", "fine"), ("type", "note"), ("content", "{}")];
    let mut command = redis::cmd("XADD");
    command.arg("postrider:events").arg("*").arg(&event);
    let _: String = world.query(&command).await;
    // More fields than a script can carry, and unsound.
    let many: Vec<(String, &str)> = (0..4100).map(|n| (format!("x{n}"), "")).collect();
    world.enqueue(&many).await;
    // One at a time, and more than may stand in line: some are sent away, and recalled.
    for _ in 0..40 {
        world.send_to("/slow/20", &[]).await;
    }
    world.wait_for_dead(3).await;
    world.receiver.wait_for(46).await;
    world.register("held", "h", record(world, "/held", true).as_bytes()).await;
    world
        .until("the held job has arrived", PATIENCE, || async {
            if world.receiver.requests_to("/held").is_empty() { Err("not yet") } else { Ok(()) }
        })
        .await;
    world.settled().await;
    // Taken over from a worker that dies.
    world.workers[0].sigterm();
    assert_eq!(world.workers[0].wait_exit(PATIENCE).await, Some(0));
    world.add_worker(&settings).wait_ready().await;
    world.receiver.hang_once();
    let before = world.receiver.count();
    world.send_to("/again", &[]).await;
    world.receiver.wait_for(before + 1).await;
    world.workers[1].kill9();
    world.add_worker(&settings);
    world.receiver.wait_for(before + 2).await;
    world.settled().await;
    let worker = &mut world.workers[2];
    worker.sigterm();
    assert_eq!(worker.wait_exit(PATIENCE).await, Some(0));
}

#[tokio::test]
async fn a_worker_does_everything_with_the_rights_that_are_shipped_and_uses_each() {
    let mut world = world().await;
    let observed = Observed::start(&world).await;
    everything(&mut world).await;
    let refused: Vec<redis::Value> = world.query(redis::cmd("ACL").arg("LOG")).await;
    assert!(!format!("{refused:?}").contains("postrider-worker"), "something was refused: {refused:?}");
    let mut calls = observed.stop();
    // MONITOR doesn't show it, and nobody else uses it here.
    let statistics: String = world.query(redis::cmd("INFO").arg("commandstats")).await;
    if statistics.contains("cmdstat_client|unblock:") {
        calls.insert("client|unblock".to_owned(), 1);
    }
    let rights = granted("worker");
    // Each was called, so without it something would fail.
    for right in &rights {
        println!("{right:20} {}", calls.get(right).unwrap_or(&0));
    }
    let unused: Vec<_> = rights.iter().filter(|right| !calls.contains_key(*right)).collect();
    assert!(unused.is_empty(), "nothing needs these rights: {unused:?}");
    let log: String = world.workers.iter().map(WorkerProcess::log).collect();
    assert!(!log.contains("Redis refuses") && !log.contains("change-me"), "{log}");
}

#[tokio::test]
async fn in_a_cluster_two_rights_more_are_enough() {
    let bus_port = free_port().to_string();
    let mut world = world_with(&["--cluster-enabled", "yes", "--cluster-port", &bus_port]).await;
    let mut share = redis::cmd("CLUSTER");
    let () = world.query(share.arg("ADDSLOTSRANGE").arg(0).arg(16_383)).await;
    for user in ["worker", "producer"] {
        let mut grant = redis::cmd("ACL");
        grant.arg("SETUSER").arg(format!("postrider-{user}")).arg("+cluster|slots").arg("+asking");
        let () = world.query(&grant).await;
    }
    let [worker, producer] =
        ["worker", "producer"].map(|user| url(&world, user).replace("redis://", "redis+cluster://"));
    world.add_worker(&[("POSTRIDER_REDIS_URL", &worker), ("POSTRIDER_EVENTS_STREAM", "")]).wait_ready().await;
    let to = world.receiver.url("/in");
    let enqueue = ["enqueue", "--to", &to, "--type", "note", "--content", "{}"];
    let settings = [("POSTRIDER_REDIS_URL", &*producer), ("POSTRIDER_SSRF_ALLOW", "127.0.0.0/8")];
    let told = postrider(&enqueue, &settings);
    assert_eq!(told.code, Some(0), "{told:?}");
    world.receiver.wait_for(1).await;
    world.settled().await;
    let refused: Vec<redis::Value> = world.query(redis::cmd("ACL").arg("LOG")).await;
    assert!(!format!("{refused:?}").contains("postrider-worker"), "something was refused: {refused:?}");
}

#[tokio::test]
async fn a_producer_adds_with_the_rights_that_are_shipped_and_can_do_nothing_else() {
    let world = world().await;
    let url = url(&world, "producer");
    let settings = [("POSTRIDER_REDIS_URL", &*url)];
    let enqueue = ["enqueue", "--to", "https://hooks.example/in", "--type", "note", "--content", "{}"];
    for more in [&[][..], &["--shards", "4"]] {
        assert_eq!(postrider(&[&enqueue[..], more].concat(), &settings).code, Some(0));
    }
    let event = ["event", "--user", "u", "--type", "note", "--content", "{}"];
    assert_eq!(postrider(&event, &settings).code, Some(0));
    assert_eq!(granted("producer"), BTreeSet::from(["xadd".to_owned()]));
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    for line in [
        "XRANGE postrider:deliveries - +",
        "HGETALL postrider:hooks:{u}",
        "XADD postrider:notices * a 1",
        "INFO",
    ] {
        let mut words = line.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            command.arg(word);
        });
        let refused = command.query_async::<redis::Value>(&mut connection).await.unwrap_err();
        assert_eq!(refused.code(), Some("NOPERM"), "{line}");
    }
}

#[tokio::test]
async fn whoever_administers_manages_hooks_and_adds_jobs_with_the_rights_that_are_shipped() {
    let world = world().await;
    let url = url(&world, "admin");
    let settings = [("POSTRIDER_REDIS_URL", &*url)];
    let run = |line: &str| {
        let told = postrider(&line.split(' ').collect::<Vec<_>>(), &settings);
        assert_eq!(told.code, Some(0), "{line}: {told:?}");
        told.stdout
    };
    let created = run("hooks create --user u --url https://hooks.example/in --on note --json");
    let id = created.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    for line in [
        "hooks list",
        "hooks list --user u",
        "hooks show {id} --user u",
        "hooks update {id} --user u --name other",
        "hooks disable {id} --user u",
        "hooks enable {id} --user u",
        "hooks rotate {id} --user u",
        "hooks reveal {id} --user u",
        "hooks delete {id} --user u",
        "enqueue --to https://hooks.example/in --type note --content {}",
        "event --user u --type note --content {}",
    ] {
        run(&line.replace("{id}", &id));
    }
    let client = redis::Client::open(url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    for (name, key) in [("FLUSHALL", None), ("KEYS", Some("*")), ("GET", Some("another"))] {
        let refused = redis::cmd(name).arg(key).query_async::<redis::Value>(&mut connection).await;
        assert_eq!(refused.unwrap_err().code(), Some("NOPERM"), "{name}");
    }
}
