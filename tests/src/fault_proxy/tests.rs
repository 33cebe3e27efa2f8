//! The proxy between a client and an echo.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::wait::{PATIENCE, until};

/// A server that sends back what it gets, and counts it.
struct Echo {
    proxy: FaultProxy,
    heard: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl Echo {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = FaultProxy::start(listener.local_addr().unwrap()).await;
        let (count, heard) = watch::channel(0);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let count = count.clone();
                connections.spawn(async move {
                    while let Ok(byte) = stream.read_u8().await {
                        count.send_modify(|count| *count += 1);
                        let _ = stream.write_u8(byte).await;
                    }
                });
            }
        });
        Self { proxy, heard, task }
    }

    async fn client(&self) -> TcpStream {
        TcpStream::connect(self.proxy.address()).await.unwrap()
    }

    async fn hears(&self, count: usize) {
        let mut heard = self.heard.clone();
        tokio::time::timeout(PATIENCE, heard.wait_for(|now| *now >= count)).await.expect("in time").unwrap();
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sends a byte; the one that comes back, or `None` when the connection breaks.
async fn echo(client: &mut TcpStream, byte: u8) -> Option<u8> {
    client.write_u8(byte).await.ok()?;
    tokio::time::timeout(PATIENCE, client.read_u8()).await.expect("an end in time").ok()
}

#[tokio::test]
async fn bytes_pass_until_the_connection_is_cut_and_pass_again_on_a_new_one() {
    let echoing = Echo::start().await;
    let mut client = echoing.client().await;
    assert_eq!(echo(&mut client, 1).await, Some(1));
    assert_eq!(echoing.proxy.open_connections(), 1);
    echoing.proxy.cut();
    let broken = tokio::time::timeout(PATIENCE, client.read_u8()).await.expect("in time").unwrap_err();
    assert_eq!(broken.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(echo(&mut echoing.client().await, 2).await, Some(2));
}

#[tokio::test]
async fn a_lost_reply_belongs_to_something_that_the_server_has_heard() {
    let echoing = Echo::start().await;
    let mut client = echoing.client().await;
    echoing.proxy.cut_after_bytes(1);
    assert_eq!(echo(&mut client, 1).await, Some(1));
    assert_eq!(echo(&mut client, 2).await, None);
    echoing.hears(2).await;
    assert_eq!(echo(&mut echoing.client().await, 3).await, Some(3));
}

#[tokio::test]
async fn a_one_way_hole_swallows_the_replies_only() {
    let echoing = Echo::start().await;
    let mut client = echoing.client().await;
    echoing.proxy.blackhole_one_way(Direction::ToClient);
    client.write_u8(1).await.unwrap();
    echoing.hears(1).await;
    let silence = tokio::time::timeout(Duration::from_millis(50), client.read_u8()).await;
    assert!(silence.is_err(), "neither a byte nor an end: {silence:?}");
    echoing.proxy.pass();
    assert_eq!(echo(&mut client, 2).await, None, "a connection that has lost bytes is reset");
    assert_eq!(echo(&mut echoing.client().await, 3).await, Some(3));
}

#[tokio::test]
async fn a_hole_swallows_what_is_sent() {
    let echoing = Echo::start().await;
    let mut client = echoing.client().await;
    assert_eq!(echo(&mut client, 1).await, Some(1));
    echoing.proxy.blackhole();
    client.write_u8(2).await.unwrap();
    let silence = tokio::time::timeout(Duration::from_millis(50), client.read_u8()).await;
    assert!(silence.is_err() && *echoing.heard.borrow() == 1);
}

#[tokio::test]
async fn a_delay_holds_each_way_back() {
    let echoing = Echo::start().await;
    let mut client = echoing.client().await;
    echoing.proxy.delay(Duration::from_millis(30));
    let began = std::time::Instant::now();
    assert_eq!(echo(&mut client, 1).await, Some(1));
    assert!(began.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn new_connections_are_refused_while_open_ones_go_on() {
    let echoing = Echo::start().await;
    let mut open = echoing.client().await;
    assert_eq!(echo(&mut open, 1).await, Some(1));
    echoing.proxy.refuse();
    until("a new connection is refused", PATIENCE, || async {
        let Ok(mut client) = TcpStream::connect(echoing.proxy.address()).await else { return Ok(()) };
        match client.read_u8().await {
            Err(_) => Ok(()),
            Ok(byte) => Err(byte),
        }
    })
    .await;
    assert_eq!(echo(&mut open, 2).await, Some(2));
}

#[tokio::test]
async fn the_reply_to_one_command_is_lost_and_nothing_else() {
    let echoing = Echo::start().await;
    let (mut client, mut other) = (echoing.client().await, echoing.client().await);
    echoing.proxy.lose_reply_to(&[&[7]]);
    assert_eq!(echo(&mut client, 1).await, Some(1));
    assert_eq!(echo(&mut client, 7).await, None);
    echoing.proxy.wait_sprung(1).await;
    echoing.hears(2).await;
    assert_eq!(echo(&mut other, 7).await, Some(7), "a trap springs once, and cuts one connection");
}

#[tokio::test]
async fn one_command_is_answered_by_the_proxy_and_never_heard() {
    let echoing = Echo::start().await;
    let mut client = echoing.client().await;
    echoing.proxy.answer(&[&[7]], &[9]);
    assert_eq!(echo(&mut client, 7).await, Some(9));
    assert_eq!(echo(&mut client, 7).await, Some(7));
    assert_eq!(*echoing.heard.borrow(), 1);
}

#[tokio::test]
async fn open_connections_are_forgotten_for_good_and_new_ones_live() {
    let echoing = Echo::start().await;
    let mut old = echoing.client().await;
    assert_eq!(echo(&mut old, 1).await, Some(1));
    echoing.proxy.forget_open_connections();
    assert_eq!(echo(&mut echoing.client().await, 2).await, Some(2));
    old.write_u8(3).await.unwrap();
    let silence = tokio::time::timeout(Duration::from_millis(50), old.read_u8()).await;
    assert!(silence.is_err() && *echoing.heard.borrow() == 2, "{silence:?}");
}

#[tokio::test]
async fn a_slow_line_takes_as_long_as_its_rate_says() {
    let echoing = Echo::start().await;
    let mut client = echoing.client().await;
    echoing.proxy.throttle(20);
    let began = std::time::Instant::now();
    assert_eq!(echo(&mut client, 1).await, Some(1));
    assert!(began.elapsed() >= Duration::from_millis(100), "{:?}", began.elapsed());
}
