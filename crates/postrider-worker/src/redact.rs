//! Blanks secrets out of what a receiver sent back: some echo the request, as it came or written in another way, or tell what
//! else they know of the hook.
//!
//! - [`view`], [`escape`]: a text with its escapes undone; [`spelling`]: a secret in base64 and hex; [`tests`] show what is known.
//!
//! Not known: what is compressed, encrypted, reversed or cut into pieces. Whoever does that wants the secret to be kept.

mod escape;
mod spelling;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeSet;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use postrider_core::delivery::Delivery;
use postrider_core::endpoint::Endpoint;
use postrider_core::headers::ExtraHeaders;
use postrider_core::hook::Hook;

use self::spelling::Spelling;
use self::view::{View, Views, undone};

/// Most bytes of an answer that are kept. The sender reads some more, so that a secret across this end is known by what follows.
const MAX_KEPT_BYTES: usize = 1024;

/// Put in the place of a secret.
const BLANK: &[u8] = b"[hidden]";

/// A shorter text at the end of an answer is no start of a secret worth the name.
const MIN_CUT_BYTES: usize = 4;

/// So much of a secret is enough to know it by; what follows is blanked as far as it goes on. This bounds the work of a
/// receiver that answers what is almost the secret, many times.
const ENOUGH_BYTES: usize = 16;

/// A shorter part of a URL or a header is a common word, and would blank half of an honest answer.
const MIN_PART_BYTES: usize = 8;

/// Most texts that one answer is searched for, some milliseconds of work. Honest requests have a dozen.
const MAX_HIDDEN: usize = 256;

/// The first bytes of an answer to this delivery, as they may be kept: without the secrets, the values of headers, and what the
/// URLs have behind the port, of the delivery and of its hook. A job may have brought others than the hook's own, and a secret
/// may have been replaced: the receiver knows those all the same.
pub(crate) fn kept(answer: &[u8], delivery: &Delivery, hook: Option<&Hook>) -> Vec<u8> {
    if answer.is_empty() {
        return Vec::new();
    }
    // What can't be searched through isn't kept.
    let Some(hidden) = hidden(delivery, hook) else { return BLANK.to_vec() };
    let mut kept = blanked(answer, hidden.iter().map(Vec::as_slice), MAX_KEPT_BYTES);
    // Blanks may be longer than what stood there.
    kept.truncate(MAX_KEPT_BYTES);
    kept
}

/// What has to be searched for; `None` where it is too much.
fn hidden(delivery: &Delivery, hook: Option<&Hook>) -> Option<BTreeSet<Vec<u8>>> {
    let replaced = hook.into_iter().flat_map(|hook| &hook.earlier_secrets).map(|earlier| &earlier.secret);
    let secrets = delivery.secrets.iter().chain(hook.map(|hook| &hook.secret)).chain(replaced);
    let headers = [&delivery.headers].into_iter().chain(hook.map(|hook| &hook.headers));
    let own_url = hook.and_then(|hook| Endpoint::parse(hook.url.as_bytes()).ok());
    let urls = [&delivery.endpoint].into_iter().chain(&own_url);
    let texts = secrets
        .flat_map(|secret| with_key(secret.reveal()))
        .chain(headers.flat_map(ExtraHeaders::iter).flat_map(|header| with_parts(header.value.as_bytes())))
        .chain(urls.flat_map(parts_of_url));
    let mut hidden = BTreeSet::new();
    for text in texts.filter(|text| !text.is_empty()) {
        hidden.insert(text);
        if hidden.len() > MAX_HIDDEN {
            return None;
        }
    }
    Some(hidden)
}

