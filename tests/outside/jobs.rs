//! What a program adds, and what of it reaches the receiver.

use std::collections::HashMap;

use postrider_tests::receiver::request::Request;
use postrider_tests::world::{Fields, World, WorldOptions};

use crate::program::Program;

/// Jobs that a program is told to add: in the thousands only where that shows something more.
const COUNT: usize = 7;

/// Runs the program as a user who may only XADD, then a worker, and compares what was printed, added and received.
/// `content_of` gives the exact event of a note's id.
pub(crate) async fn deliver(name: &str, program: &Program, content_of: impl Fn(&str) -> String) {
    let mut world = World::with(WorldOptions::default().workers(0)).await;
    let printed = run_as_limited_user(program, &world).await;
    let added = world.entries(world.queue()).await;
    assert_eq!(printed, added.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>());
    assert_eq!(added.len(), COUNT + 1);

    world.add_worker(&[]).wait_ready().await;
    let requests = world.receiver.wait_for(COUNT + 1).await;
    let received: HashMap<String, &Request> =
        requests.iter().filter_map(|request| Some((request.event_id()?, request))).collect();
    for (number, (id, fields)) in (1..).zip(&added) {
        let content = content_of(&format!("{name}-{number}"));
        check(received[id], id, name, &content);
        let not_before = field(fields, "notBefore").map_or(0, |millis| millis.parse().unwrap_or(u64::MAX));
        assert_eq!(not_before > 0, number == COUNT + 1, "only the last job waits");
        assert!(received[id].at_ms >= not_before, "{id} was sent early");
    }
    world.settled().await;
    assert_eq!((world.receiver.count(), world.dead_letters().await.len()), (COUNT + 1, 0));
}

/// The lines that it printed.
async fn run_as_limited_user(program: &Program, world: &World) -> Vec<String> {
    let rights = ["SETUSER", "producer", "on", ">pw", "+xadd", "~postrider:deliveries"];
    let () = world.query(redis::cmd("ACL").arg(&rights)).await;
    let redis_url = format!("redis://producer:pw@127.0.0.1:{}", world.redis.port());
    let (to, count) = (world.receiver.url("/in"), COUNT.to_string());
    let ended = program.run(&[("REDIS_URL", &redis_url), ("TO", &to), ("COUNT", &count)]).await;
    assert!(ended.status.success(), "{program:?}: {ended:?}");
    String::from_utf8_lossy(&ended.stdout).lines().map(str::to_owned).collect()
}

fn check(request: &Request, id: &str, name: &str, content: &str) {
    let created_at = id.split('-').next().unwrap_or_default();
    let body = format!(
        r#"{{"server":"http://localhost","hookId":"{name}","userId":"example","eventId":"{id}","createdAt":{created_at},"type":"note","body":{content}}}"#
    );
    assert_eq!(String::from_utf8_lossy(&request.body), body);
    assert_eq!((&*request.method, request.header("x-misskey-hook-secret")), ("POST", Some("s3cret")));
}

fn field<'a>(fields: &'a Fields, wanted: &str) -> Option<&'a str> {
    let (_, value) = fields.iter().find(|(name, _)| name == wanted.as_bytes())?;
    std::str::from_utf8(value).ok()
}
