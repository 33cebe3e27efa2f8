//! A receiver to test with: answers as it is told, checks the proof of each request, and reports what came.
//!
//! - [`sink`]: the server; [`Sink`] is the way in.
//! - [`received`]: one request as it arrived.
//! - [`proof`]: whether a request shows that its sender knows the secret.
//! - [`describe`]: a request in a line or two for a terminal, with foreign text made harmless.
//! - [`behaviour`]: hostile receivers by name; [`Stage`] plays one.
//!
//! It keeps nothing on disk, knows neither Redis nor the worker, and never prints: the caller does.

pub mod behaviour;
pub mod describe;
mod failures;
pub mod proof;
pub mod received;
pub mod sink;

pub use behaviour::{Behaviour, Stage};
pub use describe::describe;
pub use proof::Proof;
pub use received::Received;
pub use sink::{Answer, Question, Sink, SinkConfig};
