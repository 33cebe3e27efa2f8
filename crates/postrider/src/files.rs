//! How many files, and so how many sockets, this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a worker has open beside its requests: Redis, the admin port, logs, names being resolved.
const OTHERS: u64 = 128;

/// Most requests that hold no slot while they wait, as a multiple of the slots.
const MAX_PATIENT_PER_SLOT: usize = 4;

/// Lets the process open as many as it is allowed to; many systems begin with 1,024. Gives the limit; `None`: there is none.
pub(crate) fn raise_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    // Where it may not be raised, the old one holds.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current
}

/// How many requests may wait beside those in slots: each has a socket, and each slot may have another, idle one.
pub(crate) fn max_patient(slots: usize, limit: Option<u64>) -> usize {
    let wanted = slots.saturating_mul(MAX_PATIENT_PER_SLOT);
    let Some(limit) = limit else { return wanted };
    let left = limit.saturating_sub(OTHERS).saturating_sub(slots as u64 * 2);
    wanted.min(usize::try_from(left).unwrap_or(usize::MAX))
}

/// Whether all slots can be used at once.
pub(crate) fn are_enough(slots: usize, limit: Option<u64>) -> bool {
    limit.is_none_or(|limit| limit >= slots as u64 + OTHERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_wait_leave_files_for_the_others() {
        assert_eq!(max_patient(256, None), 1_024);
        assert_eq!(max_patient(256, Some(1_000_000)), 1_024);
        assert_eq!(max_patient(256, Some(1_024)), 1_024 - 128 - 512);
        assert_eq!(max_patient(10_000, Some(1_024)), 0);
        assert!(are_enough(256, Some(1_024)) && !are_enough(1_000, Some(1_024)));
    }

    #[test]
    fn the_limit_is_raised_to_what_is_allowed() {
        assert_eq!(raise_limit(), getrlimit(Resource::Nofile).maximum);
    }
}
