//! The admin port: what probes and Prometheus ask. It never talks to Redis or to a receiver; it repeats what
//! its [`AdminState`] answers.
//!
//! - [`AdminPort`]: the bound port, served on a thread of its own so that neither side can stall the other.
//! - `routes`: which path answers what.
//! - `serving`: connections, their number and their time limits.

mod port;
mod routes;
mod serving;

pub use port::{AdminPort, RunningAdmin};
pub use routes::AdminState;
pub use serving::{HEADER_TIMEOUT, MAX_CONNECTION_AGE, MAX_CONNECTIONS, STOP_GRACE};
