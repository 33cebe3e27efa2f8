//! Failed logins, so that guessing ends soon: counted by address and in total, in windows of a minute. Of those that succeeded it
//! remembers from where: who has been right isn't locked out by others who share the address, such as a proxy's.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a failure counts.
const WINDOW: Duration = Duration::from_secs(60);

/// Failures of one address in a window, after which it isn't listened to: a person mistypes a token less often.
pub(crate) const MAX_OF_ONE: u32 = 10;

/// Failures of all in a window, after which each further one is told to wait. A right token is accepted all the same: or
/// strangers could lock out the operators.
const MAX_OF_ALL: u32 = 200;

/// Addresses that are remembered, an IPv6 network of 64 bits counting as one; beyond, only the total counts.
const MAX_ADDRESSES: usize = 1024;

/// Logins that are remembered; beyond, further ones have to wait with the rest of their address.
const MAX_KNOWN: usize = 1024;

/// The digest of a token.
type Digest = [u8; 32];

/// The failures of the current window, and who has been right before.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    window: Mutex<Window>,
    known: Mutex<HashSet<(IpAddr, Digest)>>,
}

#[derive(Debug, Default)]
struct Window {
    began: Option<Instant>,
    all: u32,
    by_address: HashMap<IpAddr, u32>,
}

impl Failures {
    /// Remembers that this token has been right from there.
    pub(crate) fn remember(&self, peer: IpAddr, token: Digest) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MAX_KNOWN {
            known.insert((network(peer), token));
        }
    }

    /// Whether it has.
    pub(crate) fn knows(&self, peer: IpAddr, token: Digest) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(&(network(peer), token))
    }

    /// How many seconds this address has to wait before it is listened to, if it has to.
    pub(crate) fn wait_of(&self, peer: IpAddr, now: Instant) -> Option<u64> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let left = window.turn(now);
        let of_one = window.by_address.get(&network(peer)).copied().unwrap_or(0);
        (of_one >= MAX_OF_ONE).then_some(left)
    }

    /// Counts a failure; the seconds to wait where there were too many of late.
    pub(crate) fn note(&self, peer: IpAddr, now: Instant) -> Option<u64> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let left = window.turn(now);
        window.all = window.all.saturating_add(1);
        let is_room = window.by_address.len() < MAX_ADDRESSES;
        match window.by_address.get_mut(&network(peer)) {
            Some(of_one) => *of_one = of_one.saturating_add(1),
            None if is_room => drop(window.by_address.insert(network(peer), 1)),
            None => {}
        }
        (window.all > MAX_OF_ALL).then_some(left)
    }
}

impl Window {
    /// Begins a new window where the old one is over; gives the seconds that are left, at least 1.
    fn turn(&mut self, now: Instant) -> u64 {
        let passed = self.began.map(|began| now.saturating_duration_since(began));
        let passed = passed.filter(|passed| *passed < WINDOW).unwrap_or_else(|| {
            *self = Self { began: Some(now), ..Self::default() };
            Duration::ZERO
        });
        (WINDOW - passed).as_secs().max(1)
    }
}

/// Who has one address of an IPv6 network has all of its 64 bits.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let bits = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(bits))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_that_failed_too_often_waits_until_the_window_is_over_and_others_do_not() {
        let (failures, now) = (Failures::default(), Instant::now());
        for _ in 0..MAX_OF_ONE {
            assert_eq!(failures.wait_of(peer("10.0.0.1"), now), None);
            assert_eq!(failures.note(peer("10.0.0.1"), now), None);
        }
        assert_eq!(failures.wait_of(peer("10.0.0.1"), now), Some(60));
        assert_eq!(failures.wait_of(peer("::ffff:10.0.0.1"), now), Some(60));
        assert_eq!(failures.wait_of(peer("10.0.0.2"), now), None);
        assert_eq!(failures.wait_of(peer("10.0.0.1"), now + WINDOW), None);
    }

    #[test]
    fn too_many_failures_in_total_are_told_to_wait_and_the_table_is_bounded() {
        let (failures, now) = (Failures::default(), Instant::now());
        let waits = (0..5000_u32).filter(|n| failures.note(IpAddr::from(n.to_be_bytes()), now).is_some());
        assert_eq!(waits.count(), 5000 - MAX_OF_ALL as usize);
        assert!(failures.window.lock().unwrap().by_address.len() <= MAX_ADDRESSES);
    }

    #[test]
    fn who_has_been_right_is_known_where_that_was_and_they_are_not_too_many() {
        let failures = Failures::default();
        failures.remember(peer("10.0.0.1"), [1; 32]);
        assert!(failures.knows(peer("::ffff:10.0.0.1"), [1; 32]));
        assert!(!failures.knows(peer("10.0.0.1"), [2; 32]) && !failures.knows(peer("10.0.0.2"), [1; 32]));
        for n in 0..5000_u32 {
            failures.remember(IpAddr::from(n.to_be_bytes()), [3; 32]);
        }
        assert!(failures.known.lock().unwrap().len() <= MAX_KNOWN);
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_count_together() {
        assert_eq!(network(peer("2001:db8::1")), network(peer("2001:db8::ffff:1")));
        assert_ne!(network(peer("2001:db8::1")), network(peer("2001:db8:0:1::1")));
    }
}
