//! What a page in a browser can't do, and which headers every answer bears for browsers.

use postrider_tests::http_call::call;
use postrider_tests::world::World;

use super::routes;
use crate::api::{ADMIN, Client, options};

#[tokio::test]
async fn without_tokens_only_this_machine_is_served_under_its_own_names() {
    let world = World::start().await;
    let stranger = Client::stranger(&world);
    Client::check(&stranger.ask("GET", "/queues", None).await, 200);
    Client::check(&stranger.ask_with("GET", "/queues", &[("Host", "localhost:1")], None).await, 200);
    for host in ["evil.example", "127.0.0.1.evil.example"] {
        let refused = stranger.ask_with("GET", "/queues", &[("Host", host)], None).await;
        let told = Client::check(&refused, 403);
        assert!(told["detail"].as_str().unwrap().contains("http.token"), "{told}");
    }
    // Probes are for all.
    let address = world.workers[0].admin();
    let healthz = call(address, "GET", "/healthz", &[("Host", "evil.example")], b"").await.unwrap();
    assert_eq!(healthz.status, 200);
}

// [12], [13], [14]
#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let world = World::start().await;
    let stranger = Client::stranger(&world);
    let pause = format!("/queues/{}/pause", world.queue());
    for header in [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")] {
        Client::check(&stranger.ask_with("POST", &pause, &[header], None).await, 403);
    }
    for form in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain"] {
        let answer = stranger.send("POST", &pause, &[("Content-Type", form)], b"a=b").await;
        Client::check(&answer, 415);
    }
    let preflight = [("Origin", "https://evil.example"), ("Access-Control-Request-Method", "POST")];
    let asked = stranger.ask_with("OPTIONS", &pause, &preflight, None).await;
    assert!(!asked.head.to_ascii_lowercase().contains("access-control"), "{asked:?}");
    Client::check(&stranger.ask("POST", &pause, None).await, 200);
}

// [11]
#[tokio::test]
async fn no_get_changes_anything() {
    let world = World::with(options()).await;
    let admin = Client::of(&world, ADMIN);
    world.send_to("/status/404", &[("userId", "9u"), ("hookId", "h1"), ("id", "1-0")]).await;
    world.wait_for_dead(1).await;
    world.settled().await;
    let before = state(&world).await;
    for route in routes(&world, "9u").await {
        if route.method == "GET" {
            admin.ask("GET", &route.path, None).await;
        }
    }
    assert_eq!(state(&world).await, before);
}

/// All keys with all that they hold, but for what workers tell of themselves.
async fn state(world: &World) -> Vec<(String, String)> {
    let mut keys: Vec<String> = world.query(redis::cmd("KEYS").arg("*")).await;
    keys.retain(|key| ![":destinations", ":workers", ":epoch"].iter().any(|own| key.contains(own)));
    keys.sort();
    let mut state = Vec::new();
    for key in keys {
        let kind: String = world.query(redis::cmd("TYPE").arg(&key)).await;
        // A dump of a stream tells when its consumers were last seen.
        let mut command = redis::cmd(if kind == "stream" { "XRANGE" } else { "DUMP" });
        command.arg(&key);
        if kind == "stream" {
            command.arg("-").arg("+");
        }
        let content: redis::Value = world.query(&command).await;
        state.push((key, format!("{content:?}")));
    }
    state
}

// [15], [16], [17], [19], [20]
#[tokio::test]
async fn every_answer_bears_the_headers_that_browsers_heed() {
    let world = World::with(options()).await;
    let admin = Client::of(&world, ADMIN);
    for (method, path) in
        [("GET", "/queues"), ("GET", "/openapi.json"), ("GET", "/nothing"), ("PUT", "/queues")]
    {
        let answer = admin.ask(method, path, None).await;
        assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}
