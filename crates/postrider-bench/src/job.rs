//! The job that is delivered: a Misskey event with 1 KB of content. The raw loop sends the very same request.

use anyhow::{Context, anyhow};
use postrider_core::delivery::{Defaults, Delivery};
use postrider_core::entry_id::EntryId;
use postrider_core::job::{EntryKind, Field, Job, ParseContext};
use postrider_core::profile::{Payload, Profile, ProfileSettings, Profiles};
use postrider_core::time::Timestamp;

/// Length of the event's JSON, as of a note of a few hundred characters with its author.
const CONTENT_BYTES: usize = 1024;

/// The hook of jobs that all go to one destination.
pub(crate) const HOOK: &str = "9xhook";

/// The entry's fields for a job to `url`, for the hook by which limits are kept.
pub(crate) fn fields(url: &str, hook: &str) -> Vec<(&'static str, String)> {
    [("to", url), ("type", "note"), ("hookId", hook), ("userId", "9xuser"), ("secret", "s3cret")]
        .into_iter()
        .map(|(name, value)| (name, value.to_owned()))
        .chain([("content", content())])
        .collect()
}

/// The same job as Misskey stores it, which is what peers are handed; where it goes is added by their programs.
pub(crate) fn stored() -> String {
    format!(
        r#"{{"type":"note","content":{},"webhookId":"{HOOK}","userId":"9xuser","secret":"s3cret","createdAt":1764324000123,"eventId":"9xevent"}}"#,
        content()
    )
}

/// The request that Postrider makes of it.
pub(crate) fn request(url: &str) -> anyhow::Result<Payload> {
    let defaults = defaults()?;
    let fields: Vec<Field> = fields(url, HOOK)
        .into_iter()
        .map(|(name, value)| (name.as_bytes().to_vec(), value.into_bytes()))
        .collect();
    let mut context = ParseContext {
        kind: EntryKind::Job,
        max_job_bytes: CONTENT_BYTES * 4,
        event_id_suffix: "".into(),
        endpoints: Default::default(),
    };
    let entry = EntryId { millis: 1_764_324_000_123, sequence: 0 };
    let job = Job::parse(entry, fields, &mut context).map_err(|invalid| anyhow!("{invalid:?}"))?;
    let now = Timestamp::from_millis(entry.millis);
    let delivery = Delivery::assemble(&job, None, &defaults, &mut context.endpoints, now)
        .map_err(|refusal| anyhow!("the benchmark's job was refused: {refusal:?}"))?;
    defaults
        .profiles
        .render(&job, &delivery, 1, now)
        .map_err(|fault| anyhow!("{fault:?}"))
        .context("failed to render the benchmark's job")
}

fn defaults() -> anyhow::Result<Defaults> {
    Ok(Defaults {
        profile: Profile::Misskey,
        timeout: std::time::Duration::from_secs(10),
        max_attempts: 1,
        profiles: Profiles::new(&ProfileSettings::default()).map_err(anyhow::Error::msg)?,
    })
}

fn content() -> String {
    let frame = r#"{"note":{"id":"9xnote","userId":"9xuser","visibility":"public","text":""}}"#;
    let text = "Grüße aus dem Fediverse 🚚 ".chars().cycle();
    let mut filled = String::new();
    for letter in text {
        if frame.len() + filled.len() + letter.len_utf8() > CONTENT_BYTES {
            break;
        }
        filled.push(letter);
    }
    frame.replace(r#""text":"""#, &format!(r#""text":"{filled}""#))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_is_one_kilobyte_of_json() {
        let content = content();
        assert!((CONTENT_BYTES - 4..=CONTENT_BYTES).contains(&content.len()), "{}", content.len());
        assert!(serde_json::from_str::<serde_json::Value>(&content).is_ok());
    }

    #[test]
    fn peers_are_handed_the_same_content() {
        let stored: serde_json::Value = serde_json::from_str(&stored()).unwrap();
        assert_eq!(stored["content"], serde_json::from_str::<serde_json::Value>(&content()).unwrap());
    }

    #[test]
    fn the_raw_loop_sends_what_a_worker_sends() {
        let request = request("http://127.0.0.1:9000/ok").unwrap();
        assert!(request.headers.contains_key("x-misskey-hook-secret"));
        assert!(String::from_utf8_lossy(&request.body).ends_with(&format!("{}}}", content())));
    }
}
