//! What must hold for any input from strangers: sound inputs, and sound inputs that were damaged a little, which get further
//! than noise does. `scripts/fuzz.sh` runs every test whose name has `for_any_`, with as many cases as time allows.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod damage;
mod entries;
mod headers;
mod oracle;
mod retry_after;
mod rules;
mod urls;
