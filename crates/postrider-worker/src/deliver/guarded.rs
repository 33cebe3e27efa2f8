//! A panic on the way of one job, which shall harm no other.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

/// What the future gives, or nothing where it panicked.
pub(super) fn guarded<T>(future: impl Future<Output = T>) -> impl Future<Output = Option<T>> {
    // No async fn: that would keep the future twice, once as it was given.
    AssertUnwindSafe(future).catch_unwind().map(Result::ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_in_nothing_and_other_tasks_go_on() {
        let neighbour = tokio::spawn(async { 1 });
        let failing = async {
            tokio::task::yield_now().await;
            if std::hint::black_box(true) {
                panic!("an entry that makes the code panic");
            }
        };
        assert!(guarded(failing).await.is_none());
        assert_eq!((neighbour.await.ok(), guarded(async { 2 }).await), (Some(1), Some(2)));
    }
}
