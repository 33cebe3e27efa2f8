//! What one receiver can't show alone: thousands of failing jobs, a thousand hosts that hang, and several workers.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use postrider_tests::receiver::request::Request;
use postrider_tests::world::{World, WorldOptions};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::neighbour::Neighbour;

/// How long a crowd may take in a debug build.
const MAX_CROWD: Duration = Duration::from_secs(30);

/// How long a job may take that has thousands of others before it in the stream: what a debug build needs to get through
/// them, and less than one of those that hang.
const MAX_WAIT_BEHIND_A_CROWD: Duration = Duration::from_secs(1);

/// Adds many jobs in one go; the text is the `to` of each.
async fn add(world: &World, urls: impl Iterator<Item = String>, more: &[(&str, &str)]) {
    let mut pipe = redis::pipe();
    for url in urls {
        pipe.cmd("XADD").arg(world.queue()).arg("*").arg("to").arg(url).arg("type").arg("note");
        pipe.arg("content").arg("{}");
        for (name, value) in more {
            pipe.arg(*name).arg(*value);
        }
        pipe.ignore();
    }
    pipe.query_async::<()>(&mut world.connection().await).await.expect("XADD is accepted");
}

/// A small version of the case, which says 100,000 jobs: that many are `make bench`'s.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_fails_thousands_of_jobs_slows_no_other() {
    const JOBS: usize = 2_000;
    let world = World::with(WorldOptions::default().set("POSTRIDER_RETRY_BASE", "100ms")).await;
    let neighbour = Neighbour::start(&world).await;
    let failing = world.receiver.url("/status/500");
    add(
        &world,
        std::iter::repeat_n(failing, JOBS),
        &[("maxAttempts", "2"), ("hookId", "h"), ("userId", "u")],
    )
    .await;
    world
        .until("all have used up their attempts", MAX_CROWD, || async {
            let dead: usize = world.query(redis::cmd("XLEN").arg(world.key("dead"))).await;
            if dead == JOBS { Ok(()) } else { Err(dead) }
        })
        .await;
    neighbour.check(&world, MAX_WAIT_BEHIND_A_CROWD).await;
    drop(neighbour);
    world.settled().await;
    let is_second = |request: &&Request| request.attempt() == 2;
    let requests = world.receiver.requests_to("/status/500");
    assert_eq!((requests.len(), requests.iter().filter(is_second).count()), (JOBS * 2, JOBS));
}

/// Four times as many as there are slots: each holds one for a second at most.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_hanging_hosts_of_one_address_slow_no_other() {
    const HOSTS: u16 = 1_000;
    let world = World::start().await;
    let neighbour = Neighbour::start(&world).await;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.expect("it can be listened on");
    let port = listener.local_addr().expect("it listens").port();
    let mut hanging = JoinSet::new();
    hanging.spawn(hang(listener));
    let url = |host: u16| {
        let [high, low] = host.to_be_bytes();
        format!("http://{}/", SocketAddr::from(([127, 1, high, low], port)))
    };
    add(&world, (1..=HOSTS).map(url), &[("timeoutMs", "3000")]).await;
    world
        .until("all wait for another attempt", MAX_CROWD, || async {
            let waiting = world.waiting().await.len();
            if waiting == usize::from(HOSTS) { Ok(()) } else { Err(waiting) }
        })
        .await;
    neighbour.check(&world, MAX_WAIT_BEHIND_A_CROWD).await;
}

/// Accepts and never reads; never ends by itself.
async fn hang(listener: TcpListener) {
    let mut held = Vec::new();
    loop {
        held.extend(listener.accept().await);
    }
}

/// A worker counts as dead when it hasn't been heard of for 5 s; a living one keeps what it holds.
#[tokio::test]
async fn a_request_that_hangs_longer_than_the_dead_are_missed_is_made_once() {
    let world = World::with(WorldOptions::default().workers(2)).await;
    world.send_to("/slow/7000", &[]).await;
    world.settled().await;
    assert_eq!(world.receiver.count(), 1);
    let outcomes: Vec<String> =
        world.attempts().await.into_iter().map(|mut attempt| attempt.remove("outcome").unwrap()).collect();
    assert_eq!(outcomes, ["delivered"]);
}

#[tokio::test]
async fn a_stop_while_a_hundred_requests_hang_loses_nothing_and_sends_nothing_twice() {
    const HANGING: usize = 100;
    const JOBS: usize = 150;
    let options = WorldOptions::default()
        .set("POSTRIDER_WORKER_CONCURRENCY", "100")
        .set("POSTRIDER_DESTINATION_MAX_IN_FLIGHT", "100");
    let mut world = World::with(options).await;
    let hold = world.receiver.hold("/held");
    add(&world, std::iter::repeat_n(world.receiver.url("/held"), JOBS), &[]).await;
    world.receiver.wait_for(HANGING).await;
    world.workers[0].sigterm();
    world.add_worker(&[]).wait_ready().await;
    world.receiver.wait_for(JOBS).await;
    assert!(world.workers[0].is_running(), "what is under way may finish");
    hold.release(200);
    assert_eq!(world.workers[0].wait_exit(Duration::from_secs(10)).await, Some(0));
    world.settled().await;
    assert_eq!(world.receiver.count(), JOBS, "each was sent once");
    assert!(world.receiver.requests().iter().all(|request| request.attempt() == 1));
}
