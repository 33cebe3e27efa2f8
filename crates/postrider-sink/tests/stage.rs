//! Behaviours as a client on a real socket meets them.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use postrider_sink::behaviour::{Book, Note, Report};
use postrider_sink::{Behaviour, Stage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

const REQUEST: &[u8] =
    b"POST /in HTTP/1.1\r\nHost: x\r\nX-Misskey-Hook-Secret: canary\r\nContent-Length: 2\r\n\r\n{}";

/// More than anything here takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// A stage that plays; it ends with its value.
struct Playing {
    address: SocketAddr,
    book: Arc<Book>,
    reports: mpsc::Receiver<Report>,
    stage: JoinSet<()>,
    stop: oneshot::Sender<()>,
}

async fn play(name: &str) -> Playing {
    let behaviour = Behaviour::named(name).unwrap();
    let (report, reports) = mpsc::channel(100);
    let stage = Stage::bind((Ipv4Addr::LOCALHOST, 0).into(), behaviour).await.unwrap().report_to(report);
    let address = stage.url().trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    let (book, (stop, stopped)) = (stage.book(), oneshot::channel());
    let mut tasks = JoinSet::new();
    tasks.spawn(stage.run(async { drop(stopped.await) }));
    Playing { address, book, reports, stage: tasks, stop }
}

impl Playing {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a request on a new connection and reads all that comes; how it ended is the second part.
    async fn ask(&self) -> (String, Result<(), ErrorKind>) {
        let mut stream = self.connect().await;
        let sent = stream.write_all(REQUEST).await;
        let mut answer = Vec::new();
        let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
        let end = sent.and(read.map(drop)).map_err(|error| error.kind());
        (String::from_utf8_lossy(&answer).into_owned(), end)
    }
}

#[tokio::test]
async fn a_fin_is_an_end_and_a_reset_is_an_error() {
    assert_eq!(play("close-while-reading-head").await.ask().await, (String::new(), Ok(())));
    let (answer, end) = play("rst-after-request").await.ask().await;
    assert_eq!((answer.as_str(), end), ("", Err(ErrorKind::ConnectionReset)));
}

#[tokio::test]
async fn a_refused_connection_keeps_its_port() {
    let playing = play("refused").await;
    for _ in 0..2 {
        let error = TcpStream::connect(playing.address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
    assert!(tokio::net::TcpListener::bind(playing.address).await.is_err());
}

#[tokio::test]
async fn each_connection_has_its_own_script_and_the_last_goes_on() {
    let playing = play("flap-500-200").await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(playing.ask().await.0[9..12].to_owned());
    }
    assert_eq!(statuses, ["500", "200", "200"]);
}

#[tokio::test]
async fn a_redirect_leads_into_the_trap() {
    let playing = play("status-307").await;
    let mut stream = playing.connect().await;
    stream.write_all(REQUEST).await.unwrap();
    let mut answer = [0; 512];
    let length = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    let location = answer.split("Location: http://").nth(1).unwrap().split('/').next().unwrap();
    assert_eq!(playing.book.trapped(), 0);
    drop(TcpStream::connect(location).await.unwrap());
    let mut reports = playing.reports;
    let trapped = async {
        while let Some(report) = reports.recv().await {
            if matches!(report.note, Note::Trapped { .. }) {
                return report.to_string();
            }
        }
        String::new()
    };
    let told = timeout(PATIENCE, trapped).await.unwrap();
    assert!(told.contains("the redirect was followed"), "{told}");
}

#[tokio::test]
async fn a_kept_connection_is_answered_again_and_its_requests_are_in_the_book() {
    let playing = play("status-204").await;
    let mut stream = playing.connect().await;
    for _ in 0..3 {
        stream.write_all(REQUEST).await.unwrap();
        let mut answer = vec![0; b"HTTP/1.1 204 No Content\r\n\r\n".len()];
        stream.read_exact(&mut answer).await.unwrap();
    }
    let requests = playing.book.requests();
    assert_eq!((playing.book.connections(), playing.book.request_count()), (1, 3));
    assert_eq!((requests[2].header("host"), requests[2].body_bytes), (Some("x"), 2));
}

#[tokio::test]
async fn a_held_connection_is_over_when_the_other_side_leaves() {
    let mut playing = play("no-read-body").await;
    let mut stream = playing.connect().await;
    stream.write_all(REQUEST).await.unwrap();
    // What was never read must not hide that the other side has gone.
    stream.write_all(&[b'x'; 100]).await.unwrap();
    drop(stream);
    let over = async {
        while let Some(report) = playing.reports.recv().await {
            if let Note::Ended { connection, .. } = report.note {
                return connection;
            }
        }
        0
    };
    assert_eq!(timeout(PATIENCE, over).await.unwrap(), 1);
}

#[tokio::test]
async fn a_flood_ends_with_its_stage() {
    let mut playing = play("body-infinite-chunked").await;
    let mut stream = playing.connect().await;
    stream.write_all(REQUEST).await.unwrap();
    let mut piece = vec![0; 100_000];
    timeout(PATIENCE, stream.read_exact(&mut piece)).await.unwrap().unwrap();
    playing.stop.send(()).unwrap();
    timeout(PATIENCE, playing.stage.join_next()).await.unwrap().unwrap().unwrap();
    let drained =
        timeout(PATIENCE, async { while stream.read(&mut piece).await.is_ok_and(|read| read > 0) {} });
    drained.await.unwrap();
}
