//! The routes of hooks, and what each takes and gives.

use axum::http::{Method, StatusCode};
use postrider_core::hook::record::Detail;
use serde_json::{Value, json};

use super::{create, delete, disable, enable, list, rotate, show, test, update};
use crate::auth::Least;
use crate::table::{Body, CURSOR, Field, Gives, Handler, Kind, LIMIT, Route};

/// Misskey's own limit of a URL.
const URL: Kind = Kind::Any(r#"{"type":"string","minLength":1,"maxLength":1024}"#);

const MAX_KEEP_SECONDS: u64 = 365 * 24 * 3600;

/// The events of which there are samples.
const EVENTS: &[&str] = &["follow", "followed", "unfollow", "note", "reply", "renote", "mention", "reaction"];

/// What registering and changing have in common, behind what each has of its own.
macro_rules! record_fields {
    ($($own:expr),* $(,)?) => {
        &[
            $($own,)*
            Field::optional("name", Kind::Any(r#"{"type":"string","minLength":1,"maxLength":100}"#), "What its owner calls it"),
            Field::optional("on", Kind::Any(r#"{"type":"array","items":{"type":"string","minLength":1,"maxLength":128},"maxItems":64}"#), "Event types that it asks for; `*` for all"),
            Field::optional("secret", Kind::Any(r#"{"type":["string","null"],"maxLength":1024}"#), "Shared with the receiver; visible ASCII"),
            Field::optional("active", Kind::Any(r#"{"type":"boolean"}"#), "Whether anything is sent"),
            Field::optional("profile", Kind::Any(r#"{"type":["string","null"],"enum":["misskey","standard","cloudevents","raw",null]}"#), "How its requests look"),
            Field::optional("headers", Kind::Any(r#"{"type":["object","null"],"additionalProperties":{"type":"string"}}"#), "Headers of its requests"),
            Field::optional("maxInFlight", Kind::Any(r#"{"type":["integer","null"],"minimum":1,"maximum":10000}"#), "Requests at a time, of each worker"),
            Field::optional("ratePerSecond", Kind::Any(r#"{"type":["number","null"],"exclusiveMinimum":0}"#), "Requests a second, of each worker"),
            Field::optional("timeoutMs", Kind::Any(r#"{"type":["integer","null"],"minimum":100,"maximum":120000}"#), "Limit of one whole attempt"),
            Field::optional("maxAttempts", Kind::Any(r#"{"type":["integer","null"],"minimum":1,"maximum":100}"#), "Attempts in all"),
            Field::optional("disabledReason", Kind::Any(r#"{"type":["string","null"],"minLength":1,"maxLength":200}"#), "Why it is switched off"),
        ]
    };
}

const NEW: &[Field] = record_fields![
    Field::needed("userId", Kind::Any(r#"{"type":"string","pattern":"^[!-~]{1,128}$"}"#), "Its owner"),
    Field::optional(
        "id",
        Kind::Any(r#"{"type":"string","pattern":"^[A-Za-z0-9_-]{1,64}$"}"#),
        "Its id; a new one where it isn't given"
    ),
    Field::needed("url", URL, "Where requests go"),
];
const CHANGE: &[Field] = record_fields![Field::optional("url", URL, "Where requests go")];

const LIST: &[Field] = &[
    Field::needed("userId", Kind::UserId, "Whose hooks"),
    LIMIT,
    CURSOR,
    Field::optional("active", Kind::Switch, "Only those that are switched on, or off"),
];
const ROTATE: &[Field] = &[
    Field::optional("secret", Kind::Text(1024), "The new secret; one is made where it isn't given"),
    Field::optional(
        "keepSeconds",
        Kind::Whole(0, MAX_KEEP_SECONDS),
        "How long the old one signs on; a day where it isn't given",
    ),
];
const TEST: &[Field] = &[
    Field::needed("type", Kind::OneOf(EVENTS), "The event whose sample is sent"),
    Field::optional("url", Kind::Text(1024), "Send it there instead"),
    Field::optional("secret", Kind::Text(1024), "With this secret instead"),
];
const DISABLE: &[Field] = &[Field::optional("reason", Kind::Text(200), "Why, for whoever looks at it")];

const ONE: &str = "/hooks/{userId}/{hookId}";

/// A route that gives one hook.
fn route(method: Method, path: &'static str, id: &'static str, summary: &'static str, run: Handler) -> Route {
    Route {
        method,
        path,
        least: Least::OwnerOrAdmin,
        id,
        summary,
        query: &[],
        body: Body::None,
        success: StatusCode::OK,
        gives: Gives::One("Hook"),
        run,
    }
}

/// All routes of hooks.
pub(in crate::api) fn routes() -> Vec<Route> {
    let mut routes = routes_of_records();
    routes.extend(routes_of_acts());
    routes
}

fn routes_of_records() -> Vec<Route> {
    vec![
        Route {
            least: Least::OwnerOrReader,
            query: LIST,
            gives: Gives::Page("Hook"),
            ..route(Method::GET, "/hooks", "listHooks", "The hooks of an owner, without secrets", |call| {
                Box::pin(list(call))
            })
        },
        Route {
            body: Body::Fields(NEW),
            success: StatusCode::CREATED,
            ..route(
                Method::POST,
                "/hooks",
                "createHook",
                "Registers a hook, and shows its secret this once",
                |call| Box::pin(create(call)),
            )
        },
        Route {
            least: Least::OwnerOrReader,
            ..route(Method::GET, ONE, "getHook", "One hook, without secrets", |call| {
                Box::pin(show(call, Detail::Alone))
            })
        },
        Route {
            body: Body::Fields(CHANGE),
            ..route(
                Method::PATCH,
                ONE,
                "updateHook",
                "Changes what is named; null takes an optional field away",
                |call| Box::pin(update(call)),
            )
        },
        Route {
            success: StatusCode::NO_CONTENT,
            gives: Gives::Nothing,
            ..route(Method::DELETE, ONE, "deleteHook", "Removes a hook", |call| Box::pin(delete(call)))
        },
    ]
}

fn routes_of_acts() -> Vec<Route> {
    vec![
        route(Method::POST, "/hooks/{userId}/{hookId}/enable", "enableHook", "Switches a hook on", |call| {
            Box::pin(enable(call))
        }),
        Route {
            body: Body::Fields(DISABLE),
            ..route(
                Method::POST,
                "/hooks/{userId}/{hookId}/disable",
                "disableHook",
                "Switches a hook off",
                |call| Box::pin(disable(call)),
            )
        },
        Route {
            body: Body::Fields(ROTATE),
            ..route(
                Method::POST,
                "/hooks/{userId}/{hookId}/rotate",
                "rotateSecret",
                "Puts a new secret in the place of the old one, which signs on for a while",
                |call| Box::pin(rotate(call)),
            )
        },
        route(
            Method::POST,
            "/hooks/{userId}/{hookId}/reveal",
            "revealHook",
            "One hook with its secrets",
            |call| Box::pin(show(call, Detail::Revealed)),
        ),
        Route {
            body: Body::Fields(TEST),
            gives: Gives::One("Trial"),
            ..route(
                Method::POST,
                "/hooks/{userId}/{hookId}/test",
                "testHook",
                "Sends a sample once, and says what came of it",
                |call| Box::pin(test(call)),
            )
        },
    ]
}

/// Shapes of answers, for the document.
pub(in crate::api) fn schemas() -> Vec<(&'static str, Value)> {
    vec![("Hook", hook_schema()), ("Trial", trial_schema())]
}

fn hook_schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "userId"],
        "properties": {
            "id": { "type": "string" },
            "userId": { "type": "string" },
            "name": { "type": "string" },
            "on": { "type": "array", "items": { "type": "string" } },
            "url": { "type": ["string", "null"], "description": "In lists no more than scheme, host and port" },
            "secret": { "type": "string", "description": "At creation and where it is revealed only" },
            "active": { "type": "boolean" },
            "latestSentAt": { "type": ["string", "null"] },
            "latestStatus": { "type": ["integer", "null"] },
            "failingSince": { "type": ["string", "null"], "description": "Since when its attempts have only failed" },
            "unreadable": { "type": "boolean", "description": "Where the record can't be read" },
        },
    })
}

fn trial_schema() -> Value {
    json!({
        "type": "object",
        "required": ["destination", "status", "ms", "accepted"],
        "properties": {
            "hookId": { "type": "string" },
            "userId": { "type": "string" },
            "type": { "type": "string" },
            "eventId": { "type": "string" },
            "destination": { "type": "string" },
            "accepted": { "type": "boolean" },
            "status": { "type": "integer", "description": "0: no answer came" },
            "ms": { "type": "integer" },
            "error": { "type": ["string", "null"], "description": "The class of a failure, no more" },
        },
    })
}
