//! The programs of `docs/producers.md`, run as they stand there, each as the user that the page makes: what they add is
//! delivered, replicas have it, they wait for room and for memory, and spread over shards.

mod languages;
mod scene;

use languages::{LANGUAGES, program};
use postrider_core::shard::shard_of;
use postrider_tests::fenced::blocks;
use postrider_tests::receiver::request::Request;
use postrider_tests::redis_server::{RedisOptions, RedisServer};
use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{World, WorldOptions};
use scene::{Told, added_jobs, as_user, errors_of_memory, in_turns, questions_for_room, run, script, value};

use crate::program::{Program, root};

/// Jobs in pipelines: more than one pipeline takes.
const MANY: usize = 520;

pub(crate) fn guide() -> String {
    std::fs::read_to_string(root().join("docs/producers.md")).expect("the guide is there")
}

/// All that is asked of the program for one language.
async fn check(heading: &str) {
    let Some(program) = program(heading) else {
        eprintln!("{heading} isn't installed here, so its program isn't run");
        return;
    };
    what_it_adds_is_delivered(heading, &program).await;
    it_waits_for_room_and_for_memory(heading, &program).await;
    it_spreads_over_shards(heading, &program).await;
    it_says_that_redis_is_not_there(heading, &program).await;
}

#[tokio::test]
async fn the_program_for_node_adds_what_is_delivered_and_knows_when_to_wait() {
    check("Node").await;
}

#[tokio::test]
async fn the_program_for_python_adds_what_is_delivered_and_knows_when_to_wait() {
    check("Python").await;
}

#[tokio::test]
async fn the_program_for_ruby_adds_what_is_delivered_and_knows_when_to_wait() {
    check("Ruby").await;
}

#[tokio::test]
async fn the_program_for_php_adds_what_is_delivered_and_knows_when_to_wait() {
    check("PHP").await;
}

#[tokio::test]
async fn the_program_for_go_adds_what_is_delivered_and_knows_when_to_wait() {
    check("Go").await;
}

#[tokio::test]
async fn the_program_for_java_adds_what_is_delivered_and_knows_when_to_wait() {
    check("Java").await;
}

#[tokio::test]
async fn the_program_for_rust_adds_what_is_delivered_and_knows_when_to_wait() {
    let example = std::fs::read_to_string(root().join("crates/postrider-producer/examples/producer.rs"));
    assert_eq!(languages::block("Rust").text, example.expect("it is there"), "the page shows what is built");
    check("Rust").await;
}

#[tokio::test]
async fn the_program_for_redis_cli_adds_what_is_delivered_and_knows_when_to_wait() {
    check("redis-cli").await;
}

#[test]
fn every_program_of_the_guide_is_run() {
    let blocks = blocks(&guide());
    let shown = blocks.iter().filter(|block| block.section == "Programs").map(|block| &*block.heading);
    assert!(shown.eq(LANGUAGES), "LANGUAGES are the headings under Programs, in their order");
}

/// A redis with one replica that follows it, and a hook that wants the event.
async fn what_it_adds_is_delivered(heading: &str, program: &Program) {
    let mut world = World::with(WorldOptions::default().workers(0)).await;
    let _replica = replica_of(&world).await;
    register_hook(&world).await;
    let url = as_user(&world, heading).await;
    let told = run(program, &world, &url, &[("COUNT", &MANY.to_string()), ("REPLICAS", "1")]).await;

    assert_eq!((&*told.one("replicas"), &*told.one("many")), ("1", &*MANY.to_string()), "{heading}");
    let added = added_jobs(&world, world.queue()).await;
    assert_eq!(added.len(), MANY + 2, "{heading}");
    assert_eq!(told.one("job"), added[0].0, "{heading}");
    assert_eq!(told.one("event"), world.entries("postrider:events").await[0].0, "{heading}");
    let once = &added.iter().find(|(_, note)| note == "once").expect("it was added").0;
    assert_eq!(told.all("once"), [format!("1 {once}"), format!("0 {once}")], "{heading}");

    world.add_worker(&[]).wait_ready().await;
    world.receiver.wait_for(MANY + 3).await;
    world.settled().await;
    check_received(&world, heading, MANY);
    let of_event = world.receiver.requests_to("/hook");
    assert_eq!(
        (of_event.len(), &of_event[0].json()["body"]["note"]["id"]),
        (1, &"event".into()),
        "{heading}"
    );
    assert!(world.dead_letters().await.is_empty(), "{heading}");
}

async fn replica_of(world: &World) -> RedisServer {
    let extra = ["--replicaof", "127.0.0.1", &world.redis.port().to_string()].map(str::to_owned).to_vec();
    let replica = RedisServer::start_with(RedisOptions { extra, ..RedisOptions::default() }).await;
    let online = || async {
        let state: String = world.query(redis::cmd("INFO").arg("replication")).await;
        if state.contains("state=online") { Ok(()) } else { Err(state) }
    };
    world.until("the replica follows", PATIENCE, online).await;
    replica
}

/// Each of its jobs came once.
fn check_received(world: &World, heading: &str, many: usize) {
    let note = |request: &Request| value(&request.json()["body"]["note"]["id"]);
    let mut received: Vec<String> = world.receiver.requests_to("/in").iter().map(note).collect();
    let mut expected: Vec<String> = (1..=many).map(|number| format!("many-{number}")).collect();
    expected.extend(["one".to_owned(), "once".to_owned()]);
    received.sort();
    expected.sort();
    assert_eq!(received, expected, "{heading}");
}

