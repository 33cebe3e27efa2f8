//! Redis behind TLS, Sentinel, access lists, and as a cluster: the same promises everywhere.

mod acl;
mod cluster;
mod guides;
mod load;
mod sentinel;
mod tls;

use std::process::Command;

use postrider_tests::worker_process::program;

/// How a command ended and what it printed.
#[derive(Debug)]
struct Told {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs `postrider` with these settings, and none of our own environment.
fn postrider(arguments: &[&str], settings: &[(&str, &str)]) -> Told {
    let mut command = Command::new(program());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("POSTRIDER_"))
    {
        command.env_remove(name);
    }
    let output =
        command.args(arguments).envs(settings.iter().copied()).output().expect("the program is built");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Told { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}
