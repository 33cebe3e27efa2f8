//! The console in a real browser, Debian's Chromium, before a real worker: each page, each action, that it stays true by itself,
//! who gets in, and that what strangers wrote stays text. The steps are in `programs/console`; `scripts/outside-deps.sh` fetches
//! what they need.

mod many;
mod newcomer;
mod payloads;
mod pictures;
mod seed;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use postrider_tests::worker_process::program;
use postrider_tests::world::{World, WorldOptions};

use crate::program::{Program, needed, outside, root};

const ADMIN: &str = "admin-of-the-console-tests-7Qw3xYz9";
const READER: &str = "reader-of-the-console-tests-4Rt8uKp2";

/// The slowest scenario, on a machine with two cores that does something else beside.
const PATIENCE: Duration = Duration::from_secs(180);

async fn world() -> World {
    let tokens = format!("{ADMIN},read:{READER}");
    let options = WorldOptions::default()
        .set("POSTRIDER_HTTP_TOKEN", &tokens)
        .set("POSTRIDER_RETRY_SCHEDULE", "1h")
        .set("POSTRIDER_ATTEMPTS_MAX_ENTRIES", "1000");
    let world = World::with(options).await;
    seed::usual(&world).await;
    world
}

/// Runs one scenario before a worker of `world`.
async fn play(world: &World, scenario: &str) {
    let payloads = outside().join("console/payloads.json");
    let all = serde_json::to_string(&payloads::payloads()).expect("texts can be written");
    std::fs::write(&payloads, all).expect("the payloads can be written");
    let base = format!("http://localhost:{}", world.workers[0].admin().port());
    let (owner, expired) = (owner("1h"), owner("1s"));
    let pictures = root().join("docs/images").to_string_lossy().into_owned();
    let environment = [
        ("ADMIN", ADMIN),
        ("READER", READER),
        ("OWNER", &owner),
        ("EXPIRED", &expired),
        ("QUEUE", world.queue()),
        ("FINE", &world.receiver.url("/fine")),
        ("FAILING", &world.receiver.url("/status/500")),
        ("PAYLOADS", &payloads.to_string_lossy()),
        ("PICTURES", &pictures),
    ];
    play_at(&base, scenario, &environment).await;
}

/// Runs one scenario with the console at `base`; what it prints names each step.
#[expect(clippy::print_stdout, reason = "what was measured is what is asked for")]
async fn play_at(base: &str, scenario: &str, environment: &[(&str, &str)]) {
    needed(&outside().join("console/node_modules/playwright-core"));
    let environment = [&[("BASE", base)], environment].concat();
    let script = steps_beside_their_packages().join(format!("{scenario}.mjs"));
    let ended = Program::new("node", vec![script]).run_within(PATIENCE, &environment).await;
    let printed = String::from_utf8_lossy(&ended.stdout).into_owned();
    let errors = String::from_utf8_lossy(&ended.stderr).into_owned();
    let failed: Vec<_> = printed.lines().filter(|line| line.starts_with("FAILED")).collect();
    println!("{printed}");
    assert!(ended.status.success(), "{scenario}: {failed:#?}\n{errors}");
    assert!(printed.lines().any(|line| line.starts_with("ok")), "{printed}");
}

/// They look for their packages beside themselves, and those are not kept among the sources.
fn steps_beside_their_packages() -> PathBuf {
    let (from, to) = (root().join("tests/outside/programs/console"), outside().join("console"));
    for file in std::fs::read_dir(from).expect("the steps are there") {
        let file = file.expect("the folder can be read");
        if file.path().extension().is_some_and(|end| end == "mjs") {
            std::fs::copy(file.path(), to.join(file.file_name())).expect("the steps can be copied");
        }
    }
    to
}

/// A token of the owner whose hooks there are.
fn owner(ttl: &str) -> String {
    let mut command = Command::new(program());
    command.args(["token", "--user", "9u", "--ttl", ttl]).env_clear().env("POSTRIDER_HTTP_TOKEN", ADMIN);
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[tokio::test]
async fn every_page_is_shown_in_light_and_dark_and_on_a_phone_and_is_accessible() {
    play(&world().await, "pages").await;
}

#[tokio::test]
async fn every_action_of_the_console_does_what_it_says() {
    play(&world().await, "actions").await;
}

#[tokio::test]
async fn the_overview_stays_true_by_itself_and_nothing_moves() {
    play(&world().await, "live").await;
}

#[tokio::test]
async fn each_role_gets_in_and_finds_what_it_may_see() {
    play(&world().await, "roles").await;
}

#[tokio::test]
async fn what_strangers_wrote_stays_text_wherever_it_is_shown() {
    let world = world().await;
    seed::strange(&world).await;
    seed::strange_waiting(&world).await;
    play(&world, "strange").await;
}

#[tokio::test]
#[ignore = "takes the pictures of the README anew: see docs/console.md"]
async fn the_pictures_of_the_readme_are_taken() {
    let options = WorldOptions::default()
        .set("POSTRIDER_HTTP_TOKEN", ADMIN)
        .set("POSTRIDER_RETRY_SCHEDULE", "4s,6s,8m");
    let world = World::with(options).await;
    pictures::scene(&world).await;
    play(&world, "pictures").await;
}

#[tokio::test]
#[ignore = "takes a minute and two gigabytes: see docs/console.md"]
async fn every_page_is_there_soon_with_a_million_jobs_that_wait_and_a_million_that_died() {
    let world = World::with(WorldOptions::default().set("POSTRIDER_HTTP_TOKEN", ADMIN)).await;
    many::keep(&world).await;
    play(&world, "many").await;
}
