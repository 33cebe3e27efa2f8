//! `postrider top` on a terminal, against a real Redis.

#![allow(clippy::panic, clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod terminal;

use std::process::{Command, Output};

use postrider_tests::trouble::add_for_hook;
use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{World, WorldOptions};
use serde_json::Value;
use terminal::OnTerminal;

fn top(redis_url: &str, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
    command.arg("top").args(flags).env_clear().env("POSTRIDER_REDIS_URL", redis_url);
    command
}

fn output(redis_url: &str, flags: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = top(redis_url, flags).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[tokio::test]
async fn it_shows_pauses_and_leaves_the_terminal_as_it_was() {
    let mut world = World::with(WorldOptions::default().set("POSTRIDER_WORKER_HEARTBEAT", "200ms")).await;
    world.add_worker(&[]).wait_ready().await;
    let mut top = OnTerminal::start(&top(&world.redis.url(), &[]), (80, 24));
    top.until("postrider:deliveries", true);
    top.until(" now ", true);
    assert!(!top.is_itself());
    top.press("p");
    top.until("pause postrider:deliveries? y", true);
    top.press("y");
    world
        .until("the queue is paused", PATIENCE, || async {
            let paused: Option<String> =
                world.query(redis::cmd("HGET").arg(world.key("control")).arg("paused")).await;
            if paused.as_deref() == Some("1") { Ok(()) } else { Err(format!("{paused:?}")) }
        })
        .await;
    top.until("paused", true);
    top.press("q");
    assert!(top.end().success(), "{:?}", top.written());
    // The screen that was there before, and its cursor, are back.
    assert!(top.written().contains("\u{1b}[?1049l") && top.written().contains("\u{1b}[?25h"));
    assert!(top.is_itself());
}

#[tokio::test]
async fn it_outlives_a_redis_that_is_gone_and_obeys_ctrl_c() {
    let mut world = World::with(WorldOptions::default().workers(0)).await;
    let mut top = OnTerminal::start(&top(&world.redis.url(), &[]), (120, 40));
    top.until("no worker: nothing is sent", true);
    world.redis.kill9();
    top.until("NO ANSWER", true);
    world.redis.restart().await;
    top.until("NO ANSWER", false);
    top.press("\u{3}");
    assert!(top.end().success(), "{:?}", top.written());
    assert!(top.is_itself());
}

#[tokio::test]
async fn a_waiting_job_is_made_due_and_the_life_of_one_is_shown() {
    let world = World::start().await;
    world.receiver.respond("/down", 500);
    add_for_hook(&world, "/down", "down", 1).await;
    let retry = world.key("retry");
    world
        .until("it waits", PATIENCE, || async {
            let waiting: u64 = world.query(redis::cmd("ZCARD").arg(&retry)).await;
            if waiting == 1 { Ok(()) } else { Err(format!("{waiting}")) }
        })
        .await;
    let mut top = OnTerminal::start(&top(&world.redis.url(), &[]), (100, 30));
    top.until("retried", true);
    // Back-tab goes to the last table, whose first row is chosen then.
    top.press("\u{1b}[Z");
    top.press("\r");
    top.until("attempt 2 of 12", true);
    top.press(" m");
    world.receiver.respond("/down", 200);
    top.until("is due now", true);
    world
        .until("it was sent again", PATIENCE, || async {
            let sent = world.receiver.requests_to("/down").len();
            if sent == 2 { Ok(()) } else { Err(format!("{sent}")) }
        })
        .await;
    top.press("q");
    assert!(top.end().success());
}

#[tokio::test]
async fn tables_of_other_commands_fit_the_terminal_and_are_whole_in_a_pipe() {
    let world = World::with(WorldOptions::default().workers(0)).await;
    let stats = |flags: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
        command
            .args(["queue", "stats"])
            .args(flags)
            .env_clear()
            .env("POSTRIDER_REDIS_URL", world.redis.url());
        command
    };
    let mut narrow = OnTerminal::start(&stats(&[]), (72, 24));
    assert!(narrow.end().success());
    narrow.until("no room for", true);
    let table = narrow.written();
    let heads = table.lines().find(|line| line.starts_with("QUEUE")).unwrap_or_else(|| panic!("{table:?}"));
    assert!(
        heads.contains("WAITING") && !heads.contains("NEXT DUE") && heads.trim_end().len() <= 72,
        "{heads:?}"
    );
    let piped = stats(&[]).output().unwrap();
    let whole = String::from_utf8(piped.stdout).unwrap();
    assert!(whole.contains("NEXT DUE") && piped.stderr.is_empty(), "{whole}");
}

#[tokio::test]
async fn without_a_terminal_it_says_what_to_do_and_prints_one_frame_where_that_is_asked_for() {
    let world = World::start().await;
    let (code, stdout, stderr) = output(&world.redis.url(), &[]);
    assert_eq!((code, &*stdout), (2, ""));
    assert!(stderr.contains("needs a terminal") && stderr.contains("--once"), "{stderr}");
    let (code, stdout, stderr) = output(&world.redis.url(), &["--once"]);
    assert_eq!((code, &*stderr), (0, ""));
    assert!(
        stdout.contains("\nQUEUE ") && stdout.contains("\nWORKER ") && !stdout.contains('\u{1b}'),
        "{stdout}"
    );
    let (code, stdout, stderr) = output(&world.redis.url(), &["--json"]);
    assert_eq!((code, &*stderr), (0, ""));
    let object: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(object["queues"][0]["queue"], world.queue());
    assert_eq!(object["queues"][0]["perSecond"]["delivered"], 0.0);
    assert_eq!((&object["workers"][0]["living"], stdout.lines().count()), (&Value::Bool(true), 1));
    let (code, _, stderr) = output("redis://127.0.0.1:1", &["--once"]);
    assert_eq!(code, 3, "{stderr}");
}
