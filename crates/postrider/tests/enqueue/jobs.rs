//! `postrider enqueue`.

use std::fs::File;
use std::process::{Command, Output, Stdio};

use postrider_core::shard::{shard_of, shard_queue};
use postrider_tests::world::World;

use super::{check, fields, first_shown, run_at, told, world};

fn enqueue_at(redis_url: &str, arguments: &[&str], stdin: &str, environment: &[(&str, &str)]) -> Output {
    run_at("enqueue", redis_url, arguments, stdin, environment)
}

fn enqueue(world: &World, arguments: &[&str], stdin: &str) -> Output {
    enqueue_at(&world.redis.url(), arguments, stdin, &[])
}

/// Without any Redis to talk to.
fn dry_run(arguments: &[&str], stdin: &str) -> Output {
    enqueue_at("redis://127.0.0.1:1", &[&["--dry-run"], arguments].concat(), stdin, &[])
}

const NOTE: [&str; 6] = ["--to", "https://hooks.example/in", "--type", "note", "--content", "{ }"];

#[tokio::test]
async fn each_flag_becomes_its_field_and_the_id_is_printed() {
    let world = world().await;
    let more = "--hook-id h --user-id u --secret s --event-id e --created-at 1764324000123 --id i --profile misskey \
                --content-type a/b --max-attempts 3 --timeout 5s --not-before 2030-01-01T00:00:00Z --expires-at \
                1893456000001 --traceparent t --queue q:2 --json --header";
    let arguments: Vec<&str> = NOTE.into_iter().chain(more.split(' ')).chain(["X-A:  b c "]).collect();
    let output = enqueue(&world, &arguments, "");
    let (entry, _) = world.entries("q:2").await.remove(0);
    let row = format!("{{\"id\":\"i\",\"eventId\":\"e\",\"queue\":\"q:2\",\"entry\":\"{entry}\"}}\n");
    check(&output, 0, &row, "");
    assert_eq!(
        first_shown(&world, "q:2").await,
        "to=https://hooks.example/in|hookId=h|secret=s|eventId=e|profile=misskey|contentType=a/b|maxAttempts=3|\
         timeoutMs=5000|userId=u|type=note|content={ }|id=i|createdAt=1764324000123|notBefore=1893456000000|\
         expiresAt=1893456000001|traceparent=t|header:X-A=b c"
    );
}

