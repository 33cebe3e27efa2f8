//! The floor: what the same requests cost a raw reqwest loop, with no queue, no limits, no checks and no records.
//! One thread, as the worker has; no deadline, so that it is the least that reqwest can do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, ensure};
use http::HeaderMap;
use postrider_core::profile::Payload;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::args::FloorArgs;
use crate::{job, probe};

/// What the raw loop tells of itself, as JSON on its output.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FloorFigures {
    /// CPU time from the first request to the last answer, connecting included.
    pub(crate) cpu_us: u64,
}

/// Sends everything, then prints what it cost.
pub(crate) fn run(load: &FloorArgs) -> anyhow::Result<()> {
    // Refused only where one is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Payload { headers, body } = job::request(&load.url)?;
    let client = Client::builder().redirect(Policy::none()).no_proxy().build()?;
    let shared =
        Shared { client, url: load.url.parse()?, headers, body, left: Arc::new(AtomicU64::new(load.jobs)) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let before = probe::cpu_us(std::process::id())?;
    runtime.block_on(send_all(&shared, load.concurrency))?;
    let figures = FloorFigures { cpu_us: probe::cpu_us(std::process::id())? - before };
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

#[derive(Clone)]
struct Shared {
    client: Client,
    url: Url,
    headers: HeaderMap,
    body: bytes::Bytes,
    left: Arc<AtomicU64>,
}

async fn send_all(shared: &Shared, concurrency: u32) -> anyhow::Result<()> {
    let mut loops: JoinSet<anyhow::Result<()>> =
        (0..concurrency).map(|_| shared.clone().send_in_turn()).collect();
    while let Some(ended) = loops.join_next().await {
        ended??;
    }
    Ok(())
}

impl Shared {
    async fn send_in_turn(self) -> anyhow::Result<()> {
        while self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
        {
            let request =
                self.client.post(self.url.clone()).headers(self.headers.clone()).body(self.body.clone());
            let answer = request.send().await.context("a request of the raw loop failed")?;
            ensure!(answer.status().is_success(), "the receiver answered {}", answer.status());
            answer.bytes().await?;
        }
        Ok(())
    }
}
