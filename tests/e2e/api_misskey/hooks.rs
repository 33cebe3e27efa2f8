//! What the routes do.

use postrider_tests::wait::PATIENCE;
use serde_json::{Value, json};

use super::{Client, Table, code_of};

#[tokio::test]
async fn a_hook_lives_its_life_as_clients_of_misskey_expect() {
    let table = Table::new();
    let world = table.world().await;
    let client = Client::of(&world, Table::OF_9U);
    let created = client.register(&world, "/in?key=cnry-query").await;
    let expected = json!({
        "id": created["id"], "userId": "9u", "name": "to my bot", "on": ["note", "mention"],
        "url": world.receiver.url("/in?key=cnry-query"), "secret": "cnry-s3cret", "active": true,
        "latestSentAt": null, "latestStatus": null,
    });
    assert_eq!(created.to_string(), expected.to_string());
    assert_eq!(client.show(&created["id"]).await, expected);

    let change =
        json!({ "webhookId": created["id"], "name": "mine", "on": [], "secret": null, "active": false });
    let changed = client.ask("update", change).await;
    assert_eq!((changed.status, &*changed.body), (204, ""));
    let shown = client.show(&created["id"]).await;
    assert_eq!(shown["url"], expected["url"]);
    let values = ["name", "on", "secret", "active"].map(|key| shown[key].clone());
    assert_eq!(values, [json!("mine"), json!([]), json!(""), json!(false)]);

    let deleted = client.ask("delete", json!({ "webhookId": created["id"] })).await;
    assert_eq!((deleted.status, &*deleted.body), (204, ""));
    let listed = client.ask("list", json!({})).await;
    assert_eq!((listed.status, listed.json()), (200, json!([])));
}

#[tokio::test]
async fn a_list_holds_no_secret_and_may_be_sent_back_with_one_switch_changed() {
    let table = Table::new();
    let world = table.world().await;
    let client = Client::of(&world, Table::OF_9U);
    let created = client.register(&world, "/in?key=cnry-query").await;
    let answer = client.ask("list", json!({})).await;
    assert!(answer.status == 200 && !answer.body.contains("cnry"), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let mut listed = answer.json()[0].clone();
    let keys: Vec<_> = listed.as_object().unwrap().keys().collect();
    assert_eq!(keys, created.as_object().unwrap().keys().collect::<Vec<_>>());

    listed["webhookId"] = created["id"].clone();
    listed["active"] = false.into();
    assert_eq!(client.ask("update", listed).await.status, 204);
    let mut expected = created.clone();
    expected["active"] = false.into();
    assert_eq!(client.show(&created["id"]).await, expected);
}

#[tokio::test]
async fn a_test_sends_the_sample_of_its_event_and_tells_nothing_of_what_came_of_it() {
    let table = Table::new();
    let world = table.world().await;
    let client = Client::of(&world, Table::OF_9U);
    let hook = client.register(&world, "/in").await;
    let try_out = |parameters: Value| {
        let mut parameters = parameters;
        parameters["webhookId"] = hook["id"].clone();
        let client = client.clone();
        async move { client.ask("test", parameters).await }
    };
    let answer = try_out(json!({ "type": "mention" })).await;
    assert_eq!((answer.status, &*answer.body), (204, ""));
    let sent = world.receiver.next_request().await;
    assert_eq!((&sent.json()["type"], &sent.json()["hookId"]), (&json!("mention"), &hook["id"]));
    assert_eq!(sent.header("x-misskey-hook-secret"), Some("cnry-s3cret"));

    let elsewhere = json!({ "url": world.receiver.url("/other"), "secret": "cnry-other" });
    assert_eq!(try_out(json!({ "type": "follow", "override": elsewhere })).await.status, 204);
    let sent = world.receiver.next_request().await;
    assert_eq!((sent.path(), sent.header("x-misskey-hook-secret")), ("/other", Some("cnry-other")));

    world.receiver.respond("/other", 500);
    for url in
        [world.receiver.url("/other"), "http://169.254.169.254/latest".into(), "http://127.0.0.1:1/".into()]
    {
        let answer = try_out(json!({ "type": "note", "override": { "url": url } })).await;
        assert_eq!((answer.status, &*answer.body), (204, ""), "{url}");
    }
    assert_eq!(world.receiver.count(), 3);
}

#[tokio::test]
async fn an_attempt_without_an_answer_has_status_1() {
    let table = Table::new();
    let world = table.world().await;
    let client = Client::of(&world, Table::OF_9U);
    let hook = json!({ "name": "nobody", "url": "http://127.0.0.1:1/", "on": ["note"] });
    let hook = client.ask("create", hook).await.json();
    let id = hook["id"].as_str().unwrap();
    world.enqueue(&[("userId", "9u"), ("hookId", id), ("type", "note"), ("content", "{}")]).await;
    let shown = world
        .until("the attempt is shown", PATIENCE, || async {
            let shown = client.show(&hook["id"]).await;
            if shown["latestStatus"].is_null() { Err(shown) } else { Ok(shown) }
        })
        .await;
    assert_eq!(shown["latestStatus"], 1);
    assert!(shown["latestSentAt"].as_str().is_some_and(|at| at.ends_with('Z')), "{shown}");
}

#[tokio::test]
async fn what_is_registered_here_is_sent_as_misskey_does_whatever_the_workers_default() {
    let table = Table::new();
    let world =
        postrider_tests::world::World::with(table.options().set("POSTRIDER_DELIVERY_PROFILE", "standard"))
            .await;
    let client = Client::of(&world, Table::OF_9U);
    let hook = client.register(&world, "/in").await;
    let id = hook["id"].as_str().unwrap();
    world.enqueue(&[("userId", "9u"), ("hookId", id), ("type", "note"), ("content", r#"{"note":{}}"#)]).await;
    let sent = world.receiver.next_request().await;
    assert_eq!(sent.header("x-misskey-hook-id"), Some(id));
    assert_eq!(sent.json()["body"], json!({ "note": {} }));
}

#[tokio::test]
async fn a_hook_whose_record_can_not_be_read_is_listed_and_can_be_deleted() {
    let table = Table::new();
    let world = table.world().await;
    world.register("9u", "spoilt", b"cnry garbage").await;
    let client = Client::of(&world, Table::OF_9U);
    let listed = client.ask("list", json!({})).await.json();
    assert_eq!((&listed[0]["id"], &listed[0]["active"]), (&json!("spoilt"), &json!(false)));
    let named = json!({ "webhookId": "spoilt" });
    assert_eq!(code_of(&client.ask("show", named.clone()).await).0, "NO_SUCH_WEBHOOK");
    assert_eq!(client.ask("delete", named).await.status, 204);
    assert_eq!(client.ask("list", json!({})).await.json(), json!([]));
}
