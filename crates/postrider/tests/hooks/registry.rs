//! Each verb, and what it leaves in Redis.

use serde_json::json;

use crate::shell::{Shell, run_at};

#[tokio::test]
async fn a_new_hook_is_stored_as_misskey_would_and_shown_with_its_secret() {
    let shell = Shell::open().await;
    let shown = shell.create("9abc", " --on note,reply,note --secret s3cret --name bot");
    assert_eq!(
        shown.to_string(),
        r#"{"id":"9abc","userId":"u","name":"bot","on":["note","reply"],"url":"https://hooks.example/in","secret":"s3cret","active":true,"latestSentAt":null,"latestStatus":null}"#
    );
    let stored = r#"{"id":"9abc","userId":"u","name":"bot","on":["note","reply"],"url":"https://hooks.example/in","secret":"s3cret","active":true}"#;
    assert_eq!(shell.stored("9abc").await, stored);
}

#[tokio::test]
async fn each_flag_becomes_its_field() {
    let shell = Shell::open().await;
    let line = "create --user u --id h --url https://hooks.example/in --on * --secret s --profile raw --max-in-flight 7 \
                --rate-per-second 0.5 --timeout 5s --max-attempts 3 --inactive --json --header X-A:1 --header";
    let arguments: Vec<&str> = line.split_whitespace().chain(["X-B: two words "]).collect();
    let shown = shell.run(&arguments, "").row();
    let expected = json!({"id": "h", "userId": "u", "name": "hooks.example", "on": ["*"], "url": "https://hooks.example/in",
        "secret": "s", "active": false, "latestSentAt": null, "latestStatus": null, "profile": "raw", "maxInFlight": 7,
        "ratePerSecond": 0.5, "timeoutMs": 5000, "maxAttempts": 3, "headers": {"X-A": "1", "X-B": "two words"}});
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn an_id_is_made_and_later_ones_are_listed_later() {
    let shell = Shell::open().await;
    let create = || {
        let told = shell.json("create --user u --url https://hooks.example/in --on ");
        told.row()["id"].as_str().unwrap().to_owned()
    };
    let ids = [create(), create(), create()];
    assert!(
        ids.iter().all(|id| id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())),
        "{ids:?}"
    );
    let listed: Vec<String> =
        shell.json("list --user u").rows().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(listed, ids);
}

#[tokio::test]
async fn what_breaks_a_rule_is_told_at_once_and_nothing_is_registered() {
    let shell = Shell::open().await;
    let line = "create --user u --id a:b --url http://10.0.0.1/canary --on note --timeout 1ms --secret canary --header Host:canary";
    let told = shell.hooks(line);
    told.check_failed(2, "field 'id' must be 1 to 64 of");
    for field in ["'url' may not be connected to: the address", "'timeoutMs'", "'headers.Host'"] {
        assert!(told.stderr.contains(field), "{told:?}");
    }
    let standard =
        "create --user u --url https://hooks.example/in --on note --profile standard --secret whsec_canary";
    shell.hooks(standard).check_failed(2, "field 'secret' must have the base64");
    assert_eq!(shell.json("list").rows().len(), 0);
}

#[tokio::test]
async fn ids_are_taken_once_and_an_owner_has_a_limit() {
    let shell = Shell::open().await;
    shell.create("h", " --on note");
    let again = "create --user u --id h --url https://hooks.example/in --on note";
    shell.hooks(again).check_failed(1, "field 'id' is taken");
    let more = "create --user u --url https://hooks.example/in --on note --hooks-max-per-user 1";
    shell.hooks(more).check_failed(1, "user \"u\" has 1 hooks or more, as many as hooks.max_per_user allows");
}

