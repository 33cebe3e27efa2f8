//! What the story of a job costs.

use super::*;

/// What a call would return.
fn size_of_result<A, B, R>(_: fn(A, B) -> R) -> usize {
    size_of::<R>()
}

#[test]
fn a_job_under_way_is_small_for_what_is_seldom_waited_for_is_boxed() {
    let size = size_of_result(run);
    assert!(size <= 4096, "{size} bytes are copied for each job");
}
