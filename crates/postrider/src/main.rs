//! The binary: arguments, settings, wiring, signals, exit codes. What a delivery is, and everything that is
//! done about it, lives in the other crates.

mod args;
mod cmd;
mod columns;
mod exit;
mod files;
mod misskey;
mod outgoing;
mod progress;
mod redis;
mod settings;
mod stop;
mod telemetry;
mod terminal;

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Chosen by measurement: docs/performance.md.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    // One provider of cryptography for all that speaks TLS; a second installation can only mean that it is
    // there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    exit::code_of(cmd::run(args::Args::parse_or_exit().command))
}
