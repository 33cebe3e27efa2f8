//! The admin port over real TCP.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use postrider_admin::{AdminPort, AdminState, HEADER_TIMEOUT, MAX_CONNECTIONS, RunningAdmin, STOP_GRACE};

/// A bound on every wait of these tests.
const PATIENCE: Duration = Duration::from_secs(20);

/// The engine as the port sees it, with switches.
struct Engine {
    alive: AtomicBool,
    ready: AtomicBool,
}

fn start() -> (RunningAdmin, Arc<Engine>) {
    let engine = Arc::new(Engine { alive: AtomicBool::new(true), ready: AtomicBool::new(true) });
    let (alive, ready) = (engine.clone(), engine.clone());
    let state = AdminState {
        metrics: Arc::new(|| "postrider_workers{queue=\"q\"} 1\n".to_owned()),
        readiness: Arc::new(move || match ready.ready.load(Ordering::SeqCst) {
            true => Ok(()),
            false => Err("Redis doesn't answer:\nconnection refused".to_owned()),
        }),
        alive: Arc::new(move || alive.alive.load(Ordering::SeqCst)),
    };
    let port = AdminPort::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    (port.serve(state, None).unwrap(), engine)
}

fn connect(admin: &RunningAdmin) -> TcpStream {
    let stream = TcpStream::connect_timeout(&admin.local_addr(), PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends one request and reads all of the answer.
fn ask(admin: &RunningAdmin, method: &str, path: &str) -> String {
    let mut stream = connect(admin);
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn check(answer: &str, status: u16, body: &str) {
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert_eq!(text, body, "{answer}");
}

#[test]
fn healthz_is_ok_as_long_as_the_engine_lives() {
    let (admin, engine) = start();
    check(&ask(&admin, "GET", "/healthz"), 200, "ok\n");
    engine.alive.store(false, Ordering::SeqCst);
    check(&ask(&admin, "GET", "/healthz"), 503, "the engine's loop has stopped\n");
}

#[test]
fn readyz_tells_the_cause_in_one_line() {
    let (admin, engine) = start();
    check(&ask(&admin, "GET", "/readyz"), 200, "ready\n");
    engine.ready.store(false, Ordering::SeqCst);
    check(&ask(&admin, "GET", "/readyz"), 503, "Redis doesn't answer: connection refused\n");
}

#[test]
fn metrics_come_in_the_text_format_of_prometheus() {
    let (admin, _engine) = start();
    let answer = ask(&admin, "GET", "/metrics");
    check(&answer, 200, "postrider_workers{queue=\"q\"} 1\n");
    assert!(answer.to_lowercase().contains("content-type: text/plain; version=0.0.4\r\n"), "{answer}");
}

#[test]
fn other_methods_and_paths_are_refused_in_plain_text() {
    let (admin, _engine) = start();
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        check(&ask(&admin, method, "/healthz"), 405, "only GET is answered here\n");
    }
    for path in ["/", "/healthz/", "/metrics/x", "/apis"] {
        check(&ask(&admin, "GET", path), 404, "not found; there are /healthz, /readyz and /metrics\n");
    }
}

#[test]
fn a_taken_port_is_an_error_at_once() {
    let (admin, _engine) = start();
    let error = AdminPort::bind(admin.local_addr()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

// Check 38 of an admin surface.
#[test]
fn a_connection_that_never_finishes_its_head_is_closed() {
    let (admin, _engine) = start();
    let mut stream = connect(&admin);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nX: ").unwrap();
    let began = Instant::now();
    let _ = stream.read_to_end(&mut Vec::new());
    let took = began.elapsed();
    assert!(took < HEADER_TIMEOUT + Duration::from_secs(3), "closed only after {took:?}");
}

// Check 38 of an admin surface.
#[test]
fn idle_connections_beyond_the_cap_make_probes_wait_but_never_for_good() {
    let (admin, _engine) = start();
    let idle: Vec<TcpStream> = (0..MAX_CONNECTIONS + 8).map(|_| connect(&admin)).collect();
    check(&ask(&admin, "GET", "/healthz"), 200, "ok\n");
    drop(idle);
}

#[test]
fn a_stopped_port_is_free_again_and_open_connections_are_closed() {
    let (admin, _engine) = start();
    let address = admin.local_addr();
    let mut open = connect(&admin);
    check(&ask(&admin, "GET", "/healthz"), 200, "ok\n");
    let began = Instant::now();
    admin.stop();
    assert!(began.elapsed() < STOP_GRACE + Duration::from_secs(2));
    assert_eq!(open.read(&mut [0]).unwrap_or(0), 0);
    let _ = open.shutdown(Shutdown::Both);
    AdminPort::bind(address).unwrap();
}
