//! Receivers that take their time, or never stop: each ends within its limit.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use postrider_core::outcome::{NoAnswer, Outcome};
use postrider_sender::Attempt;
use tokio::time::sleep;

use crate::receiver::{Connection, Receiver};
use crate::{post_to, sender, within};

const DEADLINE: Duration = Duration::from_millis(300);

/// Sends the same bytes for ever.
async fn flood(connection: &mut Connection, bytes: &[u8]) {
    while connection.send(bytes).await {}
}

async fn timed(receiver: &Receiver, timeout: Duration) -> (Attempt, Duration) {
    let started = Instant::now();
    let attempt = sender().attempt(within(timeout, post_to(receiver.address))).await;
    (attempt, started.elapsed())
}

#[tokio::test]
async fn silence_and_a_dripping_head_end_at_the_deadline() {
    let silent =
        Receiver::start(|mut connection| async move { while connection.request().await.is_some() {} }).await;
    let dripping = Receiver::start(|mut connection| async move {
        connection.request().await;
        for byte in b"HTTP/1.1 200 OK\r\nx: ".iter().chain(std::iter::repeat(&b'y')) {
            if !connection.send(&[*byte]).await {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    for receiver in [silent, dripping] {
        let (attempt, took) = timed(&receiver, DEADLINE).await;
        assert_eq!(attempt.outcome, Outcome::NoAnswer { cause: NoAnswer::Timeout });
        assert!(took < DEADLINE + Duration::from_secs(1), "{took:?}");
    }
}

#[tokio::test]
async fn an_endless_body_is_left_after_64_kib() {
    for status in ["200 OK", "500 Internal Server Error"] {
        let receiver = Receiver::start(move |mut connection| async move {
            connection.request().await;
            connection.send(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await;
            flood(&mut connection, &[b'x'; 16 * 1024]).await;
        })
        .await;
        let (attempt, took) = timed(&receiver, Duration::from_secs(10)).await;
        assert_eq!(attempt.outcome.status().to_string(), status[..3]);
        assert_eq!(attempt.response.map_or(0, |kept| kept.len()), if status == "200 OK" { 0 } else { 1536 });
        assert!(took < Duration::from_secs(2), "{took:?}");
        // The rest lies in the kernel's socket buffers, not in ours.
        assert!(receiver.seen.sent_bytes.load(Ordering::SeqCst) < 16 * 1024 * 1024);
    }
}

#[tokio::test]
async fn a_slow_body_holds_a_success_for_a_tenth_of_a_second_and_a_failure_for_one() {
    for (status, limit) in [("200 OK", 600), ("500 Internal Server Error", 1800)] {
        let receiver = Receiver::start(move |mut connection| async move {
            connection.request().await;
            connection.send(format!("HTTP/1.1 {status}\r\ncontent-length: 100\r\n\r\nabc").as_bytes()).await;
            connection.request().await;
        })
        .await;
        let (attempt, took) = timed(&receiver, Duration::from_secs(10)).await;
        assert_eq!(attempt.outcome.status().to_string(), status[..3]);
        assert!(took < Duration::from_millis(limit), "{took:?}");
        assert!(attempt.elapsed <= took);
    }
}

#[tokio::test]
async fn a_flood_of_interim_answers_ends_early() {
    let receiver = Receiver::start(|mut connection| async move {
        connection.request().await;
        flood(&mut connection, "HTTP/1.1 100 Continue\r\n\r\n".repeat(1000).as_bytes()).await;
    })
    .await;
    let (attempt, took) = timed(&receiver, Duration::from_secs(20)).await;
    assert_eq!(attempt.outcome, Outcome::NoAnswer { cause: NoAnswer::Malformed });
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn a_huge_head_is_malformed() {
    let receiver = Receiver::start(|mut connection| async move {
        connection.request().await;
        connection.send(b"HTTP/1.1 200 OK\r\nx: ").await;
        flood(&mut connection, &[b'y'; 4096]).await;
    })
    .await;
    let (attempt, took) = timed(&receiver, Duration::from_secs(10)).await;
    assert_eq!(attempt.outcome, Outcome::NoAnswer { cause: NoAnswer::Malformed });
    assert!(took < Duration::from_secs(5), "{took:?}");
}
