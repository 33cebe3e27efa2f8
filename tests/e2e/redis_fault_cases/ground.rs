//! What the cases share: commands, a way to Redis that leads through a proxy, and the question whether a worker goes on.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use postrider_tests::fault_proxy::FaultProxy;
use postrider_tests::worker_process::program;
use postrider_tests::world::{World, WorldOptions};

/// How long a worker may take to go on once Redis answers again.
pub(super) const GOES_ON_WITHIN: Duration = Duration::from_secs(2);

/// A command of an operator.
pub(super) async fn command(world: &World, words: &[&str]) -> redis::Value {
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(*word);
    }
    world.query(&command).await
}

/// The next job arrives within [`GOES_ON_WITHIN`].
pub(super) async fn goes_on(world: &World) {
    let before = world.receiver.requests_to("/after").len();
    let asked = Instant::now();
    world.send_to("/after", &[]).await;
    world
        .until("the next job arrives", Duration::from_secs(10), || async {
            let now = world.receiver.requests_to("/after").len();
            if now > before { Ok(()) } else { Err(now) }
        })
        .await;
    assert!(asked.elapsed() < GOES_ON_WITHIN, "{:?}", asked.elapsed());
}

/// A fifth of the default times: what takes a minute there takes twelve seconds here.
pub(super) fn hasty() -> WorldOptions {
    WorldOptions::default()
        .set("POSTRIDER_WORKER_HEARTBEAT", "200ms")
        .set("POSTRIDER_WORKER_DEAD_AFTER", "1s")
}

/// A ready worker whose way to Redis leads through a proxy.
pub(super) async fn proxied(options: WorldOptions) -> (World, FaultProxy) {
    let mut world = World::with(options.workers(0)).await;
    let proxy = FaultProxy::start(SocketAddr::from(([127, 0, 0, 1], world.redis.port()))).await;
    add_proxied_worker(&mut world, &proxy).await;
    (world, proxy)
}

/// One more such worker, ready.
pub(super) async fn add_proxied_worker(world: &mut World, proxy: &FaultProxy) {
    let url = format!("redis://{}", proxy.address());
    world.add_worker(&[("POSTRIDER_REDIS_URL", &url)]).wait_ready().await;
}

/// Jobs that the receiver answers only when it is let, each for a hook of its own; all are in flight afterwards.
pub(super) async fn in_flight(world: &World, path: &str, jobs: usize) {
    let before = world.receiver.count();
    for number in 0..jobs {
        let hook = format!("h{number}");
        world.send_to(path, &[("hookId", &hook), ("userId", "u")]).await;
    }
    world.receiver.wait_for(before + jobs).await;
}

/// How a command ended and what it printed.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs `postrider` on the Redis at this URL.
pub(super) fn postrider(redis_url: &str, arguments: &[&str]) -> Told {
    let mut command = Command::new(program());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("POSTRIDER_"))
    {
        command.env_remove(name);
    }
    command.args(arguments).env("POSTRIDER_REDIS_URL", redis_url);
    let output = command.output().expect("the program is built");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Told { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// What `postrider doctor` finds, as its JSON tells.
pub(super) fn doctor(world: &World, more: &[&str]) -> Vec<serde_json::Value> {
    let told = postrider(&world.redis.url(), &[&["doctor", "--json"], more].concat());
    assert!(matches!(told.code, Some(0 | 1)), "{told:?}");
    told.stdout.lines().map(|line| serde_json::from_str(line).expect("doctor prints JSON")).collect()
}

/// The worst that it says of one code: severity and sentence.
pub(super) fn says(world: &World, code: &str) -> (String, String) {
    let findings = doctor(world, &[]);
    let rank = |finding: &&serde_json::Value| match finding["severity"].as_str() {
        Some("error") => 3,
        Some("warn") => 2,
        Some("note") => 1,
        _ => 0,
    };
    let worst = findings.iter().filter(|finding| finding["code"] == code).max_by_key(rank);
    let worst = worst.unwrap_or_else(|| panic!("doctor says nothing of {code}: {findings:#?}"));
    let text = |key: &str| worst[key].as_str().unwrap_or_default().to_owned();
    (text("severity"), text("finding"))
}
