//! Everything that Postrider keeps in Redis. Knows nothing of HTTP, and decides nothing: what becomes of a job is
//! `postrider-core`'s to say; this crate moves jobs between their states, each move in one step.
//!
//! - [`connect`]: connections, made by hand where the engine needs to know them; [`fault`]: what an error means.
//! - [`keys`]: the names of the keys; [`script`]: running a Lua script by its hash.
//! - [`entry`]: stream entries from raw replies; [`reader`]: the blocking read; [`queue`]: every change of state.
//! - [`events`]: fan-out; [`held`]: jobs of inactive hooks; [`hooks`]: the registry.
//! - [`notices`]: what owners are told. [`presence`]: heartbeats. [`doctor`]: is this Redis fit, and all in its place?
//! - [`inspect`]: what a queue holds, for those who look on; [`destinations`]: what workers tell of theirs.
//! - [`attempts`], [`dead`], [`retries`], [`jobs`]: what operators see of attempts and jobs, and do with them; [`bulk`]: with many.
//! - [`once`]: adding a job once for a key.
//! - [`control`]: what operators ask of workers; [`figures`]: a queue in figures, for them.

pub mod attempts;
pub mod bulk;
pub mod connect;
pub mod control;
pub mod dead;
pub mod destinations;
pub mod doctor;
pub mod entry;
pub mod events;
pub mod fault;
pub mod figures;
pub mod filter;
pub mod held;
pub mod hooks;
pub mod inspect;
pub mod jobs;
pub mod keys;
pub mod link;
pub mod notices;
pub mod once;
pub mod presence;
pub mod producer;
pub mod queue;
pub mod reader;
mod resp;
pub mod retries;
mod rows;
pub mod script;
mod settle_call;
pub mod settlement;
pub mod start_check;
