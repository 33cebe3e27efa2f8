//! The examples of `docs/events.md`, sent: what is shown there is what a receiver gets.

use std::collections::HashMap;

use postrider_tests::event_examples::{events, request_body};
use postrider_tests::receiver::request::Request;
use postrider_tests::world::{World, WorldOptions, xadd};
use serde_json::Value;

use super::{EVENTS, USER, all_ended, register};

async fn world() -> World {
    World::with(WorldOptions::default().set("POSTRIDER_SERVER_URL", "https://misskey.example")).await
}

#[tokio::test]
async fn each_event_of_the_document_reaches_a_hook_byte_for_byte() {
    let world = world().await;
    register(&world, USER, "all", &["*"], true).await;
    let examples = events();
    for example in &examples {
        let fields = [("userId", USER), ("type", &example.event_type), ("content", &example.content)];
        let _: String = world.query(&xadd(EVENTS, "*", &fields)).await;
    }
    all_ended(&world).await;
    let requests = world.receiver.requests();
    let by_type: HashMap<String, &Request> = requests
        .iter()
        .map(|request| (request.json()["type"].as_str().unwrap_or_default().to_owned(), request))
        .collect();
    assert_eq!((requests.len(), by_type.len()), (8, 8));
    for example in &examples {
        let body = String::from_utf8_lossy(&by_type[&example.event_type].body);
        assert!(body.ends_with(&format!("\"body\":{}}}", example.content)), "{body}");
    }
}

#[tokio::test]
async fn the_request_of_the_document_is_what_a_receiver_gets() {
    let world = world().await;
    let shown: Value = serde_json::from_str(&request_body()).unwrap();
    let text = |key: &str| shown[key].as_str().unwrap();
    register(&world, text("userId"), text("hookId"), &["note"], true).await;
    let (event, hook) = text("eventId").split_once(':').unwrap();
    assert_eq!(hook, text("hookId"));
    let (created_at, content) = (shown["createdAt"].to_string(), shown["body"].to_string());
    let fields = [
        ("userId", text("userId")),
        ("type", text("type")),
        ("content", &content),
        ("id", event),
        ("createdAt", &created_at),
    ];
    let _: String = world.query(&xadd(EVENTS, "*", &fields)).await;
    let request = world.receiver.next_request().await;
    assert_eq!(String::from_utf8_lossy(&request.body), shown.to_string());
}
