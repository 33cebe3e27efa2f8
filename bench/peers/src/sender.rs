//! One attempt with reqwest.

use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::Client;
use reqwest::header::{CONTENT_TYPE, USER_AGENT};
use reqwest::redirect::Policy;

use crate::job::Job;

const SERVER: &str = "http://localhost";

/// A client for all attempts.
#[derive(Clone, Debug)]
pub(crate) struct Sender(Client);

impl Sender {
    /// Whose attempts end after `timeout`.
    pub(crate) fn new(timeout: Duration) -> anyhow::Result<Self> {
        let client = Client::builder().redirect(Policy::none()).no_proxy().timeout(timeout).build()?;
        Ok(Self(client))
    }

    /// Sends it; an error where it must be sent again.
    pub(crate) async fn attempt(&self, job: &Job) -> anyhow::Result<()> {
        let request = self
            .0
            .post(&job.to)
            .header(USER_AGENT, "Misskey-Hooks")
            .header("X-Misskey-Host", "localhost")
            .header("X-Misskey-Hook-Id", &job.webhook_id)
            .header("X-Misskey-Hook-Secret", &job.secret)
            .header(CONTENT_TYPE, "application/json")
            .body(job.body(SERVER)?);
        let answer = request.send().await.context("no answer")?;
        let status = answer.status();
        answer.bytes().await.context("the answer broke off")?;
        ensure!(status.is_success(), "{status}");
        Ok(())
    }
}
