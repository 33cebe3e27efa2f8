//! Which hooks get an event: `UserWebhookService` (UW7 to UW11), its twin for system webhooks (SW10 to SW21), and the
//! end-to-end tests (E1 to E11).

use std::time::Duration;

use postrider_tests::receiver::request::Request;
use postrider_tests::world::World;

use super::{USER, all_ended, happens, register};

/// A hook of a case: its id, the events that it asks for, whether it is active.
type Hook = (&'static str, &'static [&'static str], bool);

/// The hooks that got a request after these events of the user, one a request, in the order of their ids.
async fn reached(hooks: &[Hook], user: &str, events: &[&str]) -> Vec<String> {
    let world = World::start().await;
    for (hook, on, active) in hooks {
        register(&world, USER, hook, on, *active).await;
    }
    for event_type in events {
        happens(&world, user, event_type, "{}").await;
    }
    all_ended(&world).await;
    assert!(world.dead_letters().await.is_empty(), "an event that nobody asked for is no failure");
    let mut reached: Vec<String> = world.receiver.requests().iter().map(hook_id).collect();
    reached.sort();
    reached
}

fn hook_id(request: &Request) -> String {
    let body = request.json();
    assert_eq!(request.path()[1..], body["hookId"]);
    body["hookId"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn uw7_an_active_hook_that_asked_gets_exactly_one_job() {
    assert_eq!(reached(&[("a", &["note"], true)], USER, &["note"]).await, ["a"]);
}

#[tokio::test]
async fn uw8_an_inactive_hook_gets_none() {
    assert_eq!(reached(&[("a", &["note"], false)], USER, &["note"]).await, [""; 0]);
}

#[tokio::test]
async fn uw9_hooks_that_did_not_ask_get_none() {
    let hooks: [Hook; 2] = [("a", &[], true), ("b", &["note"], true)];
    assert_eq!(reached(&hooks, USER, &["renote"]).await, [""; 0]);
}

#[tokio::test]
async fn uw10_an_event_of_another_user_makes_none() {
    assert_eq!(reached(&[("a", &["note"], true)], "9user00002", &["note"]).await, [""; 0]);
}

#[tokio::test]
async fn uw11_of_four_hooks_only_the_active_one_that_asked_gets_one() {
    let hooks: [Hook; 4] = [
        ("a", &["note"], true),
        ("b", &["renote"], true),
        ("c", &["note"], false),
        ("d", &["renote"], false),
    ];
    assert_eq!(reached(&hooks, USER, &["note"]).await, ["a"]);
}

/// Longer than any worker remembers a hook.
const KNOWN_AFTER: Duration = Duration::from_millis(1200);

#[tokio::test]
async fn sw15_to_sw21_a_change_of_a_hook_holds_for_events_a_second_later() {
    let world = World::start().await;
    let edits: [(&str, Option<Hook>, &str); 7] = [
        ("sw15", Some(("h", &["note"], true)), "created active: it gets the event"),
        ("sw17", Some(("h", &["note", "reply"], true)), "edited: it goes on"),
        ("sw20", Some(("h", &["note"], false)), "switched off: nothing more"),
        ("sw18", Some(("h", &["note", "reply"], false)), "edited while off: still nothing"),
        ("sw19", Some(("h", &["note"], true)), "switched on again"),
        ("sw21", None, "deleted: nothing more"),
        ("sw16", Some(("h", &["note"], false)), "created inactive: nothing"),
    ];
    for (number, hook, why) in edits {
        match hook {
            Some((id, on, active)) => register(&world, USER, id, on, active).await,
            None => {
                let key = format!("postrider:hooks:{{{USER}}}");
                let () = world.query(redis::cmd("HDEL").arg(key).arg("h")).await;
            }
        }
        tokio::time::sleep(KNOWN_AFTER).await;
        let before = world.receiver.count();
        happens(&world, USER, "note", "{}").await;
        all_ended(&world).await;
        let expected = usize::from(hook.is_some_and(|(_, _, active)| active));
        assert_eq!(world.receiver.count() - before, expected, "{number}: {why}");
    }
}

const BOTH: &[&str] = &["note", "reply"];

#[tokio::test]
async fn e1_the_request_names_hook_type_and_payload() {
    let world = World::start().await;
    register(&world, USER, "a", &["note"], true).await;
    happens(&world, USER, "note", r#"{"note":{"id":"9n","userId":"9user00001","text":"hello"}}"#).await;
    let body = world.receiver.next_request().await.json();
    assert_eq!(
        (&body["hookId"], &body["userId"], &body["type"]),
        (&"a".into(), &USER.into(), &"note".into())
    );
    let note = &body["body"]["note"];
    assert_eq!((&note["id"], &note["userId"], &note["text"]), (&"9n".into(), &USER.into(), &"hello".into()));
}

#[tokio::test]
async fn e2_two_events_are_two_requests_each_with_its_own_payload() {
    let world = World::start().await;
    register(&world, USER, "a", BOTH, true).await;
    for (event_type, content) in [("note", r#"{"note":{"id":"1"}}"#), ("reply", r#"{"note":{"id":"2"}}"#)] {
        happens(&world, USER, event_type, content).await;
        let body = world.receiver.next_request().await.json();
        assert_eq!(body["type"], event_type);
        assert_eq!(body["body"].to_string(), content);
    }
}

#[tokio::test]
async fn e3_a_hook_that_asks_for_nothing_gets_nothing() {
    assert_eq!(reached(&[("a", &[], true)], USER, &["note"]).await, [""; 0]);
}

#[tokio::test]
async fn e4_a_hook_that_asks_for_the_second_event_gets_that_alone() {
    let world = World::start().await;
    register(&world, USER, "a", &["reply"], true).await;
    happens(&world, USER, "note", "{}").await;
    happens(&world, USER, "reply", "{}").await;
    all_ended(&world).await;
    let types: Vec<_> =
        world.receiver.requests().iter().map(|request| request.json()["type"].clone()).collect();
    assert_eq!(types, ["reply"]);
}

#[tokio::test]
async fn e5_a_hook_that_asks_for_the_first_event_gets_that_alone() {
    assert_eq!(reached(&[("a", &["note"], true)], USER, &["note", "reply"]).await, ["a"]);
}

#[tokio::test]
async fn e6_a_hook_that_asks_for_nothing_gets_none_of_two_events() {
    assert_eq!(reached(&[("a", &[], true)], USER, BOTH).await, [""; 0]);
}

#[tokio::test]
async fn e7_an_inactive_hook_gets_none_of_two_events() {
    assert_eq!(reached(&[("a", BOTH, false)], USER, BOTH).await, [""; 0]);
}

#[tokio::test]
async fn e9_the_body_is_the_user_field_by_field() {
    let world = World::start().await;
    register(&world, USER, "a", &["followed"], true).await;
    let user =
        r#"{"user":{"id":"9user00002","name":"Ai","username":"ai","host":null,"emojis":{},"isBot":false}}"#;
    happens(&world, USER, "followed", user).await;
    assert_eq!(world.receiver.next_request().await.json()["body"].to_string(), user);
}

#[tokio::test]
async fn e10_what_happens_succeeds_where_no_hook_asked_for_it() {
    assert_eq!(reached(&[("a", &[], true)], USER, &["followed"]).await, [""; 0]);
}

#[tokio::test]
async fn e11_what_happens_succeeds_where_the_hook_is_inactive() {
    assert_eq!(reached(&[("a", &["followed"], false)], USER, &["followed"]).await, [""; 0]);
}
