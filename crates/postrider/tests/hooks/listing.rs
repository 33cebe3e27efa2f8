//! Lists: Misskey's own cases by their numbers, and what a list looks like.

use crate::shell::Shell;

/// Misskey's four: A and C are active.
async fn four() -> Shell {
    let shell = Shell::open().await;
    for (id, more) in [
        ("A", " --on mention"),
        ("B", " --on mention --inactive"),
        ("C", " --on reply"),
        ("D", " --inactive --on "),
    ] {
        shell.create(id, more);
    }
    shell
}

#[track_caller]
fn check(shell: &Shell, filters: &str, expected: &str) {
    let rows = shell.json(&format!("list --user u{filters}")).rows();
    let ids: String = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, expected, "{filters}");
}

#[tokio::test]
async fn uw1_all_hooks_are_listed() {
    check(&four().await, "", "ABCD");
}

#[tokio::test]
async fn uw2_list_filters_by_switch() {
    let shell = four().await;
    check(&shell, " --active", "AC");
    check(&shell, " --inactive", "BD");
}

#[tokio::test]
async fn uw3_list_filters_by_event() {
    check(&four().await, " --on mention", "AB");
}

#[tokio::test]
async fn uw4_list_filters_by_event_and_switch() {
    check(&four().await, " --on mention --active", "A");
}

#[tokio::test]
async fn uw5_list_filters_by_ids() {
    check(&four().await, " --id A,D", "AD");
}

#[tokio::test]
async fn uw6_list_filters_by_ids_and_switch() {
    check(&four().await, " --id A,D --inactive", "D");
}

#[tokio::test]
async fn a_list_without_owner_holds_those_of_all() {
    let shell = four().await;
    shell.hooks("create --user other --id E --url https://hooks.example/in --on *").check_ok();
    let mut owners: Vec<String> = shell
        .json("list --on mention")
        .rows()
        .iter()
        .map(|row| format!("{}/{}", text(row, "userId"), text(row, "id")))
        .collect();
    owners.sort();
    assert_eq!(owners, ["other/E", "u/A", "u/B"]);
}

fn text<'a>(row: &'a serde_json::Value, key: &str) -> &'a str {
    row[key].as_str().unwrap()
}

#[tokio::test]
async fn a_table_has_straight_columns_and_the_latest_attempt() {
    let shell = Shell::open().await;
    shell.create("h", " --on note,reply --name bot");
    let latest = r#"{"latestSentAt":"2026-11-24T02:13:00.000Z","latestStatus":503}"#;
    let () =
        shell.world.query(redis::cmd("HSET").arg("postrider:hooks:{u}:latest").arg("h").arg(latest)).await;
    let told = shell.hooks("list");
    let expected = "USER  HOOK  ACTIVE  ON          DESTINATION            LATEST  NAME\n\
                    u     h     true    note,reply  https://hooks.example  503     bot\n";
    assert_eq!((told.code, &*told.stdout), (0, expected));
    let row = shell.json("show h --user u").row();
    assert_eq!(
        (&row["latestSentAt"], &row["latestStatus"]),
        (&"2026-11-24T02:13:00.000Z".into(), &503.into())
    );
}

#[tokio::test]
async fn what_a_stranger_wrote_stays_in_its_line() {
    let shell = Shell::open().await;
    let stored = b"{\"url\":\"x\",\"active\":true,\"name\":\"a\\nb\\u001b[31m\"}";
    shell.world.register("u", "odd", stored).await;
    shell.world.register("u", "unreadable", b"{").await;
    let told = shell.hooks("list --user u");
    assert_eq!(told.stdout.lines().count(), 3, "{told:?}");
    assert!(!told.stdout.contains('\u{1b}'), "{told:?}");
    let rows = shell.json("list --user u").rows();
    assert_eq!(rows[1].to_string(), r#"{"id":"unreadable","userId":"u","unreadable":true}"#);
}
