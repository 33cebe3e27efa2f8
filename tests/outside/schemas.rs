//! The schemas of `docs/schemas` beside the code: they accept of every case of the case file what the code accepts, but for
//! what no schema can say; what a worker writes fits them; and the description of the streams is one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use postrider_producer::{Event, Job, ProducerOptions};
use postrider_tests::cases::{Context, bad_producers};
use postrider_tests::wait::PATIENCE;
use postrider_tests::world::World;
use serde_json::{Map, Value, json};

use crate::guide::python;
use crate::program::{Program, needed, outside, root};

/// Cases of which the schema accepts more than the code, since no schema can say why not.
const BEYOND_SCHEMAS: [(&str, &[&str]); 3] = [
    (
        "content is no JSON",
        &[
            "content-not-json-01",
            "content-not-json-02",
            "content-not-json-03",
            "content-not-json-04",
            "content-not-json-05",
            "content-not-json-06",
            "content-not-json-07",
            "content-not-json-08",
            "content-not-json-09",
            "content-not-json-10",
            "content-not-json-11",
            "content-not-json-12",
            "content-not-json-13",
            "content-not-json-14",
            "content-not-json-15",
            "content-not-json-16",
            "content-not-json-17",
            "content-not-json-18",
            "content-not-json-22",
            "content-not-json-23",
            "shape-20",
        ],
    ),
    ("the entry is too large", &["size-01", "size-02"]),
    ("two header names differ only in case", &["headers-31"]),
];

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// An entry as the schemas see one; none where two fields bear one name, or bytes are no text.
fn object(fields: &Fields) -> Option<Value> {
    let mut object = Map::new();
    for (name, value) in fields {
        let (name, value) = (std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?);
        if object.insert(name.to_owned(), value.into()).is_some() {
            return None;
        }
    }
    Some(object.into())
}

/// What is wrong with each by a schema; nothing with those that fit.
async fn faults(schema: PathBuf, entries: &[Value]) -> Vec<Option<String>> {
    let asked = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let text = json!({"schema": schema, "entries": entries}).to_string();
    std::fs::write(asked.path(), text).expect("it can be written");
    let judge = Program::new(python(), vec![root().join("tests/outside/programs/schemas.py")]);
    let ended = judge.with(asked.path()).run(&[]).await;
    assert!(ended.status.success(), "{ended:?}");
    serde_json::from_slice(&ended.stdout).expect("it prints JSON")
}

fn schema(name: &str) -> PathBuf {
    root().join(format!("docs/schemas/{name}.schema.json"))
}

/// Every entry of the case file, by its case's id.
fn entries() -> Vec<(String, Fields)> {
    let context =
        Context { receiver: &|status| format!("http://hooks.example/{status}"), now_ms: 1_764_324_000_123 };
    let of_case = |case: postrider_tests::cases::Case| {
        let fields = case.entries.iter().map(|entry| entry.fields.resolve(&context)).collect::<Vec<_>>();
        fields.into_iter().map(move |fields| (case.id.clone(), fields)).collect::<Vec<_>>()
    };
    bad_producers().into_iter().flat_map(of_case).collect()
}

/// Compares a schema with the code on all entries that are objects.
async fn compare(name: &str, accepts: impl Fn(&Fields) -> bool, beyond: &[&str]) {
    let (mut objects, mut known) = (Vec::new(), Vec::new());
    for (id, fields) in entries() {
        if let Some(object) = object(&fields) {
            objects.push(object);
            known.push((id, accepts(&fields)));
        }
    }
    assert!(known.len() > 200, "{} entries are few", known.len());
    let mut differ = BTreeMap::new();
    for ((id, accepted), fault) in known.into_iter().zip(faults(schema(name), &objects).await) {
        if accepted != fault.is_none() {
            differ.insert(id, (accepted, fault));
        }
    }
    assert!(differ.values().all(|(accepted, _)| !accepted), "{name} refuses what is sound: {differ:#?}");
    let found: Vec<&str> = differ.keys().map(String::as_str).collect();
    assert_eq!(found, beyond, "what {name} can't say");
}

