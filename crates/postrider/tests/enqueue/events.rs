//! `postrider event`.

use std::process::Output;

use postrider_tests::world::World;

use super::{check, fields, first_shown, run_at, told, world};

const EVENTS: &str = "postrider:events";
const NOTE: [&str; 6] = ["--user", "9u", "--type", "note", "--content", r#"{ "note":{"id":"9x"} }"#];

fn event(world: &World, arguments: &[&str], stdin: &str) -> Output {
    run_at("event", &world.redis.url(), arguments, stdin, &[])
}

/// Without any Redis to talk to.
fn dry_run(arguments: &[&str], stdin: &str) -> Output {
    run_at("event", "redis://127.0.0.1:1", &[&["--dry-run"], arguments].concat(), stdin, &[])
}

/// Registers a hook of user `9u` that asks for notes.
async fn register(world: &World, hook: &str) {
    let url = world.receiver.url(&format!("/{hook}"));
    let record = format!(
        r#"{{"id":"{hook}","userId":"9u","name":"n","on":["note"],"url":"{url}","secret":"s","active":true}}"#
    );
    world.register("9u", hook, record.as_bytes()).await;
}

#[tokio::test]
async fn each_flag_becomes_its_field_and_the_id_is_printed() {
    let world = world().await;
    let more = "--id ev-1 --created-at 1764324000123 --not-before 2030-01-01T00:00:00Z --expires-at 1893456000001 \
                --traceparent t --stream ev:2 --json --header";
    let arguments: Vec<&str> =
        NOTE.into_iter().chain(more.split_whitespace()).chain(["X-A:  b c "]).collect();
    let output = event(&world, &arguments, "");
    let (entry, _) = world.entries("ev:2").await.remove(0);
    check(&output, 0, &format!("{{\"id\":\"ev-1\",\"stream\":\"ev:2\",\"entry\":\"{entry}\"}}\n"), "");
    assert_eq!(
        first_shown(&world, "ev:2").await,
        "userId=9u|type=note|content={ \"note\":{\"id\":\"9x\"} }|id=ev-1|createdAt=1764324000123|\
         notBefore=1893456000000|expiresAt=1893456000001|traceparent=t|header:X-A=b c"
    );
}

#[tokio::test]
async fn an_event_reaches_each_hook_that_asked_for_it_through_a_worker() {
    let mut world = world().await;
    register(&world, "one").await;
    register(&world, "two").await;
    world.add_worker(&[]).wait_ready().await;
    let output = event(&world, &[&NOTE[..], &["--id", "ev-1", "--header", "X-Tenant: t"]].concat(), "");
    check(&output, 0, "ev-1\n", "");
    let requests = world.receiver.wait_for(2).await;
    let mut seen: Vec<_> =
        requests.iter().map(|request| (request.path().to_owned(), request.event_id().unwrap())).collect();
    seen.sort();
    let expected = [("/one", "ev-1:one"), ("/two", "ev-1:two")];
    assert_eq!(seen, expected.map(|(path, id)| (path.to_owned(), id.to_owned())));
    for request in requests {
        assert!(request.body.ends_with(br#""body":{ "note":{"id":"9x"} }}"#));
        assert_eq!(request.header("X-Tenant"), Some("t"));
    }
}

#[tokio::test]
async fn events_of_lines_are_delivered_by_a_worker_and_bad_ones_told_by_number() {
    let mut world = world().await;
    register(&world, "one").await;
    world.add_worker(&[]).wait_ready().await;
    let lines = "{\"content\":{\"n\":1},\"id\":\"first\"}\n{\"content\":1,\"type\":\"\"}\nno\n\
                 {\"content\":{\"n\":4},\"userId\":\"9u\",\"profile\":\"raw\"}\n";
    let (code, stdout, stderr) = told(&event(&world, &["-", "--user", "9u", "--type", "note"], lines));
    assert_eq!((code, stdout.lines().count(), stdout.lines().next()), (1, 2, Some("first")));
    let faults = "postrider: line 2: field 'type' must be 1 to 128 visible ASCII characters\n\
                  postrider: line 3: the line isn't one JSON object: it doesn't begin with '{'\n\
                  postrider: 2 events added, 2 not\n";
    assert_eq!(stderr, faults);
    let requests = world.receiver.wait_for(2).await;
    let mut numbers: Vec<_> =
        requests.iter().map(|request| request.json()["body"]["n"].to_string()).collect();
    numbers.sort();
    assert_eq!(numbers, ["1", "4"]);
    world.settled().await;
    assert_eq!(world.receiver.count(), 2);
}

#[tokio::test]
async fn many_events_are_added_in_order() {
    let world = world().await;
    let lines: String = (0..1200).map(|n| format!("{{\"content\":{n},\"id\":\"e{n}\"}}\n")).collect();
    let output = event(&world, &["-", "--user", "9u", "--type", "note"], &lines);
    let ids: String = (0..1200).map(|n| format!("e{n}\n")).collect();
    check(&output, 0, &ids, "");
    assert_eq!((fields(&world, EVENTS).await.len(), world.length().await), (1200, 0));
}

#[tokio::test]
async fn content_may_come_from_a_file_or_stdin() {
    let world = world().await;
    let output = event(&world, &["--user-id", "9u", "--type", "note", "--content-file", "-"], "[1 ]\n");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(first_shown(&world, EVENTS).await, "userId=9u|type=note|content=[1 ]\n");
}

#[tokio::test]
async fn an_unsound_event_is_not_added() {
    let world = world().await;
    let output = event(&world, &NOTE[..4], "");
    check(&output, 1, "", "postrider: field 'content' is missing: it holds the event\n");
    let output = event(&world, &["--type", "note", "--content", "{}"], "");
    let fault = "postrider: field 'userId' is missing: an event needs the owner whose hooks it is for\n";
    check(&output, 1, "", fault);
    assert!(fields(&world, EVENTS).await.is_empty());
}

#[test]
fn a_dry_run_judges_without_redis() {
    check(&dry_run(&NOTE, ""), 0, "1 event sound; nothing was added\n", "");
    let invalid =
        "postrider: would be dead: invalid: field 'id' of an event must be 1 to 63 of A-Z a-z 0-9 _ : -\n";
    check(&dry_run(&[&NOTE[..], &["--id", &"i".repeat(64)]].concat(), ""), 1, "", invalid);
    let lines = "{\"userId\":\"u\",\"type\":\"note\",\"content\":1}\n{\"userId\":\"u\",\"content\":1}\n";
    let (code, stdout, stderr) = told(&dry_run(&["-", "--json"], lines));
    let rows = "{\"line\":1,\"verdict\":\"sound\"}\n\
                {\"line\":2,\"verdict\":\"invalid\",\"fault\":\"field 'type' is missing: hooks ask for types of events\"}\n";
    assert_eq!((code, &*stdout), (1, rows));
    assert!(stderr.ends_with("postrider: 1 of 2 events would be dead\n"), "{stderr}");
}

#[test]
fn without_redis_it_ends_with_3() {
    let output = run_at("event", "redis://canary:canary@127.0.0.1:1", &NOTE, "", &[]);
    let (code, stdout, stderr) = told(&output);
    assert_eq!((code, &*stdout), (3, ""));
    assert!(stderr.starts_with("postrider: can't reach Redis: ") && !stderr.contains("canary"), "{stderr}");
}

#[test]
fn wrong_usage_ends_with_2() {
    for arguments in [
        &["--header", "canary"][..],
        &["--to", "https://canary.example/"],
        &["--stream", "a b"],
        &["-", "--id", "x"],
        &["-", "--content", "1"],
        &["--content", "1", "--content-file", "x"],
        &["--not-before", "tomorrow"],
        &["--events-stream", ""],
    ] {
        let (code, stdout, stderr) = told(&run_at("event", "redis://127.0.0.1:1", arguments, "", &[]));
        assert_eq!((code, &*stdout), (2, ""), "{arguments:?}: {stderr}");
        assert!(!stderr.is_empty(), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_refusal_of_redis_is_told_and_ends_it() {
    let world = world().await;
    let () = world.query(redis::cmd("SET").arg(EVENTS).arg("text")).await;
    let lines: String = "{\"content\":1}\n".repeat(501);
    let (code, _, stderr) = told(&event(&world, &["-", "--user", "9u", "--type", "note"], &lines));
    let end = "postrider: Redis refused all events of the last batch, so later lines weren't tried; 0 events added, 500 not\n";
    assert_eq!((code, stderr.lines().count()), (1, 501));
    assert!(stderr.ends_with(end), "{stderr}");
}
