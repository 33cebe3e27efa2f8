//! Compares what became of entries with what their cases say. Pure: values in, sentences out.

use std::time::Duration;

use postrider_tests::cases::Expectation;
use postrider_tests::receiver::request::Request;
use postrider_tests::world::Fields;

use super::run::{Added, Seen};

/// A sentence for everything that isn't as it should be.
pub(super) fn failures(added: &[Added<'_>], seen: &Seen) -> Vec<String> {
    let mut failures = Vec::new();
    for of_case in added.chunk_by(|one, next| one.case.id == next.case.id) {
        if let Some(failure) = wrong_outcomes(of_case, seen) {
            failures.push(failure);
            continue;
        }
        for one in of_case {
            failures
                .extend(wrong_details(one, seen).into_iter().map(|fault| format!("{}: {fault}", one.name())));
        }
    }
    failures
}

/// A sentence when there are dead letters that belong to no entry, or to one twice.
pub(super) fn stray_letters(added: &[Added<'_>], seen: &Seen) -> Option<String> {
    let dead = added.iter().filter(|one| dead_letter(one, seen).is_some()).count();
    let letters = seen.dead.len();
    (dead != letters).then(|| format!("{letters} dead letters of {dead} dead entries"))
}

fn wrong_outcomes(of_case: &[Added<'_>], seen: &Seen) -> Option<String> {
    let found: Vec<Expectation> = of_case.iter().map(|one| outcome(one, seen)).collect();
    let fits = if share_an_id(of_case) {
        // Which of them comes first is up to the receiver's answers.
        sorted(found.iter().cloned()) == sorted(of_case.iter().map(|one| one.entry.expect.clone()))
    } else {
        of_case
            .iter()
            .zip(&found)
            .all(|(one, found)| one.entry.expect == *found || one.entry.also_ok.contains(found))
    };
    let expected: Vec<_> = of_case.iter().map(|one| &one.entry.expect).collect();
    let unread = of_case.iter().filter(|one| seen.in_stream.contains(&one.id)).count();
    let name = of_case.first()?.name();
    (!fits).then(|| format!("{name}: expected {expected:?}, found {found:?}, {unread} still in the stream"))
}

fn share_an_id(of_case: &[Added<'_>]) -> bool {
    let ids = sorted(of_case.iter().map(Added::job));
    ids.windows(2).any(|pair| pair[0] == pair[1])
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort_unstable();
    items
}

fn outcome(one: &Added<'_>, seen: &Seen) -> Expectation {
    if let Some(letter) = dead_letter(one, seen) {
        return Expectation::Dead(text(letter, "_reason"));
    }
    if one.requests(&seen.requests).iter().any(|request| request.path().starts_with("/status/2")) {
        return Expectation::Delivered;
    }
    if seen.waiting.iter().any(|(id, _)| id == one.job()) {
        return Expectation::Waiting;
    }
    Expectation::Discarded
}

/// The dead letter that holds this entry's own fields, whole and in order.
fn dead_letter<'s>(one: &Added<'_>, seen: &'s Seen) -> Option<&'s Fields> {
    seen.dead.iter().find(|letter| own_fields(letter).eq(own_fields(&one.fields)))
}

fn own_fields(fields: &Fields) -> impl Iterator<Item = &(Vec<u8>, Vec<u8>)> {
    fields.iter().filter(|(name, _)| !name.starts_with(b"_"))
}

fn text(fields: &Fields, name: &str) -> String {
    let value = fields.iter().find(|(given, _)| given == name.as_bytes()).map(|(_, value)| value.as_slice());
    String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
}

fn wrong_details(one: &Added<'_>, seen: &Seen) -> Vec<String> {
    let requests = one.requests(&seen.requests);
    let mut faults = match (outcome(one, seen), dead_letter(one, seen)) {
        (Expectation::Delivered, _) => wrong_delivery(one, &requests, seen),
        (Expectation::Dead(reason), Some(letter)) => wrong_letter(one, &reason, letter, &requests),
        (Expectation::Waiting, _) => wrong_waiting(one, seen),
        _ => Vec::new(),
    };
    if seen.in_stream.contains(&one.id) {
        faults.push("its entry is still in the stream".to_owned());
    }
    faults
}

fn wrong_delivery(one: &Added<'_>, requests: &[&Request], seen: &Seen) -> Vec<String> {
    let mut faults = Vec::new();
    if requests.len() != 1 {
        faults.push(format!("{} requests instead of one", requests.len()));
    }
    if one.case.entries.len() == 1 && seen.waiting.iter().any(|(id, _)| id == one.job()) {
        faults.push("it was delivered, and waits all the same".to_owned());
    }
    for request in requests {
        faults.extend(wrong_target(one, request));
        faults.extend(wrong_body(one, request));
        faults.extend(wrong_headers(one, request));
        let took = request.at.saturating_duration_since(one.at);
        if one.entry.within_s.is_some_and(|limit| took > Duration::from_secs(limit)) {
            faults.push(format!("it took {took:?}"));
        }
    }
    faults
}

fn wrong_target(one: &Added<'_>, request: &Request) -> Option<String> {
    let to = String::from_utf8_lossy(one.field("to")?).into_owned();
    (!to.ends_with(&request.target)).then(|| format!("asked for {:?} instead of {to:?}", request.target))
}

fn wrong_body(one: &Added<'_>, request: &Request) -> Vec<String> {
    let sent = &one.entry.sent;
    let mut faults = Vec::new();
    if sent.verbatim && request.body != verbatim(one, &request.body) {
        faults.push("the content was not sent byte for byte".to_owned());
    }
    let body = request.json();
    for (key, value) in sent.json.iter().filter(|(key, value)| body.get(key) != Some(value)) {
        faults.push(format!("{key} is {:?} instead of {value}", body.get(key)));
    }
    for key in sent.absent_keys.iter().filter(|key| body.get(key).is_some()) {
        faults.push(format!("key {key} should not be there"));
    }
    let keys: Vec<&String> = body.as_object().map_or_else(Vec::new, |body| body.keys().collect());
    if !sent.key_order.is_empty() && keys != sent.key_order.iter().collect::<Vec<_>>() {
        faults.push(format!("keys {keys:?} instead of {:?}", sent.key_order));
    }
    faults
}

/// The body that a verbatim content makes, given the envelope that was found around it.
fn verbatim(one: &Added<'_>, body: &[u8]) -> Vec<u8> {
    let content = one.field("content").unwrap_or_default();
    if one.field("profile") == Some(b"raw") {
        return content.to_vec();
    }
    const KEY: &[u8] = br#","body":"#;
    let end = body.windows(KEY.len()).position(|window| window == KEY).map_or(0, |at| at + KEY.len());
    [&body[..end], content, b"}"].concat()
}

fn wrong_headers(one: &Added<'_>, request: &Request) -> Vec<String> {
    let sent = &one.entry.sent;
    let mut faults = Vec::new();
    for (name, value) in &sent.headers {
        let found = request.values(name);
        if found != [value.as_bytes()] {
            let found: Vec<_> = found.into_iter().map(String::from_utf8_lossy).collect();
            faults.push(format!("header {name} is {found:?} instead of {value:?}"));
        }
    }
    for name in sent.absent_headers.iter().filter(|name| !request.values(name).is_empty()) {
        faults.push(format!("header {name} should not be there"));
    }
    if let Some((name, value)) = &sent.no_header_value
        && request.values(name).contains(&value.as_bytes())
    {
        faults.push(format!("header {name} should not have the value {value:?}"));
    }
    let trace_id = request.header("traceparent").and_then(|parent| parent.split('-').nth(1));
    if sent.trace_id.is_some() && sent.trace_id.as_deref() != trace_id {
        faults.push(format!("the trace id is {trace_id:?} instead of {:?}", sent.trace_id));
    }
    faults
}

fn wrong_letter(one: &Added<'_>, reason: &str, letter: &Fields, requests: &[&Request]) -> Vec<String> {
    let mut faults = Vec::new();
    let error = text(letter, "_error");
    let names = &one.entry.names;
    if reason == "invalid" && !names.is_empty() && !names.iter().any(|name| is_named(name, &error)) {
        faults.push(format!("the sentence {error:?} names none of {names:?}"));
    }
    let secret = one.field("secret").unwrap_or_default().trim_ascii();
    // Shorter ones, a bare prefix among them, occur in sentences that are right.
    if secret.len() > 8 && error.contains(&*String::from_utf8_lossy(secret)) {
        faults.push("the sentence holds the secret".to_owned());
    }
    for (name, value) in one.entry.dead_letter.iter().filter(|(name, value)| text(letter, name) != **value) {
        faults.push(format!("{name} of the dead letter is {:?} instead of {value:?}", text(letter, name)));
    }
    if matches!(reason, "invalid" | "blocked" | "expired" | "unknown_hook") {
        faults.extend((!requests.is_empty()).then(|| "a request was made".to_owned()));
        faults.extend((text(letter, "_attempts") != "0").then(|| "attempts were counted".to_owned()));
    }
    faults
}

/// Whether a sentence names a field: as a word of its own, not as a part of another one.
fn is_named(name: &str, sentence: &str) -> bool {
    let is_part = |char: Option<char>| char.is_some_and(char::is_alphanumeric);
    sentence.match_indices(name).any(|(at, _)| {
        let (before, after) = (&sentence[..at], &sentence[at + name.len()..]);
        !is_part(before.chars().next_back()) && (name.ends_with(':') || !is_part(after.chars().next()))
    })
}

fn wrong_waiting(one: &Added<'_>, seen: &Seen) -> Vec<String> {
    let Some(wanted) =
        one.field("notBefore").and_then(|time| std::str::from_utf8(time).ok()?.parse::<f64>().ok())
    else {
        return Vec::new();
    };
    let due = seen.waiting.iter().find(|(id, _)| id == one.job()).map_or(0.0, |(_, due)| *due);
    let fits = (0.0..=1.0).contains(&(due - wanted));
    if fits { Vec::new() } else { vec![format!("it is due at {due} instead of {wanted}")] }
}
