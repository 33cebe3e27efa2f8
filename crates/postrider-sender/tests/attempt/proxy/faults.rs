//! Whose fault it is: the proxy's, which costs no attempt, or the receiver's.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use postrider_core::outcome::{NoAnswer, Outcome};
use postrider_sender::ProxyFaultKind::{self, Auth, Connect, Protocol, Tls};
use postrider_sender::{Lookup, Sender, SenderConfig, Unmade};
use postrider_tests::proxy::{Conduct, ConnectProxy};
use postrider_tests::tls_front::{TlsFront, TlsIdentity};
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use super::{ACCEPTED, OK, attempt, config, sender};
use crate::receiver::{Connection, Receiver};
use crate::trust::{CERTIFICATE, KEY};
use crate::{post, post_to, within};

const RECEIVER: &str = "http://hooks.example.com/";
const CHALLENGE: &[u8] =
    b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n";

#[track_caller]
fn check_fault(found: Result<Outcome, Unmade>, expected: ProxyFaultKind) {
    match found {
        Err(Unmade::Proxy(fault)) if fault.kind() == expected => {}
        other => panic!("{expected:?} was expected of the proxy: {other:?}"),
    }
}

fn no_answer(cause: NoAnswer) -> Result<Outcome, Unmade> {
    Ok(Outcome::NoAnswer { cause })
}

/// The URL of a proxy that is to speak TLS, and does what a receiver's script says.
fn tls_proxy_at(receiver: &Receiver) -> String {
    format!("https://{}", receiver.address)
}

#[tokio::test]
async fn a_proxy_that_answers_no_has_told_something_about_the_receiver() {
    let proxy = ConnectProxy::start().await;
    let sender = sender(&proxy.url(""));
    for status in [101, 302, 400, 403, 404, 407, 410, 429, 500, 502, 503, 504] {
        proxy.conduct(Conduct::status(status));
        assert_eq!(attempt(&sender, RECEIVER).await, no_answer(NoAnswer::ByProxy { status }));
    }
    assert_eq!(sender.proxy_answers(), 12);
}

#[tokio::test]
async fn a_proxy_that_does_not_speak_http_or_wants_credentials_is_at_fault_itself() {
    let proxy = ConnectProxy::start().await;
    let sender = sender(&proxy.url(""));
    let answer = |bytes: &[u8]| Conduct::Answer(bytes.to_vec());
    let endless = [b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'a'; 16 * 1024]].concat();
    for (conduct, kind) in [
        (Conduct::Close, Protocol),
        (answer(b"SSH-2.0-OpenSSH\r\n\r\n"), Protocol),
        (answer(b"HTTP/1.1 200 OK\r\nhalf a head"), Protocol),
        (answer(&endless), Protocol),
        (answer(CHALLENGE), Auth),
    ] {
        proxy.conduct(conduct);
        check_fault(attempt(&sender, RECEIVER).await, kind);
    }
    assert_eq!(sender.proxy_answers(), 0, "no sign that it works");
}

#[tokio::test]
async fn a_proxy_that_can_not_be_reached_is_at_fault_itself() {
    let gone = ConnectProxy::start().await.url("");
    check_fault(attempt(&sender(&gone), RECEIVER).await, Connect);
    let nowhere: Lookup = Arc::new(|name| {
        assert_eq!(name, "proxy.internal", "only the proxy's name is looked up, as it was given");
        Box::pin(std::future::ready(Ok(Vec::new())))
    });
    let by_name = SenderConfig { lookup: nowhere, ..config("http://proxy.internal:3128") };
    check_fault(attempt(&Sender::new(by_name).unwrap(), RECEIVER).await, Connect);
}

#[tokio::test]
async fn the_proxys_name_is_looked_up_and_its_address_is_not_guarded() {
    let (proxy, receiver) = (ConnectProxy::start().await, Receiver::answering(OK).await);
    proxy.knows("hooks.example.com:80", receiver.address);
    let port = proxy.address().port();
    let lookup: Lookup = Arc::new(|_| Box::pin(std::future::ready(Ok(vec!["127.0.0.1".parse().unwrap()]))));
    let policy = postrider_core::address::AddressPolicy::default();
    let config = SenderConfig { lookup, policy, ..config(&format!("http://proxy.internal:{port}")) };
    assert_eq!(attempt(&Sender::new(config).unwrap(), RECEIVER).await, Ok(ACCEPTED));
}

