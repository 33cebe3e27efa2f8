//! What jobs take of Redis' memory is what `docs/capacity.md` says.

use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{World, WorldOptions};

/// Enough that what Redis needs by itself doesn't show.
const JOBS: usize = 10_000;

/// How far from the page's figure, of it: allocators and versions of Redis differ a little.
const TOLERANCE: f64 = 0.1;

/// Memory without the connections', whose number has nothing to do with the jobs'.
async fn memory(world: &World) -> f64 {
    let info: String = world.query(redis::cmd("INFO").arg("memory")).await;
    let figure = |name: &str| -> f64 {
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|figure| figure.trim().parse().ok()).unwrap_or_else(|| panic!("no {name} in {info}"))
    };
    figure("used_memory") - figure("mem_clients_normal")
}

async fn add_jobs(world: &World, more: &[(&str, &str)]) {
    let content = format!(r#"{{"note":"{}"}}"#, "x".repeat(1013));
    let plain = [("to", "https://hooks.example/in"), ("type", "note"), ("content", &*content)];
    let about = [("hookId", "9abc"), ("userId", "9u"), ("secret", "s3cret")];
    let fields: Vec<_> = plain.iter().chain(&about).chain(more).copied().collect();
    let mut connection = world.connection().await;
    for _ in 0..JOBS / 500 {
        let mut pipeline = redis::pipe();
        for _ in 0..500 {
            pipeline.add_command(postrider_tests::world::xadd(world.queue(), "*", &fields));
        }
        let ids: Vec<String> = pipeline.query_async(&mut connection).await.unwrap();
        assert_eq!(ids.len(), 500);
    }
}

/// Compares with the row of this state.
async fn check(world: &World, state: &str, before: f64) {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/capacity.md")).unwrap();
    let row = page.lines().find_map(|line| line.strip_prefix(&format!("| {state} | ")));
    let shown: f64 = row.unwrap().trim_end_matches(" |").replace(',', "").parse().unwrap();
    let measured = (memory(world).await - before) / JOBS as f64;
    let differs = (measured - shown).abs() / shown;
    assert!(
        differs < TOLERANCE,
        "a job that is {state} takes {measured:.0} bytes; docs/capacity.md says {shown}"
    );
}

/// Adds jobs and measures before a worker sees them, and when all of them are where it put them.
async fn of_jobs(state: &str, more: &[(&str, &str)], key: &str, count: &str) {
    let mut world = World::with(WorldOptions::default().workers(0)).await;
    let before = memory(&world).await;
    add_jobs(&world, more).await;
    check(&world, "ready", before).await;
    world.add_worker(&[("POSTRIDER_ATTEMPTS_MAX_ENTRIES", "0")]).wait_ready().await;
    let key = world.key(key);
    let all = || async {
        let there: usize = world.query(redis::cmd(count).arg(&key)).await;
        if (there, world.length().await) == (JOBS, 0) { Ok(()) } else { Err(there) }
    };
    world.until(&format!("all are {state}"), 2 * PATIENCE, all).await;
    check(&world, state, before).await;
}

#[tokio::test]
async fn ready_and_waiting_jobs_take_the_memory_that_the_documentation_says() {
    of_jobs("waiting", &[("notBefore", "253402300799999")], "retry", "ZCARD").await;
}

#[tokio::test]
async fn dead_letters_take_the_memory_that_the_documentation_says() {
    of_jobs("dead", &[("expiresAt", "1")], "dead", "XLEN").await;
}
