//! The guide's whole receiver, as a process that a real worker sends to.

use std::path::Path;
use std::process::Command;

use postrider_tests::process::Process;
use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{World, WorldOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::captured::{ENCODED, OTHER, PLAIN};
use super::document::block;
use super::programs::python;
use crate::program::{Program, root};

#[tokio::test]
async fn the_guides_receiver_takes_each_event_down_once_and_refuses_the_rest() {
    let world = World::with(WorldOptions::default()).await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let receiver = start(folder.path());
    let port = port(&receiver).await;

    let to = format!("http://127.0.0.1:{port}/in");
    // The same event twice, as after the loss of a worker; one more; and one of someone who doesn't know the secret.
    for (event, secret) in [("a", ENCODED), ("a", ENCODED), ("b", ENCODED), ("c", PLAIN)] {
        let content = format!(r#"{{"text":"✓ {event}"}}"#);
        let plain = [("to", &*to), ("type", "note"), ("content", &content), ("profile", "standard")];
        world.enqueue(&[&plain[..], &[("eventId", event), ("secret", secret)]].concat()).await;
    }
    world.settled().await;
    let mut statuses: Vec<String> = world
        .attempts()
        .await
        .into_iter()
        .map(|mut attempt| attempt.remove("status").unwrap_or_default())
        .collect();
    statuses.sort();
    assert_eq!(statuses, ["204", "204", "204", "401"]);
    assert_eq!(taken_down(folder.path()).await, ["a", "b"]);
    assert_eq!(status_of_huge_body(port).await, "HTTP/1.1 413");
}

fn start(folder: &Path) -> Process {
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("it can be written");
    write("signatures.py", &block("Signatures", "Python").text);
    write("receiver.py", &block("A whole receiver", "A receiver in Python").text);
    let mut command = Command::new(python());
    command
        .arg("receiver.py")
        .current_dir(folder)
        .env("SECRETS", format!("{OTHER} {ENCODED}"))
        .env("PORT", "0");
    Process::spawn(&mut command, &folder.join("receiver.log")).expect("Python can be started")
}

async fn port(receiver: &Process) -> u16 {
    postrider_tests::wait::until("the receiver says its port", PATIENCE, || async {
        let log = receiver.log();
        let line = log.lines().find_map(|line| line.strip_prefix("listening on port "));
        line.and_then(|port| port.parse().ok()).ok_or(log.clone())
    })
    .await
}

/// Ids of the events in its database.
async fn taken_down(folder: &Path) -> Vec<String> {
    let script = root().join("tests/outside/programs/inbox.py");
    let ended = Program::new(python(), vec![script, folder.join("inbox.db")]).run(&[]).await;
    assert!(ended.status.success(), "{ended:?}");
    String::from_utf8_lossy(&ended.stdout).lines().map(str::to_owned).collect()
}

/// What it answers to a request that announces more than it takes, before any of that has come.
async fn status_of_huge_body(port: u16) -> String {
    let asked = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(b"POST /in HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n").await?;
        let mut answer = vec![0; "HTTP/1.1 413".len()];
        stream.read_exact(&mut answer).await?;
        std::io::Result::Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("it answers in time").expect("it answers")
}
