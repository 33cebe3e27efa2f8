//! From what was typed to the fields of a job or an event. Checks none of them, but for what must not be repeated on a
//! terminal.

use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use postrider_core::job::Field;
use postrider_core::secret::MAX_SECRET_BYTES;
use postrider_core::time::Timestamp;

use crate::args::{JobArgs, SECRET_VARIABLE, SharedArgs, TypedHeader, TypedSecret};
use crate::cmd::typed_file::{read_at_most, read_secret};
use crate::exit::Failure;
use crate::settings::problem::{Problem, Problems};

/// The fields of a job. Of a file no more than `max_job_bytes` and one is read: enough to see that it is too large.
pub(super) fn of_job(mut args: JobArgs, max_job_bytes: usize) -> Result<Vec<Field>, Failure> {
    if let (Some((user, hook)), None) =
        (args.hook_id.as_deref().and_then(|hook| hook.rsplit_once('/')), &args.shared.user_id)
    {
        (args.shared.user_id, args.hook_id) = (Some(user.to_owned()), Some(hook.to_owned()));
    }
    let secret = secret(args.secret, args.secret_file.as_deref())?;
    let timeout = args.timeout.map(|timeout| timeout.as_millis().to_string()).or(args.timeout_ms);
    let own = given([
        ("to", text(args.to)),
        ("hookId", text(args.hook_id)),
        ("secret", secret),
        ("eventId", text(args.event_id)),
        ("profile", text(args.profile)),
        ("contentType", text(args.content_type)),
        ("maxAttempts", text(args.max_attempts)),
        ("timeoutMs", text(timeout)),
    ]);
    Ok(own.chain(of_event(args.shared, max_job_bytes)?).collect())
}

/// The fields of an event, which are those that a job has too. Of a file no more is read than for a job.
pub(super) fn of_event(args: SharedArgs, max_job_bytes: usize) -> Result<Vec<Field>, Failure> {
    let plain = given([
        ("userId", text(args.user_id)),
        ("type", text(args.event_type)),
        ("content", content(args.content, args.content_file.as_deref(), max_job_bytes)?),
        ("id", text(args.id)),
        ("createdAt", millis(args.created_at)),
        ("notBefore", millis(args.not_before)),
        ("expiresAt", millis(args.expires_at)),
        ("traceparent", text(args.traceparent)),
    ]);
    plain.map(Ok).chain(args.headers.into_iter().map(header)).collect()
}

fn given<const N: usize>(fields: [(&str, Option<Vec<u8>>); N]) -> impl Iterator<Item = Field> {
    fields.into_iter().filter_map(|(name, value)| Some((name.into(), value?)))
}

fn text(value: Option<String>) -> Option<Vec<u8>> {
    value.map(String::into_bytes)
}

fn millis(at: Option<Timestamp>) -> Option<Vec<u8>> {
    at.map(|at| at.to_string().into_bytes())
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
    let Some(file) = file else { return Ok(text(typed)) };
    Ok(Some(read_at_most(file, max_job_bytes + 1)?))
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
        (None, Some(file)) => Ok(Some(read_secret(file, MAX_SECRET_BYTES)?)),
        (None, None) => {
            let found = std::env::var_os(SECRET_VARIABLE).filter(|secret| !secret.is_empty());
            Ok(found.map(OsStringExt::into_vec))
        }
    }
}

fn unfit(flag: &str, rule: String) -> Failure {
    Problems(vec![Problem { key: flag.into(), origin: String::new(), value: None, rule }]).into()
}
