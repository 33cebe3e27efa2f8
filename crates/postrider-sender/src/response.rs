//! How much is read of an answer after its head: little, and not for long. What comes changes nothing about the outcome;
//! reading it to its end only keeps the connection for the next request.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Response;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout_at};

use crate::usage::Usage;

/// Most bytes of a body that are read; receivers of webhooks answer in far less.
pub(crate) const MAX_BODY_BYTES: u64 = 64 * 1024;

/// Most bytes of a failed answer's body that are kept: 1 KiB for the attempt's record, and half as much that shows what stands
/// across its end.
pub(crate) const MAX_KEPT_BYTES: usize = 1536;

/// How long the body of a 2xx is waited for: a new connection costs less than a slot that is held longer.
const ACCEPTED_GRACE: Duration = Duration::from_millis(100);

/// How long the body of any other answer is waited for: its first bytes tell the hook's owner what went wrong.
const FAILED_GRACE: Duration = Duration::from_secs(1);

/// Reads the body of a 2xx to its end, where that comes soon.
pub(crate) async fn drain(response: Response<Incoming>, deadline: Instant) {
    let _ = read(response, deadline.min(Instant::now() + ACCEPTED_GRACE), 0).await;
}

/// Reads the body of any other answer likewise, and gives its first bytes.
pub(crate) async fn first_bytes(response: Response<Incoming>, deadline: Instant) -> Bytes {
    read(response, deadline.min(Instant::now() + FAILED_GRACE), MAX_KEPT_BYTES).await
}

/// Leaving early drops the body, and with it an HTTP/1 connection.
async fn read(response: Response<Incoming>, until: Instant, max_kept: usize) -> Bytes {
    let mut kept = BytesMut::new();
    let (head, mut body) = response.into_parts();
    let mut left = MAX_BODY_BYTES;
    if body.is_end_stream() || (max_kept == 0 && body.size_hint().lower() > left) {
        return Bytes::new();
    }
    while let Ok(frame) = timeout_at(until, body.frame()).await {
        if let Some(usage) = head.extensions.get::<Usage>() {
            usage.note_answer();
        }
        let Some(Ok(frame)) = frame else { break };
        let data = frame.into_data().unwrap_or_default();
        kept.extend_from_slice(&data[..data.len().min(max_kept - kept.len())]);
        match left.checked_sub(data.len() as u64) {
            Some(rest) => left = rest,
            None => break,
        }
    }
    kept.freeze()
}