/// Sixty jobs are ahead where it accepts fifty; and when a worker has made room, Redis' memory is full.
async fn it_waits_for_room_and_for_memory(heading: &str, program: &Program) {
    const AHEAD: usize = 60;
    let mut world = World::with(WorldOptions::default().workers(0)).await;
    for _ in 0..AHEAD {
        world.send_to("/before", &[]).await;
    }
    let url = as_user(&world, heading).await;
    let (to, script) = (world.receiver.url("/in"), script());
    let settings =
        [("MAX_AHEAD", "50"), ("COUNT", "20"), ("REDIS_URL", &*url), ("TO", &*to), ("SCRIPT", &*script)];
    let running = program.started(&settings);

    in_turns(&world, "it asks again and again whether there is room", questions_for_room, 3).await;
    assert_eq!(world.length().await, AHEAD + 1, "{heading} adds nothing more while too many are ahead");
    let () = world.query(redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(1)).await;
    // Events would meet the full memory, too.
    world.add_worker(&[("POSTRIDER_EVENTS_STREAM", "")]).wait_ready().await;
    in_turns(&world, "Redis has refused its jobs", errors_of_memory, 20).await;
    let () = world.query(redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(0)).await;

    let told = Told::of(&running.ended().await);
    assert_eq!(told.one("many"), "20", "{heading}");
    world.receiver.wait_for(AHEAD + 22).await;
    world.settled().await;
    check_received(&world, heading, 20);
}

/// Every entry is in the stream that the formula names.
async fn it_spreads_over_shards(heading: &str, program: &Program) {
    const SHARDS: u16 = 3;
    let world = World::with(WorldOptions::default().workers(0)).await;
    let url = as_user(&world, heading).await;
    let told = run(program, &world, &url, &[("SHARDS", "3"), ("COUNT", "40")]).await;
    assert_eq!(told.all("once").len(), 2, "{heading}");
    let mut jobs = 0;
    for shard in 0..SHARDS {
        for (_, fields) in world.entries(&format!("postrider:{{{shard}}}:deliveries")).await {
            let user = fields.iter().find(|(name, _)| name == b"userId").expect("each has one");
            assert_eq!(shard_of(&user.1, b"", b"", SHARDS), shard, "{heading}");
            jobs += 1;
        }
    }
    let of_event = format!("postrider:{{{}}}:events", shard_of(b"9u", b"", b"", SHARDS));
    assert_eq!((jobs, world.entries(&of_event).await.len()), (42, 1), "{heading}");
}

async fn it_says_that_redis_is_not_there(heading: &str, program: &Program) {
    let script = script();
    let settings =
        [("REDIS_URL", "redis://127.0.0.1:1"), ("TO", "http://hooks.example/"), ("SCRIPT", &*script)];
    let ended = program.started(&settings).ended().await;
    assert!(!ended.status.success() && ended.stdout.is_empty(), "{heading}: {ended:?}");
    assert!(!ended.stderr.is_empty(), "{heading} says so");
}

/// The two commands at the page's beginning, by the user that may only add.
#[tokio::test]
async fn the_commands_of_the_guide_add_a_job_and_an_event() {
    let world = World::start().await;
    register_hook(&world).await;
    let url = as_user(&world, "").await;
    let commands = blocks(&guide()).into_iter().find(|block| block.language == "sh").expect("there is one");
    let shell = Program::new("sh", vec!["-ec".into(), commands.text.into()]);
    let ended = shell.run(&[("REDIS_URL", &url), ("TO", &world.receiver.url("/in"))]).await;
    assert!(ended.status.success(), "{ended:?}");
    world.receiver.wait_for(2).await;
    for path in ["/in", "/hook"] {
        let received = world.receiver.requests_to(path);
        assert_eq!((received.len(), &received[0].json()["body"]["note"]["id"]), (1, &"9x".into()), "{path}");
    }
}

#[tokio::test]
async fn the_user_of_the_guide_can_neither_read_the_queue_nor_harm_it() {
    let world = World::with(WorldOptions::default().workers(0)).await;
    as_user(&world, "").await;
    let dry_run = |command: &str| {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        redis::cmd("ACL").arg("DRYRUN").arg("app").arg(words).clone()
    };
    for key in ["postrider:deliveries", "postrider:{7}:deliveries", "{postrider:deliveries}:retry"] {
        for command in ["SET ? x", "GET ?", "XRANGE ? - +", "DEL ?", "XTRIM ? MAXLEN 0", "XDEL ? 1-1"] {
            let told: String = world.query(&dry_run(&command.replace('?', key))).await;
            assert!(told.contains("no permissions"), "{command} of {key}: {told}");
        }
    }
    let told: String = world.query(&dry_run("XADD postrider:{7}:deliveries * a 1")).await;
    assert_eq!(told, "OK");
}

/// A hook of user 9u that wants notes.
async fn register_hook(world: &World) {
    let url = world.receiver.url("/hook");
    let hook = format!(
        r#"{{"id":"h","userId":"9u","name":"n","on":["note"],"url":"{url}","secret":"","active":true}}"#
    );
    world.register("9u", "h", hook.as_bytes()).await;
}
