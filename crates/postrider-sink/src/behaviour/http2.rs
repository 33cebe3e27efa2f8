//! HTTP/2 that breaks the rules, over TLS. Owns what each play does with a request.

mod frame;
mod peer;

use std::io;

use tokio::net::TcpStream;

use super::book::Book;
use super::case::Case;
use frame::{Frame, Kind, Reason};
use peer::Peer;

/// Cases beyond those of the file, in its form.
pub(super) const MORE_CASES: &str = r#"[
    {"id": "http2-acks", "group": "http2", "name": "ping_ack_flood", "behaviour": "answers without end to PINGs that were never sent",
     "expect": "retried", "needs": "http2"},
    {"id": "http2-unknown", "group": "http2", "name": "unknown_frame_flood", "behaviour": "frames of an unknown type without end",
     "expect": "retried", "needs": "http2"}
]"#;

/// Bytes that a flood sends at a time.
const FLOOD_CHUNK: usize = 16 * 1024;

/// A header list of 20 kB, where 16 are a common limit.
const HUGE_LIST: (usize, usize) = (5, 4096);

/// One of them.
pub(super) struct Play(Act);

enum Act {
    /// Every other connection does this to its requests; those between accept theirs.
    OnceIn2(fn(u32) -> Vec<Frame>),
    /// Every request gets this.
    Always(fn(u32) -> Vec<Frame>),
    /// Every request gets this, and then the latter of it without end.
    Flood(fn(u32) -> (Option<Frame>, Frame)),
    /// Bodies may not be sent, and nothing is answered.
    NoWindow,
}

impl Play {
    /// The play of a case, where it is one of these.
    pub(super) fn of(case: &Case) -> Option<Self> {
        Some(Self(match case.name.as_str() {
            "goaway_no_error" => Act::OnceIn2(|_| vec![Frame::go_away(0, Reason::NoError)]),
            "refused_stream" => Act::OnceIn2(|stream| vec![Frame::reset(stream, Reason::RefusedStream)]),
            "enhance_your_calm" => Act::Always(|_| vec![Frame::go_away(0, Reason::EnhanceYourCalm)]),
            "goaway_mid_stream" => Act::Always(|stream| {
                vec![Frame::accepting(stream).with_more(), Frame::go_away(stream, Reason::NoError)]
            }),
            "settings_flood" => Act::Flood(|_| (None, Frame::of(Kind::Settings, 0))),
            "ping_flood" => Act::Flood(|_| (None, Frame::ping())),
            "ping_ack_flood" => Act::Flood(|_| (None, Frame::ping().acknowledging())),
            "unknown_frame_flood" => Act::Flood(|_| (None, Frame::of(Kind::Unknown, 0))),
            "continuation_flood" => Act::Flood(|stream| {
                (Some(Frame::accepting(stream).without_end_of_head()), Frame::of(Kind::Continuation, stream))
            }),
            "window_zero" => Act::NoWindow,
            "headers_over_16k" => Act::Always(|stream| Frame::accepting_with_list(stream, HUGE_LIST)),
            _ => return None,
        }))
    }

    /// Plays it on one connection, the `connection`th since the start (the first is 1).
    pub(super) async fn play(&self, stream: TcpStream, connection: u64, book: &Book) -> io::Result<()> {
        match &self.0 {
            Act::OnceIn2(faults) if connection % 2 == 1 => answer(*faults, stream, connection, book).await,
            Act::OnceIn2(_) => {
                answer(|stream| vec![Frame::accepting(stream)], stream, connection, book).await
            }
            Act::Always(answers) => answer(*answers, stream, connection, book).await,
            Act::Flood(frames) => flood(*frames, stream, connection, book).await,
            Act::NoWindow => leave_unanswered(stream, connection).await,
        }
    }
}

/// Answers every request with these frames. A GOAWAY among them is the last that is sent.
async fn answer(
    frames: fn(u32) -> Vec<Frame>,
    tcp: TcpStream,
    connection: u64,
    book: &Book,
) -> io::Result<()> {
    let mut peer = Peer::accept(tcp, connection, &[]).await?;
    while let Some(stream) = peer.next_request(book).await? {
        let frames = frames(stream);
        peer.send(&frames).await?;
        if frames.iter().any(|frame| frame.kind == Kind::GoAway) {
            return peer.close().await;
        }
    }
    Ok(())
}

/// Floods the sender once it has made a request, reading what it sends meanwhile, so that nothing holds the flood up.
async fn flood(
    frames: fn(u32) -> (Option<Frame>, Frame),
    tcp: TcpStream,
    connection: u64,
    book: &Book,
) -> io::Result<()> {
    let mut peer = Peer::accept(tcp, connection, &[]).await?;
    let Some(stream) = peer.next_request(book).await? else { return Ok(()) };
    let (first, rest) = frames(stream);
    peer.send(first.as_slice()).await?;
    let one = rest.to_bytes();
    peer.send_without_end(&one.repeat(FLOOD_CHUNK / one.len())).await
}

async fn leave_unanswered(tcp: TcpStream, connection: u64) -> io::Result<()> {
    let peer = Peer::accept(tcp, connection, &[(frame::INITIAL_WINDOW_SIZE, 0)]).await?;
    peer.forget_the_rest().await
}
