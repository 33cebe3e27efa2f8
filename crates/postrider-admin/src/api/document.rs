//! The OpenAPI document itself: it holds no secret, and tools ask for it without a token.

use axum::http::{Method, StatusCode};

use crate::auth::Least;
use crate::call::Answer;
use crate::openapi;
use crate::table::{Body, Gives, Route};

pub(super) fn routes() -> Vec<Route> {
    vec![Route {
        method: Method::GET,
        path: "/openapi.json",
        least: Least::Anyone,
        id: "getDocument",
        summary: "This document",
        query: &[],
        body: Body::None,
        success: StatusCode::OK,
        gives: Gives::One("Document"),
        run: |_| Box::pin(async { Answer::ok(openapi::document()) }),
    }]
}
