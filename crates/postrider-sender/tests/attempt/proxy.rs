//! Through the operator's proxy: what it and the receiver see. What goes wrong is told in [`faults`].

mod faults;

use std::future::pending;
use std::sync::Arc;

use postrider_core::address::{AddressPolicy, Reach, Rule};
use postrider_core::outcome::Outcome;
use postrider_sender::{Lookup, Proxy, Sender, SenderConfig, Unmade};
use postrider_tests::proxy::{Conduct, ConnectProxy};
use postrider_tests::tls_front::{TlsFront, TlsIdentity};
use tokio::io::AsyncWriteExt;

use crate::http2::{acceptor, post_tls};
use crate::receiver::Receiver;
use crate::trust::{CERTIFICATE, KEY, roots};
use crate::{local_config, post, post_to};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const ACCEPTED: Outcome = Outcome::Accepted { status: 200 };

/// May go to the loopback interface, through this proxy; looks up no name at all.
fn config(proxy: &str) -> SenderConfig {
    let lookup: Lookup = Arc::new(|name| Box::pin(async move { panic!("{name} was looked up") }));
    SenderConfig { proxy: Some(Proxy::parse(proxy).unwrap()), lookup, extra_roots: roots(), ..local_config() }
}

pub(crate) fn sender(proxy: &str) -> Sender {
    Sender::new(config(proxy)).unwrap()
}

/// What an attempt to this URL comes to.
async fn attempt(sender: &Sender, url: &str) -> Result<Outcome, Unmade> {
    sender.attempt_unless(post(url), pending()).await.map(|attempt| attempt.outcome)
}

