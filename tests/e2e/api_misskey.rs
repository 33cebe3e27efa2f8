//! Hooks in the shape of Misskey's own API, as clients that were written against it see them.
//!
//! - [`client`]: asking; [`hooks`]: what the routes do; [`errors`]: codes and ids; [`callers`]: who may ask as which user.

mod callers;
mod client;
mod errors;
mod hooks;

pub(crate) use client::{Client, Table, code_of};
