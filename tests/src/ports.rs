//! Free ports for programs that must be told theirs. Never holds one: who starts a program retries if another was faster.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

/// Below the range from which systems take the ports of outgoing connections, which come and go all the time.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Tries before a machine counts as having no free port.
const MAX_TRIES: u32 = 1000;

/// A loopback port that nobody listens on at the moment.
///
/// # Panics
/// When there seems to be none.
pub fn free_port() -> u16 {
    (0..MAX_TRIES).map(|_| random_port()).find(|port| is_free(*port)).expect("some port is free")
}

fn random_port() -> u16 {
    let width = u64::from(PORTS.end - PORTS.start);
    let dice = RandomState::new().hash_one(std::process::id()) % width;
    PORTS.start + u16::try_from(dice).expect("less than the width of the range")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
