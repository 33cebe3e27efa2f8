//! A client of the API of one worker.

use std::net::SocketAddr;

use postrider_tests::http_call::{Answer, call};
use postrider_tests::worker_process::WorkerProcess;
use postrider_tests::world::{World, WorldOptions};
use serde_json::Value;

/// A token of an admin.
pub(crate) const ADMIN: &str = "cnry-4f9A-admin-Zx71-wPl2-Vb8m-Tn4s";

/// A token that may only look.
pub(crate) const READER: &str = "cnry-7q2N-reader-Hs83-mKd0-Jt6y-Wv1e";

/// A world whose workers have both tokens.
pub(crate) fn options() -> WorldOptions {
    WorldOptions::default().set("POSTRIDER_HTTP_TOKEN", &format!("{ADMIN},read:{READER}"))
}

/// Who asks, and whom.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    authorization: Option<String>,
}

impl Client {
    /// Of the world's first worker.
    pub(crate) fn of(world: &World, token: &str) -> Self {
        Self::to(&world.workers[0], token)
    }

    /// Of any worker.
    pub(crate) fn to(worker: &WorkerProcess, token: &str) -> Self {
        Self { address: worker.admin(), authorization: Some(format!("Bearer {token}")) }
    }

    /// Of the world's first worker, without a token.
    pub(crate) fn stranger(world: &World) -> Self {
        Self { address: world.workers[0].admin(), authorization: None }
    }

    /// The answer to a request without a body, or with one of JSON.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.ask_with(method, path, &[], body).await
    }

    /// The same with more headers.
    pub(crate) async fn ask_with(
        &self,
        method: &str,
        path: &str,
        more: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let text = body.map(|body| body.to_string()).unwrap_or_default();
        let mut headers = more.to_vec();
        if !text.is_empty() {
            headers.push(("Content-Type", "application/json"));
        }
        self.send(method, path, &headers, text.as_bytes()).await
    }

    /// The answer to any request.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut all = headers.to_vec();
        if let Some(authorization) = &self.authorization {
            all.push(("Authorization", authorization));
        }
        let path = format!("/api/v1{path}");
        call(self.address, method, &path, &all, body).await.expect("the admin port answers")
    }

    /// That it is answered so; the answer as JSON.
    #[track_caller]
    pub(crate) fn check(answer: &Answer, status: u16) -> Value {
        assert_eq!(answer.status, status, "{answer:?}");
        if status >= 400 {
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
            assert_eq!(answer.json()["status"], status, "{answer:?}");
        }
        answer.json()
    }
}
