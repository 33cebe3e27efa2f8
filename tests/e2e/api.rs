//! The admin API as its users see it.
//!
//! - [`client`]: asking it. [`hooks`], [`jobs`], [`bulk`]: what it does; [`input`]: what it refuses.
//! - [`rights`]: what its user in Redis needs.
//!
//! The numbers in brackets are those of the list of checks that an admin surface has to pass.

mod bulk;
mod client;
mod hooks;
mod input;
mod jobs;
mod rights;

pub(crate) use client::{ADMIN, Client, READER, options};
