//! What the guide says arrives: its examples are what a worker sends, but for host, time and the signature at that time; and
//! events as the CloudEvents library reads them.

use std::collections::BTreeMap;

use postrider_tests::receiver::request::Request;
use postrider_tests::world::{World, WorldOptions};
use serde_json::Value;

use super::captured::{ENCODED, SERVER, Sample, capture, signature, signed_samples};
use super::cases::Case;
use super::document::block;
use super::programs::ask;

const SECTION: &str = "What arrives";
/// `webhook-timestamp` of the examples: a second after the event.
const SECONDS: u64 = 1_764_324_001;

#[tokio::test]
async fn every_example_of_the_guide_is_what_a_worker_sends() {
    let world = World::with(WorldOptions::default().set("POSTRIDER_SERVER_URL", SERVER)).await;
    let to = world.receiver.url("/in");
    for profile in ["misskey", "standard", "cloudevents", "raw"] {
        let mut fields =
            vec![("to", &*to), ("hookId", "9abc"), ("userId", "9u"), ("createdAt", "1764324000123")];
        fields.extend([("eventId", "1764324000123-0"), ("type", "note"), ("profile", profile)]);
        fields.extend(match profile {
            "raw" => [("content", "note=9x&text=h%C3%A9llo"), ("secret", ENCODED)],
            "misskey" => [("content", r#"{"note":{"id":"9x"}}"#), ("secret", "s3cret")],
            _ => [("content", r#"{"note":{"id":"9x"}}"#), ("secret", ENCODED)],
        });
        fields.extend((profile == "raw").then_some(("contentType", "application/x-www-form-urlencoded")));
        world.enqueue(&fields).await;
        let sent = shown(&world.receiver.next_request().await);
        assert_eq!(block(SECTION, profile).text, sent, "docs/receivers.md should show of {profile}:\n{sent}");
    }
}

/// A request as the guide shows it.
fn shown(request: &Request) -> String {
    let body = String::from_utf8_lossy(&request.body);
    let mut text = format!("{} {} HTTP/1.1\n", request.method, request.target);
    for (name, value) in &request.headers {
        let value = match &*name.to_lowercase() {
            "host" => "hooks.example".to_owned(),
            "webhook-timestamp" => SECONDS.to_string(),
            "webhook-signature" => signed(request),
            _ => String::from_utf8_lossy(value).into_owned(),
        };
        text += &format!("{name}: {value}\n");
    }
    format!("{text}\n{body}\n")
}

fn signed(request: &Request) -> String {
    signature(&[ENCODED], request.header("webhook-id").unwrap_or_default(), SECONDS, &request.body)
}

#[tokio::test]
async fn cloudevents_of_pypi_reads_the_event_that_was_sent_and_refuses_what_is_none() {
    let mut samples: Vec<_> = signed_samples().into_iter().filter_map(Sample::into_event).collect();
    samples.push(samples[0].clone().unsigned("unsigned"));
    let captured = capture(samples).await;
    let signed =
        captured.iter().filter(|captured| captured.headers.contains_key("webhook-signature")).count();
    assert_eq!((captured.len(), signed), (10, 9));
    let genuine: Vec<Case> = captured.iter().map(Case::of).collect();
    let said = ask(SECTION, "CloudEvents in Python", &genuine).await;
    for ((case, captured), said) in genuine.iter().zip(&captured).zip(&said) {
        assert_eq!(said["data"], captured.sample.json(), "{}", case.name);
        for name in ["id", "source", "type", "specversion"] {
            assert_eq!(said["attributes"][name], case.headers[&format!("ce-{name}")], "{}", case.name);
        }
        let (time, given) =
            (case.headers["ce-time"].trim_end_matches('Z'), said["attributes"]["time"].as_str());
        assert!(given.is_some_and(|given| given.starts_with(time)), "{given:?} is {time}");
        assert_eq!(said["attributes"]["source"], SERVER);
        assert_eq!(said["attributes"]["datacontenttype"], "application/json");
        let signed_id = case.headers.get("webhook-id").unwrap_or(&case.headers["ce-id"]);
        assert_eq!(signed_id, &case.headers["ce-id"], "{}", case.name);
    }

    let without = ["ce-id", "ce-source", "ce-type"]
        .map(|name| changed(&genuine[0], |headers| drop(headers.remove(name))));
    let strange = [("ce-specversion", "9.9"), ("ce-time", "yesterday"), ("ce-id", "")]
        .map(|(name, value)| changed(&genuine[0], |headers| drop(headers.insert(name.into(), value.into()))));
    let forged = [without, strange].concat();
    let said = ask(SECTION, "CloudEvents in Python", &forged).await;
    assert!(said.iter().all(Value::is_null), "{said:#?}");
}

fn changed(case: &Case, change: impl Fn(&mut BTreeMap<String, String>)) -> Case {
    let mut case = case.clone();
    change(&mut case.headers);
    case
}
