//! From flags to what is to be set in a record. Judges nothing but what must not be repeated on a terminal.

use std::time::Duration;

use postrider_core::hook::edit::HookEdit;
use postrider_core::hook::field::HookField;
use postrider_core::secret::{MAX_SECRET_BYTES, Secret};
use serde_json::{Map, Value};

use crate::args::{HookFields, SecretFlags, TypedHeader, TypedSecret};
use crate::cmd::typed_file::read_secret;
use crate::exit::Failure;
use crate::settings::problem::{Problem, Problems};

/// What `create` and `update` have in common.
pub(super) fn edit_of(fields: HookFields) -> Result<HookEdit, Failure> {
    let millis = |timeout: Duration| Value::from(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
    let secret = secret_of(fields.secret)?.map(|secret| Value::from(secret.reveal()));
    let given = [
        (HookField::Name, fields.title.map(Value::from)),
        (HookField::Secret, secret),
        (HookField::Profile, fields.profile.map(Value::from)),
        (HookField::Headers, headers_of(fields.headers)?),
        (HookField::MaxInFlight, fields.max_in_flight.map(Value::from)),
        (HookField::RatePerSecond, fields.rate_per_second.map(Value::from)),
        (HookField::TimeoutMs, fields.timeout.map(millis)),
        (HookField::MaxAttempts, fields.max_attempts.map(Value::from)),
    ];
    let given = given.into_iter().filter_map(|(field, value)| Some((field, value?)));
    Ok(given.fold(HookEdit::new(), |edit, (field, value)| edit.set(field, value)))
}

/// The secret that was typed, or is in the file that was.
pub(in crate::cmd) fn secret_of(flags: SecretFlags) -> Result<Option<Secret>, Failure> {
    let (flag, secret) = match (flags.secret, flags.secret_file) {
        (Some(TypedSecret(secret)), _) => ("--secret", secret),
        (None, Some(file)) => ("--secret-file", Secret::parse(&read_secret(&file, MAX_SECRET_BYTES)?)),
        (None, None) => return Ok(None),
    };
    let rule = || format!("expected visible ASCII with spaces inside, at most {MAX_SECRET_BYTES} characters");
    secret.map(Some).ok_or_else(|| unfit(flag, rule()))
}

fn headers_of(typed: Vec<TypedHeader>) -> Result<Option<Value>, Failure> {
    let mut headers = Map::new();
    for TypedHeader(pair) in typed {
        let (name, value) =
            pair.ok_or_else(|| unfit("--header", "expected a name, a colon and a value".into()))?;
        if headers.insert(name, value.into()).is_some() {
            return Err(unfit("--header", "two headers have the same name".into()));
        }
    }
    Ok((!headers.is_empty()).then_some(Value::Object(headers)))
}

fn unfit(flag: &str, rule: String) -> Failure {
    Problems(vec![Problem { key: flag.into(), origin: String::new(), value: None, rule }]).into()
}
