//! One attempt over HTTP, safely: the only outgoing HTTP to URLs of users.
//!
//! - [`sender`]: **the** attempt: guard, one deadline, the resend after a stale connection.
//! - [`request`], [`response`]: what is sent, and how little is read of what comes back.
//! - [`classify`]: what an error of the HTTP client means.
//! - [`client`], [`connector`], [`resolver`], [`dial`], [`tls`], [`stream`]: from a URL to a connection whose address was
//!   checked.
//!
//! Knows nothing of Redis, jobs or retries.

mod classify;
mod client;
mod connector;
mod dial;
mod request;
mod resolver;
mod response;
mod sender;
mod stream;
mod tls;

pub use request::Request;
pub use resolver::{Lookup, system_lookup};
pub use sender::{Attempt, Sender, SenderConfig, SenderError};
