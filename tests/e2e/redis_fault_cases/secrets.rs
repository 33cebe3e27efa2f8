//! The password in `redis.url`, through one fault after the other: it is written nowhere.

use postrider_tests::redis_server::RedisOptions;
use postrider_tests::world::{World, WorldOptions};

use super::ground::{command, goes_on, postrider};

const PASSWORD: &str = "correct-horse-battery";

#[tokio::test]
async fn the_password_of_redis_is_found_nowhere_whatever_happens() {
    let redis = RedisOptions { password: Some(PASSWORD.into()), ..RedisOptions::default() };
    let options = WorldOptions { redis, ..WorldOptions::default() };
    let mut world = World::with(options.set("POSTRIDER_LOG_LEVEL", "trace")).await;
    goes_on(&world).await;
    command(&world, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
    goes_on(&world).await;
    command(&world, &["FLUSHALL"]).await;
    goes_on(&world).await;
    command(&world, &["CONFIG", "SET", "requirepass", "another"]).await;
    command_with(&world, "another", &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
    let cause = world.workers[0].wait_readyz(503).await;
    command_with(&world, "another", &["CONFIG", "SET", "requirepass", PASSWORD]).await;
    world.workers[0].wait_ready().await;
    let metrics = world.workers[0].metrics().await;
    world.redis.kill9();
    let down = world.workers[0].wait_readyz(503).await;
    let url = world.redis.url();
    let unreachable = postrider(&url, &["doctor"]);
    world.redis.restart().await;
    world.workers[0].wait_ready().await;
    let mut written = vec![world.workers[0].log(), cause, down, metrics];
    let commands: [&[&str]; 5] =
        [&["doctor"], &["doctor", "--json"], &["config"], &["config", "--json"], &["hooks", "list"]];
    let told = commands.map(|words| postrider(&url, words)).into_iter().chain([unreachable]);
    written.extend(told.flat_map(|told| [told.stdout, told.stderr]));
    for text in written {
        assert!(!text.contains(PASSWORD), "{text}");
    }
}

/// A command over a connection that logs in with another password.
async fn command_with(world: &World, password: &str, words: &[&str]) {
    let url = format!("redis://:{password}@127.0.0.1:{}", world.redis.port());
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let () = redis::cmd(words[0]).arg(&words[1..]).query_async(&mut connection).await.unwrap();
}
