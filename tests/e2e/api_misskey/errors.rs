//! Codes and ids, which clients tell causes apart by; each route has its own id for a webhook that isn't there.

use postrider_tests::world::World;
use serde_json::{Value, json};

use super::{Client, Table, code_of};

const INVALID_PARAM: (&str, &str) = ("INVALID_PARAM", "3d81ceae-475f-4600-b2a8-2bc116157532");

/// Each route that looks for a hook, and its id where there is none.
const NO_SUCH_WEBHOOK: [(&str, &str); 4] = [
    ("show", "50f614d9-3047-4f7e-90d8-ad6b2d5fb098"),
    ("update", "fb0fea69-da18-45b1-828d-bd4fd1612518"),
    ("delete", "bae73e5a-5522-4965-ae19-3a8688e71d82"),
    ("test", "0c52149c-e913-18f8-5dc7-74870bfe0cf9"),
];

#[tokio::test]
async fn a_hook_that_is_not_there_and_one_of_another_user_are_the_same() {
    let table = Table::new();
    let world = table.world().await;
    let theirs = Client::of(&world, Table::OF_8V).register(&world, "/in").await;
    let client = Client::of(&world, Table::OF_9U);
    for (route, id) in NO_SUCH_WEBHOOK {
        let answers = [json!("9nothing"), theirs["id"].clone()].map(|hook| {
            let client = client.clone();
            async move { client.ask(route, json!({ "webhookId": hook, "type": "note", "name": "x" })).await }
        });
        let [nothing, hidden] = answers;
        let (nothing, hidden) = (nothing.await, hidden.await);
        assert_eq!((nothing.status, nothing.body.clone()), (hidden.status, hidden.body), "{route}");
        assert_eq!(
            (nothing.status, code_of(&nothing)),
            (400, ("NO_SUCH_WEBHOOK".into(), id.into())),
            "{route}"
        );
    }
    assert_eq!(client.ask("list", json!({})).await.json(), json!([]));
    assert_eq!(world.receiver.count(), 0);
}

#[tokio::test]
async fn a_user_has_as_many_webhooks_as_the_settings_allow() {
    let table = Table::new();
    let world = World::with(table.options().set("POSTRIDER_HOOKS_MAX_PER_USER", "2")).await;
    let client = Client::of(&world, Table::OF_9U);
    client.register(&world, "/1").await;
    client.register(&world, "/2").await;
    let third = client.ask("create", json!({ "name": "3", "url": world.receiver.url("/3"), "on": [] })).await;
    let expected = ("TOO_MANY_WEBHOOKS".to_owned(), "87a9bb19-111e-4e37-81d3-a3e7426453b0".to_owned());
    assert_eq!((third.status, code_of(&third)), (400, expected));
    Client::of(&world, Table::OF_8V).register(&world, "/1").await;
}

#[tokio::test]
async fn parameters_that_break_rules_are_named_without_their_values() {
    let table = Table::new();
    let world = table.world().await;
    let client = Client::of(&world, Table::OF_9U);
    let hook = client.register(&world, "/in").await;
    let url = world.receiver.url("/in");
    let whole = json!({ "name": "cnry", "url": url, "on": ["note"], "secret": "", "webhookId": hook["id"], "type": "note" });
    let with = |key: &str, value: Value| {
        let mut changed = whole.clone();
        changed[key] = value;
        changed
    };
    let without = |key: &str| {
        let mut changed = whole.clone();
        changed.as_object_mut().unwrap().shift_remove(key);
        changed
    };
    let cases = [
        ("create", without("name"), "name"),
        ("create", without("url"), "url"),
        ("create", without("on"), "on"),
        ("create", with("name", json!("")), "name"),
        ("create", with("name", json!("cnry".repeat(26))), "name"),
        ("create", with("url", json!("ftp://cnry.example/")), "url"),
        ("create", with("url", json!("http://10.0.0.1/cnry")), "url"),
        ("create", with("url", json!(format!("https://x.example/{}", "cnry".repeat(256)))), "url"),
        ("create", with("on", json!(["cnry"])), "on"),
        ("create", with("secret", json!("cnry".repeat(257))), "secret"),
        ("show", without("webhookId"), "webhookId"),
        ("show", with("webhookId", json!("cnry:{x}")), "webhookId"),
        ("update", with("active", json!("cnry")), "active"),
        ("update", with("name", json!(null)), "name"),
        ("delete", with("webhookId", json!(["cnry"])), "webhookId"),
        ("test", without("type"), "type"),
        ("test", with("type", json!("cnry")), "type"),
        ("test", with("override", json!({ "url": "ftp://cnry.example/" })), "url"),
        ("test", with("override", json!({ "secret": "cnry\u{e9}" })), "secret"),
    ];
    for (route, parameters, param) in cases {
        let answer = client.ask(route, parameters.clone()).await;
        assert_eq!(answer.status, 400, "{route} {parameters}: {answer:?}");
        assert_eq!(
            code_of(&answer),
            (INVALID_PARAM.0.into(), INVALID_PARAM.1.into()),
            "{route} {parameters}"
        );
        assert_eq!(answer.json()["error"]["info"]["param"], param, "{answer:?}");
        assert!(!answer.body.contains("cnry"), "{answer:?}");
    }
    assert_eq!(world.receiver.count(), 0);
}

#[tokio::test]
async fn the_sixty_first_test_within_a_quarter_of_an_hour_has_to_wait() {
    let table = Table::new();
    let world = table.world().await;
    let client = Client::of(&world, Table::OF_9U);
    for _ in 0..60 {
        let answer = client.ask("test", json!({ "webhookId": "9nothing", "type": "note" })).await;
        assert_eq!(code_of(&answer).0, "NO_SUCH_WEBHOOK");
    }
    let answer = client.ask("test", json!({ "webhookId": "9nothing", "type": "note" })).await;
    let expected = ("RATE_LIMIT_EXCEEDED".to_owned(), "d5826d14-3982-4d2e-8011-b9e9f02499ef".to_owned());
    assert_eq!((answer.status, code_of(&answer)), (429, expected));
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=900).contains(&wait), "{wait}");
    let other = Client::of(&world, Table::OF_8V);
    let answer = other.ask("test", json!({ "webhookId": "9nothing", "type": "note" })).await;
    assert_eq!(code_of(&answer).0, "NO_SUCH_WEBHOOK");
}

/// Headers, body, and the status that answers them.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [u8], u16);

#[tokio::test]
async fn a_body_that_is_no_object_of_json_is_refused() {
    let table = Table::new();
    let world = table.world().await;
    let client = Client::of(&world, Table::OF_9U);
    let json = ("Content-Type", "application/json");
    let large = vec![b' '; 2 << 20];
    let cases: [Case; 4] = [
        (&[json], b"{", 400),
        (&[json], b"[]", 400),
        (&[("Content-Type", "application/x-www-form-urlencoded")], b"i=cnry", 415),
        (&[json], &large, 413),
    ];
    for (headers, body, status) in cases {
        let answer = client.send("POST", "list", headers, body).await;
        assert_eq!((answer.status, code_of(&answer).0), (status, INVALID_PARAM.0.to_owned()), "{answer:?}");
    }
    assert_eq!(client.send("GET", "list", &[], b"").await.status, 405);
}
