//! How soon the API answers where much is kept.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};
use serde::Serialize;

use crate::scene::Scene;
use crate::stats::Quantiles;

/// What is asked, below `/api/v1`; `{Q}` stands for the queue. Filters that nothing fits make a list look as far as it goes.
const QUESTIONS: [(&str, &str); 22] = [
    ("all queues", "/queues"),
    ("one queue", "/queues/{Q}"),
    ("waiting jobs", "/queues/{Q}/retries?limit=100"),
    ("of a destination that has none", "/queues/{Q}/retries?destination=https://none.example"),
    ("one waiting job", "/queues/{Q}/retries/w777"),
    ("dead letters", "/queues/{Q}/dead?limit=100"),
    ("the oldest of a reason", "/queues/{Q}/dead?limit=100&order=oldest&reason=expired"),
    ("of a reason that has none", "/queues/{Q}/dead?reason=gone"),
    ("one dead letter", "/queues/{Q}/dead/d777"),
    ("dead letters by reason and hook", "/queues/{Q}/dead-groups"),
    ("how many of a reason", "/queues/{Q}/bulk-count?do=replay&reason=expired"),
    ("how many since a time", "/queues/{Q}/bulk-count?do=purge&since=1"),
    ("how many of a user wait", "/queues/{Q}/bulk-count?do=promote&userId=u"),
    ("attempts", "/queues/{Q}/attempts?limit=100"),
    ("of a job that has none", "/queues/{Q}/attempts?job=none"),
    ("the life of a waiting job", "/queues/{Q}/jobs/w777"),
    ("of a dead one", "/queues/{Q}/jobs/d777"),
    ("of one that isn't there", "/queues/{Q}/jobs/none"),
    ("hooks of an owner", "/hooks?userId=u"),
    ("destinations", "/destinations"),
    ("workers", "/workers"),
    ("notices", "/notices"),
];

/// How often each is asked: enough for a p99.
const TIMES: usize = 300;

/// How long it took to answer one question.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Asked {
    pub(crate) what: &'static str,
    /// Jobs that wait, and letters that are dead.
    pub(crate) kept: u64,
    /// From the request to the last byte of the answer.
    pub(crate) us: Quantiles,
}

/// Asks everything, one question at a time, of a worker that has nothing else to do.
pub(crate) async fn run(program: &Path, kept: u64) -> anyhow::Result<Vec<Asked>> {
    let mut scene = Scene::start().await?;
    let worker = scene.worker(program, &[])?;
    worker.ready().await;
    scene.keep_many(kept).await?;
    let admin = worker.admin().context("a worker has an admin port")?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut asked = Vec::new();
    for (what, path) in QUESTIONS {
        let url = url_of(admin, path);
        let mut samples = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            samples.push(ask(&client, &url).await.with_context(|| worker.log_end())?);
        }
        let us = Quantiles::of(samples).context("it was asked")?;
        asked.push(Asked { what, kept, us });
    }
    Ok(asked)
}

fn url_of(admin: SocketAddr, path: &str) -> String {
    format!("http://{admin}/api/v1{}", path.replace("{Q}", "postrider:deliveries"))
}

/// Microseconds to the end of the answer.
async fn ask(client: &reqwest::Client, url: &str) -> anyhow::Result<i64> {
    let begun = Instant::now();
    let answer = client.get(url).send().await?;
    let status = answer.status();
    let body = answer.bytes().await?;
    let elapsed = begun.elapsed();
    ensure!(
        status.is_success() || status.as_u16() == 404,
        "{url} was answered {status}: {}",
        String::from_utf8_lossy(&body)
    );
    Ok(i64::try_from(elapsed.as_micros())?)
}
