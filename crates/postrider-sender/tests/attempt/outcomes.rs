//! What each kind of answer comes to.

use std::time::Duration;

use http::HeaderValue;
use postrider_core::outcome::{NoAnswer, Outcome};
use tokio::net::TcpListener;

use crate::receiver::Receiver;
use crate::{post_to, sender};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[track_caller]
fn check_no_answer(outcome: &Outcome, cause: NoAnswer) {
    assert_eq!(*outcome, Outcome::NoAnswer { cause });
}

#[tokio::test]
async fn the_receiver_gets_the_request_byte_for_byte() {
    let receiver = Receiver::answering(OK).await;
    let mut request = post_to(receiver.address);
    request.headers.insert("x-misskey-hook-secret", HeaderValue::from_static("s"));
    let attempt = sender().attempt(request).await;
    assert_eq!(attempt.outcome, Outcome::Accepted { status: 200 });
    assert_eq!((attempt.error.as_str(), attempt.response, attempt.detail), ("", None, None));
    let address = receiver.address;
    assert_eq!(
        receiver.requests(),
        [format!(
            "POST /in?key=k HTTP/1.1\r\nx-misskey-hook-secret: s\r\nhost: {address}\r\ncontent-length: 7\r\n\r\n{{\"a\":1}}"
        )]
    );
}

#[tokio::test]
async fn a_body_is_no_part_of_the_outcome_of_a_2xx() {
    for answer in [
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 299 Odd\r\ntransfer-encoding: chunked\r\n\r\nbroken chunk",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab",
    ] {
        let receiver = Receiver::start(move |mut connection| async move {
            connection.request().await;
            connection.send(answer.as_bytes()).await;
        })
        .await;
        let outcome = sender().attempt(post_to(receiver.address)).await.outcome;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{answer:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_never_followed() {
    let inner = Receiver::answering(OK).await;
    let location = format!("http://{}/", inner.address);
    for status in [301, 302, 303, 307, 308] {
        let answer = format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        let receiver = Receiver::answering(answer.leak()).await;
        let outcome = sender().attempt(post_to(receiver.address)).await.outcome;
        assert_eq!(outcome, Outcome::Unavailable { status, retry_after: None });
        assert_eq!(receiver.requests().len(), 1);
    }
    assert_eq!(inner.connections(), 0);
}

#[tokio::test]
async fn a_failed_answer_keeps_at_most_its_first_kibibyte_and_a_half() {
    let answer = format!("HTTP/1.1 404 Not Found\r\ncontent-length: 5000\r\n\r\n{}", "e".repeat(5000));
    let receiver = Receiver::answering(answer.leak()).await;
    let attempt = sender().attempt(post_to(receiver.address)).await;
    assert_eq!(attempt.outcome, Outcome::Rejected { status: 404 });
    assert_eq!(attempt.error, "the receiver answered 404");
    assert_eq!(attempt.response.unwrap(), "e".repeat(1536));
}

#[tokio::test]
async fn gone_is_gone() {
    let receiver = Receiver::answering("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(sender().attempt(post_to(receiver.address)).await.outcome, Outcome::Gone);
}

#[tokio::test]
async fn retry_after_is_read_and_nonsense_ignored() {
    for (value, seconds) in [("120", Some(120)), ("99999999999999999999999", Some(u64::MAX)), ("1e300", None)]
    {
        let answer = format!("HTTP/1.1 503 Busy\r\nretry-after: {value}\r\ncontent-length: 0\r\n\r\n");
        let receiver = Receiver::answering(answer.leak()).await;
        let Outcome::Unavailable { status: 503, retry_after } =
            sender().attempt(post_to(receiver.address)).await.outcome
        else {
            panic!("503 is retried")
        };
        assert_eq!(retry_after.map(|wait| wait.as_secs()), seconds, "{value}");
    }
}

#[tokio::test]
async fn a_head_that_is_not_http_is_malformed() {
    for head in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "\0\0\0\0\0\0\0\0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
    ] {
        let receiver = Receiver::start(move |mut connection| async move {
            connection.request().await;
            connection.send(head.as_bytes()).await;
            connection.request().await;
        })
        .await;
        check_no_answer(&sender().attempt(post_to(receiver.address)).await.outcome, NoAnswer::Malformed);
    }
}

#[tokio::test]
async fn a_connection_that_ends_before_the_head_is_no_answer() {
    let resets_at_once = Receiver::start(|connection| async { connection.reset() }).await;
    let resets_after_the_request = Receiver::start(|mut connection| async move {
        connection.request().await;
        connection.reset();
    })
    .await;
    let cuts_the_head = Receiver::start(|mut connection| async move {
        connection.request().await;
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-").await;
    })
    .await;
    for receiver in [resets_at_once, resets_after_the_request, cuts_the_head] {
        check_no_answer(&sender().attempt(post_to(receiver.address)).await.outcome, NoAnswer::Closed);
        assert_eq!(receiver.connections(), 1, "a fresh connection is never resent on");
    }
}

#[tokio::test]
async fn the_log_may_tell_what_the_library_said_and_nothing_that_the_receiver_said() {
    for (head, detail) in [
        ("HTTP/1.1 canary OK\r\n\r\n", "invalid HTTP status-code parsed"),
        ("HTTP/1.1 200 OK\r\ncanary header\r\n\r\n", "invalid HTTP header parsed"),
        ("HTTP/1.1 200 OK\r\ncanary: ", "connection closed before message completed"),
    ] {
        let receiver = Receiver::start(move |mut connection| async move {
            connection.request().await;
            connection.send(head.as_bytes()).await;
        })
        .await;
        assert_eq!(sender().attempt(post_to(receiver.address)).await.detail.as_deref(), Some(detail));
    }
}

#[tokio::test]
async fn a_refused_connection_is_no_answer_and_no_address_is_told() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let attempt = sender().attempt(post_to(address)).await;
    check_no_answer(&attempt.outcome, NoAnswer::Connect);
    assert_eq!(attempt.error, "could not connect");
    assert!(attempt.detail.unwrap().starts_with("Connection refused"));
    assert!(attempt.elapsed < Duration::from_secs(5));
}
