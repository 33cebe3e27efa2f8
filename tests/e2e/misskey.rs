//! What Misskey's own tests ask of its webhooks, by the numbers of those tests, and what they leave out though receivers rely
//! on it: asked of events, user hooks and a real worker.
//!
//! - [`cases`]: which test holds which case, or why none does.
//! - [`fan_out`]: which hooks get an event; [`requests`]: what arrives, how often and when; [`documents`]: the examples of the
//!   documents, sent.

mod cases;
mod documents;
mod fan_out;
mod requests;

use std::time::Duration;

use postrider_tests::world::{World, xadd};

const EVENTS: &str = "postrider:events";
const USER: &str = "9user00001";

/// A hook as a Misskey server writes it; its secret is `s3cret`, its path on the receiver its id.
async fn register(world: &World, user: &str, hook: &str, on: &[&str], active: bool) {
    let url = world.receiver.url(&format!("/{hook}"));
    register_at(world, user, hook, &url, on, active).await;
}

async fn register_at(world: &World, user: &str, hook: &str, url: &str, on: &[&str], active: bool) {
    let record = serde_json::json!({
        "id": hook, "userId": user, "name": "to my bot", "on": on, "url": url, "secret": "s3cret", "active": active,
        "latestSentAt": null, "latestStatus": null,
    });
    world.register(user, hook, record.to_string().as_bytes()).await;
}

/// Something happens to a user; the id of the event.
async fn happens(world: &World, user: &str, event_type: &str, content: &str) -> String {
    let fields = [("userId", user), ("type", event_type), ("content", content)];
    world.query(&xadd(EVENTS, "*", &fields)).await
}

/// No event is left, and no job.
async fn all_ended(world: &World) {
    world
        .until("the events have ended", Duration::from_secs(20), || async {
            let left: usize = world.query(redis::cmd("XLEN").arg(EVENTS)).await;
            if left == 0 { Ok(()) } else { Err(left) }
        })
        .await;
    world.settled().await;
}
