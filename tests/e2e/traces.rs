//! Traces: what a collector is told of jobs, and that nobody waits for it.

mod collector;

use std::time::{Duration, Instant};

use postrider_tests::ports::free_port;
use postrider_tests::receiver::behaviour::{Answer, Behaviour};
use postrider_tests::world::{World, WorldOptions};

use collector::{Collector, PATH, Told};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PRODUCER: &str = "00f067aa0ba902b7";
const NO_SPAN: &str = "";

/// The longest that traces may keep a worker from ending, and what starting and stopping take beside.
const LAST_SPANS: Duration = Duration::from_secs(2);
const STOP: Duration = Duration::from_secs(2);

fn traced_by(collector: &str) -> WorldOptions {
    WorldOptions::default().set("POSTRIDER_TRACES_ENDPOINT", collector).set("POSTRIDER_RETRY_BASE", "20ms")
}

fn trace_parent(flags: &str) -> String {
    format!("00-{TRACE}-{PRODUCER}-{flags}")
}

fn attempts(spans: &[Told]) -> Vec<&Told> {
    let mut attempts: Vec<_> = spans.iter().filter(|told| told.is_attempt()).collect();
    attempts.sort_by_key(|told| told.span.start_time_unix_nano);
    attempts
}

#[tokio::test]
async fn the_producers_trace_goes_on_over_wait_attempts_and_receiver_with_a_link_for_each_retry() {
    let collector = Collector::start().await;
    let world = World::with(traced_by(&collector.url())).await;
    let job = world.send_to("/fail-first/2", &[("traceparent", &trace_parent("01")), ("hookId", "h")]).await;
    world.receiver.wait_for(3).await;
    let spans = collector.wait_for(6).await;
    assert!(spans.iter().all(|told| told.trace() == TRACE && told.parent() == PRODUCER), "{spans:?}");
    assert!(spans.iter().all(|told| told.get("messaging.message.id") == job), "{spans:?}");

    let attempts = attempts(&spans);
    let known: Vec<_> = attempts
        .iter()
        .map(|told| {
            ["postrider.attempt", "http.response.status_code", "error.type", "postrider.outcome"]
                .map(|name| told.get(name))
        })
        .collect();
    let expected =
        [["1", "500", "500", "retried"], ["2", "500", "500", "retried"], ["3", "200", "", "delivered"]];
    assert_eq!(known, expected);
    assert!(attempts[0].span.links.is_empty());
    for pair in attempts.windows(2) {
        let [link] = &*pair[1].span.links else { panic!("one link: {:?}", pair[1]) };
        assert_eq!((&link.trace_id, &link.span_id), (&pair[0].span.trace_id, &pair[0].span.span_id));
    }
    let port = world.receiver.address().port().to_string();
    let place = ["http.request.method", "url.scheme", "server.address", "server.port", "postrider.hook.id"];
    assert_eq!(place.map(|name| attempts[0].get(name)), ["POST", "http", "127.0.0.1", &*port, "h"]);

    // Each request names its own attempt as its parent.
    let introduced: Vec<_> = world
        .receiver
        .requests()
        .iter()
        .map(|request| request.header("traceparent").unwrap().to_owned())
        .collect();
    let own: Vec<_> = attempts.iter().map(|told| format!("00-{TRACE}-{}-01", told.id())).collect();
    assert_eq!(introduced, own);

    let waits: Vec<_> = spans.iter().filter(|told| !told.is_attempt()).collect();
    assert_eq!(waits.len(), 3);
    assert!(waits.iter().all(|told| told.span.name == "wait postrider:deliveries"), "{waits:?}");
    assert!(waits.iter().all(|told| told.span.start_time_unix_nano <= told.span.end_time_unix_nano));
    assert_eq!(collector.resource()["service.name"], "postrider");
    world.workers[0].wait_metric("postrider_trace_spans_sent_total", &[], 6.0).await;
}

#[tokio::test]
async fn a_retry_by_another_worker_is_linked_to_the_attempt_of_the_first() {
    let collector = Collector::start().await;
    let mut world = World::with(traced_by(&collector.url()).set("POSTRIDER_RETRY_BASE", "1s")).await;
    world.send_to("/fail-first/1", &[("traceparent", &trace_parent("01"))]).await;
    world.receiver.wait_for(1).await;
    collector.wait_for(2).await;
    world.workers[0].sigterm();
    world.workers[0].wait_exit(STOP + LAST_SPANS).await;
    world.add_worker(&[]).wait_ready().await;
    let spans = collector.wait_for(4).await;
    let attempts = attempts(&spans);
    assert_eq!(attempts[1].span.links[0].span_id, attempts[0].span.span_id);
}

#[tokio::test]
async fn what_is_not_to_be_recorded_or_malformed_is_not_told_and_a_sound_header_passed_on_as_it_was() {
    let collector = Collector::start().await;
    let world = World::with(traced_by(&collector.url())).await;
    let unrecorded = trace_parent("00");
    world.send_to("/a", &[("traceparent", &unrecorded)]).await;
    world.send_to("/b", &[("traceparent", "00-xyz")]).await;
    world.send_to("/c", &[]).await;
    world.receiver.wait_for(3).await;
    world.send_to("/last", &[("traceparent", &trace_parent("01"))]).await;
    let spans = collector.wait_for(2).await;
    assert_eq!(spans.len(), 2, "of the last alone: {spans:?}");
    let passed_on = |path| world.receiver.requests_to(path)[0].header("traceparent").map(str::to_owned);
    assert_eq!(["/a", "/b", "/c"].map(passed_on), [Some(unrecorded), None, None]);
}

