//! Every case of `tests/cases/bad_producers.json`: run against a real worker, or named in [`scenarios`].

mod judge;
mod run;
mod scenarios;

use postrider_tests::cases::{Case, bad_producers};
use postrider_tests::world::{World, WorldOptions};

/// Longer than any test: what waits goes on waiting.
fn patient() -> WorldOptions {
    WorldOptions::default().set("POSTRIDER_RETRY_BASE", "1h")
}

fn needs_own_stream(case: &Case) -> bool {
    case.entries.iter().any(|entry| entry.own_stream)
}

#[tokio::test]
async fn every_entry_of_a_producer_comes_to_its_outcome() {
    let cases: Vec<Case> = bad_producers().into_iter().filter(|case| !needs_own_stream(case)).collect();
    let world = World::with(patient()).await;
    let failures = run::in_groups(&world, &cases).await;
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[tokio::test]
async fn entries_with_ids_of_their_own_come_to_their_outcomes() {
    for case in bad_producers().iter().filter(|case| needs_own_stream(case)) {
        let options = WorldOptions { queue: format!("producers:{}", case.id), ..patient() };
        let world = World::with(options).await;
        let failures = run::in_groups(&world, std::slice::from_ref(case)).await;
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }
}
