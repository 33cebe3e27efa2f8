//! What owners reach with a token of their own.

use postrider_tests::world::World;
use serde_json::json;

use super::token;
use crate::api::{ADMIN, Client, options};

#[tokio::test]
async fn an_owner_does_with_own_hooks_what_owners_do_and_finds_none_of_others() {
    let world = World::with(options()).await;
    let admin = Client::of(&world, ADMIN);
    for user in ["9u", "someone"] {
        let hook = json!({ "userId": user, "id": "h1", "url": world.receiver.url("/in"), "on": ["note"] });
        Client::check(&admin.ask("POST", "/hooks", Some(hook)).await, 201);
    }
    let owner = Client::of(&world, &token("--user 9u --ttl 1h", ADMIN));
    Client::check(&owner.ask("GET", "/hooks?userId=someone", None).await, 404);
    let theirs = json!({ "userId": "someone", "url": world.receiver.url("/in") });
    Client::check(&owner.ask("POST", "/hooks", Some(theirs)).await, 404);
    for (method, path) in [
        ("GET", "/hooks/someone/h1"),
        ("POST", "/hooks/someone/h1/reveal"),
        ("POST", "/hooks/someone/h1/enable"),
        ("POST", "/hooks/someone/h1/rotate"),
        ("DELETE", "/hooks/someone/h1"),
    ] {
        let refused = owner.ask(method, path, None).await;
        // In the words of one that isn't there.
        let missing = owner.ask(method, &path.replace("someone/h1", "9u/none"), None).await;
        Client::check(&refused, 404);
        assert_eq!(refused.body, missing.body, "{method} {path}");
    }
    Client::check(&owner.ask("GET", "/hooks/9u/h1", None).await, 200);
    Client::check(&owner.ask("POST", "/hooks/9u/h1/reveal", None).await, 200);
    Client::check(&admin.ask("GET", "/hooks/someone/h1", None).await, 200);
}

#[tokio::test]
async fn an_owner_sees_the_attempts_and_dead_letters_of_own_hooks_only() {
    let world = World::with(options()).await;
    world.receiver.respond("/in", 400);
    for user in ["9u", "someone"] {
        world.send_to("/in", &[("userId", user), ("hookId", "h1"), ("id", user)]).await;
    }
    world.wait_for_dead(2).await;
    let owner = Client::of(&world, &token("--user 9u --ttl 1h", ADMIN));
    let of_queue = |what: &str| format!("/queues/{}/{what}", world.queue());
    for list in ["dead", "attempts"] {
        let seen = Client::check(&owner.ask("GET", &of_queue(list), None).await, 200);
        let users: Vec<_> = seen["items"].as_array().unwrap().iter().map(|item| &item["userId"]).collect();
        assert_eq!(users, ["9u"], "{list}");
    }
    Client::check(&owner.ask("GET", &of_queue("jobs/9u"), None).await, 200);
    for hidden in ["jobs/someone", "dead/someone", "attempts?userId=someone"] {
        Client::check(&owner.ask("GET", &of_queue(hidden), None).await, 404);
    }
    Client::check(&owner.ask("POST", &of_queue("dead/someone/replay"), None).await, 404);
}
