//! The receiver over real connections.

use std::net::SocketAddr;

use super::*;
use crate::wait::until;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct Client(TcpStream);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    async fn send(&mut self, path: &str, event: &str) {
        let body = format!("{{\"eventId\":\"{event}\"}}");
        let length = body.len();
        let request = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}");
        self.0.write_all(request.as_bytes()).await.unwrap();
    }

    async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(tokio::time::timeout(PATIENCE, self.0.read_u8()).await.expect("in time").unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    async fn status(&mut self, path: &str, event: &str) -> u16 {
        self.send(path, event).await;
        self.head().await[9..12].parse().unwrap()
    }
}

#[tokio::test]
async fn requests_are_recorded_byte_for_byte() {
    let receiver = Receiver::start().await;
    let mut client = Client::connect(receiver.address()).await;
    let request =
        b"POST /a?b=%0d HTTP/1.1\r\nX-Odd:  \xff a \r\nx-odd: 2\r\nContent-Length: 3\r\n\r\n\x00\r\n";
    client.0.write_all(request).await.unwrap();
    client.head().await;
    let seen = receiver.next_request().await;
    assert_eq!((&*seen.method, &*seen.target, seen.path()), ("POST", "/a?b=%0d", "/a"));
    assert_eq!(seen.values("X-ODD"), [&b"\xff a"[..], b"2"]);
    assert_eq!(seen.body, b"\x00\r\n");
}

#[tokio::test]
async fn paths_decide_the_answer_on_one_kept_connection() {
    let receiver = Receiver::start().await;
    let mut client = Client::connect(receiver.address()).await;
    for (path, status) in
        [("/status/410", 410), ("/status/204/x?y", 204), ("/", 200), ("/slow/1", 200), ("/slow/x", 400)]
    {
        assert_eq!(client.status(path, "e").await, status, "{path}");
    }
    client.send("/retry-after/7", "e").await;
    assert!(client.head().await.contains("Retry-After: 7\r\n"));
    client.send("/redirect", "e").await;
    assert!(client.head().await.contains("307 Told\r\nLocation: /redirected\r\n"));
    assert_eq!((receiver.count(), receiver.open_connections()), (7, 1));
}

#[tokio::test]
async fn the_first_attempts_of_each_event_fail() {
    let receiver = Receiver::start().await;
    let mut client = Client::connect(receiver.address()).await;
    let mut statuses = Vec::new();
    for event in ["a", "b", "a", "b", "a"] {
        statuses.push(client.status("/fail-first/1/x", event).await);
    }
    assert_eq!(statuses, [500, 500, 200, 200, 200]);
}

#[tokio::test]
async fn a_hanging_request_is_counted_until_its_client_leaves() {
    let receiver = Receiver::start().await;
    let (mut first, mut second) =
        (Client::connect(receiver.address()).await, Client::connect(receiver.address()).await);
    first.send("/hang", "a").await;
    second.send("/hang", "b").await;
    receiver.wait_for(2).await;
    assert_eq!((receiver.open_connections(), receiver.max_concurrent("/hang")), (2, 2));
    drop((first, second));
    until("both are closed", PATIENCE, || {
        let open = receiver.open_connections();
        std::future::ready(if open == 0 { Ok(()) } else { Err(open) })
    })
    .await;
}

#[tokio::test]
async fn only_one_request_hangs_when_one_is_asked_to() {
    let receiver = Receiver::start().await;
    receiver.hang_once();
    Client::connect(receiver.address()).await.send("/", "a").await;
    receiver.wait_for(1).await;
    assert_eq!(Client::connect(receiver.address()).await.status("/", "b").await, 200);
}

#[tokio::test]
async fn held_requests_are_answered_when_they_are_released() {
    let receiver = Receiver::start().await;
    let hold = receiver.hold("/held");
    let mut client = Client::connect(receiver.address()).await;
    client.send("/held", "a").await;
    receiver.wait_for(1).await;
    hold.release(503);
    assert!(client.head().await.starts_with("HTTP/1.1 503"));
    assert_eq!(client.status("/held", "b").await, 503);
}

#[tokio::test]
async fn a_connection_can_be_closed_reset_or_answered_with_garbage() {
    let receiver = Receiver::start().await;
    receiver.behave("/raw", Behaviour::Raw(b"garbage".to_vec()));
    for (path, expected) in [("/close", Ok("")), ("/raw", Ok("garbage")), ("/reset", Err(()))] {
        let mut client = Client::connect(receiver.address()).await;
        client.send(path, "e").await;
        let mut answer = String::new();
        let read = tokio::time::timeout(PATIENCE, client.0.read_to_string(&mut answer)).await.unwrap();
        assert_eq!(read.map(|_| &*answer).map_err(drop), expected, "{path}");
    }
}

#[tokio::test]
#[should_panic(expected = "POST /seen event \"e\"")]
async fn waiting_in_vain_says_what_was_seen() {
    let receiver = Receiver::start().await;
    Client::connect(receiver.address()).await.status("/seen", "e").await;
    receiver.wait_at_most(2, Duration::from_millis(20)).await;
}
