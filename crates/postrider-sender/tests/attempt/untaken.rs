//! Receivers that answer before they have taken the request: each costs a request until its time is over, and nothing after.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use postrider_core::outcome::Outcome;
use postrider_sender::{Request, Sender};
use postrider_tests::proxy::ConnectProxy;
use postrider_tests::tls_front::{TlsFront, TlsIdentity};
use postrider_tests::wait;
use tokio::io::AsyncReadExt;

use crate::http2::{After, acceptor, post_tls, receiver, trusting};
use crate::receiver::{Connection, Receiver};
use crate::trust::{CERTIFICATE, KEY};
use crate::{post, post_to, proxy, within};

const ACCEPTED: Outcome = Outcome::Accepted { status: 200 };

/// Answers every request at once, and takes nothing of any body beyond what the system takes for it.
async fn answer_unread(mut connection: Connection) {
    const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    connection.tcp.read_exact(&mut [0; 16]).await.unwrap();
    connection.send(OK).await;
    std::future::pending::<()>().await;
}

/// The same over HTTP/2, where no window is opened. What was begun is held, for letting go of it would be a reset.
async fn answer_unread_over_http2(connection: Connection, window: u32) {
    let tls = acceptor("h2").accept(connection.tcp).await.unwrap();
    let mut builder = h2::server::Builder::new();
    let mut http2 = builder.initial_window_size(window).handshake::<_, Bytes>(tls).await.unwrap();
    let mut held = Vec::new();
    while let Some(Ok((request, mut respond))) = http2.accept().await {
        respond.send_response(http::Response::new(()), true).unwrap();
        held.push((request, respond));
    }
}

/// Bytes that tell how many copies of them there are.
struct Counted {
    bytes: Vec<u8>,
    _copy: Arc<()>,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn counted(size: usize, copies: &Arc<()>) -> Bytes {
    Bytes::from_owner(Counted { bytes: vec![b'x'; size], _copy: Arc::clone(copies) })
}

/// Long before a connection ends by itself.
async fn until_none_is_held(copies: &Arc<()>) {
    wait::until("no body is held", Duration::from_secs(5), || async {
        let held = Arc::strong_count(copies) - 1;
        if held == 0 { Ok(()) } else { Err(held) }
    })
    .await;
}

/// Makes three attempts with a large body; each is accepted at once, and nothing is left of them when their time is over.
async fn check_lets_go(receiver: &Receiver, request: Request) {
    let (sender, copies) = (trusting(), Arc::new(()));
    for _ in 0..3 {
        let body = counted(32 * 1024 * 1024, &copies);
        let request = Request { body, ..within(Duration::from_millis(500), request.clone()) };
        let (started, attempt) = (Instant::now(), sender.attempt(request).await);
        assert_eq!(attempt.outcome, ACCEPTED);
        assert!(attempt.elapsed < Duration::from_millis(500), "the head decides: {:?}", attempt.elapsed);
        assert!(started.elapsed() < Duration::from_millis(1500), "{:?}", started.elapsed());
    }
    until_none_is_held(&copies).await;
    assert!(receiver.connections() <= 3);
}

#[tokio::test]
async fn a_receiver_that_answers_and_takes_nothing_holds_no_request_longer_than_its_time() {
    let plain = Receiver::start(answer_unread).await;
    check_lets_go(&plain, post_to(plain.address)).await;
    for window in [0, 100] {
        let http2 = Receiver::start(move |connection| answer_unread_over_http2(connection, window)).await;
        check_lets_go(&http2, post_tls(&http2)).await;
    }
}

/// Takes connections, and lets no request begin on them.
async fn let_nothing_begin(connection: Connection) {
    let tls = acceptor("h2").accept(connection.tcp).await.unwrap();
    let mut builder = h2::server::Builder::new();
    let mut http2 = builder.max_concurrent_streams(0).handshake::<_, Bytes>(tls).await.unwrap();
    while let Some(Ok(_)) = http2.accept().await {}
}

#[tokio::test]
async fn a_receiver_that_lets_no_request_begin_holds_none_longer_than_its_time() {
    let receiver = Receiver::start(let_nothing_begin).await;
    let (sender, copies) = (trusting(), Arc::new(()));
    for _ in 0..4 {
        let body = counted(10_000, &copies);
        let request = Request { body, ..within(Duration::from_millis(300), post_tls(&receiver)) };
        let (started, attempt) = (Instant::now(), sender.attempt(request).await);
        assert!(matches!(attempt.outcome, Outcome::NoAnswer { .. }), "{:?}", attempt.outcome);
        assert!(started.elapsed() < Duration::from_millis(1300), "{:?}", started.elapsed());
    }
    until_none_is_held(&copies).await;
}

/// Makes some attempts, none of which may wait for anything after its answer.
async fn check_ends_with_its_answer(sender: &Sender, request: Request) {
    let started = Instant::now();
    for size in [0, 1, 2_000, 60_000] {
        let body = Bytes::from(vec![b'x'; size]);
        assert_eq!(sender.attempt(Request { body, ..request.clone() }).await.outcome, ACCEPTED);
    }
    assert!(started.elapsed() < request.timeout / 2, "{:?}", started.elapsed());
}

#[tokio::test]
async fn an_attempt_whose_request_was_taken_ends_with_its_answer() {
    let plain = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let identity = TlsIdentity { chain: CERTIFICATE, key: KEY, client_roots: None };
    let front = TlsFront::start(identity, plain.address).await;
    let accept = |_, respond: &mut h2::server::SendResponse<Bytes>| {
        respond.send_response(http::Response::new(()), true).unwrap();
        After::GoOn
    };
    let (http2, _) = receiver(accept).await;
    let connect = ConnectProxy::start().await;
    for sender in [trusting(), proxy::sender(&connect.url(""))] {
        for request in [post_to(plain.address), post(&front.url("/in")), post_tls(&http2)] {
            check_ends_with_its_answer(&sender, request).await;
        }
    }
}
