//! One attempt against scripted receivers on the loopback interface: what they see, and what the attempt comes to.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers_of_any_kind;
mod dns;
mod endless;
mod guard;
mod http2;
mod limits;
mod outcomes;
mod proxy;
mod receiver;
mod ssrf_cases;
mod stale;
mod trust;
mod untaken;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use postrider_core::address::{AddressPolicy, Rule};
use postrider_core::endpoint::Endpoint;
use postrider_sender::{Request, Sender, SenderConfig};

/// A sender that may connect to the loopback interface.
fn sender() -> Sender {
    Sender::new(local_config()).unwrap()
}

fn local_config() -> SenderConfig {
    let allow = vec![Rule::parse("127.0.0.0/8").unwrap()];
    SenderConfig { policy: AddressPolicy { allow, ..AddressPolicy::default() }, ..SenderConfig::default() }
}

fn post(url: &str) -> Request {
    request(Endpoint::parse(url.as_bytes()).unwrap())
}

fn request(endpoint: Endpoint) -> Request {
    Request {
        endpoint,
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"{\"a\":1}"),
        timeout: Duration::from_secs(10),
    }
}

fn post_to(address: SocketAddr) -> Request {
    post(&format!("http://{address}/in?key=k"))
}

fn within(timeout: Duration, request: Request) -> Request {
    Request { timeout, ..request }
}
