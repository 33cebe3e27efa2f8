//! The bytes of contract section 3, and the names that no extra header may bear.

use serde_json::Value;

use super::*;
use crate::delivery::{Defaults, Refusal};
use crate::endpoint::EndpointCache;
use crate::entry_id::EntryId;
use crate::hook::Hook;
use crate::job::{EntryKind, ParseContext};
use crate::secret::Secret;
use crate::signature::{DEFAULT_TOLERANCE, verify};

const VECTORS: &str = include_str!("../../../../tests/cases/signing_vectors.json");
const NOW: u64 = 1_764_324_005_999;
const WHSEC: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// JSON that any re-encoding would change.
const CONTENT: &str = "{\"z\": 1.0,\n\t\"a\":1E+2, \"s\":\"\\u00e9é\\/\" }";

const EVENT: [(&str, &str); 4] = [
    ("to", "https://hooks.example/in"),
    ("type", "note"),
    ("content", CONTENT),
    ("createdAt", "1764324000123"),
];

fn settings() -> ProfileSettings {
    ProfileSettings { server_url: "https://misskey.example".into(), ..ProfileSettings::default() }
}

fn profiles() -> Profiles {
    Profiles::new(&settings()).unwrap()
}

fn job(fields: &[(&str, &str)]) -> Job {
    let fields = [&EVENT[..], fields].concat();
    let fields =
        fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
    let mut context = ParseContext {
        kind: EntryKind::Job,
        max_job_bytes: 1 << 20,
        event_id_suffix: "".into(),
        endpoints: EndpointCache::default(),
    };
    Job::parse(EntryId { millis: 1_764_324_000_123, sequence: 0 }, fields, &mut context).unwrap()
}

fn delivery(job: &Job, hook: Option<&Hook>) -> Result<Delivery, Refusal> {
    let defaults = Defaults {
        profile: Profile::Misskey,
        timeout: std::time::Duration::from_secs(10),
        max_attempts: 12,
        profiles: profiles(),
    };
    let now = Timestamp::from_millis(NOW);
    Delivery::assemble(job, hook, &defaults, &mut EndpointCache::default(), now)
}

fn render(fields: &[(&str, &str)]) -> Result<Payload, Fault> {
    let job = job(fields);
    let delivery = delivery(&job, None).unwrap();
    profiles().render(&job, &delivery, 3, Timestamp::from_millis(NOW))
}

fn headers(payload: &Payload) -> Vec<(&str, &str)> {
    payload.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
}

fn body(payload: &Payload) -> &str {
    std::str::from_utf8(&payload.body).unwrap()
}

#[test]
fn names_of_profiles_are_exact() {
    for profile in Profile::ALL {
        assert_eq!(Profile::parse(profile.to_string().as_bytes()), Some(profile));
    }
    for other in ["", "Raw", "raw ", "slack", "cloudevent"] {
        assert_eq!(Profile::parse(other.as_bytes()), None);
    }
}

#[test]
fn misskey_puts_the_event_into_its_envelope() {
    let fields = [("hookId", "9abc"), ("userId", "9\"u\\"), ("secret", "s3cret"), ("eventId", "ev-1")];
    let payload = render(&[&fields[..], &[("header:X-Tenant", "t 1")]].concat()).unwrap();
    assert_eq!(
        body(&payload),
        [
            r#"{"server":"https://misskey.example","hookId":"9abc","userId":"9\"u\\","eventId":"ev-1","#,
            r#""createdAt":1764324000123,"type":"note","body":"#,
            CONTENT,
            "}"
        ]
        .concat()
    );
    assert_eq!(
        headers(&payload),
        [
            ("user-agent", "Misskey-Hooks"),
            ("x-misskey-host", "misskey.example"),
            ("x-misskey-hook-id", "9abc"),
            ("x-misskey-hook-secret", "s3cret"),
            ("content-type", "application/json"),
            ("postrider-attempt", "3"),
            ("x-tenant", "t 1"),
        ]
    );
}

