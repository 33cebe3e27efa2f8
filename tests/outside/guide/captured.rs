//! Requests of a real worker, of every profile and kind of secret, with contents that are easily got wrong.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postrider_core::secret::Secret;
use postrider_core::signature::{SigningKey, sign};
use postrider_tests::receiver::request::Request;
use postrider_tests::world::{World, WorldOptions};
use serde_json::Value;

/// `server.url` of the worker.
pub(crate) const SERVER: &str = "https://misskey.example";

pub(crate) const ENCODED: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(crate) const PLAIN: &str = "correct horse battery staple";
pub(crate) const PAIR: &str =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
pub(crate) const PUBLIC: &str = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";

/// A secret that the sender never had.
pub(crate) const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd";

/// Nearly all that a job of the default size limit has room for.
const LARGE: usize = 1_000_000;

/// What is sent.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    profile: &'static str,
    content: Vec<u8>,
    /// With which it is signed, newest first: two are those of a registered hook.
    pub(crate) secrets: Vec<&'static str>,
}

impl Sample {
    /// One of profile `misskey`, which isn't signed.
    pub(crate) fn misskey() -> Self {
        let (content, secrets) = (br#"{"note":{"id":"9x"}}"#.to_vec(), vec![PLAIN]);
        Self { name: "misskey", profile: "misskey", content, secrets }
    }

    /// The same as an event; `None` of what isn't JSON.
    pub(crate) fn into_event(self) -> Option<Self> {
        let json = serde_json::from_slice::<Value>(&self.content).is_ok();
        json.then_some(Self { profile: "cloudevents", ..self })
    }

    /// The same without a signature.
    pub(crate) fn unsigned(self, name: &'static str) -> Self {
        Self { name, secrets: Vec::new(), ..self }
    }

    /// The content as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.content).unwrap_or_default()
    }
}

/// What arrived of a sample.
#[derive(Clone, Debug)]
pub(crate) struct Captured {
    pub(crate) sample: Sample,
    /// By name in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// All that are signed.
pub(crate) fn signed_samples() -> Vec<Sample> {
    let note = r#"{"note":{"id":"9x","text":"héllo ✓ \u0000 🦀"}}"#.as_bytes();
    let large = format!(r#"{{"text":"{}"}}"#, "é".repeat(LARGE / 2)).into_bytes();
    // What the shift of a full stop in `forged` would make use of.
    let dotted = format!("{}.{{\"a\":1}}", now_seconds()).into_bytes();
    let sample = |name, profile, content: &[u8], secrets: &[&'static str]| {
        let (content, secrets) = (content.to_vec(), secrets.to_vec());
        Sample { name, profile, content, secrets }
    };
    vec![
        sample("encoded", "standard", note, &[ENCODED]),
        sample("plain", "standard", note, &[PLAIN]),
        sample("spaced", "standard", b" [ 1 , 2.50 ] ", &[PLAIN]),
        sample("large", "standard", &large, &[ENCODED]),
        sample("rotating", "standard", note, &[ENCODED, PLAIN]),
        sample("pair", "standard", note, &[PAIR]),
        sample("changing-over", "standard", note, &[PAIR, PLAIN]),
        sample("events", "cloudevents", note, &[ENCODED]),
        sample("raw", "raw", note, &[PLAIN]),
        sample("dotted", "raw", &dotted, &[ENCODED]),
        sample("empty", "raw", b"", &[ENCODED]),
        sample("binary", "raw", b"\x00\xff\xfe\r\n\x80", &[PLAIN]),
    ]
}

/// The requests that a worker makes of these.
pub(crate) async fn capture(samples: Vec<Sample>) -> Vec<Captured> {
    let world = World::with(WorldOptions::default().set("POSTRIDER_SERVER_URL", SERVER)).await;
    for sample in &samples {
        send(&world, sample).await;
    }
    let requests = world.receiver.wait_for(samples.len()).await;
    world.settled().await;
    assert_eq!(world.dead_letters().await.len(), 0);
    let captured = |sample: Sample| {
        let path = format!("/{}", sample.name);
        let request = requests.iter().find(|request| request.path() == path).expect("each was sent");
        Captured { headers: headers(request), body: request.body.clone(), sample }
    };
    samples.into_iter().map(captured).collect()
}

async fn send(world: &World, sample: &Sample) {
    let to = world.receiver.url(&format!("/{}", sample.name));
    let mut fields: Vec<(&str, &[u8])> =
        vec![("type", b"note"), ("content", &sample.content), ("profile", sample.profile.as_bytes())];
    match *sample.secrets {
        [] => fields.push(("to", to.as_bytes())),
        [secret] => fields.extend([("to", to.as_bytes()), ("secret", secret.as_bytes())]),
        [new, old] => {
            let record = format!(
                r#"{{"id":"{}","userId":"9u","on":[],"url":"{to}","active":true,"secret":"{new}","secrets":[{{"secret":"{old}","until":"2999-01-01T00:00:00Z"}}]}}"#,
                sample.name
            );
            world.register("9u", sample.name, record.as_bytes()).await;
            fields.extend([("userId", &b"9u"[..]), ("hookId", sample.name.as_bytes())]);
        }
        _ => panic!("{sample:?} has more than two secrets"),
    }
    world.enqueue(&fields).await;
}

fn headers(request: &Request) -> BTreeMap<String, String> {
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).expect("headers are ASCII");
    let pairs = request.headers.iter().map(|(name, value)| (name.to_lowercase(), text(value)));
    let headers: BTreeMap<_, _> = pairs.collect();
    assert_eq!(headers.len(), request.headers.len(), "each name comes once");
    assert!(
        headers.contains_key("content-length") && !headers.contains_key("transfer-encoding"),
        "{headers:?}"
    );
    headers
}

/// Now, as `webhook-timestamp` has it.
pub(crate) fn now_seconds() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("the clock is past 1970").as_secs()
}

/// `webhook-signature` by holders of these secrets at this time.
pub(crate) fn signature(secrets: &[&str], id: &str, seconds: u64, body: &[u8]) -> String {
    let key = |secret: &&str| {
        let secret = Secret::parse(secret.as_bytes()).expect("it is visible ASCII");
        SigningKey::parse(&secret).expect("it can sign")
    };
    sign(&secrets.iter().map(key).collect::<Vec<_>>(), id, seconds, body)
}

/// For the programs.
pub(crate) fn encoded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
