//! Which jobs are meant: typed alike for waiting jobs, dead letters and attempts.

use postrider_core::queue_name::QueueName;
use postrider_core::time::Timestamp;
use postrider_store::filter::Filter;

use super::moment::parse_moment;
use crate::settings::units::parse_duration;

/// Which queue.
#[derive(Debug, clap::Args)]
pub(crate) struct OneQueue {
    /// Queue to look at, which may be events.stream [default: the first of queue.names]
    #[arg(long = "queue", value_name = "NAME", value_parser = QueueName::parse)]
    pub(crate) queue: Option<QueueName>,
}

/// By hook and destination.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ByReceiver {
    /// Only of this hook: <hookId>, or <userId>/<hookId>
    #[arg(long, value_name = "HOOK")]
    hook: Option<String>,
    /// Only of this owner's hooks
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only for this scheme, host and port, such as https://hooks.example; jobs without a URL of their own have none
    #[arg(long, value_name = "ORIGIN")]
    destination: Option<String>,
}

/// By time.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ByTime {
    /// Only from then on: epoch milliseconds, an RFC 3339 time, or 2h for two hours ago
    #[arg(long, value_name = "TIME")]
    since: Option<TypedTime>,
    /// Only until then, likewise
    #[arg(long, value_name = "TIME")]
    until: Option<TypedTime>,
}

/// A moment, or how long ago it was.
#[derive(Clone, Debug)]
pub(crate) struct TypedTime(String);

impl std::str::FromStr for TypedTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match resolve(text, Timestamp::MAX) {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err("expected epoch milliseconds, an RFC 3339 time such as 2026-11-24T02:13:00Z, or 2h for two hours ago".into()),
        }
    }
}

/// A moment that was typed, on the clock that says `now`.
fn resolve(text: &str, now: Timestamp) -> Option<Timestamp> {
    let ago = parse_duration(text).and_then(|ago| u64::try_from(ago.as_millis()).ok());
    match ago {
        Some(ago) => Some(Timestamp::from_millis(now.as_millis().saturating_sub(ago))),
        None => parse_moment(text, now),
    }
}

impl ByReceiver {
    /// What was typed, as the store takes it.
    pub(crate) fn filter(&self) -> Filter {
        let (user, hook) = match self.hook.as_deref().map(|hook| hook.rsplit_once('/').ok_or(hook)) {
            None => (None, None),
            Some(Ok((user, hook))) => (Some(user.to_owned()), Some(hook.to_owned())),
            Some(Err(hook)) => (None, Some(hook.to_owned())),
        };
        let destination = self.destination.as_deref().map(|origin| origin.trim_end_matches('/').to_owned());
        Filter { user_id: self.user.clone().or(user), hook_id: hook, destination, ..Filter::default() }
    }
}

impl ByTime {
    /// Narrows a filter to what was typed.
    pub(crate) fn narrow(&self, filter: Filter, now: Timestamp) -> Filter {
        let time = |typed: &Option<TypedTime>| typed.as_ref().and_then(|typed| resolve(&typed.0, now));
        Filter { since: time(&self.since), until: time(&self.until), ..filter }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_named_with_or_without_its_owner() {
        let filter = |hook: &str| ByReceiver { hook: Some(hook.into()), ..ByReceiver::default() }.filter();
        let ids = |hook: &str| (filter(hook).user_id, filter(hook).hook_id);
        assert_eq!(ids("9abc"), (None, Some("9abc".into())));
        assert_eq!(ids("a/b/9abc"), (Some("a/b".into()), Some("9abc".into())));
    }

    #[test]
    fn a_duration_is_so_long_ago() {
        let now = Timestamp::from_millis(1_764_324_000_123);
        assert_eq!(resolve("2s", now), Some(Timestamp::from_millis(1_764_323_998_123)));
        assert_eq!(resolve("1764324000000", now), Some(Timestamp::from_millis(1_764_324_000_000)));
        assert_eq!(resolve("yesterday", now), None);
    }
}
