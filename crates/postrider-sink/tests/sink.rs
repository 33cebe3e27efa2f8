//! The sink over a real connection.

use std::net::SocketAddr;
use std::time::Duration;

use postrider_core::secret::Secret;
use postrider_sink::{Proof, Received, Sink, SinkConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Far more than any step needs, and little enough to end a test that hangs.
const PATIENCE: Duration = Duration::from_secs(10);

struct Running {
    address: SocketAddr,
    reports: mpsc::Receiver<Received>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Running {
    async fn start(change: impl FnOnce(&mut SinkConfig)) -> Self {
        let mut config = SinkConfig::new("127.0.0.1:0".parse().expect("an address"));
        change(&mut config);
        let (send, reports) = mpsc::channel(64);
        let sink = Sink::bind(config).await.expect("a free port").report_to(send);
        let address = sink.local_addr().expect("it listens");
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(sink.run(async move { drop(stopped.await) }));
        Self { address, reports, stop: Some(stop), task }
    }

    async fn post(&self, path: &str, headers: &str, body: &str) -> u16 {
        let length = body.len();
        let request =
            format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n{headers}\r\n{body}");
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = vec![0; 12];
        tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer))
            .await
            .expect("in time")
            .expect("an answer");
        String::from_utf8_lossy(&answer[9..]).parse().expect("a status")
    }

    async fn report(&mut self) -> Received {
        tokio::time::timeout(PATIENCE, self.reports.recv()).await.expect("in time").expect("a report")
    }
}

#[tokio::test]
async fn a_request_is_answered_and_reported_as_it_came() {
    let mut sink = Running::start(|config| {
        config.status = 202;
        config.secret = Secret::parse(b"s3cret");
    })
    .await;
    assert_eq!(sink.post("/in?a=%20", "X-Misskey-Hook-Secret: s3cret\r\n", "{\"n\":1E+2}").await, 202);
    let received = sink.report().await;
    assert_eq!(
        (&*received.method, &*received.path, &received.body[..]),
        ("POST", "/in?a=%20", &b"{\"n\":1E+2}"[..])
    );
    assert_eq!((received.status_sent, received.proof), (202, Proof::SecretMatches));
}

#[tokio::test]
async fn the_first_attempts_of_every_event_fail() {
    let sink = Running::start(|config| config.fail_first = 1).await;
    let mut statuses = Vec::new();
    for event in ["a", "b", "a", "b"] {
        statuses.push(sink.post("/", "", &format!("{{\"eventId\":\"{event}\"}}")).await);
    }
    assert_eq!(statuses, [500, 500, 200, 200]);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let sink = Running::start(|_| ()).await;
    let body = "x".repeat(postrider_sink::sink::MAX_BODY_BYTES);
    assert_eq!(sink.post("/", "", &body).await, 200);
    let request = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2097153\r\n\r\n";
    let mut stream = TcpStream::connect(sink.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await.expect("in time").unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn it_stops_although_a_client_never_ends_its_request() {
    let mut sink = Running::start(|_| ()).await;
    assert_eq!(sink.post("/", "", "{}").await, 200);
    let mut stuck = TcpStream::connect(sink.address).await.unwrap();
    stuck.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n12").await.unwrap();
    sink.stop.take();
    tokio::time::timeout(PATIENCE, sink.task).await.expect("it stops").unwrap().unwrap();
}

#[tokio::test]
async fn a_status_that_is_none_is_refused() {
    let mut config = SinkConfig::new("127.0.0.1:0".parse().unwrap());
    config.status = 100;
    assert!(Sink::bind(config).await.is_err());
}
