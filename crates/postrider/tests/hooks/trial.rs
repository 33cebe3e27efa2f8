//! Test sends: Misskey's own cases by their numbers, against a real receiver. The receiver needs a
//! thread of its own, since the command is waited for.

use postrider_tests::receiver::request::Request;
use serde_json::Value;

use crate::shell::{Shell, Told};

/// A Redis with one hook, switched off and asking for nothing: a test is sent all the same.
async fn with_hook(path: &str, more: &str) -> Shell {
    let shell = Shell::open().await;
    let url = shell.world.receiver.url(path);
    let line = format!("create --user u --id h --url {url} --inactive{more} --on ");
    assert_eq!(shell.hooks(&line).code, 0);
    shell
}

/// Sends a sample, and checks what is the same for all of them.
async fn check(event: &str, id_pointer: &str, id: &str) -> Value {
    let shell = with_hook("/in", " --secret s3cret").await;
    let row = shell.json(&format!("test h --user u --type {event}")).row();
    let request = shell.world.receiver.next_request().await;
    let body = request.json();
    assert_eq!((&row["status"], &row["error"], &row["type"]), (&200.into(), &Value::Null, &event.into()));
    assert_eq!((&body["hookId"], &body["userId"], &body["type"]), (&"h".into(), &"u".into(), &event.into()));
    assert_eq!(body["eventId"], row["eventId"]);
    assert_eq!((body.pointer(id_pointer), request.attempt()), (Some(&id.into()), 1));
    assert_eq!(request.header("x-misskey-hook-secret"), Some("s3cret"));
    assert_eq!(shell.world.receiver.count(), 1);
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn wt1_a_note_is_dummy_note_1() {
    check("note", "/body/note/id", "dummy-note-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wt2_a_reply_is_dummy_reply_1() {
    let body = check("reply", "/body/note/id", "dummy-reply-1").await;
    assert_eq!(body["body"]["note"]["reply"]["id"], "dummy-note-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn wt3_a_renote_is_dummy_renote_1() {
    check("renote", "/body/note/id", "dummy-renote-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wt4_a_mention_is_dummy_mention_1() {
    check("mention", "/body/note/id", "dummy-mention-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wt5_who_is_followed_is_dummy_user_1() {
    check("follow", "/body/user/id", "dummy-user-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wt6_a_follower_is_dummy_user_2() {
    check("followed", "/body/user/id", "dummy-user-2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wt7_who_is_unfollowed_is_dummy_user_3() {
    check("unfollow", "/body/user/id", "dummy-user-3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wt8_a_hook_of_someone_else_is_unknown() {
    let shell = with_hook("/in", "").await;
    shell.hooks("test h --user other --type note").check_failed(1, "user \"other\" has no hook \"h\"");
    assert_eq!(shell.world.receiver.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reaction_is_sent_though_misskey_has_none() {
    check("reaction", "/body/note/id", "dummy-note-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn url_and_secret_may_be_overridden() {
    let shell = with_hook("/status/500", " --secret stored").await;
    let other = shell.world.receiver.url("/other");
    shell.json(&format!("test h --user u --type note --url {other} --secret typed")).row();
    let request = shell.world.receiver.next_request().await;
    assert_eq!((request.path(), request.header("x-misskey-hook-secret")), ("/other", Some("typed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn profile_and_headers_are_the_hooks() {
    let shell = with_hook("/in", " --profile standard --header X-A:1").await;
    shell.json("test h --user u --type note").row();
    let request: Request = shell.world.receiver.next_request().await;
    assert!(request.header("webhook-signature").is_some_and(|value| value.starts_with("v1,")));
    assert_eq!((request.header("x-a"), request.json()["type"].as_str()), (Some("1"), Some("note")));
}

#[track_caller]
fn check_not_accepted(told: &Told, status: u16, error: &str) {
    assert_eq!(told.code, 1, "{told:?}");
    let row: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&row["status"], &row["error"]), (&status.into(), &error.into()), "{told:?}");
    assert_eq!(told.stderr, format!("postrider: the sample was not accepted: {error}\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_told_by_its_class_only() {
    let shell = with_hook("/status/503", " --timeout 300ms").await;
    check_not_accepted(&shell.json("test h --user u --type note"), 503, "the receiver answered 503");
    let at = |url: &str| shell.json(&format!("test h --user u --type note --url {url}"));
    check_not_accepted(&at("http://127.0.0.1:1/"), 0, "could not connect");
    check_not_accepted(&at(&shell.world.receiver.url("/hang")), 0, "no answer within the time limit");
    check_not_accepted(
        &at(&shell.world.receiver.url("/close")),
        0,
        "the connection was closed before an answer",
    );
    check_not_accepted(&at("http://10.0.0.1/"), 0, "not allowed: the address");
    shell
        .json("test h --user u --type note --url ftp://x/")
        .check_failed(2, "--url must be an absolute http");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_writes_nothing_and_asks_once() {
    let shell = with_hook("/status/500", "").await;
    let before: Vec<String> = shell.world.query(redis::cmd("KEYS").arg("*")).await;
    let stored = shell.stored("h").await;
    assert_eq!(shell.hooks("test h --user u --type note").code, 1);
    let after: Vec<String> = shell.world.query(redis::cmd("KEYS").arg("*")).await;
    assert_eq!((after, shell.stored("h").await), (before, stored));
    assert_eq!(shell.world.receiver.count(), 1);
}