/// At most `max` bytes of `text`, with every occurrence of each secret blanked, also where the end of all that was read has left
/// only a secret's start.
fn blanked<'a>(text: &[u8], secrets: impl Iterator<Item = &'a [u8]>, max: usize) -> Vec<u8> {
    let (views, mut hidden) = (Views::of(text), vec![false; text.len()]);
    for secret in secrets {
        // More of it than there is text can't be found.
        let secret = &secret[..secret.len().min(text.len())];
        for spelling in Spelling::all(secret) {
            views.literal.iter().for_each(|view| mark(&mut hidden, view, &spelling));
        }
        mark(&mut hidden, &views.undone, &Spelling::plain(undone(secret)));
    }
    let max = text.len().min(max);
    without(&text[..max], &hidden[..max])
}

fn mark(hidden: &mut [bool], view: &View, spelling: &Spelling) {
    let (text, (before, behind), mut from) = (&view.bytes, spelling.margins(), 0);
    while let Some(ahead) = spelling.first_in(&text[from..]) {
        from += ahead;
        let count = spelling.follow(&text[from..]);
        let (to, whole) = (from + count, count >= spelling.len().min(ENOUGH_BYTES));
        if whole || (to == text.len() && count >= MIN_CUT_BYTES) {
            let mut place = view.place(from.saturating_sub(before), text.len().min(to + behind));
            if to == text.len() && count < spelling.len() {
                // It goes on with what was cut.
                place.end = hidden.len();
            }
            hidden[place].fill(true);
            from = to;
        } else {
            from += 1;
        }
    }
}

/// Each run of hidden bytes as one blank.
fn without(text: &[u8], hidden: &[bool]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(text.len());
    for (at, byte) in text.iter().enumerate() {
        if !hidden[at] {
            kept.push(*byte);
        } else if at == 0 || !hidden[at - 1] {
            kept.extend_from_slice(BLANK);
        }
    }
    kept
}

/// A secret, and the key in it where it says what kind it is: as it stands there, its bytes, and these as programs print them
/// that take them for text.
fn with_key(secret: &str) -> Vec<Vec<u8>> {
    let mut texts = vec![secret.as_bytes().to_vec()];
    if let Some(key) = ["whsec_", "whsk_"].iter().find_map(|prefix| secret.strip_prefix(prefix)) {
        texts.push(key.as_bytes().to_vec());
        let bytes = BASE64_STANDARD.decode(key).unwrap_or_default();
        if bytes.len() >= MIN_PART_BYTES {
            texts.push(String::from_utf8_lossy(&bytes).into_owned().into_bytes());
            texts.push(bytes.iter().copied().map(char::from).collect::<String>().into_bytes());
            texts.push(bytes);
        }
    }
    texts
}

/// A header's value, and the parts of it, as the token behind `Bearer`.
fn with_parts(value: &[u8]) -> Vec<Vec<u8>> {
    let parts = value.split(|byte| matches!(byte, b' ' | b'\t' | b',' | b';' | b'='));
    let long = parts.filter(|part| part.len() >= MIN_PART_BYTES);
    std::iter::once(value).chain(long).map(<[u8]>::to_vec).collect()
}

/// What the URL of a webhook hides: path and query whole, and their parts as a receiver may print them.
fn parts_of_url(endpoint: &Endpoint) -> Vec<Vec<u8>> {
    let url = endpoint.url();
    let query = url.query().unwrap_or_default();
    let values = url.query_pairs().map(|(_, value)| value.into_owned().into_bytes());
    let segments = url.path().split('/').map(|segment| decoded(segment.as_bytes()));
    let parts = values.chain(segments).filter(|part| part.len() >= MIN_PART_BYTES);
    let whole = [decoded(url.path().as_bytes()), decoded(query.as_bytes())];
    // A path of `/` alone says nothing.
    whole.into_iter().filter(|text| text.len() > 1).chain(parts).collect()
}

/// Without `%XX`, so that the text is known in any spelling.
fn decoded(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, behind)) = rest.split_first() {
        let escaped = if *byte == b'%' { escape::hex_byte(behind) } else { None };
        bytes.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { &behind[2..] } else { behind };
    }
    bytes
}
