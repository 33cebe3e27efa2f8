//! New ids and secrets, from the randomness of the operating system.

use std::io;

use postrider_core::hook::id::new_id;
use postrider_core::hook::secrets::{NEW_SECRET_BYTES, new_secret};
use postrider_core::profile::Profile;
use postrider_core::secret::Secret;
use postrider_core::time::Timestamp;

/// An id for a hook that is made now: 16 lower-case letters and digits, later ones sorting after earlier ones.
///
/// # Errors
/// The system gives no randomness.
pub fn fresh_id(now: Timestamp) -> io::Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random)?;
    Ok(new_id(now, u64::from_le_bytes(random)))
}

/// A secret that nobody knows yet, in the form of the profile.
///
/// # Errors
/// The system gives no randomness.
pub fn fresh_secret(profile: Profile) -> io::Result<Secret> {
    let mut random = [0; NEW_SECRET_BYTES];
    getrandom::fill(&mut random)?;
    Ok(new_secret(profile, random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same() {
        let now = Timestamp::from_millis(1_764_324_000_123);
        assert_ne!(fresh_id(now).unwrap(), fresh_id(now).unwrap());
        let secret = || fresh_secret(Profile::Standard).unwrap();
        assert_ne!(secret(), secret());
    }
}
