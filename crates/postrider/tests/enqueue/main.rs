//! `postrider enqueue` and `postrider event` as they are typed: what reaches Redis, what is told, and with which exit code
//! they end.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod events;
mod jobs;

use std::io::{Seek, Write};
use std::process::{Command, Output, Stdio};

use postrider_tests::world::{World, WorldOptions};

/// A Redis with the queue, without a worker.
async fn world() -> World {
    World::with(WorldOptions::default().workers(0)).await
}

/// The command against this Redis, with this on stdin.
fn run_at(
    command: &str,
    redis_url: &str,
    arguments: &[&str],
    stdin: &str,
    environment: &[(&str, &str)],
) -> Output {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(stdin.as_bytes()).unwrap();
    file.rewind().unwrap();
    Command::new(env!("CARGO_BIN_EXE_postrider"))
        .arg(command)
        .args(arguments)
        .env_clear()
        .env("POSTRIDER_REDIS_URL", redis_url)
        .envs(environment.iter().copied())
        .stdin(Stdio::from(file))
        .output()
        .unwrap()
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[track_caller]
fn check(output: &Output, code: i32, stdout: &str, stderr: &str) {
    assert_eq!(told(output), (code, stdout.to_owned(), stderr.to_owned()));
}

/// The fields of all entries of a stream.
async fn fields(world: &World, stream: &str) -> Vec<Vec<(String, String)>> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let entries = world.entries(stream).await.into_iter();
    entries.map(|(_, fields)| fields.into_iter().map(|(n, v)| (text(n), text(v))).collect()).collect()
}

/// `name=value` of each field of the stream's first entry.
async fn first_shown(world: &World, stream: &str) -> String {
    let shown = fields(world, stream).await.remove(0);
    let shown: Vec<String> = shown.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    shown.join("|")
}
