//! One request on its way to a handler: who asks, what was given, and what all handlers work with.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use postrider_core::hook::id::{is_hook_id, is_user_id};
use postrider_core::queue_name::QueueName;
use postrider_core::time::Timestamp;
use postrider_store::link::Link;
use serde_json::{Map, Value};

use crate::api::Api;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::table::{DEFAULT_LIMIT, cursor_of};

/// A request that has passed all checks of its route's table.
pub(crate) struct Call {
    pub(crate) api: Arc<Api>,
    pub(crate) caller: Caller,
    pub(crate) headers: HeaderMap,
    pub(crate) path: Vec<(String, String)>,
    pub(crate) query: Map<String, Value>,
    /// The body as an object; empty where the route takes none.
    pub(crate) body: Map<String, Value>,
    /// The same as it came.
    pub(crate) raw: axum::body::Bytes,
}

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    body: Option<Value>,
}

impl Answer {
    pub(crate) fn ok(body: impl Into<Value>) -> Result<Self, Problem> {
        Ok(Self { status: StatusCode::OK, body: Some(body.into()) })
    }

    pub(crate) fn created(body: impl Into<Value>) -> Result<Self, Problem> {
        Ok(Self { status: StatusCode::CREATED, body: Some(body.into()) })
    }

    /// What goes on by itself.
    pub(crate) fn accepted(body: impl Into<Value>) -> Result<Self, Problem> {
        Ok(Self { status: StatusCode::ACCEPTED, body: Some(body.into()) })
    }

    pub(crate) fn nothing() -> Result<Self, Problem> {
        Ok(Self { status: StatusCode::NO_CONTENT, body: None })
    }

    /// A page of a list; the place where it goes on, where there is more.
    pub(crate) fn page(items: Vec<Value>, next: Option<String>) -> Result<Self, Problem> {
        let next = next.map_or(Value::Null, |place| cursor_of(&place).into());
        Self::ok(Map::from_iter([("items".to_owned(), items.into()), ("next".to_owned(), next)]))
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let Some(body) = self.body else { return self.status.into_response() };
        let json = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        (self.status, json, body.to_string()).into_response()
    }
}

impl Call {
    /// A part of the path.
    pub(crate) fn part(&self, name: &str) -> &str {
        let found = self.path.iter().find(|(given, _)| given == name);
        found.map_or("", |(_, value)| value)
    }

    /// A text of the query.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.query.get(name).and_then(Value::as_str)
    }

    /// How many items are wanted at most.
    pub(crate) fn limit(&self) -> usize {
        self.query.get("limit").and_then(Value::as_u64).unwrap_or(DEFAULT_LIMIT) as usize
    }

    /// The hook that the path names, where the caller may know of it.
    pub(crate) fn hook(&self) -> Result<(&str, &str), Problem> {
        let (user, hook) = (self.part("userId"), self.part("hookId"));
        self.caller.check_user(user, "hook")?;
        if is_user_id(user) && is_hook_id(hook) { Ok((user, hook)) } else { Err(Problem::not_found("hook")) }
    }

    /// The queue that the path names: one that this worker serves.
    pub(crate) fn queue(&self) -> Result<&QueueName, Problem> {
        self.api.queue(self.part("queue")).ok_or_else(|| Problem::not_found("queue"))
    }

    /// A way to Redis, to where the queue is.
    pub(crate) async fn link_to(&self, queue: &QueueName) -> Link {
        self.api.link_to(queue).await
    }
}

/// What the clock on the wall says.
pub(crate) fn now() -> Timestamp {
    Timestamp::default().after(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}
