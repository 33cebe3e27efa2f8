//! The OpenAPI 3.1 document, made of the table of routes: what a route refuses and what the document says can't differ.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::api;
use crate::auth::Least;
use crate::problem::PROBLEM_TYPE;
use crate::router::{MAX_BODY_BYTES, PREFIX};
use crate::table::{Body, Field, Gives, Kind, Route};

/// The refusals that any route may answer with.
const REFUSALS: &[StatusCode] = &[
    StatusCode::BAD_REQUEST,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::UNPROCESSABLE_ENTITY,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::SERVICE_UNAVAILABLE,
];

/// Those of routes that want a token.
const REFUSALS_OF_LOGIN: &[StatusCode] = &[StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS];

/// Those of routes that take a body.
const REFUSALS_OF_BODY: &[StatusCode] = &[
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::CONFLICT,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
];

/// The document of this version.
pub fn document() -> Value {
    let mut paths = Map::new();
    for route in api::routes() {
        let path = paths.entry(format!("{PREFIX}{}", route.path)).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation(&route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Postrider's admin API",
            "version": "1",
            "description": "Hooks, queues, jobs and destinations of one Postrider. Errors are problem details (RFC 9457).",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.summary,
        "description": format!("Role: {}", route.least.role()),
        "responses": responses(route),
        "security": if route.least == Least::Anyone { json!([]) } else { json!([{ "token": [] }]) },
    });
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(schema) = body_schema(route.body) {
        let is_needed = match route.body {
            Body::Fields(fields) => fields.iter().any(|field| field.is_needed),
            _ => true,
        };
        let content = json!({ "application/json": { "schema": schema } });
        operation["requestBody"] = json!({ "required": is_needed, "content": content });
    }
    operation
}

fn parameters(route: &Route) -> Vec<Value> {
    let names = route.path.split(['{', '}']).skip(1).step_by(2);
    let in_path = names.map(|name| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } })
    });
    let in_query = route.query.iter().map(|field| {
        let (name, kind) = (field.name, field.kind.schema());
        json!({ "name": name, "in": "query", "required": field.is_needed, "description": field.help, "schema": kind })
    });
    let key = json!({
        "name": "Idempotency-Key", "in": "header", "required": false,
        "description": "One job for each key",
        "schema": Kind::Text(128).schema(),
    });
    let in_header = matches!(route.body, Body::Job).then_some(key);
    in_path.chain(in_query).chain(in_header).collect()
}

fn body_schema(body: Body) -> Option<Value> {
    match body {
        Body::None => None,
        Body::Job => Some(reference("Job")),
        Body::Fields(fields) => {
            let property = |field: &Field| (field.name.to_owned(), field.schema());
            let properties: Map<_, _> = fields.iter().map(property).collect();
            let needed: Vec<_> =
                fields.iter().filter(|field| field.is_needed).map(|field| field.name).collect();
            Some(json!({
                "type": "object", "properties": properties, "required": needed, "additionalProperties": false,
            }))
        }
    }
}

fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    let success = match route.gives {
        Gives::Nothing => json!({ "description": "Done" }),
        Gives::One(name) => answer("Done", "application/json", &reference(name)),
        Gives::Page(name) => answer("A page", "application/json", &page(name)),
    };
    responses.insert(route.success.as_str().to_owned(), success);
    let of_login = if route.least == Least::Anyone { &[][..] } else { REFUSALS_OF_LOGIN };
    let of_body =
        if matches!(route.body, Body::None) { &[StatusCode::CONFLICT][..] } else { REFUSALS_OF_BODY };
    for refusal in REFUSALS.iter().chain(of_login).chain(of_body) {
        let reason = refusal.canonical_reason().unwrap_or("Refused");
        responses.insert(refusal.as_str().to_owned(), answer(reason, PROBLEM_TYPE, &reference("Problem")));
    }
    responses.into()
}

fn answer(description: &str, media_type: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": { media_type: { "schema": schema } } })
}

fn page(name: &str) -> Value {
    json!({
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": { "type": "array", "items": reference(name) },
            "next": { "type": ["string", "null"], "description": "The cursor of the next page" },
        },
    })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn schemas() -> Value {
    let problem = json!({
        "type": "object",
        "description": format!("Problem details; a body of more than {MAX_BODY_BYTES} bytes is one of status 413"),
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["field", "message"],
                    "properties": { "field": { "type": "string" }, "message": { "type": "string" } },
                },
            },
        },
    });
    let own = [("Problem", problem), ("Document", json!({ "type": "object" }))];
    let all = own.into_iter().chain(api::schemas());
    all.map(|(name, schema)| (name.to_owned(), schema)).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `$ref` in it.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (key, member) in members {
                    match member.as_str().filter(|_| key == "$ref") {
                        Some(to) => found.push(to.to_owned()),
                        None => references(member, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_to_a_schema_and_every_route_has_a_name_of_its_own() {
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        for to in found {
            assert!(document.pointer(to.trim_start_matches('#')).is_some(), "{to}");
        }
        let routes = api::routes();
        let mut names: Vec<_> = routes.iter().map(|route| route.id).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), routes.len());
    }
}
