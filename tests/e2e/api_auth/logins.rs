//! Tokens: which a worker starts with, and what becomes of wrong ones.

use std::process::Command;

use postrider_tests::worker_process::program;
use postrider_tests::world::{World, WorldOptions};

use super::token;
use crate::api::{ADMIN, Client, options};

// [2]
#[tokio::test]
async fn a_wrong_token_is_refused_in_the_words_of_a_missing_one() {
    let world = World::with(options()).await;
    let missing = Client::stranger(&world).ask("GET", "/queues", None).await;
    Client::check(&missing, 401);
    assert_eq!(missing.header("www-authenticate"), Some("Bearer"));
    let wrong = "cnry-wrong-token-that-is-long-enough-1234";
    let refused = Client::of(&world, wrong).ask("GET", "/queues", None).await;
    Client::check(&refused, 401);
    assert_eq!((refused.body, refused.head.len()), (missing.body, missing.head.len()));
}

// [4], [5]
#[tokio::test]
async fn a_worker_starts_with_two_tokens_at_once_and_not_with_one_that_is_short_or_stands_for_one() {
    for bad in ["short", &"changeme".repeat(5), &"a".repeat(31)] {
        let mut command = Command::new(program());
        let output = command.arg("worker").env_clear().env("POSTRIDER_HTTP_TOKEN", bad).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("http.token: expected tokens") && !told.contains(bad), "{told}");
    }
    let (one, other) = (token("--role admin", ""), token("--role read", ""));
    let world =
        World::with(WorldOptions::default().set("POSTRIDER_HTTP_TOKEN", &format!("{one},{other}"))).await;
    Client::check(&Client::of(&world, &one).ask("GET", "/queues", None).await, 200);
    let reader = Client::of(&world, other.strip_prefix("read:").unwrap());
    Client::check(&reader.ask("GET", "/queues", None).await, 200);
}

// [4], [5]
#[tokio::test]
async fn tokens_of_a_file_hold_beside_that_of_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    let (one, other) = (token("--role admin", ""), token("--role read", ""));
    std::fs::write(&file, format!("{other}\n")).unwrap();
    let options = WorldOptions::default().set("POSTRIDER_HTTP_TOKEN", &one);
    let world = World::with(options.set("POSTRIDER_HTTP_TOKEN_FILE", file.to_str().unwrap())).await;
    for token in [&*one, other.strip_prefix("read:").unwrap()] {
        Client::check(&Client::of(&world, token).ask("GET", "/queues", None).await, 200);
    }
}

// [7]
#[tokio::test]
async fn who_guesses_tokens_is_soon_not_listened_to() {
    let world = World::with(options()).await;
    let guesser = Client::of(&world, "cnry-guess-cnry-guess-cnry-guess-0001");
    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(guesser.ask("GET", "/queues", None).await);
    }
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!((statuses[0], statuses[9], statuses[11]), (401, 401, 429), "{statuses:?}");
    let wait: u64 = answers[11].header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    // Nor is a right one, so that a hit among many guesses doesn't tell.
    Client::check(&Client::of(&world, ADMIN).ask("GET", "/queues", None).await, 429);
}

// [7]
#[tokio::test]
async fn who_has_been_right_before_is_not_locked_out_by_others_of_the_same_address() {
    let world = World::with(options()).await;
    let admin = Client::of(&world, ADMIN);
    Client::check(&admin.ask("GET", "/queues", None).await, 200);
    let guesser = Client::of(&world, "cnry-guess-cnry-guess-cnry-guess-0001");
    for _ in 0..12 {
        guesser.ask("GET", "/queues", None).await;
    }
    Client::check(&guesser.ask("GET", "/queues", None).await, 429);
    Client::check(&admin.ask("GET", "/queues", None).await, 200);
}

// [8]
#[tokio::test]
async fn a_token_in_the_url_is_not_taken() {
    let world = World::with(options()).await;
    let path = format!("/queues?token={ADMIN}");
    Client::check(&Client::stranger(&world).ask("GET", &path, None).await, 401);
    Client::check(&Client::of(&world, ADMIN).ask("GET", &path, None).await, 422);
}
