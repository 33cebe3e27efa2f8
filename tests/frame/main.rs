//! Tests of what surrounds the code: which crate may use which, whether the documents are true, whether the deployment
//! files mean what they must. They start no worker and need no Redis, but ask the built program what it accepts.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that can't go on ends, saying what it saw")]

mod alerts;
mod capacity;
mod configuration;
mod crates;
mod dashboard;
mod deploy;
mod dockerfile;
mod docs;
mod documents;
mod helm;
mod links;
mod logs;
mod metrics;
mod misskey;
mod receivers;
mod schemas;
mod trust;
mod workflows;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository.
fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the package lies in the repository's root").to_path_buf()
}

/// A file of the repository as text.
fn read(path: &str) -> String {
    let full = root().join(path);
    std::fs::read_to_string(&full).unwrap_or_else(|error| panic!("{path} can't be read: {error}"))
}

/// What the program said and how it ended.
struct Answer {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs the program with these arguments and nothing of our own environment that it would heed.
fn postrider(arguments: &[&str]) -> Answer {
    postrider_with(arguments, &[])
}

/// The same with these variables.
fn postrider_with(arguments: &[&str], environment: &[(String, String)]) -> Answer {
    let program = program();
    let ours = std::env::vars_os().map(|(name, _)| name);
    let mut command = Command::new(&program);
    for name in ours.filter(|name| name.to_string_lossy().starts_with("POSTRIDER_")) {
        command.env_remove(name);
    }
    let pairs = environment.iter().map(|(name, value)| (name, value));
    match command.args(arguments).envs(pairs).output() {
        Ok(output) => Answer {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        },
        Err(error) => panic!("{} can't be run ({error}): run `cargo build -p postrider`", program.display()),
    }
}

/// The program: named by `POSTRIDER_BIN`, else in the folder of the build that this test belongs to.
fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("POSTRIDER_BIN") {
        return named.into();
    }
    let test = std::env::current_exe().expect("a test has a file");
    // target/<profile>/deps/<test>
    test.ancestors().nth(2).expect("a test lies in a target folder").join("postrider")
}
