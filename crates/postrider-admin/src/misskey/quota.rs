//! How often a user may try hooks: as often as in Misskey, counted by each worker.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a test counts.
const WINDOW: Duration = Duration::from_secs(15 * 60);

/// Tests of one user in a window.
const MAX_TESTS: u32 = 60;

/// Users that are counted in a window; further ones have to wait for the next.
const MAX_USERS: usize = 10_000;

/// The tests of the current window.
#[derive(Debug, Default)]
pub(super) struct Quota(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    began: Option<Instant>,
    by_user: HashMap<String, u32>,
}

impl Quota {
    /// Counts a test.
    ///
    /// # Errors
    /// There were too many: the seconds to wait.
    pub(super) fn take(&self, user: &str, now: Instant) -> Result<(), u64> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = window.turn(now);
        let is_room = window.by_user.len() < MAX_USERS;
        match window.by_user.get_mut(user) {
            Some(tests) if *tests < MAX_TESTS => *tests += 1,
            None if is_room => drop(window.by_user.insert(user.to_owned(), 1)),
            _ => return Err(left),
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixty_first_test_of_a_user_waits_for_the_next_window_and_others_do_not() {
        let (quota, now) = (Quota::default(), Instant::now());
        for _ in 0..MAX_TESTS {
            assert_eq!(quota.take("9u", now), Ok(()));
        }
        assert_eq!(quota.take("9u", now + Duration::from_secs(60)), Err(14 * 60));
        assert_eq!(quota.take("8v", now), Ok(()));
        assert_eq!(quota.take("9u", now + WINDOW), Ok(()));
    }

    #[test]
    fn users_are_counted_up_to_a_bound() {
        let (quota, now) = (Quota::default(), Instant::now());
        let taken = (0..MAX_USERS + 1).filter(|n| quota.take(&n.to_string(), now).is_ok()).count();
        assert_eq!(taken, MAX_USERS);
        assert_eq!(quota.take("0", now), Ok(()));
    }
}
