//! One attempt over HTTP, safely: the only outgoing HTTP to URLs of users.
//!
//! - [`sender`]: **the** attempt: guard, one deadline, the resend after a stale connection.
//! - [`request`], [`loan`], [`response`]: what is sent, when it is taken, and how little is read of what comes back.
//! - [`classify`]: what an error of the HTTP client means; [`detail`]: what the log tells of it.
//! - [`proxy`]: through the operator's proxy, where there is one.
//! - [`client`], [`connector`], [`resolver`], [`dial`], [`tls`], [`stream`]: from a URL to a connection whose address was
//!   checked; [`given`]: which one a request was given; [`usage`], [`pace`], [`stall`]: what it may cost.
//!
//! Knows nothing of Redis, jobs or retries.

mod classify;
mod client;
mod connector;
mod detail;
mod dial;
mod given;
mod loan;
mod pace;
mod proxy;
mod request;
mod resolver;
mod response;
mod sender;
mod stall;
mod stream;
mod tls;
mod usage;

pub use proxy::Proxy;
pub use proxy::fault::{ProxyFault, ProxyFaultKind};
pub use request::Request;
pub use resolver::{Lookup, check_addresses, system_lookup};
pub use sender::{Attempt, Sender, SenderConfig, SenderError, Unmade};
pub use tls::{ClientIdentity, chain_from_pem, roots_from_pem};