#[tokio::test]
async fn each_job_goes_to_the_shard_of_its_owner() {
    let world = world().await;
    let line = |user: &str| {
        format!(r#"{{"to":"https://hooks.example/in","type":"note","content":{{}},"userId":"{user}"}}"#)
    };
    let lines = format!("{}\n{}\n", line("9u"), line("9v"));
    let (code, stdout, stderr) = told(&enqueue(&world, &["-", "--shards", "8", "--json"], &lines));
    assert_eq!(code, 0, "{stderr}");
    for (user, row) in ["9u", "9v"].into_iter().zip(stdout.lines()) {
        let queue = shard_queue(shard_of(user.as_bytes(), b"", b"", 8));
        assert!(row.contains(&format!("\"queue\":\"{queue}\"")), "{row}");
        assert_eq!(world.entries(queue.as_str()).await.len(), 1);
    }
    for bad in [&["--shards", "0"][..], &["--shards", "1025"], &["--shards", "2", "--queue", "q"]] {
        assert_eq!(told(&enqueue(&world, &[&NOTE[..], bad].concat(), "")).0, 2, "{bad:?}");
    }
}

#[tokio::test]
async fn content_and_secret_may_come_from_files_and_the_secret_from_the_environment() {
    let world = world().await;
    let folder = tempfile::tempdir().unwrap();
    let (content, secret) = (folder.path().join("content"), folder.path().join("secret"));
    std::fs::write(&content, "\"é\"\n").unwrap();
    std::fs::write(&secret, "from file\n").unwrap();
    let to = ["--to", "https://hooks.example/in", "--type", "note", "--content-file"];
    let with_files = [content.to_str().unwrap(), "--secret-file", secret.to_str().unwrap()];
    let variable = [("POSTRIDER_ENQUEUE_SECRET", "from variable")];
    for (arguments, stdin) in [([&to[..], &with_files].concat(), ""), ([&to[..], &["-"]].concat(), "[1 ]")] {
        let output = enqueue_at(&world.redis.url(), &arguments, stdin, &variable);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    let jobs = fields(&world, world.queue()).await;
    let of = |job: usize, name: &str| jobs[job].iter().find(|(n, _)| n == name).unwrap().1.clone();
    assert_eq!((of(0, "content"), of(0, "secret")), ("\"é\"\n".into(), "from file".into()));
    assert_eq!((of(1, "content"), of(1, "secret")), ("[1 ]".into(), "from variable".into()));
}

#[tokio::test]
async fn an_unsound_job_is_not_added() {
    let world = world().await;
    let output = enqueue(&world, &[&NOTE[..], &["--timeout-ms", "5"]].concat(), "");
    check(&output, 1, "", "postrider: field 'timeoutMs' must be a whole number from 100 to 120000\n");
    assert_eq!(world.length().await, 0);
}

#[tokio::test]
async fn bad_lines_are_told_by_number_and_the_others_are_added() {
    let world = world().await;
    let lines = "{\"content\":{ \"a\":1},\"id\":\"one\"}\r\n\nno\n{\"content\":1,\"maxAttempts\":0}\n{\"content\":2,\"id\":\"five\",\"type\":\"own\"}";
    let output = enqueue(&world, &["-", "--to", "https://hooks.example/in", "--type", "flag"], lines);
    let faults = "postrider: line 3: the line isn't one JSON object: it doesn't begin with '{'\n\
                  postrider: line 4: field 'maxAttempts' must be a whole number from 1 to 100\n\
                  postrider: 2 jobs added, 2 not\n";
    check(&output, 1, "one\nfive\n", faults);
    let jobs = fields(&world, world.queue()).await;
    assert_eq!(jobs[0][0], ("content".into(), "{ \"a\":1}".into()));
    assert!(
        jobs[0].contains(&("type".into(), "flag".into())) && jobs[1].contains(&("type".into(), "own".into()))
    );
}

#[tokio::test]
async fn many_lines_are_added_in_order() {
    let world = world().await;
    let lines: String = (0..3000).map(|n| format!("{{\"content\":{n},\"id\":\"j{n}\"}}\n")).collect();
    let output = enqueue(&world, &["-", "--to", "https://hooks.example/in", "--type", "note"], &lines);
    let ids: String = (0..3000).map(|n| format!("j{n}\n")).collect();
    check(&output, 0, &ids, "");
    assert_eq!(world.length().await, 3000);
}

#[tokio::test]
async fn what_redis_refuses_is_told_and_ends_it() {
    let world = world().await;
    let () = world.query(redis::cmd("SET").arg(world.queue()).arg("text")).await;
    let output = enqueue(&world, &NOTE, "");
    let refusal = "failed to add to postrider:deliveries: WRONGTYPE Operation against a key holding the wrong kind of value";
    check(&output, 1, "", &format!("postrider: {refusal}\n"));
    let lines: String = "{\"content\":1}\n".repeat(501);
    let (code, _, stderr) =
        told(&enqueue(&world, &["-", "--to", "https://hooks.example/in", "--type", "note"], &lines));
    assert_eq!((code, stderr.lines().count()), (1, 501), "later lines aren't tried");
    assert!(stderr.ends_with("so later lines weren't tried; 0 jobs added, 500 not\n"), "{stderr}");
}

#[test]
fn without_redis_it_ends_with_3() {
    let output = enqueue_at("redis://canary:canary@127.0.0.1:1", &NOTE, "", &[]);
    let (code, stdout, stderr) = told(&output);
    assert_eq!((code, &*stdout), (3, ""));
    assert!(
        stderr.starts_with("postrider: can't reach Redis: failed to connect to 127.0.0.1:1: "),
        "{stderr}"
    );
    assert!(!stderr.contains("canary"), "{stderr}");
}

#[test]
fn a_dry_run_judges_without_redis() {
    check(&dry_run(&NOTE, ""), 0, "1 job sound; nothing was added\n", "");
    let with = |more: &[&'static str]| dry_run(&[&NOTE[..], more].concat(), "");
    let invalid =
        "postrider: would be dead: invalid: field 'secret' is missing: profile standard signs each request\n";
    check(&with(&["--profile", "standard"]), 1, "", invalid);
    let to_self = ["--to", "http://127.0.0.1/in", "--type", "note", "--content", "{}"];
    check(&dry_run(&to_self, ""), 1, "", "postrider: would be dead: blocked: not allowed: the address\n");
    let allowed = dry_run(&[&to_self[..], &["--ssrf-allow", "127.0.0.0/8"]].concat(), "");
    assert_eq!(allowed.status.code(), Some(0));
}

#[test]
fn a_dry_run_of_lines_names_each_fault() {
    let lines = "{\"to\":\"https://hooks.example/in\",\"type\":\"note\",\"content\":1}\n\
                 {\"to\":\"http://hooks.example:22/\",\"type\":\"note\",\"content\":1}\n{\"content\":1}\n";
    let (code, stdout, stderr) = told(&dry_run(&["-", "--json"], lines));
    let rows: Vec<&str> = stdout.lines().collect();
    assert_eq!(rows[0], r#"{"line":1,"verdict":"sound"}"#);
    assert_eq!(rows[1], r#"{"line":2,"verdict":"blocked","fault":"the port"}"#);
    assert!(
        rows[2].starts_with(r#"{"line":3,"verdict":"invalid","fault":"field 'to' is missing"#),
        "{}",
        rows[2]
    );
    assert_eq!((code, rows.len()), (1, 3));
    assert!(stderr.ends_with("postrider: 2 of 3 jobs would be dead\n"), "{stderr}");
}

#[test]
fn wrong_usage_ends_with_2_and_repeats_no_secret() {
    for arguments in [
        &["--secret", "canary "][..],
        &["--header", "canary"],
        &["--timeout", "5"],
        &["--not-before", "tomorrow"],
        &["--queue", "a b"],
        &["-", "--id", "x"],
        &["-", "--content", "1"],
        &["--content", "1", "--content-file", "x"],
        &["file.json"],
    ] {
        let (code, stdout, stderr) = told(&enqueue_at("redis://127.0.0.1:1", arguments, "", &[]));
        assert_eq!((code, &*stdout), (2, ""), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("canary") && !stderr.is_empty(), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_full_disk_under_the_ids_is_a_failure() {
    let Ok(full) = File::options().write(true).open("/dev/full") else { return };
    let status = Command::new(env!("CARGO_BIN_EXE_postrider"))
        .args(["enqueue", "--dry-run"])
        .args(NOTE)
        .env_clear()
        .stdout(full)
        .stderr(Stdio::null())
        .status();
    assert_eq!(status.unwrap().code(), Some(1));
}
