//! Hooks through the API, from registration to removal.

use postrider_tests::world::World;
use serde_json::{Value, json};

use super::{ADMIN, Client, READER, options};

const SECRET: &str = "cnry-hook-secret-9d3";

async fn register(client: &Client, world: &World, id: &str) -> Value {
    let hook = json!({
        "userId": "9u", "id": id, "url": world.receiver.url("/in?key=cnry-query"), "on": ["note"],
        "secret": SECRET, "headers": { "X-Key": "cnry-header-value" },
    });
    Client::check(&client.ask("POST", "/hooks", Some(hook)).await, 201)
}

// [25], [30]
#[tokio::test]
async fn a_hook_lives_its_life_through_the_api_and_shows_its_secret_only_where_it_is_asked_for() {
    let world = World::with(options()).await;
    let (admin, reader) = (Client::of(&world, ADMIN), Client::of(&world, READER));
    let created = register(&admin, &world, "h1").await;
    assert_eq!((&created["secret"], &created["active"]), (&json!(SECRET), &json!(true)));

    let shown = reader.ask("GET", "/hooks/9u/h1", None).await;
    assert!(!shown.body.contains(SECRET) && !shown.body.contains("cnry-header"), "{shown:?}");
    assert_eq!(Client::check(&shown, 200)["on"], json!(["note"]));
    let listed = reader.ask("GET", "/hooks?userId=9u", None).await;
    assert!(!listed.body.contains("cnry-"), "{listed:?}");
    assert_eq!(Client::check(&listed, 200)["items"][0]["id"], "h1");

    let change = json!({ "name": "mine", "maxAttempts": 3 });
    let changed = Client::check(&admin.ask("PATCH", "/hooks/9u/h1", Some(change)).await, 200);
    assert_eq!((&changed["name"], &changed["maxAttempts"]), (&json!("mine"), &json!(3)));
    let off = admin.ask("POST", "/hooks/9u/h1/disable", Some(json!({ "reason": "a pause" }))).await;
    let off = Client::check(&off, 200);
    assert_eq!((&off["active"], &off["disabledReason"]), (&json!(false), &json!("a pause")));
    let on = Client::check(&admin.ask("POST", "/hooks/9u/h1/enable", None).await, 200);
    assert_eq!((&on["active"], on.get("disabledReason")), (&json!(true), None));

    let rotated = admin.ask("POST", "/hooks/9u/h1/rotate", Some(json!({ "secret": "cnry-second" }))).await;
    assert!(!rotated.body.contains("cnry-second"), "{rotated:?}");
    let revealed = Client::check(&admin.ask("POST", "/hooks/9u/h1/reveal", None).await, 200);
    assert_eq!(
        (&revealed["secret"], &revealed["secrets"][0]["secret"]),
        (&json!("cnry-second"), &json!(SECRET))
    );

    assert_eq!(admin.ask("DELETE", "/hooks/9u/h1", None).await.status, 204);
    Client::check(&admin.ask("GET", "/hooks/9u/h1", None).await, 404);
    Client::check(&admin.ask("DELETE", "/hooks/9u/h1", None).await, 404);
}

// [37]
#[tokio::test]
async fn a_sample_goes_through_the_guard_and_tells_only_the_class_of_a_failure() {
    let world = World::with(options()).await;
    let admin = Client::of(&world, ADMIN);
    register(&admin, &world, "h1").await;
    let tried = admin.ask("POST", "/hooks/9u/h1/test", Some(json!({ "type": "note" }))).await;
    let tried = Client::check(&tried, 200);
    assert_eq!((&tried["accepted"], &tried["status"]), (&json!(true), &json!(200)));
    assert_eq!(world.receiver.next_request().await.header("X-Misskey-Hook-Secret"), Some(SECRET));

    let elsewhere = json!({ "type": "note", "url": "http://169.254.169.254/latest" });
    let blocked = Client::check(&admin.ask("POST", "/hooks/9u/h1/test", Some(elsewhere)).await, 200);
    assert_eq!((&blocked["accepted"], &blocked["status"]), (&json!(false), &json!(0)));
    assert!(world.receiver.count() == 1);
}

#[tokio::test]
async fn lists_go_on_where_the_page_before_ended() {
    let world = World::with(options()).await;
    let admin = Client::of(&world, ADMIN);
    for id in ["a", "b", "c"] {
        register(&admin, &world, id).await;
    }
    let (mut seen, mut path) = (Vec::new(), "/hooks?userId=9u&limit=2".to_owned());
    loop {
        let page = Client::check(&admin.ask("GET", &path, None).await, 200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|hook| hook["id"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/hooks?userId=9u&limit=2&cursor={next}");
    }
    assert_eq!(seen, ["a", "b", "c"]);
}

#[tokio::test]
async fn one_owner_has_as_many_hooks_as_the_settings_allow_and_no_two_of_an_id() {
    let world = World::with(options().set("POSTRIDER_HOOKS_MAX_PER_USER", "2")).await;
    let admin = Client::of(&world, ADMIN);
    register(&admin, &world, "a").await;
    let again = json!({ "userId": "9u", "id": "a", "url": world.receiver.url("/in") });
    Client::check(&admin.ask("POST", "/hooks", Some(again)).await, 409);
    register(&admin, &world, "b").await;
    let third = json!({ "userId": "9u", "id": "c", "url": world.receiver.url("/in") });
    Client::check(&admin.ask("POST", "/hooks", Some(third)).await, 409);
}
