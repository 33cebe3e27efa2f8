//! The cases of `tests/cases/bad_producers.json` that are told in words. Which test is which: `producers_cases::scenarios`.

mod hooks;
mod size;
mod stream;

use postrider_tests::world::World;

/// The reason of each dead letter, oldest first.
async fn reasons(world: &World, count: usize) -> Vec<String> {
    let text = |value: &Vec<u8>| String::from_utf8_lossy(value).into_owned();
    let letters = world.wait_for_dead(count).await;
    letters.iter().map(|letter| letter.get(&b"_reason"[..]).map(text).unwrap_or_default()).collect()
}