#[tokio::test]
async fn a_plain_request_goes_through_a_tunnel_as_it_would_without_a_proxy() {
    let (proxy, receiver) = (ConnectProxy::start().await, Receiver::answering(OK).await);
    assert_eq!(sender(&proxy.url("")).attempt(post_to(receiver.address)).await.outcome, ACCEPTED);
    let target = receiver.address.to_string();
    assert_eq!(proxy.heads(), [format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n")]);
    let request = receiver.requests().remove(0);
    assert!(request.starts_with("POST /in?key=k HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: {target}\r\n")), "{request}");
}

#[tokio::test]
async fn a_name_is_the_proxys_to_look_up() {
    let (proxy, receiver) = (ConnectProxy::start().await, Receiver::answering(OK).await);
    proxy.knows("hooks.example.com:80", receiver.address);
    let sender = sender(&proxy.url(""));
    assert_eq!(attempt(&sender, "http://Hooks.example.com/in").await, Ok(ACCEPTED));
    assert_eq!(proxy.targets(), ["hooks.example.com:80"]);
}

#[tokio::test]
async fn a_tunnel_is_used_again_for_its_own_receiver_only() {
    let (proxy, receiver) = (ConnectProxy::start().await, Receiver::answering(OK).await);
    let sender = sender(&proxy.url(""));
    for name in ["a.example.com", "b.example.com"] {
        proxy.knows(&format!("{name}:8080"), receiver.address);
        for _ in 0..3 {
            assert_eq!(attempt(&sender, &format!("http://{name}:8080/")).await, Ok(ACCEPTED));
        }
    }
    assert_eq!(proxy.targets(), ["a.example.com:8080", "b.example.com:8080"]);
    assert_eq!(sender.proxy_answers(), 2);
}

#[tokio::test]
async fn a_tunnel_that_its_receiver_has_closed_meanwhile_is_opened_anew() {
    let proxy = ConnectProxy::start().await;
    let receiver = Receiver::start(|mut connection| async move {
        connection.request().await;
        connection.send(OK.as_bytes()).await;
    })
    .await;
    let sender = sender(&proxy.url(""));
    for _ in 0..3 {
        assert_eq!(sender.attempt(post_to(receiver.address)).await.outcome, ACCEPTED);
    }
    assert_eq!(receiver.requests().len(), 3);
}

#[tokio::test]
async fn credentials_are_shown_to_the_proxy_and_to_nobody_else() {
    let (proxy, receiver) = (ConnectProxy::start().await, Receiver::answering(OK).await);
    let sender = sender(&proxy.url("user:canary%2B@"));
    assert_eq!(sender.attempt(post_to(receiver.address)).await.outcome, ACCEPTED);
    assert!(
        proxy.heads()[0].contains("Proxy-Authorization: Basic dXNlcjpjYW5hcnkr\r\n"),
        "{:?}",
        proxy.heads()
    );
    let request = receiver.requests().remove(0).to_lowercase();
    assert!(!request.contains("proxy-") && !request.contains("dxnlcj"), "{request}");
    assert!(!format!("{sender:?}").contains("canary"));
}

#[tokio::test]
async fn http2_is_negotiated_with_the_receiver_within_the_tunnel() {
    let proxy = ConnectProxy::start().await;
    let receiver = Receiver::start(|connection| async move {
        let tls = acceptor("h2").accept(connection.tcp).await.unwrap();
        let mut http2 = h2::server::handshake(tls).await.unwrap();
        while let Some(Ok((_, mut respond))) = http2.accept().await {
            respond.send_response(http::Response::new(()), true).unwrap();
        }
    })
    .await;
    let sender = sender(&proxy.url(""));
    for _ in 0..5 {
        assert_eq!(sender.attempt(post_tls(&receiver)).await.outcome, ACCEPTED);
    }
    assert_eq!((proxy.connections(), receiver.connections()), (1, 1));
}

#[tokio::test]
async fn the_way_to_the_proxy_may_be_encrypted_itself() {
    let (proxy, receiver) = (ConnectProxy::start().await, Receiver::answering(OK).await);
    let identity = TlsIdentity { chain: CERTIFICATE, key: KEY, client_roots: None };
    let front = TlsFront::start(identity, proxy.address()).await;
    let sender = sender(&front.url(""));
    assert_eq!(sender.attempt(post_to(receiver.address)).await.outcome, ACCEPTED);
    let secret = TlsFront::start(identity, receiver.address).await;
    assert_eq!(attempt(&sender, &secret.url("/in")).await, Ok(ACCEPTED));
    assert_eq!(proxy.targets(), [receiver.address.to_string(), secret.address().to_string()]);
}

#[tokio::test]
async fn an_ipv6_address_keeps_its_brackets() {
    let proxy = ConnectProxy::start().await;
    proxy.conduct(Conduct::status(502));
    let sender = sender(&proxy.url(""));
    for url in ["http://[2606:4700:4700::1111]/", "https://[2606:4700:4700::1111]:8443/"] {
        assert!(attempt(&sender, url).await.is_ok());
    }
    assert_eq!(proxy.targets(), ["[2606:4700:4700::1111]:80", "[2606:4700:4700::1111]:8443"]);
}

#[tokio::test]
async fn what_the_url_shows_by_itself_is_refused_before_the_proxy() {
    let proxy = ConnectProxy::start().await;
    let sender =
        Sender::new(SenderConfig { policy: AddressPolicy::default(), ..config(&proxy.url("")) }).unwrap();
    for url in [
        "http://10.0.0.1/",
        "http://127.0.0.1:8080/",
        "https://[::ffff:10.0.0.1]/",
        "http://0x7f.1/",
        "http://169.254.169.254/latest/",
        "http://localhost/",
        "http://redis.internal/",
        "http://hooks.example.com:6379/",
    ] {
        let outcome = attempt(&sender, url).await;
        assert!(matches!(outcome, Ok(Outcome::Blocked { .. })), "{url}: {outcome:?}");
    }
    assert_eq!(proxy.connections(), 0);
}

/// Whether an address of the list is the name's is for DNS to say, and that isn't asked.
#[tokio::test]
async fn with_a_list_only_names_that_it_opens_go_to_the_proxy() {
    let (proxy, receiver) = (ConnectProxy::start().await, Receiver::answering(OK).await);
    let allow = ["hooks.example.com", "93.184.216.0/24"].map(|rule| Rule::parse(rule).unwrap()).into();
    let policy = AddressPolicy { reach: Reach::List, allow, ..AddressPolicy::default() };
    let sender = Sender::new(SenderConfig { policy, ..config(&proxy.url("")) }).unwrap();
    proxy.knows("hooks.example.com:80", receiver.address);
    assert_eq!(attempt(&sender, "http://hooks.example.com/").await, Ok(ACCEPTED));
    let other = attempt(&sender, "http://other.example.com/").await;
    assert!(matches!(other, Ok(Outcome::Blocked { .. })), "{other:?}");
    assert_eq!(proxy.targets(), ["hooks.example.com:80"]);
}

/// A proxy that connects before it answers passes on whatever comes first.
#[tokio::test]
async fn what_the_receiver_says_right_behind_the_proxys_answer_is_not_lost() {
    let proxy = Receiver::start(|mut connection| async move {
        let mut early = b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec();
        early.extend_from_slice(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
        connection.request().await;
        connection.send(&early).await;
        let _ = connection.tcp.flush().await;
        connection.request().await;
    })
    .await;
    let outcome = attempt(&sender(&format!("http://{}", proxy.address)), "http://hooks.example.com/").await;
    // Whether the client takes an answer that comes before its request is a matter of moments, as without a proxy.
    assert!(
        matches!(outcome, Ok(Outcome::Unavailable { status: 503, .. } | Outcome::NoAnswer { .. })),
        "{outcome:?}"
    );
}
