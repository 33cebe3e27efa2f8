//! The HTTP client: no redirects, no proxies, no cookies, no decompression, for it has none of these.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::connector::Connector;

pub(crate) type Client = legacy::Client<Connector, Full<Bytes>>;

/// Idle connections are closed before receivers do it: many close after 5 s (Node's default).
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Largest head of an answer over HTTP/1; browsers and servers accept 8 to 256 KiB.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Largest head of an answer over HTTP/2, as it is announced to receivers. Also limits how many CONTINUATION frames a head
/// may come in.
const MAX_H2_HEAD_BYTES: u32 = 16 * 1024;

/// Most bytes of one body that an HTTP/2 receiver may send ahead: as much as is read of it.
const H2_STREAM_WINDOW: u32 = crate::response::MAX_BODY_BYTES as u32;

/// Likewise over all streams of a connection; more bodies at a time wait for each other.
pub(crate) const H2_CONNECTION_WINDOW: u32 = 256 * 1024;

/// A client that keeps up to `max_idle_per_host` connections of each host; with 0, each request has a connection of its own.
pub(crate) fn client(connector: Connector, max_idle_per_host: usize) -> Client {
    legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .pool_max_idle_per_host(max_idle_per_host)
        .http1_max_buf_size(MAX_HEAD_BYTES)
        .http2_max_header_list_size(MAX_H2_HEAD_BYTES)
        .http2_initial_stream_window_size(H2_STREAM_WINDOW)
        .http2_initial_connection_window_size(H2_CONNECTION_WINDOW)
        .build(connector)
}