#[test]
fn misskey_leaves_out_what_the_job_has_not_but_sends_an_empty_secret() {
    let payload = render(&[]).unwrap();
    assert!(
        body(&payload)
            .starts_with(r#"{"server":"https://misskey.example","eventId":"1764324000123-0","createdAt""#)
    );
    assert!(!payload.headers.contains_key("x-misskey-hook-id"));
    assert_eq!(payload.headers["x-misskey-hook-secret"], "");
}

#[test]
fn misskey_bears_the_settings_names() {
    let settings = ProfileSettings {
        server_url: "http://[::1]:3000/base".into(),
        misskey_user_agent: "My Hooks/1".into(),
        misskey_header_prefix: "X-Fork".into(),
    };
    let job = job(&[("hookId", "h")]);
    let delivery = delivery(&job, None).unwrap();
    let payload =
        Profiles::new(&settings).unwrap().render(&job, &delivery, 1, Timestamp::from_millis(NOW)).unwrap();
    assert_eq!(
        headers(&payload)[..4],
        [
            ("user-agent", "My Hooks/1"),
            ("x-fork-host", "[::1]:3000"),
            ("x-fork-hook-id", "h"),
            ("x-fork-hook-secret", "")
        ]
    );
    assert!(body(&payload).starts_with(r#"{"server":"http://[::1]:3000/base","#));
}

#[test]
fn standard_makes_the_envelopes_of_the_vectors() {
    let file: Value = serde_json::from_str(VECTORS).unwrap();
    let cases = file["cases"].as_array().unwrap().iter().filter(|case| case["group"] == "envelope");
    let text = |case: &Value, key: &str| case[key].as_str().unwrap().to_owned();
    assert_eq!(cases.clone().count(), 2);
    for case in cases {
        let expected = text(case, "body");
        let content = expected.split_once("\"data\":").unwrap().1.strip_suffix('}').unwrap();
        let created = if expected.contains(".123Z") { "1764324000123" } else { "1764324000000" };
        let mut job = job(&[("profile", "standard"), ("secret", case["secrets"][0].as_str().unwrap())]);
        job.content = Bytes::from(content.to_owned());
        job.created_at = Timestamp::parse(created.as_bytes()).unwrap();
        job.event_id = text(case, "webhook_id").into();
        let delivery = delivery(&job, None).unwrap();
        let now = Timestamp::from_millis(case["timestamp"].as_u64().unwrap() * 1000 + 999);
        let payload = profiles().render(&job, &delivery, 1, now).unwrap();
        assert_eq!(body(&payload), expected);
        assert_eq!(payload.headers["webhook-signature"], text(case, "signature"));
    }
}

#[test]
fn standard_is_signed_for_the_attempts_own_second() {
    let payload = render(&[("profile", "standard"), ("secret", "s3cret"), ("eventId", "ev-1")]).unwrap();
    assert_eq!(
        headers(&payload).iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        [
            "content-type",
            "webhook-id",
            "webhook-timestamp",
            "webhook-signature",
            "postrider-attempt",
            "user-agent"
        ]
    );
    assert_eq!(payload.headers["webhook-id"], "ev-1");
    assert_eq!(payload.headers["webhook-timestamp"], "1764324005");
}

#[test]
fn cloudevents_describes_the_event_in_headers() {
    let payload = render(&[("profile", "cloudevents"), ("eventId", "ev-1")]).unwrap();
    assert_eq!(body(&payload), CONTENT);
    assert_eq!(
        headers(&payload)[..6],
        [
            ("ce-specversion", "1.0"),
            ("ce-id", "ev-1"),
            ("ce-source", "https://misskey.example"),
            ("ce-type", "note"),
            ("ce-time", "2025-11-28T10:00:00.123Z"),
            ("content-type", "application/json"),
        ]
    );
    assert!(!payload.headers.contains_key("webhook-signature"));
}

#[test]
fn cloudevents_encodes_what_its_binding_asks_for() {
    let payload = render(&[("profile", "cloudevents"), ("eventId", "50%\"~")]).unwrap();
    assert_eq!(payload.headers["ce-id"], "50%25%22~");
}

#[test]
fn raw_sends_any_bytes_as_the_type_that_the_job_gives() {
    let job = Job {
        content: Bytes::from_static(b"\xff\x00"),
        ..job(&[("profile", "raw"), ("contentType", "a/b; c=d")])
    };
    let delivery = delivery(&job, None).unwrap();
    let payload = profiles().render(&job, &delivery, 1, Timestamp::from_millis(NOW)).unwrap();
    assert_eq!(
        (&payload.body[..], &payload.headers["content-type"]),
        (&b"\xff\x00"[..], &HeaderValue::from_static("a/b; c=d"))
    );
    assert_eq!(render(&[("profile", "raw")]).unwrap().headers["content-type"], "application/json");
}

#[test]
fn every_profile_but_misskey_is_proven_where_there_is_a_secret() {
    for profile in ["standard", "cloudevents", "raw"] {
        let payload = render(&[("profile", profile), ("secret", WHSEC)]).unwrap();
        let secrets = [Secret::parse(WHSEC.as_bytes()).unwrap()];
        let now = Timestamp::from_millis(NOW);
        assert_eq!(
            verify(&payload.headers, &payload.body, &secrets, now, DEFAULT_TOLERANCE),
            Ok(()),
            "{profile}"
        );
    }
}

#[test]
fn each_secret_of_a_hook_signs_newest_first_and_misskey_sends_the_newest() {
    let job = job(&[("profile", "standard")]);
    let mut delivery = delivery(&job, None).unwrap();
    delivery.secrets = ["new", "", "old"].map(|text| Secret::parse(text.as_bytes()).unwrap()).to_vec();
    let now = Timestamp::from_millis(NOW);
    let alone = |text: &str| {
        render(&[("profile", "standard"), ("secret", text)]).unwrap().headers["webhook-signature"].clone()
    };
    let both = profiles().render(&job, &delivery, 1, now).unwrap().headers["webhook-signature"].clone();
    let (both, new, old) = (both.to_str().unwrap(), alone("new"), alone("old"));
    assert_eq!(both, format!("{} {}", new.to_str().unwrap(), old.to_str().unwrap()));

    delivery.profile = Profile::Misskey;
    assert_eq!(profiles().render(&job, &delivery, 1, now).unwrap().headers["x-misskey-hook-secret"], "new");
}

#[test]
fn a_secret_that_can_not_sign_is_the_jobs_fault_and_isnt_shown() {
    for profile in ["standard", "cloudevents", "raw"] {
        for secret in ["whsec_canary", "whsk_canary", "whpk_canary"] {
            let fault = render(&[("profile", profile), ("secret", secret)]).unwrap_err().to_string();
            assert!(fault.starts_with("field 'secret' ") && !fault.contains("canary"), "{fault}");
        }
    }
    assert_eq!(
        render(&[("secret", "whsec_canary")]).unwrap().headers["x-misskey-hook-secret"],
        "whsec_canary"
    );
    let missing = render(&[("profile", "standard"), ("secret", "")]).unwrap_err();
    assert!(missing.sentence().starts_with("field 'secret' is missing"), "{missing}");
}

#[test]
fn a_traceparent_is_passed_on() {
    for profile in Profile::ALL {
        let fields = [("profile", profile.as_str()), ("secret", "s"), ("traceparent", TRACE)];
        assert_eq!(render(&fields).unwrap().headers["traceparent"], TRACE);
    }
    assert!(!render(&[("traceparent", "hello")]).unwrap().headers.contains_key("traceparent"));
}

#[test]
fn an_extra_user_agent_replaces_the_default_in_every_profile_but_misskey() {
    for profile in ["standard", "cloudevents", "raw"] {
        let fields = [("profile", profile), ("secret", "s")];
        let default = concat!("Postrider/", env!("CARGO_PKG_VERSION"));
        assert_eq!(render(&fields).unwrap().headers["user-agent"], default);
        let own = render(&[&fields[..], &[("header:User-Agent", "Mine/1")]].concat()).unwrap();
        assert_eq!(own.headers.get_all("user-agent").iter().collect::<Vec<_>>(), ["Mine/1"]);
    }
}

#[test]
fn no_extra_header_may_bear_a_name_that_is_set() {
    let always = ["Content-Type", "Postrider-Attempt", "traceparent"];
    let misskey = ["User-Agent", "X-Misskey-Host", "X-Misskey-Hook-Id", "x-misskey-hook-secret"];
    let proof = ["webhook-id", "Webhook-Timestamp", "WEBHOOK-SIGNATURE"];
    let cloudevents = ["CE-Source", "ce-type", "ce-anything"];
    let taken = |profile: Profile| match profile {
        Profile::Misskey => [&always[..], &misskey].concat(),
        Profile::Standard | Profile::Raw => [&always[..], &proof].concat(),
        Profile::CloudEvents => [&always[..], &proof, &cloudevents].concat(),
    };
    for profile in Profile::ALL {
        for name in [&always[..], &misskey, &proof, &cloudevents, &["X-Other"]].concat() {
            let field = format!("header:{name}");
            let job = job(&[("profile", profile.as_str()), ("secret", "x"), (&field, "x")]);
            match delivery(&job, None) {
                Ok(_) => assert!(!taken(profile).contains(&name), "{profile} {name}"),
                Err(Refusal::Invalid(fault)) => {
                    assert!(taken(profile).contains(&name), "{profile} {fault}");
                    assert!(
                        fault.sentence().starts_with(&format!("field '{field}' is set by profile {profile}"))
                    );
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn every_header_that_a_profile_sets_is_known_as_its_own() {
    for profile in Profile::ALL {
        let fields =
            [("profile", profile.as_str()), ("secret", "s"), ("traceparent", TRACE), ("hookId", "h")];
        for name in render(&fields).unwrap().headers.keys().filter(|name| *name != USER_AGENT) {
            assert!(profiles().sets(profile, name), "{profile} {name}");
        }
    }
}

#[test]
fn a_hooks_headers_come_last_and_never_over_the_profiles() {
    let hook = br#"{"url":"https://x.example/","active":true,"secret":"s","headers":
        {"X-A":"hook","X-B":"hook","User-Agent":"hook","Content-Type":"hook","webhook-id":"hook"}}"#;
    let job = job(&[("header:x-b", "job"), ("hookId", "h"), ("userId", "u")]);
    let delivery = delivery(&job, Hook::parse(hook).ok().as_ref()).unwrap();
    let payload = profiles().render(&job, &delivery, 1, Timestamp::from_millis(NOW)).unwrap();
    assert_eq!(headers(&payload)[6..], [("x-b", "job"), ("x-a", "hook"), ("webhook-id", "hook")]);
    assert_eq!(payload.headers["user-agent"], "Misskey-Hooks");
}

#[test]
fn settings_faults_name_the_key() {
    let check = |change: fn(&mut ProfileSettings), key: &str| {
        let mut settings = settings();
        change(&mut settings);
        let fault = Profiles::new(&settings).unwrap_err();
        assert!(fault.starts_with(&format!("{key} must be ")), "{fault}");
    };
    for bad in [
        "",
        "misskey.example",
        "ftp://misskey.example",
        "https://u:p@misskey.example",
        "https://misskey.example/é",
    ] {
        let fault = Profiles::new(&ProfileSettings { server_url: bad.into(), ..settings() }).unwrap_err();
        assert!(fault.starts_with("server.url must be "), "{bad}: {fault}");
    }
    check(|settings| settings.misskey_header_prefix.clear(), "profile.misskey.header_prefix");
    check(|settings| settings.misskey_header_prefix = "X Y".into(), "profile.misskey.header_prefix");
    check(|settings| settings.misskey_header_prefix = "x".repeat(65), "profile.misskey.header_prefix");
    check(|settings| settings.misskey_user_agent = "a\r\nb".into(), "profile.misskey.user_agent");
    assert!(Profiles::new(&ProfileSettings::default()).is_ok());
}

#[test]
fn debug_of_a_payload_shows_names_only() {
    let payload =
        render(&[("secret", "canary-4711"), ("header:X-Key", "canary-4711"), ("hookId", "h")]).unwrap();
    assert!(!format!("{payload:?} {:?}", payload.headers).contains("4711"));
    let shown = format!("{payload:?}");
    assert!(shown.contains("x-key") && !shown.contains("misskey.example"), "{shown}");
}
