//! Jobs through the API: added, once for a key, looked at wherever they are, put right.

use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{DEFAULT_QUEUE as Q, World};
use serde_json::{Value, json};

use super::{ADMIN, Client, options};

fn job(world: &World, path: &str) -> Value {
    json!({ "to": world.receiver.url(path), "type": "note", "content": { "n": 1 }, "userId": "9u", "hookId": "h" })
}

/// Adds a job; its id.
async fn add(client: &Client, job: Value) -> String {
    let added = Client::check(&client.ask("POST", "/jobs", Some(job)).await, 201);
    added["job"].as_str().unwrap().to_owned()
}

/// Waits until the API says that a job is so.
async fn until_state(world: &World, client: &Client, job: &str, state: &str) -> Value {
    let path = format!("/queues/{Q}/jobs/{job}");
    world
        .until("the API tells the job's state", PATIENCE, || async {
            let answer = client.ask("GET", &path, None).await;
            if answer.json()["state"] == state { Ok(answer.json()) } else { Err(format!("{answer:?}")) }
        })
        .await
}

#[tokio::test]
async fn a_job_added_through_the_api_is_delivered_byte_for_byte_and_its_life_is_told() {
    let world = World::with(options()).await;
    let admin = Client::of(&world, ADMIN);
    let content = r#"{ "b":1,  "n":1.50, "t":"é" }"#;
    let body = format!(
        r#"{{"to":"{}","type":"note","content":{content},"profile":"raw"}}"#,
        world.receiver.url("/in")
    );
    let added = admin.send("POST", "/jobs", &[("Content-Type", "application/json")], body.as_bytes()).await;
    let added = Client::check(&added, 201);
    assert_eq!((&added["new"], &added["queue"]), (&json!(true), &json!(Q)));
    assert_eq!(world.receiver.next_request().await.body, content.as_bytes());
    let life = until_state(&world, &admin, added["job"].as_str().unwrap(), "delivered").await;
    assert_eq!(life["attempts"][0]["status"], 200);
}

#[tokio::test]
async fn a_key_stands_for_one_job_however_often_and_from_however_many_it_is_sent() {
    let world = World::with(options()).await;
    let admin = Client::of(&world, ADMIN);
    let with_key = |body: Value| {
        let admin = admin.clone();
        async move { admin.ask_with("POST", "/jobs", &[("Idempotency-Key", "order:{7}")], Some(body)).await }
    };
    let answers: Vec<_> = (0..8).map(|_| tokio::spawn(with_key(job(&world, "/in")))).collect();
    let mut entries = Vec::new();
    for answer in answers {
        entries.push(Client::check(&answer.await.unwrap(), 201));
    }
    assert_eq!(entries.iter().filter(|entry| entry["new"] == true).count(), 1, "{entries:?}");
    assert!(entries.iter().all(|entry| entry["entry"] == entries[0]["entry"]), "{entries:?}");
    Client::check(&with_key(job(&world, "/other")).await, 409);
    world.settled().await;
    assert_eq!(world.receiver.count(), 1);
}

#[tokio::test]
async fn a_waiting_job_is_promoted_and_cancelled_by_its_id() {
    let world = World::with(options().set("POSTRIDER_RETRY_SCHEDULE", "1h")).await;
    let admin = Client::of(&world, ADMIN);
    world.receiver.respond("/down", 500);
    let id = add(&admin, job(&world, "/down")).await;
    until_state(&world, &admin, &id, "waiting").await;
    let listed = Client::check(&admin.ask("GET", &format!("/queues/{Q}/retries?userId=9u"), None).await, 200);
    assert_eq!(listed["items"][0]["job"], *id);

    world.receiver.respond("/down", 200);
    let promote = format!("/queues/{Q}/retries/{id}/promote");
    assert_eq!(Client::check(&admin.ask("POST", &promote, None).await, 200)["done"], 1);
    until_state(&world, &admin, &id, "delivered").await;

    world.receiver.respond("/down", 500);
    let second = add(&admin, job(&world, "/down")).await;
    until_state(&world, &admin, &second, "waiting").await;
    assert_eq!(admin.ask("POST", &format!("/queues/{Q}/jobs/{second}/cancel"), None).await.status, 204);
    Client::check(&admin.ask("GET", &format!("/queues/{Q}/retries/{second}"), None).await, 404);
}

#[tokio::test]
async fn a_dead_letter_is_listed_grouped_shown_replayed_and_purged() {
    let world = World::with(options()).await;
    let admin = Client::of(&world, ADMIN);
    world.receiver.respond("/gone", 400);
    let (first, second) = (add(&admin, job(&world, "/gone")).await, add(&admin, job(&world, "/gone")).await);
    world.wait_for_dead(2).await;
    let groups = Client::check(&admin.ask("GET", &format!("/queues/{Q}/dead-groups"), None).await, 200);
    let expected = json!([{ "reason": "rejected", "userId": "9u", "hookId": "h", "count": 2 }]);
    assert_eq!(groups["items"], expected);
    let listed =
        Client::check(&admin.ask("GET", &format!("/queues/{Q}/dead?reason=rejected"), None).await, 200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2));
    let none = Client::check(&admin.ask("GET", &format!("/queues/{Q}/dead?reason=gone"), None).await, 200);
    assert_eq!(none["items"], json!([]));

    world.receiver.respond("/gone", 200);
    let replay = format!("/queues/{Q}/dead/{first}/replay");
    assert_eq!(Client::check(&admin.ask("POST", &replay, None).await, 200)["done"], 1);
    until_state(&world, &admin, &first, "delivered").await;
    Client::check(&admin.ask("POST", &replay, None).await, 404);
    let one = format!("/queues/{Q}/dead/{second}");
    assert_eq!(Client::check(&admin.ask("GET", &one, None).await, 200)["status"], 400);
    assert_eq!(Client::check(&admin.ask("DELETE", &one, None).await, 200)["done"], 1);
    Client::check(&admin.ask("GET", &one, None).await, 404);
}

#[tokio::test]
async fn a_queue_is_paused_resumed_and_shown_in_figures() {
    let world = World::with(options()).await;
    let admin = Client::of(&world, ADMIN);
    let paused = Client::check(&admin.ask("POST", &format!("/queues/{Q}/pause"), None).await, 200);
    assert_eq!((&paused["queue"], &paused["paused"]), (&json!(Q), &json!(true)));
    let resumed = Client::check(&admin.ask("POST", &format!("/queues/{Q}/resume"), None).await, 200);
    assert_eq!(resumed["paused"], false);
    let all = Client::check(&admin.ask("GET", "/queues", None).await, 200);
    let names: Vec<_> = all["items"].as_array().unwrap().iter().map(|queue| &queue["queue"]).collect();
    assert_eq!(names, [&json!(Q), &json!("postrider:events")]);
    Client::check(&admin.ask("GET", "/queues/other", None).await, 404);
    let workers = Client::check(&admin.ask("GET", "/workers", None).await, 200);
    assert_eq!(workers["items"][0]["pid"], world.workers[0].id());
}
