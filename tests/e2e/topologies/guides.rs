//! The settings and commands of `docs/redis.md` and `docs/scaling.md`, taken from there: with nothing but their addresses, files
//! and passwords replaced, jobs and events are delivered.

use std::path::{Path, PathBuf};
use std::process::Command;

use postrider_tests::cluster::Cluster;
use postrider_tests::fenced::{Block, blocks};
use postrider_tests::process::Process;
use postrider_tests::receiver::Receiver;
use postrider_tests::redis_server::{RedisOptions, RedisServer};
use postrider_tests::sentinel::{SENTINEL_PASSWORD, SentinelSet};
use postrider_tests::wait::{PATIENCE, until};
use postrider_tests::worker_process::{WorkerProcess, program};
use postrider_tests::world::{World, WorldOptions};

use super::postrider;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The first block under this heading.
fn block(page: &str, section: &str) -> String {
    let text = std::fs::read_to_string(root().join(page)).unwrap();
    let here = |block: &Block| block.section == section && block.heading.is_empty();
    let found = blocks(&text).into_iter().find(here);
    found.unwrap_or_else(|| panic!("{page} has no block under {section}")).text
}

/// Lines of NAME=VALUE under this heading of `docs/redis.md`; what stands for a place of the reader's is replaced.
fn settings(section: &str, replaced: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut text = block("docs/redis.md", section);
    for (shown, here) in replaced {
        assert!(text.contains(shown), "docs/redis.md, {section}, shows {shown}:\n{text}");
        text = text.replace(shown, here);
    }
    let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.lines().map(|line| pair(line).unwrap_or_else(|| panic!("{line} is no setting"))).collect()
}

fn borrowed(settings: &[(String, String)]) -> Vec<(&str, &str)> {
    settings.iter().map(|(name, value)| (&**name, &**value)).collect()
}

/// Starts a worker with these settings, has the command line add a job with them, and waits for its request.
async fn delivers(settings: &[(String, String)], more: &[&str]) {
    let receiver = Receiver::start().await;
    let settings = borrowed(settings);
    let url =
        settings.iter().find(|(name, _)| *name == "POSTRIDER_REDIS_URL").expect("each block names Redis").1;
    let mut worker = WorkerProcess::start_at(url, &settings);
    worker.wait_ready().await;
    let to = receiver.url("/in");
    let enqueue = ["enqueue", "--to", &to, "--type", "note", "--content", "{}"];
    let told = postrider(&[&enqueue[..], more].concat(), &settings);
    assert_eq!(told.code, Some(0), "{told:?}");
    receiver.wait_for(1).await;
}

/// A user with all rights under the name and password of the guide.
async fn add_user(server: &RedisServer) {
    let rights = ["SETUSER", "worker", "on", ">s3cret", "~*", "&*", "+@all"];
    let () = redis::cmd("ACL").arg(&rights).query_async(&mut server.connection().await).await.unwrap();
}

#[tokio::test]
async fn the_settings_for_tls_are_enough() {
    let certificates = root().join("crates/postrider-sink/certificates");
    let file = |name: &str| certificates.join(name).to_str().unwrap().to_owned();
    let port = postrider_tests::ports::free_port().to_string();
    let extra = ["--tls-port", &*port, "--tls-auth-clients", "no"].map(str::to_owned);
    let files =
        [("--tls-cert-file", "good.pem"), ("--tls-key-file", "key.pem"), ("--tls-ca-cert-file", "ca.pem")];
    let files = files.into_iter().flat_map(|(option, name)| [option.to_owned(), file(name)]);
    let extra = extra.into_iter().chain(files).collect();
    let redis = RedisServer::start_with(RedisOptions { extra, ..RedisOptions::default() }).await;
    add_user(&redis).await;
    let here = format!("127.0.0.1:{port}");
    let replaced = [("redis.internal:6380", &*here), ("/etc/postrider/redis-ca.pem", &file("ca.pem"))];
    delivers(&settings("TLS", &replaced), &[]).await;
}

#[tokio::test]
async fn the_settings_for_sentinel_are_enough() {
    let set = SentinelSet::start().await;
    for server in &set.servers {
        add_user(server).await;
    }
    let url = set.url();
    let (_, rest) = url.split_once('@').unwrap();
    let (sentinels, _) = rest.split_once('/').unwrap();
    let shown = "10.0.0.1:26379,10.0.0.2:26379,10.0.0.3:26379";
    let replaced = [(shown, sentinels), ("sentinel-s3cret", SENTINEL_PASSWORD)];
    delivers(&settings("Sentinel", &replaced), &[]).await;
}

