//! The admin port: what probes and Prometheus ask, and the API under `/api/v1`. Of the engine it knows only what its
//! [`AdminState`] answers; everything else it asks Redis.
//!
//! - [`AdminPort`]: the bound port, served on a thread of its own so that neither side can stall the other.
//! - `routes`: which path answers what; `router`: what a request of the API has to pass; `serving`: connections, their number
//!   and their time limits.
//! - `table`: what a route is; `api`: the routes; [`document`]: all of them as OpenAPI. `call` is a request, `problem` an error.
//! - `console`: the web console at `/`, a client of the API.
//! - `auth`: who asks. [`trial`]: a sample sent to a hook. [`misskey`]: hooks in the shape of Misskey's own API.

mod api;
mod auth;
mod call;
mod console;
pub mod misskey;
mod openapi;
mod port;
mod problem;
mod router;
mod routes;
mod serving;
mod table;
pub mod trial;

pub use api::ApiConfig;
pub use auth::tokens::{MIN_TOKEN_CHARS, Tokens, fresh_token};
pub use openapi::document;
pub use port::{AdminPort, RunningAdmin};
pub use routes::AdminState;
pub use serving::{HEADER_TIMEOUT, MAX_CONNECTION_AGE, MAX_CONNECTIONS, STOP_GRACE};