#[tokio::test]
async fn the_schema_of_jobs_accepts_what_the_code_accepts() {
    let rules = std::cell::RefCell::new(ProducerOptions::default().rules());
    let accepts = |fields: &Fields| rules.borrow_mut().check(&Job::from_fields(fields.clone())).is_ok();
    let mut beyond: Vec<&str> = BEYOND_SCHEMAS.iter().flat_map(|(_, cases)| cases.iter().copied()).collect();
    beyond.sort_unstable();
    compare("job", accepts, &beyond).await;
}

#[tokio::test]
async fn the_schema_of_events_accepts_what_the_code_accepts() {
    let rules = std::cell::RefCell::new(ProducerOptions::default().rules());
    let accepts =
        |fields: &Fields| rules.borrow_mut().check_event(&Event::from_fields(fields.clone())).is_ok();
    compare("event", accepts, &[]).await;
}

async fn written(world: &World, key: &str) -> Vec<Value> {
    let entries = world.entries(key).await.into_iter();
    entries.map(|(_, fields)| object(&fields).expect("what a worker writes is an object")).collect()
}

#[tokio::test]
async fn dead_letters_attempts_and_notices_fit_their_schemas() {
    let world = World::start().await;
    let hook = format!(
        r#"{{"id":"h","userId":"u","name":"n","on":["note"],"url":"{}","secret":"","active":true}}"#,
        world.receiver.url("/status/410")
    );
    world.register("u", "h", hook.as_bytes()).await;
    world.send_to("/in", &[]).await;
    world.enqueue(&[("userId", "u"), ("hookId", "h"), ("type", "note"), ("content", "{}")]).await;
    world.send_to("/in", &[("maxAttempts", "none")]).await;
    world
        .enqueue(&[("to", "http://127.0.0.2:1/"), ("type", "note"), ("content", "{}"), ("maxAttempts", "1")])
        .await;
    world.wait_for_dead(3).await;
    let noticed = || async {
        let notices = written(&world, "postrider:notices").await;
        if notices.len() >= 2 { Ok(()) } else { Err(notices.len()) }
    };
    world.until("owners are told", PATIENCE, noticed).await;
    world.settled().await;
    for (name, key, least) in [
        ("dead-letter", world.key("dead"), 3),
        ("attempt", world.key("attempts"), 3),
        ("notice", "postrider:notices".to_owned(), 2),
    ] {
        let entries = written(&world, &key).await;
        assert!(entries.len() >= least, "{} of {name}", entries.len());
        let faults: Vec<String> = faults(schema(name), &entries).await.into_iter().flatten().collect();
        assert!(faults.is_empty(), "{name}: {faults:?} of {entries:?}");
    }
}

#[tokio::test]
async fn the_description_of_the_streams_is_one_of_asyncapi_and_its_examples_fit() {
    let document = std::fs::read_to_string(root().join("docs/schemas/asyncapi.json")).expect("it is there");
    let document: Value = serde_json::from_str(&document).expect("it is JSON");
    let specification = outside().join("guide/node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json");
    let wrong = faults(needed(&specification).to_path_buf(), std::slice::from_ref(&document)).await;
    assert_eq!(wrong, [None]);
    let messages = document["components"]["messages"].as_object().expect("there are messages");
    assert_eq!(messages.len(), 5);
    for (name, message) in messages {
        assert_eq!(message["payload"]["schema"]["$ref"], format!("./{name}.schema.json"));
        let examples = message["examples"].as_array().cloned().unwrap_or_default();
        let payloads: Vec<Value> = examples.into_iter().map(|example| example["payload"].clone()).collect();
        assert!(faults(schema(name), &payloads).await.iter().all(Option::is_none), "{name}: {payloads:?}");
    }
}
