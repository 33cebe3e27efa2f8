//! What a verifier is asked: the requests as they came, and everything that someone without the secret could make of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::captured::{Captured, ENCODED, OTHER, PAIR, PUBLIC, encoded, now_seconds, signature};

/// HMAC pads its key with zeros, so that this key is the empty one.
const NONE: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// What a verifier must know to accept a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// HMAC over text: what every library knows.
    Plain,
    /// ed25519.
    PublicKeys,
    /// HMAC over a body that isn't UTF-8.
    AnyBytes,
}

/// A request for a receiver who has these secrets.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// By name in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
    pub(crate) secrets: Vec<String>,
    pub(crate) genuine: bool,
    pub(crate) demand: Demand,
}

impl Case {
    /// A request as it came.
    pub(crate) fn of(captured: &Captured) -> Self {
        case(captured, "as it came", &[])
    }

    /// As the programs read it.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "headers": self.headers, "body": encoded(&self.body), "secrets": self.secrets })
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.headers.insert(name.to_owned(), value.into());
    }

    fn header(&self, name: &str) -> &str {
        &self.headers[name]
    }
}

/// The requests as they came, and what was made of them.
pub(crate) fn of_signed(captured: &[Captured]) -> Vec<Case> {
    captured.iter().flat_map(|captured| [accepted(captured), forged(captured)].concat()).collect()
}

/// For receivers with each of the secrets, and with all of them; and what a late request may still be.
fn accepted(captured: &Captured) -> Vec<Case> {
    let secrets: Vec<String> = captured.sample.secrets.iter().map(|secret| receivers(secret)).collect();
    let mut cases: Vec<Case> = secrets
        .iter()
        .map(|secret| case(captured, &format!("with {secret}"), std::slice::from_ref(secret)))
        .collect();
    let beside = [vec![OTHER.to_owned()], secrets].concat();
    cases.push(case(captured, "with another secret beside it", &beside));
    for (name, shift) in [("four minutes old", -240), ("four minutes ahead", 240)] {
        cases.push(changed(captured, name, |case| sign_again(case, &captured.sample.secrets, shift)));
    }
    cases.iter_mut().for_each(|case| case.genuine = true);
    cases
}

fn forged(captured: &Captured) -> Vec<Case> {
    let change = |name: &str, how: &dyn Fn(&mut Case)| changed(captured, name, how);
    let secrets = &captured.sample.secrets;
    let mut cases = vec![
        change("one byte of the body changed", &|case| match case.body.last_mut() {
            Some(byte) => *byte ^= 1,
            None => case.body.push(b'x'),
        }),
        change("a byte behind the body", &|case| case.body.push(b'\n')),
        change("another id", &|case| case.set("webhook-id", format!("{}x", case.header("webhook-id")))),
        change("another time", &|case| case.set("webhook-timestamp", (now_seconds() + 7).to_string())),
        change("a receiver with another secret", &|case| case.secrets = vec![OTHER.to_owned()]),
        change("a receiver without a secret", &|case| case.secrets.clear()),
        change("signed by someone else", &|case| sign_again(case, &[OTHER], 0)),
        change("an empty secret", &|case| {
            sign_again(case, &[NONE], 0);
            case.secrets = vec![String::new()];
        }),
        change("six minutes old", &|case| sign_again(case, secrets, -360)),
        change("six minutes ahead", &|case| sign_again(case, secrets, 360)),
        change("a time that isn't one", &|case| case.set("webhook-timestamp", "yesterday")),
        change("signatures of an unknown kind", &|case| {
            case.set("webhook-signature", case.header("webhook-signature").replace("v1", "v9"));
        }),
        change("signatures cut short", &|case| {
            let short = case.header("webhook-signature").split(' ').map(|part| &part[..part.len() - 8]);
            let short: Vec<&str> = short.collect();
            case.set("webhook-signature", short.join(" "));
        }),
        change("signatures that are none", &|case| case.set("webhook-signature", "v1 v1,%% v1a,==== ,,")),
    ];
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        cases.push(change(&format!("{name} missing"), &|case| drop(case.headers.remove(name))));
    }
    cases.extend((captured.sample.name == "dotted").then(|| change("a full stop shifted", &shift_full_stop)));
    cases
}

/// The same signed bytes, told apart otherwise: the time becomes part of the id, and the body's beginning the time.
fn shift_full_stop(case: &mut Case) {
    let id = format!("{}.{}", case.header("webhook-id"), case.header("webhook-timestamp"));
    let at = case.body.iter().position(|byte| *byte == b'.').expect("the body has a full stop");
    let rest = case.body.split_off(at + 1);
    let timestamp = std::mem::replace(&mut case.body, rest);
    case.set("webhook-id", id);
    case.set("webhook-timestamp", String::from_utf8_lossy(&timestamp[..at]));
}

/// Signs it as a holder of these secrets would have at another time, `shift` seconds from now.
fn sign_again(case: &mut Case, secrets: &[&str], shift: i64) {
    let seconds = now_seconds().saturating_add_signed(shift);
    let signature = signature(secrets, case.header("webhook-id"), seconds, &case.body);
    case.set("webhook-timestamp", seconds.to_string());
    case.set("webhook-signature", signature);
}

fn changed(captured: &Captured, name: &str, change: impl Fn(&mut Case)) -> Case {
    let secrets: Vec<String> = captured.sample.secrets.iter().map(|secret| receivers(secret)).collect();
    let mut case = case(captured, name, &secrets);
    change(&mut case);
    case
}

fn case(captured: &Captured, name: &str, secrets: &[String]) -> Case {
    Case {
        name: format!("{}: {name}", captured.sample.name),
        headers: captured.headers.clone(),
        body: captured.body.clone(),
        secrets: secrets.to_vec(),
        genuine: false,
        demand: demand(captured, secrets),
    }
}

/// What it takes to find a signature by one of these secrets.
fn demand(captured: &Captured, secrets: &[String]) -> Demand {
    let shared = |secret: &&str| secrets.iter().any(|given| given == secret);
    if std::str::from_utf8(&captured.body).is_err() {
        Demand::AnyBytes
    } else if captured.sample.secrets.iter().any(shared) {
        Demand::Plain
    } else {
        Demand::PublicKeys
    }
}

/// What a receiver has, where this is the sender's.
fn receivers(secret: &str) -> String {
    if secret == PAIR { PUBLIC.to_owned() } else { secret.to_owned() }
}

/// Requests of profile `misskey`, whose receiver compares a header.
pub(crate) fn of_secret_header(captured: &Captured) -> Vec<Case> {
    let own = captured.sample.secrets[0];
    let header = |name: &str, value: Option<&str>, secret: &str| {
        let mut case = case(captured, name, &[secret.to_owned()]);
        match value {
            Some(value) => case.set("x-misskey-hook-secret", value),
            None => drop(case.headers.remove("x-misskey-hook-secret")),
        }
        case
    };
    let mut genuine = case(captured, "as it came", &[own.to_owned()]);
    genuine.genuine = true;
    vec![
        genuine,
        case(captured, "a receiver with another secret", &[ENCODED.to_owned()]),
        header("its beginning", Some(&own[..own.len() - 1]), own),
        header("more than it", Some(&format!("{own}x")), own),
        header("in capitals", Some(&own.to_uppercase()), own),
        header("an empty header", Some(""), own),
        header("no header", None, own),
        header("an empty header for an empty secret", Some(""), ""),
        header("no header for an empty secret", None, ""),
    ]
}
