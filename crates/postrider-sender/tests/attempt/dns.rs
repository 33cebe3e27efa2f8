//! Names that don't resolve, and addresses that nobody answers at: what the attempt comes to, and the verdict on its job.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use postrider_core::address::Rule;
use postrider_core::outcome::{NoAnswer, Outcome};
use postrider_core::retry::{RetryPolicy, Roll};
use postrider_core::verdict::{DeadReason, Limits, Verdict};
use postrider_sender::{Attempt, Lookup, Sender, SenderConfig};
use postrider_sink::{Behaviour, Stage};

use crate::receiver::Receiver;
use crate::{local_config, post, sender, within};

const HOST: &str = "receiver.example.com";

fn resolving(answer: impl Fn() -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Sender {
    let lookup: Lookup = Arc::new(move |_| Box::pin(std::future::ready(answer())));
    let mut config = SenderConfig { lookup, ..local_config() };
    config.policy.allow.push(Rule::parse("::1").unwrap());
    Sender::new(config).unwrap()
}

#[track_caller]
fn check_is_retried(attempt: &Attempt, cause: NoAnswer) {
    assert_eq!(attempt.outcome, Outcome::NoAnswer { cause });
    let verdict = |number| {
        let limits = Limits { max_attempts: 2, time_left: None };
        RetryPolicy::default().decide(number, &attempt.outcome, limits, Roll::new(0.0))
    };
    assert!(matches!(verdict(1), Verdict::RetryAfter(_)));
    assert_eq!(verdict(2), Verdict::Dead(DeadReason::Exhausted));
}

/// Takes an address so that packets to it vanish, as long as this lives.
async fn black_hole(at: impl Into<SocketAddr>) -> Stage {
    Stage::bind(at.into(), Behaviour::named("syn-blackhole").unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_dropped_syn_ends_at_the_deadline_and_is_retried() {
    let hole = black_hole((Ipv4Addr::LOCALHOST, 0)).await;
    let (limit, started) = (Duration::from_millis(500), Instant::now());
    let attempt = sender().attempt(within(limit, post(&hole.url()))).await;
    check_is_retried(&attempt, NoAnswer::Timeout);
    assert!(started.elapsed() < limit + Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_name_that_does_not_exist_or_has_no_address_is_retried_until_the_attempts_are_used_up() {
    let no_such_name = || Err(io::Error::new(io::ErrorKind::NotFound, "name or service not known"));
    for sender in [resolving(no_such_name), resolving(|| Ok(Vec::new()))] {
        check_is_retried(&sender.attempt(post(&format!("http://{HOST}/"))).await, NoAnswer::Dns);
    }
}

#[tokio::test]
async fn a_resolver_that_fails_is_told_like_a_missing_name_and_may_work_the_next_time() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let works = Arc::new(AtomicBool::new(false));
    let shared = Arc::clone(&works);
    let sender = resolving(move || match shared.load(Ordering::SeqCst) {
        true => Ok(vec![Ipv4Addr::LOCALHOST.into()]),
        false => Err(io::Error::other("temporary failure in name resolution")),
    });
    let url = format!("http://{HOST}:{}/", receiver.address.port());
    let failed = sender.attempt(post(&url)).await;
    check_is_retried(&failed, NoAnswer::Dns);
    assert_eq!(failed.error, "the host name did not resolve");
    assert_eq!(failed.detail.as_deref(), Some("temporary failure in name resolution"));
    works.store(true, Ordering::SeqCst);
    assert_eq!(sender.attempt(post(&url)).await.outcome, Outcome::Accepted { status: 200 });
}

#[tokio::test]
async fn a_resolver_that_never_answers_ends_at_the_deadline() {
    let lookup: Lookup = Arc::new(|_| Box::pin(std::future::pending()));
    let sender = Sender::new(SenderConfig { lookup, ..local_config() }).unwrap();
    let (limit, started) = (Duration::from_millis(300), Instant::now());
    let attempt = sender.attempt(within(limit, post(&format!("http://{HOST}/")))).await;
    check_is_retried(&attempt, NoAnswer::Timeout);
    assert!(started.elapsed() < limit + Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn an_ipv6_address_that_drops_everything_costs_a_quarter_of_a_second_before_ipv4_is_tried() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let port = receiver.address.port();
    let _hole = black_hole((Ipv6Addr::LOCALHOST, port)).await;
    let sender = resolving(|| Ok(vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]));
    let attempt = sender.attempt(post(&format!("http://{HOST}:{port}/"))).await;
    assert_eq!(attempt.outcome, Outcome::Accepted { status: 200 });
    let took = attempt.elapsed;
    assert!(took >= Duration::from_millis(250) && took < Duration::from_secs(1), "{took:?}");
}
