//! HTTP/2 receivers whose frames never end, and TLS receivers that take nothing: each costs little, and not for ever.

use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::server::SendResponse;
use http::header::CONTENT_LENGTH;
use postrider_core::outcome::{NoAnswer, Outcome};
use postrider_sender::Request;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::http2::{After, acceptor, post_tls, receiver, trusting};
use crate::receiver::{Connection, Receiver};
use crate::{post_to, within};

const EMPTY_SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";

/// Settings that allow streams of any size, and a connection likewise.
const OPEN_WINDOWS: &[u8] = b"\0\0\x06\x04\0\0\0\0\0\0\x04\x7f\xff\xff\xff\0\0\x04\x08\0\0\0\0\0\x7f\xff\0\0";

/// Frames that a receiver may send at any time, and that no window limits.
const ENDLESS: &[(&str, &[u8])] = &[
    ("SETTINGS", EMPTY_SETTINGS),
    ("PING", b"\0\0\x08\x06\0\0\0\0\0postride"),
    ("PING that acknowledges nothing", b"\0\0\x08\x06\x01\0\0\0\0postride"),
    ("PRIORITY", b"\0\0\x05\x02\0\0\0\0\x01\0\0\0\0\0"),
    ("WINDOW_UPDATE of a closed stream", b"\0\0\x04\x08\0\0\0\0\x01\0\0\0\x01"),
    ("an unknown frame", b"\0\0\0\xbb\0\0\0\0\0"),
];

/// Sends one frame without end, and reads what comes meanwhile. Tells when the sender has left.
async fn flood(connection: Connection, frame: &'static [u8], left: mpsc::Sender<()>) {
    let mut tls = acceptor("h2").accept(connection.tcp).await.unwrap();
    tls.write_all(EMPTY_SETTINGS).await.unwrap();
    let (mut reading, mut writing) = tokio::io::split(tls);
    let chunk = frame.repeat(16 * 1024 / frame.len());
    let flooding = async { while writing.write_all(&chunk).await.is_ok() {} };
    let reading = async { tokio::io::copy(&mut reading, &mut tokio::io::sink()).await.is_ok() };
    tokio::join!(flooding, reading);
    left.send(()).await.unwrap();
}

#[tokio::test]
async fn frames_without_end_end_the_connection_long_before_the_deadline() {
    for (name, frame) in ENDLESS {
        let (left, mut leaving) = mpsc::channel(1);
        let receiver = Receiver::start(move |connection| flood(connection, frame, left.clone())).await;
        let started = Instant::now();
        let attempt = trusting().attempt(within(Duration::from_secs(60), post_tls(&receiver))).await;
        assert_eq!(attempt.outcome, Outcome::NoAnswer { cause: NoAnswer::Malformed }, "{name}");
        timeout(Duration::from_secs(10), leaving.recv()).await.expect(name);
        assert!(started.elapsed() < Duration::from_secs(20), "{name}: {:?}", started.elapsed());
        assert_eq!(receiver.connections(), 1, "{name}: it isn't sent again");
    }
}

/// Answers with a body that is read whole.
fn fail_at_length(_: usize, respond: &mut SendResponse<Bytes>) -> After {
    answer_at_length(500, &[b'x'; 60 * 1024], respond)
}

/// Answers with a body that is left, since its length shows in the head.
fn accept_at_length(_: usize, respond: &mut SendResponse<Bytes>) -> After {
    answer_at_length(200, &[b'x'; 1024 * 1024], respond)
}

fn answer_at_length(status: u16, body: &'static [u8], respond: &mut SendResponse<Bytes>) -> After {
    let head = http::Response::builder().status(status).header(CONTENT_LENGTH, body.len());
    let mut sending = respond.send_response(head.body(()).unwrap(), false).unwrap();
    sending.send_data(Bytes::from_static(body), true).unwrap();
    After::GoOn
}

async fn check_hundred_at_once(answer: fn(usize, &mut SendResponse<Bytes>) -> After, expected: Outcome) {
    let (receiver, _) = receiver(answer).await;
    let sender = trusting();
    assert_eq!(sender.attempt(post_tls(&receiver)).await.outcome, expected);
    let mut attempts: JoinSet<_> = (0..100)
        .map(|_| {
            let (sender, request) = (sender.clone(), post_tls(&receiver));
            async move { sender.attempt(request).await }
        })
        .collect();
    while let Some(attempt) = attempts.join_next().await {
        assert_eq!(attempt.unwrap().outcome, expected);
    }
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn many_large_answers_on_one_connection_are_no_flood() {
    check_hundred_at_once(fail_at_length, Outcome::Unavailable { status: 500, retry_after: None }).await;
    check_hundred_at_once(accept_at_length, Outcome::Accepted { status: 200 }).await;
}

/// Takes nothing of a request.
async fn never_read(connection: Connection) {
    let _connection = connection;
    std::future::pending::<()>().await;
}

/// Likewise over HTTP/2, where it allows a body of any size.
async fn never_read_http2(connection: Connection) {
    let mut tls = acceptor("h2").accept(connection.tcp).await.unwrap();
    tls.write_all(OPEN_WINDOWS).await.unwrap();
    tls.flush().await.unwrap();
    std::future::pending::<()>().await;
}

/// Makes an attempt that the receiver takes nothing of, and sees the connection end by itself.
async fn check_ends_after_two_minutes(receiver: Receiver, request: Request) {
    const OF_THE_RECEIVER: usize = 2;
    // More than all buffers on the way take.
    let body = Bytes::from(vec![b'x'; 32 * 1024 * 1024]);
    let sender = trusting();
    let attempt = sender.attempt(Request { body, ..within(Duration::from_millis(500), request) }).await;
    assert_eq!(attempt.outcome, Outcome::NoAnswer { cause: NoAnswer::Timeout });
    drop(sender);
    let tasks = || Handle::current().metrics().num_alive_tasks();
    assert!(tasks() > OF_THE_RECEIVER, "the body was taken after all");
    tokio::time::pause();
    for _ in 0..130 {
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(tasks(), OF_THE_RECEIVER, "a connection is still there after two minutes");
    tokio::time::resume();
    drop(receiver);
    until_gone(tasks).await;
}

#[tokio::test]
async fn a_receiver_that_takes_nothing_keeps_no_connection_for_ever() {
    let plain = Receiver::start(never_read).await;
    let request = post_to(plain.address);
    check_ends_after_two_minutes(plain, request).await;
    let http2 = Receiver::start(never_read_http2).await;
    let request = post_tls(&http2);
    check_ends_after_two_minutes(http2, request).await;
}

/// Waits until the tasks of a receiver that was dropped have ended.
async fn until_gone(tasks: impl Fn() -> usize) {
    for _ in 0..1000 {
        if tasks() == 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(tasks(), 0);
}
