//! Adding jobs to a real Redis: what arrives, what is refused, and what is known when the answer is lost.

#![allow(clippy::panic, clippy::unwrap_used, reason = "these are tests")]

use std::time::Duration;

use postrider_producer::{AddError, ConnectError, Event, Job, Producer, ProducerOptions, QueueName};
use postrider_store::fault::FaultClass;
use postrider_store::producer::AddError as StoreAddError;
use postrider_tests::redis_server::{RedisOptions, RedisServer};
use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{World, WorldOptions};

fn note() -> Job {
    Job::to("https://hooks.example/in").event_type("note").content("{ }")
}

async fn world() -> World {
    World::with(WorldOptions::default().workers(0)).await
}

/// Sets up Redis with one command.
async fn tell(redis: &RedisServer, command: &str) {
    let (name, arguments) = command.split_once(' ').unwrap();
    let mut command = redis::cmd(name);
    command.arg(arguments.split(' ').collect::<Vec<_>>());
    let () = command.query_async(&mut redis.connection().await).await.unwrap();
}

/// Waits until Redis has taken over a command that it doesn't carry out yet.
async fn until_a_client_is_blocked(world: &World) {
    let blocked = || async {
        let clients: String = world.query(redis::cmd("INFO").arg("clients")).await;
        if clients.contains("blocked_clients:1") { Ok(()) } else { Err(clients) }
    };
    world.until("a client is blocked", PATIENCE, blocked).await;
}

#[tokio::test]
async fn a_job_arrives_byte_for_byte_and_gets_the_id_of_its_entry() {
    let world = world().await;
    let producer = Producer::connect(&world.redis.url()).await.unwrap();
    let added = producer.add(&note()).await.unwrap();
    let (entry, fields) = world.entries(world.queue()).await.remove(0);
    assert_eq!((&*added.id, &*added.event_id, added.entry.to_string()), (&*entry, &*entry, entry.clone()));
    assert_eq!(fields, note().fields());
}

#[tokio::test]
async fn ids_are_the_producers_where_it_gives_them_and_the_queue_marks_the_event_id() {
    let world = world().await;
    let queue = QueueName::parse("other").unwrap();
    let options = ProducerOptions { queue, ..ProducerOptions::default() };
    let producer = Producer::connect_with(&world.redis.url(), options).await.unwrap();
    let own = producer.add(&note().id("mine").event_id("event")).await.unwrap();
    assert_eq!((&*own.id, &*own.event_id), ("mine", "event"));
    let derived = producer.add(&note().id("mine")).await.unwrap();
    assert!(derived.event_id.starts_with("mine-"), "{derived:?}");
    assert_eq!(world.entries("other").await.len(), 2);
}

#[tokio::test]
async fn thousands_arrive_in_order_around_one_that_is_unsound() {
    let world = world().await;
    let producer = Producer::connect(&world.redis.url()).await.unwrap();
    let jobs = (0..1700).map(|n| if n == 700 { note().content("{") } else { note().id(format!("j{n}")) });
    let results = producer.add_all(jobs).await;
    assert_eq!(results.len(), 1700);
    for (n, result) in results.iter().enumerate() {
        match result {
            Ok(added) => assert_eq!(*added.id, *format!("j{n}")),
            Err(AddError::Invalid(_)) => assert_eq!(n, 700),
            Err(error) => panic!("{error}"),
        }
    }
    let entries = world.entries(world.queue()).await;
    let last = entries.last().unwrap().1.iter().find(|(name, _)| name == b"id").unwrap();
    assert_eq!((entries.len(), &last.1[..]), (1699, &b"j1699"[..]));
}

#[tokio::test]
async fn events_arrive_byte_for_byte_in_their_stream_around_one_that_is_unsound() {
    let world = world().await;
    let producer = Producer::connect(&world.redis.url()).await.unwrap();
    let event = |id: &str| Event::new("9u", "note").content("{ }").id(id);
    let plain = Event::new("9u", "note").content("[ ]");
    let added = producer.add_event(&plain).await.unwrap();
    let results = producer.add_events([event("one"), event("two words"), event("three")]).await;
    assert!(matches!(results[1], Err(AddError::Invalid(_))), "{results:?}");
    let ids: Vec<_> = results.iter().flatten().map(|added| &*added.id).collect();
    assert_eq!(ids, ["one", "three"]);
    let entries = world.entries("postrider:events").await;
    assert_eq!((&*added.id, entries[0].0.as_str()), (&*added.entry.to_string(), &*added.id));
    assert_eq!(entries[0].1, plain.fields());
    assert_eq!((entries.len(), world.length().await), (3, 0));
}

