//! Who may ask as which user.

use std::process::Command;

use postrider_tests::worker_process::program;
use postrider_tests::world::{World, WorldOptions};
use serde_json::{Value, json};

use super::{Client, Table, code_of};

const CREDENTIAL_REQUIRED: (&str, &str) = ("CREDENTIAL_REQUIRED", "1384574d-a912-4b81-8601-c7b1c4085df1");
const AUTHENTICATION_FAILED: (&str, &str) = ("AUTHENTICATION_FAILED", "b0a7f5f8-dc2f-4171-b91f-de88ad238e14");

const USER_HEADER: &str = "X-Forwarded-User";

/// A world whose workers believe proxies in this network.
async fn behind_proxies(network: &str) -> World {
    let options = WorldOptions::default().set("POSTRIDER_MISSKEY_USER_HEADER", USER_HEADER);
    World::with(options.set("POSTRIDER_MISSKEY_TRUSTED_PROXIES", network)).await
}

#[tokio::test]
async fn without_a_table_and_without_proxies_there_are_no_such_routes() {
    let world = World::start().await;
    let stranger = Client::of(&world, Table::OF_9U);
    let unknown = stranger.ask("nothing", json!({})).await;
    for route in ["create", "list", "show", "update", "delete", "test"] {
        let answer = stranger.ask(route, json!({})).await;
        assert_eq!((answer.status, answer.body), (404, unknown.body.clone()), "{route}");
    }
}

#[tokio::test]
async fn a_token_is_taken_from_the_body_or_from_the_header() {
    let table = Table::new();
    let world = table.world().await;
    let stranger = Client::of(&world, Value::Null);
    let missing = stranger.ask("list", json!({})).await;
    let expected = (CREDENTIAL_REQUIRED.0.to_owned(), CREDENTIAL_REQUIRED.1.to_owned());
    assert_eq!((missing.status, code_of(&missing)), (401, expected));
    assert_eq!(missing.header("www-authenticate"), Some("Bearer"));

    let bearer = format!("Bearer {}", Table::OF_9U);
    let known = stranger.ask_with("list", &[("Authorization", &bearer)], json!({})).await;
    assert_eq!((known.status, known.json()), (200, json!([])));
    let wrong = Client::of(&world, "cnry-wrong-token").ask("list", json!({})).await;
    let expected = (AUTHENTICATION_FAILED.0.to_owned(), AUTHENTICATION_FAILED.1.to_owned());
    assert_eq!((wrong.status, code_of(&wrong)), (401, expected));
    assert_eq!(code_of(&Client::of(&world, 7).ask("list", json!({})).await).0, "INVALID_PARAM");
}

#[tokio::test]
async fn who_guesses_tokens_is_soon_not_listened_to() {
    let table = Table::new();
    let world = table.world().await;
    let guesser = Client::of(&world, "cnry-guess-guess");
    for _ in 0..10 {
        assert_eq!(guesser.ask("list", json!({})).await.status, 401);
    }
    for client in [guesser, Client::of(&world, Table::OF_9U)] {
        let refused = client.ask("list", json!({})).await;
        assert_eq!((refused.status, code_of(&refused).0), (429, "RATE_LIMIT_EXCEEDED".to_owned()));
        assert!(refused.header("retry-after").is_some(), "{refused:?}");
    }
}

#[tokio::test]
async fn a_user_whom_a_trusted_proxy_names_has_that_users_hooks() {
    let world = behind_proxies("127.0.0.0/8").await;
    let proxy = Client::of(&world, Value::Null);
    let hook = json!({ "name": "mine", "url": world.receiver.url("/in"), "on": ["note"] });
    let created = proxy.ask_with("create", &[(USER_HEADER, "9u")], hook).await;
    assert_eq!((created.status, &created.json()["userId"]), (200, &json!("9u")));
    let of_other = proxy.ask_with("list", &[(USER_HEADER, "8v")], json!({})).await;
    assert_eq!((of_other.status, of_other.json()), (200, json!([])));
    let nobody = proxy.ask_with("list", &[(USER_HEADER, "")], json!({})).await;
    assert_eq!(code_of(&nobody).0, CREDENTIAL_REQUIRED.0);
    let both = proxy.ask_with("list", &[(USER_HEADER, "9u"), (USER_HEADER, "8v")], json!({})).await;
    assert_eq!(code_of(&both).0, AUTHENTICATION_FAILED.0);
}

