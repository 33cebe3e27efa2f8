//! Nothing is sent to an address that is not allowed, however it is spelt or resolved.

use std::future::pending;
use std::io;
use std::net::IpAddr;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use postrider_core::address::AddressPolicy;
use postrider_core::outcome::{NoAnswer, Outcome};
use postrider_sender::{Lookup, Sender, SenderConfig};
use postrider_tests::tls_front::{TlsFront, TlsIdentity};

use crate::receiver::Receiver;
use crate::trust::{CERTIFICATE, KEY, roots};
use crate::{local_config, post, within};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const REFUSED: Outcome = Outcome::NoAnswer { cause: NoAnswer::AddressNotAllowed };

fn public_only() -> SenderConfig {
    SenderConfig { policy: AddressPolicy::default(), ..local_config() }
}

fn resolving_to(answers: &'static [&'static str]) -> Lookup {
    let answers: Vec<IpAddr> = answers.iter().map(|answer| answer.parse().unwrap()).collect();
    Arc::new(move |_| Box::pin(std::future::ready(Ok(answers.clone()))))
}

#[tokio::test]
async fn a_blocked_literal_is_never_connected_to() {
    let receiver = Receiver::answering(OK).await;
    let port = receiver.address.port();
    let sender = Sender::new(public_only()).unwrap();
    for host in
        ["127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "127.0.0.1.", "localhost", "0.0.0.0"]
    {
        let attempt = sender.attempt(post(&format!("http://{host}:{port}/"))).await;
        assert!(matches!(attempt.outcome, Outcome::Blocked { .. }), "{host}: {:?}", attempt.outcome);
        assert!(
            attempt.error.starts_with("not allowed: ") && !attempt.error.contains(host),
            "{}",
            attempt.error
        );
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn one_bad_answer_refuses_the_host_and_looks_like_any_failure_to_connect() {
    let receiver = Receiver::answering(OK).await;
    let url = format!("http://hooks.example.com:{}/", receiver.address.port());
    for answers in
        [&["127.0.0.1"][..], &["93.184.216.34", "127.0.0.1"], &["127.0.0.1", "93.184.216.34"], &["::1"]]
    {
        let sender = Sender::new(SenderConfig { lookup: resolving_to(answers), ..public_only() }).unwrap();
        let attempt = sender.attempt(post(&url)).await;
        assert_eq!((attempt.outcome, attempt.error.as_str()), (REFUSED, "could not connect"));
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn answers_that_change_gain_nothing() {
    let receiver = Receiver::answering(OK).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let lookup: Lookup = Arc::new(move |_| {
        let answer =
            if counted.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) { "127.0.0.1" } else { "127.0.0.2" };
        Box::pin(std::future::ready(Ok(vec![answer.parse().unwrap()])))
    });
    let mut config = SenderConfig { lookup, ..local_config() };
    config.policy.deny = vec!["127.0.0.1".parse().unwrap()];
    let sender = Sender::new(config).unwrap();
    for attempt in 0..100 {
        let request = post(&format!("http://hooks.example.com:{}/", receiver.address.port()));
        let outcome = sender.attempt(request).await.outcome;
        // 127.0.0.2 may be dialled, but the receiver listens on 127.0.0.1 only.
        let cause = if attempt % 2 == 0 { NoAnswer::AddressNotAllowed } else { NoAnswer::Connect };
        assert_eq!(outcome, Outcome::NoAnswer { cause });
    }
    assert_eq!((calls.load(Ordering::SeqCst), receiver.connections()), (100, 0));
}

#[tokio::test]
async fn a_name_is_looked_up_whole_unless_the_operator_opened_it() {
    let receiver = Receiver::answering(OK).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let lookup: Lookup = Arc::new(move |name| {
        log.lock().unwrap().push(name);
        Box::pin(std::future::ready(Ok(vec!["127.0.0.1".parse().unwrap()])))
    });
    let mut config = SenderConfig { lookup, ..local_config() };
    config.policy.allow.push("sink".parse().unwrap());
    let sender = Sender::new(config).unwrap();
    for host in ["Hooks.example.com", "hooks.example.com.", "sink"] {
        let outcome =
            sender.attempt(post(&format!("http://{host}:{}/", receiver.address.port()))).await.outcome;
        assert_eq!(outcome, Outcome::Accepted { status: 200 });
    }
    assert_eq!(*asked.lock().unwrap(), ["hooks.example.com.", "hooks.example.com.", "sink"]);
}

#[tokio::test]
async fn the_next_address_is_tried_where_one_does_not_answer() {
    let receiver = Receiver::answering(OK).await;
    let lookup = resolving_to(&["127.0.0.2", "127.0.0.3", "127.0.0.1"]);
    let sender = Sender::new(SenderConfig { lookup, ..local_config() }).unwrap();
    let request = post(&format!("http://hooks.example.com:{}/", receiver.address.port()));
    assert_eq!(sender.attempt(request).await.outcome, Outcome::Accepted { status: 200 });
}

#[tokio::test]
async fn a_name_without_addresses_is_no_answer() {
    let failing: Lookup = Arc::new(|_| Box::pin(std::future::ready(Err(io::Error::other("SERVFAIL")))));
    let panicking: Lookup = Arc::new(|_| Box::pin(async { panic!("a resolver's bug") }));
    let hanging: Lookup = Arc::new(|_| Box::pin(pending()));
    for (lookup, cause) in [
        (resolving_to(&[]), NoAnswer::Dns),
        (failing, NoAnswer::Dns),
        (panicking, NoAnswer::Dns),
        (hanging, NoAnswer::Timeout),
    ] {
        let sender = Sender::new(SenderConfig { lookup, ..public_only() }).unwrap();
        let attempt =
            sender.attempt(within(Duration::from_millis(200), post("http://hooks.example.com/"))).await;
        assert_eq!(attempt.outcome, Outcome::NoAnswer { cause });
    }
}

const PROXY_VARIABLES: [&str; 6] =
    ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// The variables must be there before the process starts, so the test runs itself once more with each of them.
#[tokio::test]
async fn proxies_of_the_environment_are_ignored() {
    if std::env::var_os("POSTRIDER_TEST_WITH_PROXY").is_some() {
        return send_to_a_literal_and_to_names().await;
    }
    let proxy = Receiver::answering(OK).await;
    let runs = PROXY_VARIABLES.map(|variable| {
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "guard::proxies_of_the_environment_are_ignored"]);
        again.env("POSTRIDER_TEST_WITH_PROXY", "1").env(variable, format!("http://{}", proxy.address));
        (variable, tokio::task::spawn_blocking(move || again.output()))
    });
    for (variable, run) in runs {
        let output = run.await.unwrap().unwrap();
        assert!(output.status.success(), "{variable}: {}", String::from_utf8_lossy(&output.stdout));
    }
    assert_eq!(proxy.connections(), 0);
}

async fn send_to_a_literal_and_to_names() {
    let receiver = Receiver::answering(OK).await;
    let identity = TlsIdentity { chain: CERTIFICATE, key: KEY, client_roots: None };
    let front = TlsFront::start(identity, receiver.address).await;
    let config =
        SenderConfig { lookup: resolving_to(&["127.0.0.1"]), extra_roots: roots(), ..local_config() };
    let sender = Sender::new(config).unwrap();
    let (plain, tls) = (receiver.address.port(), front.address().port());
    for url in [
        format!("http://127.0.0.1:{plain}/"),
        format!("http://ok.example.com:{plain}/"),
        format!("https://127.0.0.1:{tls}/"),
        format!("https://hooks.example:{tls}/"),
    ] {
        assert_eq!(sender.attempt(post(&url)).await.outcome, Outcome::Accepted { status: 200 }, "{url}");
    }
    assert_eq!(receiver.requests().len(), 4);
}
