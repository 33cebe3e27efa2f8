//! A client of one worker, and the table of tokens that the worker reads.

use std::net::SocketAddr;
use std::path::PathBuf;

use postrider_tests::http_call::{Answer, call};
use postrider_tests::world::{World, WorldOptions};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Tokens of users `9u` and `8v`, in a file that goes with this.
#[derive(Debug)]
pub(crate) struct Table {
    folder: TempDir,
}

impl Table {
    pub(crate) const OF_9U: &'static str = "cnry0TokenOf9uXx";
    pub(crate) const OF_8V: &'static str = "cnry1TokenOf8vXx";

    pub(crate) fn new() -> Self {
        Self::holding(&format!("9u {}\n8v {}\n", Self::OF_9U, Self::OF_8V))
    }

    pub(crate) fn holding(text: &str) -> Self {
        let table = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(table.path(), text).unwrap();
        table
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("tokens")
    }

    /// A world whose workers know these tokens.
    pub(crate) async fn world(&self) -> World {
        World::with(self.options()).await
    }

    pub(crate) fn options(&self) -> WorldOptions {
        WorldOptions::default().set("POSTRIDER_MISSKEY_TOKEN_FILE", &self.path().display().to_string())
    }
}

/// Who asks, and whom.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    token: Value,
}

impl Client {
    /// Of the world's first worker, with this token.
    pub(crate) fn of(world: &World, token: impl Into<Value>) -> Self {
        Self { address: world.workers[0].admin(), token: token.into() }
    }

    /// The answer of a route to these parameters.
    pub(crate) async fn ask(&self, route: &str, parameters: Value) -> Answer {
        self.ask_with(route, &[], parameters).await
    }

    /// The same with more headers.
    pub(crate) async fn ask_with(&self, route: &str, more: &[(&str, &str)], parameters: Value) -> Answer {
        let mut body = parameters;
        body["i"] = self.token.clone();
        let headers = [&[("Content-Type", "application/json")], more].concat();
        self.send("POST", route, &headers, body.to_string().as_bytes()).await
    }

    /// The answer to any request.
    pub(crate) async fn send(
        &self,
        method: &str,
        route: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let path = format!("/api/i/webhooks/{route}");
        call(self.address, method, &path, headers, body).await.expect("the admin port answers")
    }

    /// Registers a hook of the receiver's `path`; as it is answered.
    pub(crate) async fn register(&self, world: &World, path: &str) -> Value {
        let hook = json!({
            "name": "to my bot", "url": world.receiver.url(path), "on": ["note", "mention"], "secret": "cnry-s3cret",
        });
        let created = self.ask("create", hook).await;
        assert_eq!(created.status, 200, "{created:?}");
        created.json()
    }

    /// One hook, as it is shown now.
    pub(crate) async fn show(&self, id: &Value) -> Value {
        let shown = self.ask("show", json!({ "webhookId": id })).await;
        assert_eq!(shown.status, 200, "{shown:?}");
        shown.json()
    }
}

/// The code and id of an error, whose shape is Misskey's.
#[track_caller]
pub(crate) fn code_of(answer: &Answer) -> (String, String) {
    let body = answer.json();
    let error = body["error"].as_object().unwrap_or_else(|| panic!("no error: {answer:?}"));
    let text = |key: &str| error[key].as_str().unwrap_or_else(|| panic!("no {key}: {answer:?}")).to_owned();
    assert!(!text("message").is_empty(), "{answer:?}");
    assert_eq!(text("kind"), if answer.status < 500 { "client" } else { "server" }, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
    (text("code"), text("id"))
}
