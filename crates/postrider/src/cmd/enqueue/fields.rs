//! From what was typed to the fields of a job. Checks none of them, but for what must not be repeated on a terminal.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use anyhow::Context;
use postrider_core::job::Field;
use postrider_core::secret::MAX_SECRET_BYTES;

use crate::args::{JobArgs, SECRET_VARIABLE, TypedHeader, TypedSecret};
use crate::exit::Failure;
use crate::settings::problem::{Problem, Problems};

/// The fields in the order of the contract. Of a file no more than `max_job_bytes` and one is read: enough to see that
/// it is too large.
pub(super) fn of_flags(args: JobArgs, max_job_bytes: usize) -> Result<Vec<Field>, Failure> {
    let content = content(args.content, args.content_file.as_deref(), max_job_bytes)?;
    let secret = secret(args.secret, args.secret_file.as_deref())?;
    let text = |value: Option<String>| value.map(String::into_bytes);
    let timeout = args.timeout.map(|timeout| timeout.as_millis().to_string()).or(args.timeout_ms);
    let millis = |at: Option<_>| at.map(|at: postrider_core::time::Timestamp| at.to_string().into_bytes());
    let plain = [
        ("to", text(args.to)),
        ("type", text(args.event_type)),
        ("content", content),
        ("hookId", text(args.hook_id)),
        ("userId", text(args.user_id)),
        ("secret", secret),
        ("eventId", text(args.event_id)),
        ("createdAt", millis(args.created_at)),
        ("id", text(args.id)),
        ("profile", text(args.profile)),
        ("contentType", text(args.content_type)),
        ("maxAttempts", text(args.max_attempts)),
        ("timeoutMs", text(timeout)),
        ("notBefore", millis(args.not_before)),
        ("expiresAt", millis(args.expires_at)),
        ("traceparent", text(args.traceparent)),
    ];
    let given = plain.into_iter().filter_map(|(name, value)| Some((name.into(), value?)));
    given.map(Ok).chain(args.headers.into_iter().map(header)).collect()
}

fn header(TypedHeader(pair): TypedHeader) -> Result<Field, Failure> {
    let (name, value) =
        pair.ok_or_else(|| unfit("--header", "expected a name, a colon and a value".into()))?;
    Ok((format!("header:{name}").into_bytes(), value.into_bytes()))
}

fn content(
    typed: Option<String>,
    file: Option<&Path>,
    max_job_bytes: usize,
) -> Result<Option<Vec<u8>>, Failure> {
    let Some(file) = file else { return Ok(typed.map(String::into_bytes)) };
    Ok(Some(read(file, max_job_bytes + 1)?))
}

/// From a flag, else from the environment.
fn secret(typed: Option<TypedSecret>, file: Option<&Path>) -> Result<Option<Vec<u8>>, Failure> {
    match (typed, file) {
        (Some(TypedSecret(Some(secret))), _) => Ok(Some(secret.reveal().into())),
        (Some(TypedSecret(None)), _) => {
            let rule =
                format!("expected visible ASCII with spaces inside, at most {MAX_SECRET_BYTES} characters");
            Err(unfit("--secret", rule))
        }
        // With room for a line break, and for one byte that shows that it is too long.
        (None, Some(file)) => Ok(Some(without_line_break(read(file, MAX_SECRET_BYTES + 3)?))),
        (None, None) => {
            let found = std::env::var_os(SECRET_VARIABLE).filter(|secret| !secret.is_empty());
            Ok(found.map(OsStringExt::into_vec))
        }
    }
}

fn without_line_break(mut text: Vec<u8>) -> Vec<u8> {
    if text.ends_with(b"\n") {
        text.pop();
        if text.ends_with(b"\r") {
            text.pop();
        }
    }
    text
}

fn read(file: &Path, most: usize) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = most as u64;
    let done = if file == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    done.with_context(|| format!("failed to read {}", file.display()))?;
    Ok(bytes)
}

fn unfit(flag: &str, rule: String) -> Failure {
    Problems(vec![Problem { key: flag.into(), origin: String::new(), value: None, rule }]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_at_its_end_is_no_part_of_a_secret() {
        for (text, secret) in
            [("a\n", "a"), ("a\r\n", "a"), ("a", "a"), ("a\n\n", "a\n"), ("\n", ""), ("a\r", "a\r")]
        {
            assert_eq!(without_line_break(text.into()), secret.as_bytes(), "{text:?}");
        }
    }
}
