//! What is told of each request: two or three lines for people, one JSON object for programs. No secret is in either.

use std::io::{self, Write};

use postrider_sink::describe::{labels, proof_in_words};
use postrider_sink::{Proof, Received, describe};
use serde_json::{Map, Value, json};

use super::forward::Forwarded;
use crate::terminal::{harmless, harmless_json};

/// Tells of a request. An error means that nobody reads any more.
pub(super) fn tell(
    received: &Received,
    forwarded: &Forwarded,
    target: Option<&str>,
    json: bool,
) -> io::Result<()> {
    let text = if json { line(received, forwarded, target) } else { words(received, forwarded, target) };
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

fn words(received: &Received, forwarded: &Forwarded, target: Option<&str>) -> String {
    let (told, millis, status) = (describe(received), forwarded.elapsed.as_millis(), received.status_sent);
    match (target, &forwarded.fault) {
        (None, _) => format!("{told}\n"),
        (Some(target), None) => format!("{told}\n  {target} answered {status} after {millis} ms\n"),
        (Some(target), Some(fault)) => {
            let fault = harmless(fault);
            format!("{told}\n  NO ANSWER of {target}: {fault}; told the worker {status}: it tries again\n")
        }
    }
}

fn line(received: &Received, forwarded: &Forwarded, target: Option<&str>) -> String {
    let mut object = object(received);
    let millis = target.map(|_| u64::try_from(forwarded.elapsed.as_millis()).unwrap_or(u64::MAX));
    object.extend([
        ("target".to_owned(), json!(target)),
        ("ms".to_owned(), json!(millis)),
        ("error".to_owned(), json!(forwarded.fault)),
    ]);
    harmless_json(&Value::Object(object).to_string()) + "\n"
}

/// A request that was answered and not passed on, as programs see it.
pub(in crate::cmd) fn line_of_sink(received: &Received) -> String {
    harmless_json(&Value::Object(object(received)).to_string())
}

fn object(received: &Received) -> Map<String, Value> {
    let said: Map<String, Value> =
        labels(received).into_iter().map(|(label, value)| (label.to_owned(), json!(value))).collect();
    let of = |label: &str| said.get(label).cloned().unwrap_or(Value::Null);
    let attempt = of("attempt").as_str().and_then(|attempt| attempt.parse::<u32>().ok());
    let object = json!({
        "at": received.at.as_millis(),
        "type": of("type"),
        "eventId": of("event"),
        "hookId": of("hook"),
        "attempt": attempt,
        "method": received.method,
        "path": received.path,
        "bytes": received.body.len(),
        "proof": proof(&received.proof),
        "proofSays": proof_in_words(&received.proof),
        "status": received.status_sent,
    });
    object.as_object().cloned().unwrap_or_default()
}

fn proof(proof: &Proof) -> &'static str {
    match proof {
        Proof::None => "none",
        Proof::SecretMatches | Proof::SignatureValid => "ok",
        Proof::SecretDiffers | Proof::SignatureInvalid(_) => "bad",
    }
}