#[tokio::test]
async fn a_user_whom_anyone_else_names_is_not_believed() {
    let world = behind_proxies("10.0.0.0/8,fd00::/8").await;
    let stranger = Client::of(&world, Value::Null);
    let forged = stranger.ask_with("list", &[(USER_HEADER, "9u")], json!({})).await;
    assert_eq!((forged.status, code_of(&forged).0), (401, AUTHENTICATION_FAILED.0.to_owned()));
    // However the proxy's own address is claimed.
    let claimed = [(USER_HEADER, "9u"), ("X-Forwarded-For", "10.0.0.1"), ("Forwarded", "for=10.0.0.1")];
    assert_eq!(stranger.ask_with("list", &claimed, json!({})).await.status, 401);
}

#[tokio::test]
async fn pages_of_other_sites_change_and_read_nothing() {
    let world = behind_proxies("127.0.0.0/8").await;
    let proxy = Client::of(&world, Value::Null);
    for more in [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")] {
        let answer = proxy.ask_with("list", &[(USER_HEADER, "9u"), more], json!({})).await;
        assert_eq!((answer.status, code_of(&answer).0), (403, "ACCESS_DENIED".to_owned()), "{more:?}");
        assert!(answer.header("access-control-allow-origin").is_none(), "{answer:?}");
    }
    let own = [(USER_HEADER, "9u"), ("Host", "misskey.example"), ("Origin", "https://misskey.example")];
    assert_eq!(proxy.ask_with("list", &own, json!({})).await.status, 200);
}

#[tokio::test]
async fn a_worker_does_not_start_with_a_table_that_can_not_be_used() {
    for (text, told) in [
        ("9u cnry-too-short", "line 1: expected a user's id and a token"),
        (
            "\n9u cnry-token-of-9u\n8v cnry-token-of-9u\n",
            "line 3: expected a token that isn't the one of line 2",
        ),
        ("\n", "expected a token"),
    ] {
        let table = Table::holding(text);
        let mut command = Command::new(program());
        command.arg("worker").env_clear().env("POSTRIDER_MISSKEY_TOKEN_FILE", table.path());
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("misskey.token_file") && stderr.contains(told), "{stderr}");
        assert!(!stderr.contains("cnry"), "{stderr}");
    }
}

#[tokio::test]
async fn no_secret_and_no_token_reaches_the_workers_log() {
    let table = Table::new();
    let world = World::with(table.options().set("POSTRIDER_LOG_LEVEL", "trace")).await;
    let client = Client::of(&world, Table::OF_9U);
    let hook = client.register(&world, "/in?key=cnry-query").await;
    let tried = json!({
        "webhookId": hook["id"], "type": "note",
        "override": { "url": world.receiver.url("/cnry-path"), "secret": "cnry-other" },
    });
    assert_eq!(client.ask("test", tried).await.status, 204);
    client.ask("update", json!({ "webhookId": hook["id"], "secret": "cnry-new", "url": "ftp://cnry" })).await;
    Client::of(&world, "cnry-wrong-token").ask("list", json!({})).await;
    Client::of(&world, "cnry").ask_with("list", &[("Authorization", "Bearer cnry")], json!({})).await;
    let log = world.workers[0].log();
    assert!(log.contains("a route of Misskey's API refused a request"), "{log}");
    assert!(!log.contains("cnry"), "{log}");
}
