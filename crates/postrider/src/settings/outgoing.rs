//! The settings of what goes out: how requests look, when they are repeated, where they may go. The rules for
//! each are `postrider-core`'s; here they are read from texts.

use std::time::Duration;

use postrider_core::address::{AddressPolicy, Reach, Rule};
use postrider_core::profile::{Profile, ProfileSettings, Profiles};
use postrider_core::retry::RetryPolicy;
use postrider_sender::Proxy;

use super::kind::Kind;
use super::reader::Reader;
use super::units::split_list;

/// `delivery.*`, `server.url`, `profile.*`.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// How requests look where neither job nor hook says.
    pub(crate) profile: Profile,
    /// Limit of one whole attempt.
    pub(crate) timeout: Duration,
    /// All profiles, ready to use.
    pub(crate) profiles: Profiles,
}

impl Delivery {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let profile = reader.plain("delivery.profile", |_, text| Profile::parse(text.as_bytes()));
        let timeout = reader.duration("delivery.timeout");
        Self { profile, timeout, profiles: read_profiles(reader) }
    }
}

fn read_profiles(reader: &mut Reader<'_>) -> Profiles {
    let given = |name| reader.text(name).to_owned();
    let all = ProfileSettings {
        server_url: given("server.url"),
        misskey_user_agent: given("profile.misskey.user_agent"),
        misskey_header_prefix: given("profile.misskey.header_prefix"),
    };
    // Each alone with the others' defaults, so that each problem is told, and of its own key.
    let fine = ProfileSettings::default;
    check_profile(reader, "server.url", |server_url| ProfileSettings { server_url, ..fine() });
    check_profile(reader, "profile.misskey.user_agent", |misskey_user_agent| ProfileSettings {
        misskey_user_agent,
        ..fine()
    });
    check_profile(reader, "profile.misskey.header_prefix", |misskey_header_prefix| ProfileSettings {
        misskey_header_prefix,
        ..fine()
    });
    let profiles = Profiles::new(&all).or_else(|_| Profiles::new(&fine()));
    profiles.expect("the default profiles are accepted")
}

fn check_profile(reader: &mut Reader<'_>, name: &str, with: impl Fn(String) -> ProfileSettings) {
    if let Err(problem) = Profiles::new(&with(reader.text(name).to_owned())) {
        // The profile's sentence begins with its key, as the line will.
        let rule = problem.strip_prefix(name).unwrap_or(&problem).trim_start().to_owned();
        reader.complain(name, rule);
    }
}

/// `retry.*`.
pub(crate) fn read_retry(reader: &mut Reader<'_>) -> RetryPolicy {
    RetryPolicy {
        max_attempts: reader.whole("retry.max_attempts"),
        base: reader.duration("retry.base"),
        cap: reader.duration("retry.cap"),
        jitter: reader.plain("retry.jitter", Kind::share),
        schedule: reader.plain("retry.schedule", Kind::durations),
        max_retry_after: reader.duration("retry.max_retry_after"),
    }
}

/// `ssrf.*`.
pub(crate) fn read_addresses(reader: &mut Reader<'_>) -> AddressPolicy {
    AddressPolicy {
        reach: reader.plain("ssrf.policy", |_, text| Reach::parse(text)),
        allow: reader.read("ssrf.allow", rules),
        deny: reader.read("ssrf.deny", rules),
        https_only: reader.switch("ssrf.https_only"),
        nat64: reader.switch("ssrf.nat64"),
        behind_proxy: !reader.text("proxy.url").is_empty(),
    }
}

/// `proxy.url`.
pub(crate) fn read_proxy(reader: &mut Reader<'_>) -> Option<Proxy> {
    reader.read("proxy.url", |_, text| match text {
        "" => Ok(None),
        _ => Proxy::parse(text).map(Some).map_err(|accepted| format!("{accepted}, or empty for none")),
    })
}

fn rules(kind: Kind, text: &str) -> Result<Vec<Rule>, String> {
    let rule = |entry: &str| Rule::parse(entry).map_err(|error| format!("{}; {error}", kind.accepts()));
    split_list(text).into_iter().map(rule).collect()
}
