//! Who may ask the admin port in the shape of Misskey's own API: what the settings say, with the table of tokens read.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use postrider_admin::misskey::{MisskeyConfig, UserTokens};

use crate::outgoing::problem_with_file;
use crate::settings::problem::Problems;
use crate::settings::sections::Misskey;

/// Largest table of tokens in bytes: as many as are allowed, of 400 bytes a line.
const MAX_TABLE_BYTES: u64 = 4 << 20;

/// None where nobody may ask.
///
/// # Errors
/// The table can't be read, or breaks a rule; names the key and never holds a token.
pub(crate) fn accepted(given: &Misskey) -> Result<Option<MisskeyConfig>, Problems> {
    let tokens = given.token_file.as_deref().map(table).transpose()?.unwrap_or_default();
    let is_asked = given.token_file.is_some() || given.proxies.is_some();
    Ok(is_asked.then(|| MisskeyConfig { tokens, proxies: given.proxies.clone() }))
}

fn table(path: &Path) -> Result<UserTokens, Problems> {
    let problem = |rule: String| problem_with_file("misskey.token_file", path, rule);
    let text = text_of(path).map_err(|error| {
        problem(format!("expected a text file of at most {MAX_TABLE_BYTES} bytes: {error}"))
    })?;
    let tokens = UserTokens::parse(&text).map_err(problem)?;
    if tokens.is_empty() {
        return Err(problem("expected a token".into()));
    }
    Ok(tokens)
}

fn text_of(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_TABLE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_TABLE_BYTES {
        return Err(io::Error::other("it is larger"));
    }
    Ok(text)
}
