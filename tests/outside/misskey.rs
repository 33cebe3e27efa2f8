//! The code of `docs/misskey.md`, run as it stands there but for its types: what it hands over is delivered, and what it reads
//! are the notices.

use std::path::Path;

use postrider_tests::world::{World, WorldOptions};
use serde_json::Value;

use crate::program::Program;

/// The types in the document's code, which Node.js would have to be told to strip.
const TYPES: [&str; 5] = [": Webhook", "?: number", ": string", ": unknown", ": Tell"];

const BEFORE: &str = r#"
import { Redis } from "ioredis";
import { randomUUID } from "node:crypto";
const redis = new Redis(process.env.REDIS_URL);
"#;

const AFTER: &str = r#"
const webhook = {
  id: "9abc", userId: "9u", name: "to my bot", on: ["note"], url: process.env.TO, secret: "s3cret", active: true,
  latestSentAt: null, latestStatus: null,
};
const steps = {
  deliver: () => deliver(webhook, "note", { note: { id: "by-job", text: "héllo ✓" } }, 1),
  happened: async () => {
    await mirror(webhook);
    await happened("9u", "note", { note: { id: "by-event", text: "héllo ✓" } });
  },
  notices: () => notices("0", (notice) => console.log(JSON.stringify(notice))),
  forget: () => forget(webhook),
};
await steps[process.env.STEP]();
redis.disconnect();
"#;

/// All blocks of TypeScript, without types.
fn code_of_the_document() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package lies in the workspace");
    let document = std::fs::read_to_string(root.join("docs/misskey.md")).expect("the document is there");
    let blocks = document.split("```ts\n").skip(1).filter_map(|rest| rest.split("```").next());
    let code: String = blocks.collect();
    TYPES.iter().fold(code, |code, written| code.replace(written, ""))
}

async fn step(program: &Program, world: &World, to: &str, name: &str) -> String {
    let ended = program.run(&[("REDIS_URL", &world.redis.url()), ("TO", to), ("STEP", name)]).await;
    assert!(ended.status.success(), "{name}: {ended:?}");
    String::from_utf8_lossy(&ended.stdout).into_owned()
}

#[tokio::test]
async fn what_the_code_for_misskey_hands_over_is_delivered_both_ways() {
    let program = Program::node_code("misskey.js", &format!("{BEFORE}{}{AFTER}", code_of_the_document()));
    let options = WorldOptions::default().set("POSTRIDER_SERVER_URL", "https://misskey.example");
    let world = World::with(options).await;
    let to = world.receiver.url("/hook");
    for (name, note) in [("happened", "by-event"), ("deliver", "by-job")] {
        step(&program, &world, &to, name).await;
        let request = world.receiver.next_request().await;
        let body = request.json();
        let content = format!(r#"{{"note":{{"id":"{note}","text":"héllo ✓"}}}}"#);
        assert_eq!(body["body"].to_string(), content, "{name}");
        let named = ["server", "hookId", "userId", "type"].map(|key| body[key].as_str().unwrap_or_default());
        assert_eq!(named, ["https://misskey.example", "9abc", "9u", "note"], "{name}");
        assert!(body["createdAt"].is_u64() && !request.event_id().unwrap_or_default().is_empty(), "{name}");
        assert_eq!(request.header("x-misskey-hook-secret"), Some("s3cret"), "{name}");
    }
    world.settled().await;
}

#[tokio::test]
async fn the_code_for_misskey_hears_that_a_hook_is_gone_and_forgets_it() {
    let program =
        Program::node_code("misskey-notices.js", &format!("{BEFORE}{}{AFTER}", code_of_the_document()));
    let world = World::start().await;
    let to = world.receiver.url("/status/410");
    step(&program, &world, &to, "happened").await;
    world.wait_for_dead(1).await;
    world
        .until("both notices", postrider_tests::wait::PATIENCE, || async {
            let count: usize = world.query(redis::cmd("XLEN").arg("postrider:notices")).await;
            if count >= 2 { Ok(()) } else { Err(count) }
        })
        .await;
    let printed = step(&program, &world, &to, "notices").await;
    let notices: Vec<Value> = printed.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for (kind, reason) in [("hook_disabled", "gone"), ("job_dead", "gone")] {
        let notice = notices.iter().find(|notice| notice["kind"] == kind);
        let notice = notice.unwrap_or_else(|| panic!("no {kind} in {printed}"));
        assert_eq!(
            (&notice["userId"], &notice["hookId"], &notice["reason"]),
            (&"9u".into(), &"9abc".into(), &reason.into())
        );
    }
    step(&program, &world, &to, "forget").await;
    let left: Vec<String> = world.query(redis::cmd("KEYS").arg("postrider:hooks:{9u}*")).await;
    assert!(!left.iter().any(|key| key == "postrider:hooks:{9u}"), "{left:?}");
}