#[tokio::test]
async fn the_right_to_xadd_is_enough() {
    let world = world().await;
    tell(&world.redis, "ACL SETUSER p on >pw +xadd ~postrider:deliveries").await;
    let url = format!("redis://p:pw@127.0.0.1:{}", world.redis.port());
    let producer = Producer::connect(&url).await.unwrap();
    for _ in 0..3 {
        producer.add(&note()).await.unwrap();
    }
    assert!(producer.add_all([note(), note()]).await.iter().all(Result::is_ok));
    assert_eq!(world.length().await, 5);
}

#[tokio::test]
async fn what_redis_refuses_was_not_added_and_is_told_as_it_said_it() {
    let world = world().await;
    tell(&world.redis, "SET postrider:deliveries text").await;
    let producer = Producer::connect(&world.redis.url()).await.unwrap();
    let results = producer.add_all([note(), note()]).await;
    assert_eq!(results.len(), 2);
    for result in results {
        let Err(AddError::Redis(StoreAddError::Refused(error))) = result else { panic!("{result:?}") };
        assert_eq!(error.class(), FaultClass::WrongType);
        assert!(
            error.line().starts_with("failed to add to postrider:deliveries: WRONGTYPE"),
            "{}",
            error.line()
        );
    }
}

#[tokio::test]
async fn a_lost_answer_leaves_the_job_in_doubt_and_it_is_not_added_twice() {
    let mut world = world().await;
    let producer = Producer::connect(&world.redis.url()).await.unwrap();
    tell(&world.redis, "CLIENT PAUSE 60000 WRITE").await;
    let jobs = [note()];
    let (results, ()) = tokio::join!(producer.add_all(&jobs), async {
        until_a_client_is_blocked(&world).await;
        tell(&world.redis, "CLIENT KILL TYPE normal SKIPME yes").await;
    });
    assert!(matches!(results[..], [Err(AddError::Redis(StoreAddError::AnswerLost(_)))]), "{results:?}");
    world.redis.kill9();
    world.redis.restart().await;
    assert_eq!(world.length().await, 0);
    let added = producer.add(&note()).await;
    assert!(added.is_ok(), "the next job gets a new connection: {added:?}");
}

#[tokio::test]
async fn without_redis_nothing_is_added_and_the_rest_is_not_tried() {
    let mut world = world().await;
    let producer = Producer::connect(&world.redis.url()).await.unwrap();
    world.redis.kill9();
    let results = producer.add_all((0..1200).map(|_| note())).await;
    assert_eq!(results.len(), 500);
    let unreachable = |result| matches!(result, &Err(AddError::Redis(StoreAddError::Unreachable(_))));
    assert!(results.iter().all(unreachable), "{:?}", results.first());
    assert!(matches!(Producer::connect(&world.redis.url()).await, Err(ConnectError::Unreachable(_))));
}

#[tokio::test]
async fn a_refused_login_is_told_apart_and_no_error_holds_the_password() {
    let options = RedisOptions { password: Some("right".into()), ..RedisOptions::default() };
    let redis = RedisServer::start_with(options).await;
    let url = format!("redis://:canary@127.0.0.1:{}", redis.port());
    let Err(ConnectError::Unreachable(error)) = Producer::connect(&url).await else { panic!("it connected") };
    assert_eq!(error.class(), FaultClass::Denied);
    assert!(!format!("{error:?} {}", error.line()).contains("canary"), "{error:?}");
    let Err(error) = Producer::connect("canary://").await else { panic!("it connected") };
    assert!(!format!("{error:?} {error}").contains("canary"), "{error:?}");
}

#[tokio::test]
async fn a_job_that_too_few_replicas_have_is_told_with_its_entry() {
    let world = world().await;
    let options = ProducerOptions::default().replicated(1, Duration::from_millis(20));
    let producer = Producer::connect_with(&world.redis.url(), options).await.unwrap();
    let result = producer.add(&note()).await;
    let Err(AddError::Redis(StoreAddError::NotReplicated { entry, replicas: 0 })) = result else {
        panic!("{result:?}")
    };
    assert_eq!(world.entries(world.queue()).await[0].0, entry.to_string());
}

#[tokio::test]
async fn a_replicated_job_is_added_once_a_replica_has_it() {
    let with = |extra: &[&str]| {
        let extra = extra.iter().map(|word| (*word).to_owned()).collect();
        RedisOptions { extra, ..RedisOptions::default() }
    };
    let primary = RedisServer::start_with(with(&["--repl-diskless-sync-delay", "0"])).await;
    let port = primary.port().to_string();
    let _replica = RedisServer::start_with(with(&["--replicaof", "127.0.0.1", &port])).await;
    let options = ProducerOptions::default().replicated(1, PATIENCE);
    let producer = Producer::connect_with(&primary.url(), options).await.unwrap();
    producer.add(&note()).await.unwrap();
}
