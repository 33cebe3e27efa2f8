use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::address::AddressPolicy;
use crate::hook::Hook;
use crate::hook::latest::Latest;
use crate::profile::Profiles;

/// 2025-11-28T10:00:00Z
const NOW: Timestamp = Timestamp::from_millis(1_764_324_000_000);
const HOUR: Duration = Duration::from_secs(3600);

fn with_rules<T>(default_profile: Profile, then: impl FnOnce(&HookRules<'_>) -> T) -> T {
    let (addresses, profiles) = (AddressPolicy::default(), Profiles::new(&Default::default()).unwrap());
    then(&HookRules { addresses: &addresses, profiles: &profiles, default_profile })
}

fn create_json(fields: &Value) -> Result<HookRecord, HookFaults> {
    let fields = HookEdit::of_json(fields.as_object().unwrap());
    let draft = HookDraft { id: "9abc".into(), user_id: "9u".into(), fields };
    with_rules(Profile::Misskey, |rules| HookRecord::create(&draft, rules))
}

fn edit_json(record: &HookRecord, fields: &Value) -> Result<HookRecord, HookFaults> {
    let edit = HookEdit::of_json(fields.as_object().unwrap());
    with_rules(Profile::Misskey, |rules| record.edit(&edit, rules, NOW))
}

fn rotated(record: &HookRecord, new: &str, keep: Duration, now: Timestamp) -> HookRecord {
    with_rules(Profile::Misskey, |rules| record.rotate(new, keep, rules, now)).unwrap()
}

fn text(record: &HookRecord) -> String {
    String::from_utf8(record.to_json()).unwrap()
}

fn sentences(faults: &HookFaults) -> Vec<&str> {
    faults.iter().map(Fault::sentence).collect()
}

#[test]
fn a_new_record_has_misskeys_keys_in_their_order() {
    let record = create_json(&json!({"on": ["note"], "url": "https://hooks.example/in"})).unwrap();
    assert_eq!(
        text(&record),
        r#"{"id":"9abc","userId":"9u","name":"hooks.example","on":["note"],"url":"https://hooks.example/in","secret":"","active":true}"#
    );
    assert!(Hook::parse(&record.to_json()).is_ok());
}

#[test]
fn all_faults_of_a_draft_are_told_together() {
    let fields = HookEdit::of_json(
        json!({"name": "", "on": ["a b"], "secret": "canary\n", "timeoutMs": 1, "latestStatus": 200})
            .as_object()
            .unwrap(),
    );
    let draft = HookDraft { id: "a:b".into(), user_id: "a b".into(), fields };
    let faults = with_rules(Profile::Misskey, |rules| HookRecord::create(&draft, rules)).unwrap_err();
    let starts: Vec<String> =
        sentences(&faults).iter().map(|sentence| sentence.split('\'').nth(1).unwrap().to_owned()).collect();
    assert_eq!(starts, ["id", "userId", "url", "name", "on", "secret", "timeoutMs", "latestStatus"]);
    assert!(!faults.to_string().contains("canary"));
    assert_eq!(faults.to_string().lines().count(), 1);
}

#[test]
fn profile_standard_needs_a_secret_that_signs() {
    let url = "https://hooks.example/in";
    let fault = |fields: Value| create_json(&fields).unwrap_err().to_string();
    let missing = fault(json!({"url": url, "profile": "standard"}));
    assert_eq!(missing, "field 'secret' is empty: a secret is needed to sign (profile standard)");
    assert!(fault(json!({"url": url, "profile": "raw", "secret": "whsec_x"})).starts_with("field 'secret'"));
    assert!(create_json(&json!({"url": url, "profile": "standard", "secret": "s"})).is_ok());
    assert!(create_json(&json!({"url": url, "secret": "whsec_x"})).is_ok());
    let draft =
        HookDraft { id: "h".into(), user_id: "u".into(), fields: HookEdit::new().set(HookField::Url, url) };
    assert!(with_rules(Profile::Standard, |rules| HookRecord::create(&draft, rules)).is_err());
}

#[test]
fn a_field_that_is_wrong_by_itself_is_told_of_once() {
    let fields = json!({"url": "https://hooks.example/", "profile": "standard", "secret": " a"});
    let faults = create_json(&fields).unwrap_err();
    assert_eq!(faults.iter().count(), 1, "{faults}");
}

#[test]
fn a_change_of_profile_is_judged_by_what_the_record_has() {
    let record =
        create_json(&json!({"url": "https://hooks.example/", "headers": {"webhook-id": "1"}})).unwrap();
    let faults = edit_json(&record, &json!({"profile": "standard"})).unwrap_err();
    assert_eq!(
        sentences(&faults),
        [
            "field 'secret' is empty: a secret is needed to sign (profile standard)",
            "field 'headers.webhook-id' is set by profile standard itself"
        ]
    );
    assert!(edit_json(&record, &json!({"profile": "standard", "secret": "s", "headers": null})).is_ok());
}

#[test]
fn an_edit_keeps_what_it_does_not_name() {
    let stored = r#"{"zeta":{"a":[]},"on":[],"active":false,"url":"http://10.0.0.1/","n":12345678901234567,"disabledReason":"gone","name":"a"}"#;
    let record = HookRecord::parse(stored.as_bytes()).unwrap();
    let named = edit_json(&record, &json!({"name": "b", "maxAttempts": 3})).unwrap();
    assert_eq!(text(&named), stored.replace("\"a\"}", "\"b\",\"maxAttempts\":3}"));
    let on = with_rules(Profile::Misskey, |rules| record.edit(&HookEdit::switch_on(), rules, NOW)).unwrap();
    let expected = stored.replace("false", "true").replace(r#""disabledReason":"gone","#, "");
    assert_eq!(text(&on), expected);
}

#[test]
fn a_hook_is_switched_off_with_its_reason() {
    let record = create_json(&json!({"url": "https://hooks.example/"})).unwrap();
    let off = |reason| {
        let edit = HookEdit::switch_off(reason);
        with_rules(Profile::Misskey, |rules| record.edit(&edit, rules, NOW)).unwrap()
    };
    assert!(text(&off(Some("moving"))).ends_with(r#""active":false,"disabledReason":"moving"}"#));
    assert!(text(&off(None)).ends_with(r#""active":false}"#));
    assert!(!off(None).is_active() && record.is_active());
}

#[test]
fn a_replaced_secret_signs_on_for_its_time_and_is_then_dropped() {
    let record = create_json(&json!({"url": "https://hooks.example/", "secret": "one"})).unwrap();
    let second = rotated(&record, "two", HOUR, NOW);
    let third = rotated(&second, "three", 2 * HOUR, NOW);
    let signing = |record: &HookRecord, now| {
        let hook = Hook::parse(&record.to_json()).unwrap();
        hook.signing_secrets(now).iter().map(|secret| secret.reveal().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(signing(&third, NOW), ["three", "two", "one"]);
    assert_eq!(signing(&third, NOW.after(HOUR)), ["three", "two"]);
    let later = with_rules(Profile::Misskey, |rules| {
        third.edit(&HookEdit::new().set(HookField::Name, "n"), rules, NOW.after(HOUR))
    });
    let later = text(&later.unwrap());
    assert!(later.contains("two") && !later.contains("one"), "{later}");
}

#[test]
fn a_rotation_that_keeps_nothing_ends_every_earlier_secret() {
    let record = create_json(&json!({"url": "https://hooks.example/", "secret": "one"})).unwrap();
    let second = rotated(&record, "two", HOUR, NOW);
    assert!(!text(&rotated(&second, "three", Duration::ZERO, NOW)).contains("secrets"));
}

#[test]
fn no_more_than_eight_earlier_secrets_are_kept() {
    let mut record = create_json(&json!({"url": "https://hooks.example/"})).unwrap();
    for number in 0..20 {
        record = rotated(&record, &format!("s{number}"), HOUR, NOW);
    }
    let earlier = record.earlier_secrets();
    assert_eq!((earlier.len(), earlier[0].secret.reveal()), (MAX_EARLIER_SECRETS, "s18"));
}

#[test]
fn a_secret_is_not_rotated_to_itself() {
    let record = create_json(&json!({"url": "https://hooks.example/", "secret": "canary"})).unwrap();
    let fault = with_rules(Profile::Misskey, |rules| record.rotate("canary", HOUR, rules, NOW)).unwrap_err();
    assert_eq!(fault.to_string(), "field 'secret' is the current one already");
}

#[test]
fn an_earlier_secret_that_can_not_sign_goes_with_the_change_of_profile() {
    let record = create_json(&json!({"url": "https://hooks.example/", "secret": "whsec_x"})).unwrap();
    let record = rotated(&record, "good", HOUR, NOW);
    assert_eq!(record.earlier_secrets().len(), 1);
    assert!(edit_json(&record, &json!({"profile": "standard"})).unwrap().earlier_secrets().is_empty());
}

fn shown(detail: Detail, latest: Option<Latest>) -> Value {
    let stored = json!({"own": "canary-own", "secret": "canary-secret", "url": "https://hooks.example/canary-path", "on": [],
        "active": true, "name": "n", "id": "other", "headers": {"X-A": "canary-header"},
        "secrets": [{"secret": "canary-earlier", "until": "2030-01-01T00:00:00Z"}]});
    let record = HookRecord::parse(stored.to_string().as_bytes()).unwrap();
    record.shown("u", "h", latest, detail).into()
}

#[test]
fn a_list_shows_no_secret_no_header_and_of_the_url_its_origin() {
    assert_eq!(
        shown(Detail::Listed, None).to_string(),
        r#"{"id":"h","userId":"u","name":"n","on":[],"url":"https://hooks.example","active":true,"latestSentAt":null,"latestStatus":null,"headers":{"X-A":"***"},"secrets":[{"until":"2030-01-01T00:00:00Z"}]}"#
    );
}

#[test]
fn alone_it_shows_the_url_and_the_latest_attempt_but_no_secret() {
    let alone = shown(Detail::Alone, Some(Latest { sent_at: NOW, status: 0 }));
    assert_eq!(alone["url"], "https://hooks.example/canary-path");
    assert_eq!(
        (&alone["latestSentAt"], &alone["latestStatus"]),
        (&json!("2025-11-28T10:00:00.000Z"), &json!(0))
    );
    assert_eq!(alone.to_string().matches("canary").count(), 1);
}

#[test]
fn revealed_it_shows_everything() {
    assert_eq!(shown(Detail::Revealed, None).to_string().matches("canary").count(), 5);
}

#[test]
fn debug_shows_keys_only() {
    let record = create_json(&json!({"url": "https://hooks.example/canary", "secret": "canary"})).unwrap();
    assert!(!format!("{record:?}").contains("canary"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["misskey", "standard", "https://hooks.example/in", "note", "*"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("\\PC{0,6}", inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn any_object() -> impl Strategy<Value = Value> {
    let known: Vec<&str> = HookField::ALL.iter().map(|field| field.key()).chain(["secrets", "id"]).collect();
    let key = prop_oneof![3 => prop::sample::select(known).prop_map(str::to_owned), 1 => "[a-z_]{0,8}"];
    prop::collection::vec((key, any_json()), 0..10)
        .prop_map(|pairs| Value::Object(pairs.into_iter().collect()))
}

proptest! {
    #[test]
    fn nothing_panics_for_any_record_and_edit(record in any_object(), edit in any_object(), new in "\\PC{0,12}") {
        let record = HookRecord::parse(record.to_string().as_bytes()).unwrap();
        let _ = edit_json(&record, &edit);
        let _ = create_json(&edit);
        let _ = with_rules(Profile::Standard, |rules| record.rotate(&new, HOUR, rules, NOW));
        for detail in [Detail::Listed, Detail::Alone, Detail::Revealed] {
            record.shown("u", "h", None, detail);
        }
        let _ = Hook::parse(&record.to_json());
    }

    #[test]
    fn an_edit_keeps_keys_that_are_not_ours_in_their_order(record in any_object(), name in "[a-z]{1,8}") {
        let before = HookRecord::parse(record.to_string().as_bytes()).unwrap();
        let after = edit_json(&before, &json!({ "name": name })).unwrap();
        let kept = |record: &HookRecord| -> Vec<(String, Value)> {
            let own = |key: &str| ["name", "secrets", "disabledReason"].contains(&key);
            record.fields.clone().into_iter().filter(|(key, _)| !own(key)).collect()
        };
        prop_assert_eq!(kept(&before), kept(&after));
    }

    #[test]
    fn a_record_that_was_made_is_one_that_sends(on in prop::collection::vec("[!-~]{1,20}", 0..80), secret in "[!-~]{0,40}") {
        if let Ok(record) = create_json(&json!({"url": "https://hooks.example/", "on": on, "secret": secret})) {
            let hook = Hook::parse(&record.to_json()).unwrap();
            prop_assert!(on.iter().all(|event_type| hook.on.includes(event_type)));
            prop_assert_eq!(hook.secret.reveal(), secret);
        }
    }
}
