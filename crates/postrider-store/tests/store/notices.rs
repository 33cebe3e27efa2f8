use postrider_store::notices::{self, HookHealth, Notice, NoticeKind, Observed};

use crate::bench_of_one::Bench;

async fn registered() -> Bench {
    let bench = Bench::start().await;
    bench.ask::<usize>(&["HSET", "postrider:hooks:{u}", "h", "{}"]).await;
    bench
}

async fn note(bench: &mut Bench, succeeded: bool, failures: u32) -> HookHealth {
    let observed = Observed { latest: "{}".to_owned(), succeeded, failures };
    notices::note_health(&mut bench.link, "u", "h", &observed, 3).await.unwrap()
}

#[tokio::test]
async fn a_hook_is_failing_from_three_failures_in_a_row_until_a_success() {
    let mut bench = registered().await;
    assert_eq!(note(&mut bench, false, 2).await.change, None);
    let failing = note(&mut bench, false, 1).await;
    assert_eq!((failing.change, failing.failures), (Some(NoticeKind::HookFailing), 3));
    assert_eq!(note(&mut bench, false, 5).await.change, None, "it is told once");
    assert_eq!(note(&mut bench, true, 0).await.change, Some(NoticeKind::HookRecovered));
    assert_eq!(note(&mut bench, true, 0).await.change, None);
    assert_eq!(bench.ask::<usize>(&["EXISTS", "postrider:hooks:{u}:health"]).await, 0);
}

#[tokio::test]
async fn a_success_among_failures_starts_the_count_anew() {
    let mut bench = registered().await;
    note(&mut bench, false, 2).await;
    let health = note(&mut bench, true, 2).await;
    assert_eq!((health.change, health.failures), (None, 2));
    assert_eq!(note(&mut bench, false, 1).await.change, Some(NoticeKind::HookFailing));
}

#[tokio::test]
async fn a_hook_that_is_not_registered_leaves_nothing() {
    let mut bench = Bench::start().await;
    assert_eq!(note(&mut bench, false, 9).await.change, None);
    let keys: Vec<String> = bench.ask(&["KEYS", "postrider:hooks:*"]).await;
    assert!(keys.is_empty(), "{keys:?}");
}

#[tokio::test]
async fn notices_are_added_in_order_and_capped() {
    let mut bench = Bench::start().await;
    let notice = |number: usize| Notice {
        kind: NoticeKind::JobDead,
        user_id: "u".into(),
        hook_id: "h".into(),
        job: number.to_string().into(),
        reason: "gone".into(),
    };
    let many: Vec<Notice> = (0..500).map(notice).collect();
    for part in many.chunks(100) {
        notices::add(&mut bench.link, part, 50).await.unwrap();
    }
    let kept: usize = bench.ask(&["XLEN", "postrider:notices"]).await;
    assert!((50..=250).contains(&kept), "{kept} are kept");
    let last = bench.last_as_map("postrider:notices").await;
    assert_eq!((&*last["kind"], &*last["job"], &*last["reason"]), ("job_dead", "499", "gone"));
}