#[tokio::test]
async fn tls_that_fails_with_the_proxy_is_the_proxys_fault_and_within_the_tunnel_the_receivers() {
    let proxy = ConnectProxy::start().await;
    let identity = TlsIdentity { chain: CERTIFICATE, key: KEY, client_roots: None };
    let front = TlsFront::start(identity, proxy.address()).await;
    let trusting_nobody = SenderConfig { extra_roots: Vec::new(), ..config(&front.url("")) };
    check_fault(attempt(&Sender::new(trusting_nobody).unwrap(), RECEIVER).await, Tls);
    let not_tls = Receiver::start(|mut connection| async move {
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        connection.request().await;
    })
    .await;
    check_fault(attempt(&sender(&tls_proxy_at(&not_tls)), RECEIVER).await, Tls);
    let to_plain = format!("https://{}/", not_tls.address);
    assert_eq!(attempt(&sender(&front.url("")), &to_plain).await, no_answer(NoAnswer::Tls));
}

#[tokio::test]
async fn an_open_tunnel_that_ends_early_is_the_receivers_fault() {
    let (proxy, receiver) = (ConnectProxy::start().await, Receiver::start(|_| async {}).await);
    let outcome = sender(&proxy.url("")).attempt(post_to(receiver.address)).await.outcome;
    assert_eq!(outcome, Outcome::NoAnswer { cause: NoAnswer::Closed });
}

#[tokio::test]
async fn a_proxy_waits_for_the_receiver_so_its_silence_is_the_receivers() {
    let proxy = ConnectProxy::start().await;
    proxy.conduct(Conduct::Hang);
    let request = within(Duration::from_millis(300), post(RECEIVER));
    let attempt = sender(&proxy.url("")).attempt_unless(request, pending()).await.unwrap();
    assert_eq!(attempt.outcome, Outcome::NoAnswer { cause: NoAnswer::Timeout });
    assert!(attempt.elapsed < Duration::from_millis(1300), "{:?}", attempt.elapsed);
}

#[tokio::test]
async fn silence_before_the_connection_to_the_proxy_is_there_is_the_proxys() {
    let silent = Receiver::start(|mut connection| async move {
        connection.request().await;
    })
    .await;
    let request = within(Duration::from_millis(300), post(RECEIVER));
    let unmade = sender(&tls_proxy_at(&silent)).attempt_unless(request, pending()).await;
    check_fault(unmade.map(|attempt| attempt.outcome), Connect);
}

/// The request is made in the end, over a tunnel that became free while a new one was being opened in vain.
#[tokio::test]
async fn a_receiver_that_was_asked_over_an_older_tunnel_is_charged_for_its_silence() {
    let proxy = ConnectProxy::start().await;
    let identity = TlsIdentity { chain: CERTIFICATE, key: KEY, client_roots: None };
    let front = TlsFront::start(identity, proxy.address()).await;
    let address = front.address();
    let way = Receiver::start(move |connection| first_connection_to(connection, address)).await;
    let receiver = Receiver::start(|mut connection| async move {
        connection.request().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        connection.send(OK.as_bytes()).await;
        connection.request().await;
        connection.request().await;
    })
    .await;
    let sender = sender(&tls_proxy_at(&way));
    let first = sender.attempt(post_to(receiver.address));
    let second = async {
        postrider_tests::wait::until("the first is asked", Duration::from_secs(10), || async {
            if receiver.requests().len() == 1 { Ok(()) } else { Err("not yet") }
        })
        .await;
        sender.attempt_unless(within(Duration::from_secs(1), post_to(receiver.address)), pending()).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.outcome, ACCEPTED);
    assert_eq!(second.unwrap().outcome, Outcome::NoAnswer { cause: NoAnswer::Timeout });
    assert_eq!((receiver.requests().len(), way.connections()), (2, 2));
}

/// Passes the first connection on, and leaves all others without a word.
async fn first_connection_to(mut connection: Connection, address: std::net::SocketAddr) {
    if connection.number == 1 {
        let mut behind = TcpStream::connect(address).await.unwrap();
        let _ = copy_bidirectional(&mut connection.tcp, &mut behind).await;
    } else {
        connection.request().await;
    }
}

#[tokio::test]
async fn who_can_not_put_an_attempt_off_is_told_in_words_without_place_or_password() {
    let proxy = ConnectProxy::start().await;
    proxy.conduct(Conduct::Answer(CHALLENGE.to_vec()));
    let attempt = sender(&proxy.url("canary:canary@")).attempt(post(RECEIVER)).await;
    assert_eq!(attempt.outcome, Outcome::NoAnswer { cause: NoAnswer::Proxy });
    assert_eq!(attempt.error, "the proxy refuses the credentials (407)");
}
