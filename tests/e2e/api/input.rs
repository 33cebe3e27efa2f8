//! What the API refuses, and how.

use postrider_tests::world::{DEFAULT_QUEUE as Q, World};
use serde_json::{Value, json};

use super::{ADMIN, Client, options};

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[tokio::test]
async fn bad_input_is_named_field_by_field_without_its_value() {
    let world = World::with(options()).await;
    let admin = Client::of(&world, ADMIN);
    let bad = json!({ "userId": "9u", "url": "ftp://cnry-x", "on": 7, "colour": "red", "secret": "é cnry" });
    let refused = admin.ask("POST", "/hooks", Some(bad)).await;
    let errors = Client::check(&refused, 422)["errors"].clone();
    let fields: Vec<_> =
        errors.as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["colour"]);
    let bad = json!({ "userId": "9u", "url": "ftp://cnry-x", "on": 7, "secret": "é cnry" });
    let refused = admin.ask("POST", "/hooks", Some(bad)).await;
    assert!(!refused.body.contains("cnry"), "{refused:?}");
    let fields = Client::check(&refused, 422)["errors"].as_array().map(Vec::len);
    assert_eq!(fields, Some(3), "{refused:?}");
}

/// Method, path, headers, body, and the status that answers them.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [u8], u16);

// [32], [33], [34], [39]
#[tokio::test]
async fn each_kind_of_bad_request_has_its_problem() {
    let world = World::with(options()).await;
    let admin = Client::of(&world, ADMIN);
    let large = vec![b' '; 2 << 20];
    let cases: [Case; 12] = [
        ("GET", "/nothing", &[], b"", 404),
        ("PUT", "/hooks", &[], b"", 405),
        ("TRACE", "/hooks", &[], b"", 405),
        ("BREW", "/hooks", &[], b"", 405),
        ("POST", "/hooks", &[], b"{}", 415),
        ("POST", "/hooks", &[("Content-Type", "application/x-www-form-urlencoded")], b"a=b", 415),
        ("POST", "/hooks", &[JSON], b"{", 400),
        ("POST", "/hooks", &[JSON], b"[]", 400),
        ("POST", "/hooks", &[JSON], &large, 413),
        ("GET", "/hooks?userId=9u&limit=101", &[], b"", 422),
        ("GET", "/hooks?userId=9u&token=x", &[], b"", 422),
        ("GET", "/hooks?userId=%FF", &[], b"", 422),
    ];
    for (method, path, headers, body, status) in cases {
        let answer = admin.send(method, path, headers, body).await;
        Client::check(&answer, status);
    }
}

// [39]
#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_told_those_that_it_has() {
    let world = World::with(options()).await;
    let admin = Client::of(&world, ADMIN);
    for (method, path, allowed) in [
        ("PUT", "/hooks", "GET,HEAD,POST"),
        ("OPTIONS", "/queues", "GET,HEAD"),
        ("TRACE", "/jobs", "POST"),
        ("GET", "/jobs", "POST"),
    ] {
        let refused = admin.ask(method, path, None).await;
        Client::check(&refused, 405);
        assert_eq!(refused.header("allow"), Some(allowed), "{method} {path}: {refused:?}");
    }
    let head = admin.ask("HEAD", "/queues", None).await;
    assert_eq!((head.status, &*head.body), (200, ""), "{head:?}");
}

#[tokio::test]
async fn an_end_of_redis_is_a_problem_that_tells_no_address() {
    let mut world = World::with(options()).await;
    let admin = Client::of(&world, ADMIN);
    world.redis.kill9();
    let told = Client::check(&admin.ask("GET", "/queues", None).await, 503);
    assert!(!told.to_string().contains("127.0.0.1"), "{told}");
}

// [35]
#[tokio::test]
async fn ids_that_could_lead_to_other_keys_lead_nowhere() {
    let world = World::with(options()).await;
    let admin = Client::of(&world, ADMIN);
    for path in [
        "/hooks/9u/a:latest".to_owned(),
        "/hooks/9u/%7Ba%7D".to_owned(),
        format!("/hooks/{}/a", "x".repeat(129)),
        "/queues/postrider:hooks:%7B9u%7D".to_owned(),
        format!("/queues/{Q}/dead/%7Bx%7D"),
        format!("/queues/{Q}/jobs/a%20b"),
        format!("/queues/{Q}/retries/%00"),
    ] {
        Client::check(&admin.ask("GET", &path, None).await, 404);
    }
}

#[tokio::test]
async fn the_document_served_is_the_one_that_is_checked_in() {
    let world = World::start().await;
    let served = Client::check(&Client::stranger(&world).ask("GET", "/openapi.json", None).await, 200);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let checked_in: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(served, checked_in);
}
