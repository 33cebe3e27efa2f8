//! What a program finds when it runs, and what it tells.

use std::process::Output;

use postrider_tests::fenced::blocks;
use postrider_tests::wait::PATIENCE;
use postrider_tests::world::World;
use serde_json::Value;

use super::guide;
use crate::program::{Program, root};

/// What a program printed: lines of a word and what it says.
pub(super) struct Told(Vec<(String, String)>);

impl Told {
    pub(super) fn of(ended: &Output) -> Self {
        assert!(ended.status.success(), "{ended:?}");
        let text = String::from_utf8_lossy(&ended.stdout).into_owned();
        let line = |line: &str| line.split_once(' ').map(|(word, rest)| (word.to_owned(), rest.to_owned()));
        Self(text.lines().filter_map(line).collect())
    }

    /// All that it said after this word.
    pub(super) fn all(&self, word: &str) -> Vec<&str> {
        self.0.iter().filter(|(said, _)| said == word).map(|(_, rest)| &**rest).collect()
    }

    /// The same of a word that it said once.
    pub(super) fn one(&self, word: &str) -> String {
        let all = self.all(word);
        assert_eq!(all.len(), 1, "{word} in {:?}", self.0);
        all[0].to_owned()
    }
}

/// Makes the user of the guide; the URL by which it comes.
pub(super) async fn as_user(world: &World, heading: &str) -> String {
    let rights =
        blocks(&guide()).into_iter().find(|block| block.section == "The user").expect("there is one");
    // By the guide's table, this client needs one more.
    let more = if heading == "redis-cli" { "ACL SETUSER app +echo\n" } else { "" };
    for line in rights.text.lines().chain(more.lines()) {
        let words: Vec<&str> = line.split(' ').collect();
        let () = world.query(redis::cmd(words[0]).arg(&words[1..])).await;
    }
    format!("redis://app:change-me@127.0.0.1:{}", world.redis.port())
}

/// Runs it to its end.
pub(super) async fn run(program: &Program, world: &World, redis_url: &str, more: &[(&str, &str)]) -> Told {
    let to = world.receiver.url("/in");
    let script = script();
    let plain = [("REDIS_URL", redis_url), ("TO", &*to), ("SCRIPT", &*script)];
    Told::of(&program.run(&[&plain[..], more].concat()).await)
}

/// The script that adds once.
pub(super) fn script() -> String {
    let script = root().join("crates/postrider-store/src/scripts/enqueue_once.lua");
    script.to_string_lossy().into_owned()
}

/// Ids and notes of the jobs in a queue.
pub(super) async fn added_jobs(world: &World, queue: &str) -> Vec<(String, String)> {
    let entries = world.entries(queue).await.into_iter();
    let note = |fields: Vec<(Vec<u8>, Vec<u8>)>| {
        let (_, content) = fields.into_iter().find(|(name, _)| name == b"content").expect("each has one");
        let content: Value = serde_json::from_slice(&content).expect("it is JSON");
        value(&content["note"]["id"])
    };
    entries.map(|(id, fields)| (id, note(fields))).collect()
}

pub(super) fn value(text: &Value) -> String {
    text.as_str().unwrap_or_default().to_owned()
}

/// Waits until a figure of Redis' `INFO` is at least so much.
pub(super) async fn in_turns(world: &World, fact: &str, figure: fn(&str) -> u64, least: u64) {
    let look = || async {
        let info: String = world.query(redis::cmd("INFO").arg("everything")).await;
        let found = figure(&info);
        if found >= least { Ok(()) } else { Err(format!("{found} of {least}")) }
    };
    world.until(fact, PATIENCE, look).await;
}

/// How often anyone counted a stream.
pub(super) fn questions_for_room(info: &str) -> u64 {
    number_after(info, "cmdstat_xlen:calls=")
}

/// How often Redis refused anyone for its memory.
pub(super) fn errors_of_memory(info: &str) -> u64 {
    number_after(info, "errorstat_OOM:count=")
}

fn number_after(info: &str, name: &str) -> u64 {
    let (_, rest) = info.split_once(name).unwrap_or_default();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}