#[tokio::test]
async fn the_settings_for_a_cluster_are_enough() {
    let cluster = Cluster::start().await;
    let url = cluster.url();
    let nodes = url.strip_prefix("redis+cluster://").unwrap();
    let settings = settings("Cluster", &[("10.0.0.1:6379,10.0.0.2:6379", nodes)]);
    // The queue is the one of shard 0, which is the only one where there is one.
    delivers(&settings, &["--shards", "1"]).await;
}

/// The line to include, with the file of this repository in place of the installed one.
#[tokio::test]
async fn the_users_that_are_included_are_enough() {
    let line = block("docs/redis.md", "Users");
    let installed = line.trim().strip_prefix("include /etc/redis/").expect("it is one line to include");
    let include = |file: &str| {
        let file = root().join("deploy/redis").join(file);
        ["--include".to_owned(), file.to_str().unwrap().to_owned()]
    };
    let extra = [include(installed), include("producer.acl")].concat();
    let redis = RedisServer::start_with(RedisOptions { extra, ..RedisOptions::default() }).await;
    let url = |user: &str| format!("redis://{user}:change-me@127.0.0.1:{}", redis.port());
    let receiver = Receiver::start().await;
    let mut worker = WorkerProcess::start_at(&url("postrider-worker"), &[]);
    worker.wait_ready().await;
    let arguments = ["enqueue", "--to", &receiver.url("/in"), "--type", "note", "--content", "{}"];
    let told = postrider(&arguments, &[("POSTRIDER_REDIS_URL", &url("postrider-producer"))]);
    assert_eq!(told.code, Some(0), "{told:?}");
    receiver.wait_for(1).await;
}

/// Starts what the page says, in a shell, with Redis and the receiver's addresses told by the environment.
fn typed(line: &str, world: &World, log: &Path) -> Process {
    let own = program().parent().unwrap().to_string_lossy().into_owned();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("exec {line}")])
        .env("PATH", format!("{own}:{}", std::env::var("PATH").unwrap_or_default()))
        .env("POSTRIDER_REDIS_URL", world.redis.url())
        .env("POSTRIDER_SSRF_ALLOW", "127.0.0.0/8")
        .env("POSTRIDER_HTTP_LISTEN", "");
    Process::spawn(&mut shell, log).unwrap()
}

#[tokio::test]
async fn the_commands_for_shards_serve_every_owner() {
    const OWNERS: usize = 12;
    let world = World::with(WorldOptions::default().workers(0)).await;
    let commands = block("docs/scaling.md", "Workers of shards");
    let folder = tempfile::tempdir().unwrap();
    let started = commands.lines().enumerate();
    let workers: Vec<Process> =
        started.map(|(number, line)| typed(line, &world, &folder.path().join(number.to_string()))).collect();
    let shards = workers.len().to_string();
    assert_eq!(shards, "2", "{commands}");

    let url = world.redis.url();
    let settings = [("POSTRIDER_REDIS_URL", &*url), ("POSTRIDER_SSRF_ALLOW", "127.0.0.0/8")];
    let run = |arguments: &[&str]| {
        let told = postrider(arguments, &settings);
        assert_eq!(told.code, Some(0), "{arguments:?}: {told:?}");
    };
    for owner in 0..OWNERS {
        let (user, hook, to) = (format!("u{owner}"), world.receiver.url("/hook"), world.receiver.url("/in"));
        let content = ["--type", "note", "--content", "{}"];
        run(&["hooks", "create", "--user", &user, "--url", &hook, "--on", "note"]);
        run(&[&["event", "--shards", &shards, "--user", &user], &content[..]].concat());
        run(&[&["enqueue", "--shards", &shards, "--to", &to, "--user", &user], &content[..]].concat());
    }
    let arrived = || async {
        let (jobs, events) =
            (world.receiver.requests_to("/in").len(), world.receiver.requests_to("/hook").len());
        if (jobs, events) == (OWNERS, OWNERS) { Ok(()) } else { Err(format!("{jobs} jobs, {events} events")) }
    };
    until("a job and an event of each owner arrive", PATIENCE, arrived).await;
}
