//! The sender, as the settings want it: for the worker and for `hooks test`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Context;
use postrider_sender::{ClientIdentity, Sender, SenderConfig, chain_from_pem, roots_from_pem};

use crate::exit::Failure;
use crate::settings::Settings;
use crate::settings::problem::{Problem, Problems};
use crate::settings::sections::Tls;

/// Largest PEM file that is read, in bytes: the roots of a whole system have a quarter of it.
const MAX_PEM_BYTES: u64 = 1 << 20;

/// A sender that keeps up to `max_idle_per_host` connections of each host.
pub(crate) fn sender(settings: &Settings, max_idle_per_host: usize) -> Result<Sender, Failure> {
    let config = SenderConfig {
        policy: settings.addresses.clone(),
        max_idle_per_host,
        proxy: settings.proxy.clone(),
        ..with_files(&settings.tls)?
    };
    Ok(Sender::new(config).context("failed to set up the sender")?)
}

/// What the files of `tls.*` say.
pub(crate) fn with_files(tls: &Tls) -> Result<SenderConfig, Problems> {
    let mut config = SenderConfig::default();
    if let Some(path) = &tls.ca_file {
        config.extra_roots = read("tls.ca_file", path, roots_from_pem)?;
    }
    if let Some((chain, key)) = &tls.client {
        let chain = read("tls.client_cert_file", chain, chain_from_pem)?;
        let identity = |pem: &[u8]| ClientIdentity::new(chain, pem);
        config.identity = Some(read("tls.client_key_file", key, identity)?);
    }
    Ok(config)
}

/// What `parse` makes of a file. A problem names key and file, and tells nothing of what is in it.
pub(crate) fn read<T>(
    key: &str,
    path: &Path,
    parse: impl FnOnce(&[u8]) -> Result<T, &'static str>,
) -> Result<T, Problems> {
    let pem = bytes_of_file(path).map_err(|error| {
        let rule = format!("expected a PEM file of at most {MAX_PEM_BYTES} bytes that can be read: {error}");
        problem_with_file(key, path, rule)
    })?;
    parse(&pem).map_err(|accepted| problem_with_file(key, path, format!("expected {accepted}")))
}

/// A problem that names key and file.
pub(crate) fn problem_with_file(key: &str, path: &Path, rule: String) -> Problems {
    let value = Some(path.display().to_string());
    Problems(vec![Problem { key: key.to_owned(), origin: String::new(), value, rule }])
}

fn bytes_of_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_PEM_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_PEM_BYTES {
        return Err(io::Error::other("it is larger"));
    }
    Ok(bytes)
}