#[tokio::test]
async fn a_share_of_all_gives_each_job_one_trace_over_its_attempts_and_tells_receivers_nothing_of_it() {
    let collector = Collector::start().await;
    let world = World::with(traced_by(&collector.url()).set("POSTRIDER_TRACES_SHARE", "1")).await;
    world.send_to("/fail-first/1", &[]).await;
    let spans = collector.wait_for(4).await;
    assert!(spans.iter().all(|told| told.trace() == spans[0].trace()), "{spans:?}");
    let roots: Vec<_> = spans.iter().filter(|told| told.parent() == NO_SPAN).collect();
    assert_eq!(roots.len(), 1, "{spans:?}");
    assert!(!roots[0].is_attempt(), "it begins with the first wait");
    let others = spans.iter().filter(|told| told.id() != roots[0].id());
    assert!(others.into_iter().all(|told| told.parent() == roots[0].id()), "{spans:?}");
    assert!(world.receiver.requests().iter().all(|request| request.header("traceparent").is_none()));
}

#[tokio::test]
async fn a_job_that_is_buried_unsent_and_an_event_that_is_fanned_out_are_told_as_waits() {
    let collector = Collector::start().await;
    let world = World::with(traced_by(&collector.url())).await;
    let parent = trace_parent("01");
    world.send_to("/", &[("traceparent", &parent), ("expiresAt", "1")]).await;
    let spans = collector.wait_for(1).await;
    assert_eq!((spans[0].get("error.type"), &*spans[0].span.name), ("expired", "wait postrider:deliveries"));

    let url = world.receiver.url("/hook");
    let record = format!(
        r#"{{"id":"h","userId":"u","name":"n","on":["note"],"url":"{url}","secret":"s","active":true}}"#
    );
    world.register("u", "h", record.as_bytes()).await;
    let event = [("userId", "u"), ("type", "note"), ("content", "{}"), ("traceparent", &*parent)];
    let add = postrider_tests::world::xadd("postrider:events", "*", &event);
    let _: String = world.query(&add).await;
    let spans = collector.wait_for(4).await;
    assert!(spans.iter().any(|told| told.span.name == "wait postrider:events"), "{spans:?}");
    assert!(spans.iter().all(|told| told.trace() == TRACE), "{spans:?}");
}

#[tokio::test]
async fn no_secret_is_in_what_a_collector_is_sent_and_its_own_headers_are_in_no_log() {
    let collector = Collector::start().await;
    let options = traced_by(&collector.url())
        .set("POSTRIDER_TRACES_HEADERS", "X-Collector-Key=canary-key")
        .set("POSTRIDER_LOG_LEVEL", "trace");
    let world = World::with(options).await;
    let parent = trace_parent("01");
    let secrets = [
        ("traceparent", parent.as_str()),
        ("secret", "canary-secret"),
        ("header:X-Token", "canary-header"),
        ("content", r#"{"text":"canary-content"}"#),
    ];
    for to in ["/in/canary-path?token=canary-query", "/status/404/canary-path", "/close/canary-path"] {
        let to = world.receiver.url(to);
        let more = [("to", to.as_str()), ("type", "note"), ("maxAttempts", "1")];
        world.enqueue(&[&more[..], &secrets].concat()).await;
    }
    collector.wait_for(6).await;
    let requests = collector.requests();
    assert_eq!(requests[0].header("x-collector-key"), Some("canary-key"));
    for request in &requests {
        let body = String::from_utf8_lossy(&request.body);
        assert!(body.contains("server.address") && !body.contains("canary"), "{body}");
    }
    let log = world.workers[0].log();
    assert!(log.contains("traces are told") && !log.contains("canary"), "{log}");
}

#[tokio::test]
async fn a_collector_that_is_down_costs_spans_and_no_delivery() {
    let down = format!("http://127.0.0.1:{}", free_port());
    let mut world = World::with(traced_by(&down)).await;
    for _ in 0..200 {
        world.send_to("/", &[("traceparent", &trace_parent("01"))]).await;
    }
    world.receiver.wait_for(200).await;
    world.settled().await;
    world.workers[0].wait_metric("postrider_trace_spans_dropped_total", &[], 1.0).await;
    let line = world.workers[0].wait_log("spans could not be sent").await;
    assert!(line.contains("could not connect"), "{line}");
    world.workers[0].sigterm();
    assert_eq!(world.workers[0].wait_exit(LAST_SPANS + STOP).await, Some(0));
}

#[tokio::test]
async fn a_collector_that_hangs_delays_a_stop_by_two_seconds_at_most() {
    let collector = Collector::start().await;
    collector.0.behave(PATH, Behaviour::Hang);
    let mut world = World::with(traced_by(&collector.url())).await;
    world.send_to("/", &[("traceparent", &trace_parent("01"))]).await;
    world.receiver.wait_for(1).await;
    world.settled().await;
    let told = Instant::now();
    world.workers[0].sigterm();
    assert_eq!(world.workers[0].wait_exit(LAST_SPANS + STOP).await, Some(0));
    assert!(told.elapsed() < LAST_SPANS + STOP, "{:?}", told.elapsed());
    world.workers[0].wait_log("could not be sent in time").await;
}

#[tokio::test]
async fn the_spans_of_the_last_second_are_sent_before_the_worker_ends() {
    let collector = Collector::start().await;
    collector.0.behave(PATH, Behaviour::Later(Duration::from_millis(200), Answer::new(200)));
    let mut world = World::with(traced_by(&collector.url())).await;
    world.send_to("/", &[("traceparent", &trace_parent("01"))]).await;
    world.receiver.wait_for(1).await;
    world.workers[0].sigterm();
    assert_eq!(world.workers[0].wait_exit(LAST_SPANS + STOP).await, Some(0));
    assert_eq!(collector.spans().len(), 2);
}
