//! The API, asked by a fuzzer that knows its document: schemathesis, with what `programs/schemathesis.toml` says.

use std::time::Duration;

use postrider_tests::http_call::call;
use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{World, WorldOptions};

use crate::program::{Program, needed, outside, root};

const TOKEN: &str = "cnry-4f9A-admin-Zx71-wPl2-Vb8m-Tn4s";

/// Over twice the time that the fuzzer is given by its settings.
const LIMIT: Duration = Duration::from_secs(120);

/// A hook, jobs that wait, dead ones, and attempts; so that routes have something to show.
async fn seed(world: &World) {
    let url = world.receiver.url("/in");
    let hook = format!(
        r#"{{"id":"h1","userId":"u1","name":"n","on":["note"],"url":"{url}","secret":"s","active":true}}"#
    );
    world.register("u1", "h1", hook.as_bytes()).await;
    let of_hook = [("userId", "u1"), ("hookId", "h1")];
    let waiting = ["w1", "w2", "w3"].map(|id| ("/status/500", id));
    let dead = ["d1", "d2", "d3", "d4", "d5", "d6"].map(|id| ("/status/404", id));
    for (path, id) in waiting.into_iter().chain(dead).chain([("/in", "j1")]) {
        world.send_to(path, &[&of_hook[..], &[("id", id)]].concat()).await;
    }
    world.wait_for_dead(6).await;
    world
        .until("the others have been tried", PATIENCE, || async {
            let tried = world.attempts().await.len();
            if tried == 10 { Ok(()) } else { Err(tried) }
        })
        .await;
}

async fn number_of_routes(world: &World) -> usize {
    let document = call(world.workers[0].admin(), "GET", "/api/v1/openapi.json", &[], b"").await;
    let document = document.expect("the document is served").json();
    let paths = document["paths"].as_object().expect("it has paths");
    paths.values().filter_map(|methods| methods.as_object()).map(serde_json::Map::len).sum()
}

// Check 40 of an admin surface.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_fuzzer_asks_is_answered_as_the_document_says_and_never_with_a_fault_of_ours() {
    let options = WorldOptions::default().set("POSTRIDER_RETRY_SCHEDULE", "1h");
    let mut world = World::with(options.set("POSTRIDER_HTTP_TOKEN", TOKEN)).await;
    seed(&world).await;
    let fuzzer = outside().join("guide-python/bin/schemathesis");
    let settings = root().join("tests/outside/programs/schemathesis.toml");
    let document = format!("http://{}/api/v1/openapi.json", world.workers[0].admin());
    let arguments = vec!["--config-file".into(), settings, "run".into(), document.into()];
    let fuzzer = Program::new(needed(&fuzzer), arguments);
    // What it keeps for itself belongs to what is built.
    let kept = outside().join("hypothesis").to_string_lossy().into_owned();
    let environment = [("API_TOKEN", TOKEN), ("NO_COLOR", "1"), ("HYPOTHESIS_STORAGE_DIRECTORY", &kept)];
    let ended = fuzzer.run_within(LIMIT, &environment).await;
    let told = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success(), "{told}\n{}", String::from_utf8_lossy(&ended.stderr));
    // All but the document, which it reads itself.
    let all = number_of_routes(&world).await - 1;
    assert!(told.contains(&format!("Tested: {all}\n")), "it has asked all {all}\n{told}");
    assert!(world.workers[0].is_running(), "the worker lives on");
    let log = world.workers[0].log();
    assert!(!log.contains("panicked"), "{log}");
}
