//! The sessions of the console: kept in memory, each for a few hours at most, so that one that is ended is ended. Holds
//! digests of their secrets, never these.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::auth::Caller;
use crate::auth::tokens::fresh_token;

/// Longest time that a session lasts: a working day.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(8 * 3600);

/// Sessions at a time; one more ends the one that would end first.
const MAX_SESSIONS: usize = 1000;

/// The sessions of this process.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<[u8; 32], Session>>);

#[derive(Debug)]
struct Session {
    caller: Caller,
    ends: Instant,
}

impl Sessions {
    /// Begins one, and gives its secret, 256 bits that nobody knows yet.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub(crate) fn begin(&self, caller: Caller, age: Duration) -> io::Result<String> {
        self.begin_at(caller, age, Instant::now())
    }

    fn begin_at(&self, caller: Caller, age: Duration, now: Instant) -> io::Result<String> {
        let secret = fresh_token()?;
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| session.ends > now);
        let first = sessions.iter().min_by_key(|(_, session)| session.ends).map(|(digest, _)| *digest);
        if let Some(first) = first.filter(|_| sessions.len() >= MAX_SESSIONS) {
            sessions.remove(&first);
        }
        sessions.insert(digest(&secret), Session { caller, ends: now + age.min(MAX_AGE) });
        Ok(secret)
    }

    /// Whose session this is. Digests are compared, so that the time it takes tells nothing of a secret.
    pub(crate) fn caller_of(&self, secret: &str) -> Option<Caller> {
        self.caller_at(secret, Instant::now())
    }

    fn caller_at(&self, secret: &str, now: Instant) -> Option<Caller> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = sessions.get(&digest(secret)).filter(|session| session.ends > now);
        found.map(|session| session.caller.clone())
    }

    /// Ends one.
    pub(crate) fn end(&self, secret: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest(secret));
    }
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_its_callers_until_it_ends_and_nobody_elses() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let secret = sessions.begin_at(Caller::Reader, Duration::from_secs(60), now).unwrap();
        assert_eq!(sessions.caller_at(&secret, now), Some(Caller::Reader));
        assert_eq!(sessions.caller_at(&secret[1..], now), None);
        assert_eq!(sessions.caller_at(&secret, now + Duration::from_secs(60)), None);
    }

    #[test]
    fn no_session_outlasts_a_working_day() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let secret = sessions.begin_at(Caller::Admin, Duration::MAX, now).unwrap();
        assert_eq!(sessions.caller_at(&secret, now + MAX_AGE), None);
    }

    #[test]
    fn a_session_that_was_ended_is_ended() {
        let sessions = Sessions::default();
        let secret = sessions.begin(Caller::Admin, MAX_AGE).unwrap();
        sessions.end(&secret);
        assert_eq!(sessions.caller_of(&secret), None);
    }

    #[test]
    fn there_are_never_more_than_the_bound_and_the_newest_holds() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        for n in 0..=MAX_SESSIONS as u64 {
            let secret = sessions.begin_at(Caller::Admin, Duration::from_secs(60 + n), now).unwrap();
            assert_eq!(sessions.caller_at(&secret, now), Some(Caller::Admin));
        }
        assert_eq!(sessions.0.lock().unwrap().len(), MAX_SESSIONS);
    }
}
