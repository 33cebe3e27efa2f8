//! A receiver that no connection comes to: its packets vanish, as behind a firewall that drops them.

use postrider_sink::Behaviour;
use postrider_tests::world::World;

use super::neighbour::Neighbour;
use super::{MAX_NEIGHBOURS_WAIT, faults_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_whose_packets_vanish_is_tried_again_later_and_disturbs_nobody() {
    let mut case = Behaviour::named("syn-blackhole").expect("it can be played").case().clone();
    case.timeout_ms = Some(1000);
    case.requests = Some(0);
    let world = World::start().await;
    let neighbour = Neighbour::start(&world).await;
    let faults = faults_of(&world, &[Box::leak(Box::new(case))]).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let failed: Vec<String> = world.attempts().await.iter().map(|record| record["error"].clone()).collect();
    assert!(failed.iter().any(|words| words == "no answer within the time limit"), "{failed:?}");
    neighbour.check(&world, MAX_NEIGHBOURS_WAIT).await;
}
