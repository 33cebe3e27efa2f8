//! `postrider token`: new tokens for the API; and those of the settings, as the worker accepts them. Asks nobody.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use postrider_admin::{Tokens, fresh_token};
use postrider_core::hook::id::is_user_id;
use postrider_core::secret::Secret;
use serde_json::json;

use super::tell;
use crate::args::{NewToken, RoleName};
use crate::exit::Failure;
use crate::outgoing::problem_with_file;
use crate::settings::Settings;
use crate::settings::sections::Http;

/// Largest file of tokens in bytes: a few lines.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// Makes one and prints it.
pub(crate) fn run(settings: &Settings, work: &NewToken) -> Result<(), Failure> {
    let expires_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + work.ttl;
    let token = match (&work.user, work.role) {
        (Some(user), _) => of_owner(&accepted(&settings.http)?, user, expires_at)?,
        (None, role) => {
            let fresh = fresh_token().context("the system gives no randomness")?;
            match role {
                Some(RoleName::Read) => format!("read:{fresh}"),
                _ => fresh,
            }
        }
    };
    if !work.json {
        return tell::print(&format!("{token}\n"));
    }
    let object = match (&work.user, work.role) {
        (Some(user), _) => json!({"token": token, "userId": user, "expiresAt": expires_at.as_secs() * 1000}),
        (None, Some(RoleName::Read)) => json!({"token": token, "role": "read"}),
        (None, _) => json!({"token": token, "role": "admin"}),
    };
    tell::json_lines(&[object.as_object().cloned().unwrap_or_default()])
}

fn of_owner(tokens: &Tokens, user: &str, expires_at: Duration) -> Result<String, Failure> {
    if !is_user_id(user) {
        return Err(Failure::Unfit("--user must be 1 to 128 visible ASCII characters".into()));
    }
    let token = tokens.sign_owner(user, expires_at.as_secs());
    token.ok_or_else(|| {
        Failure::Unfit("http.token holds no token of an admin, which would sign that of an owner".into())
    })
}

/// The tokens of the settings, those of the file too.
///
/// # Errors
/// One can be guessed, or the file can't be read; names the key, and never holds a token.
pub(crate) fn accepted(http: &Http) -> Result<Tokens, Failure> {
    let given = http.token.as_ref().map_or("", Secret::reveal);
    let unfit = |rule: String| Failure::Unfit(format!("http.token: {rule}"));
    let Some(path) = &http.token_file else { return Tokens::parse(given).map_err(unfit) };
    let text = text_of(path).map_err(|error| {
        problem_with_file("http.token_file", path, format!("expected a text file: {error}"))
    })?;
    let in_file = |rule: String| problem_with_file("http.token_file", path, rule);
    let of_file = Tokens::parse(&text).map_err(in_file)?;
    if of_file.is_empty() {
        return Err(problem_with_file("http.token_file", path, "expected a token".into()).into());
    }
    Tokens::parse(&format!("{given}\n{text}")).map_err(unfit)
}

fn text_of(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    // Cut short, it would end in half a token.
    match text.len() as u64 > MAX_FILE_BYTES {
        true => Err(std::io::Error::other(format!("it is larger than {MAX_FILE_BYTES} bytes"))),
        false => Ok(text),
    }
}