#[tokio::test]
async fn an_update_changes_what_is_named_and_keeps_the_rest_and_its_order() {
    let shell = Shell::open().await;
    let stored = r#"{"own":{"a":[]},"on":[],"url":"https://hooks.example/in","active":true,"profile":"raw","secret":"s"}"#;
    shell.world.register("u", "h", stored.as_bytes()).await;
    let shown = shell.json("update h --user u --name new --max-attempts 5 --unset profile").row();
    assert_eq!((&shown["name"], &shown["maxAttempts"]), (&json!("new"), &json!(5)));
    assert_eq!(
        shell.stored("h").await,
        r#"{"own":{"a":[]},"on":[],"url":"https://hooks.example/in","active":true,"secret":"s","name":"new","maxAttempts":5}"#
    );
    shell.hooks("update h --user u --on a,,b").check_failed(2, "field 'on' must be a list");
    shell.hooks("update h --user u").check_failed(2, "nothing to change");
}

#[tokio::test]
async fn a_hook_is_switched_off_with_a_reason_and_on_again_without() {
    let shell = Shell::open().await;
    shell.create("h", " --on note");
    let off = shell.json("disable h --user u --reason moving").row();
    assert_eq!((&off["active"], &off["disabledReason"]), (&json!(false), &json!("moving")));
    let on = shell.json("enable h --user u").row();
    assert_eq!((&on["active"], on.get("disabledReason")), (&json!(true), None));
}

#[tokio::test]
async fn a_deleted_hook_is_gone_with_its_latest_attempt() {
    let shell = Shell::open().await;
    shell.create("h", " --on note");
    let () = shell.world.query(redis::cmd("HSET").arg("postrider:hooks:{u}:latest").arg("h").arg("{}")).await;
    let told = shell.hooks("delete h --user u");
    assert_eq!((told.code, &*told.stdout), (0, "h\n"));
    let keys: Vec<String> = shell.world.query(redis::cmd("KEYS").arg("postrider:hooks*")).await;
    assert!(keys.is_empty(), "{keys:?}");
}

#[tokio::test]
async fn a_hook_that_is_unknown_or_unreadable_is_told_of_plainly() {
    let shell = Shell::open().await;
    shell.create("h", " --on note");
    for verb in
        ["show", "update --name n", "delete", "enable", "disable", "rotate", "reveal", "test --type note"]
    {
        let (verb, more) = verb.split_once(' ').unwrap_or((verb, "--json"));
        let unknown = format!("{verb} x --user u {more}");
        shell.hooks(&unknown).check_failed(1, "user \"u\" has no hook \"x\"");
        let of_another = format!("{verb} h --user other {more}");
        shell.hooks(&of_another).check_failed(1, "user \"other\" has no hook \"h\"");
    }
    shell.world.register("u", "bad", b"[canary").await;
    for line in ["show bad --user u", "enable bad --user u"] {
        shell.hooks(line).check_failed(1, "can't be read");
    }
    shell.hooks("test bad --user u --type note").check_failed(1, "can't be used: it is no JSON object");
}

#[test]
fn without_redis_every_verb_ends_with_3() {
    for line in [
        "list",
        "show h --user u",
        "create --user u --url https://hooks.example/in --on note",
        "rotate h --user u",
        "delete h --user u",
        "test h --user u --type note",
    ] {
        let told = run_at("redis://canary:canary@127.0.0.1:1", &line.split(' ').collect::<Vec<_>>(), "");
        told.check_failed(3, "can't reach Redis");
    }
}

#[test]
fn wrong_usage_ends_with_2_and_repeats_no_secret() {
    for line in [
        "list --user",
        "show h",
        "create --user u --on note",
        "create --user u --url https://hooks.example/in",
        "create --user u --url https://hooks.example/in --on note --secret canary\u{7}",
        "create --user u --url https://hooks.example/in --on note --header canary",
        "create --user u --url https://hooks.example/in --on note --max-in-flight many",
        "update h --user u --unset url",
        "update h --user u --secret canary --secret-file x",
        "test h --user u --type sneeze",
        "list --active --inactive",
        "rename h",
    ] {
        let told = run_at("redis://127.0.0.1:1", &line.split(' ').collect::<Vec<_>>(), "");
        assert_eq!((told.code, &*told.stdout), (2, ""), "{line}: {told:?}");
        assert!(!told.stderr.contains("canary") && !told.stderr.is_empty(), "{line}: {told:?}");
    }
}
