//! Secrets: made, rotated, revealed, and found nowhere else.

use postrider_core::hook::Hook;
use postrider_core::time::Timestamp;

use crate::shell::Shell;

/// Everything that an operator may look at without asking for secrets.
const LOOKS: [&str; 8] = [
    "list",
    "list --json",
    "show h --user u",
    "show h --user u --json",
    "update h --user u --name n",
    "disable h --user u --json",
    "enable h --user u",
    "rotate h --user u --json",
];

#[tokio::test]
async fn a_secret_is_shown_at_creation_and_by_reveal_and_nowhere_else() {
    let shell = Shell::open().await;
    let shown = shell.create("h", " --on note --secret canary-new --header X-Key:canary-header");
    assert_eq!(
        (&shown["secret"], &shown["headers"]["X-Key"]),
        (&"canary-new".into(), &"canary-header".into())
    );
    shell.json("rotate h --user u --secret canary-newer").row();
    for line in LOOKS {
        let told = shell.hooks(line);
        assert_eq!(told.code, 0, "{line}: {told:?}");
        assert!(!format!("{told:?}").contains("canary"), "{line}: {told:?}");
    }
    let revealed = shell.json("reveal h --user u").row().to_string();
    for secret in ["canary-new\"", "canary-newer", "canary-header"] {
        assert!(revealed.contains(secret), "{revealed}");
    }
    assert!(shell.hooks("reveal h --user u").stdout.contains("canary-newer"));
}

#[tokio::test]
async fn a_list_shows_no_more_of_a_url_than_its_origin() {
    let shell = Shell::open().await;
    let line = "create --user u --id h --url https://hooks.example/canary?canary --on note";
    assert_eq!(shell.hooks(line).code, 0);
    for line in ["list", "list --json"] {
        let told = shell.hooks(line);
        assert!(told.stdout.contains("https://hooks.example") && !told.stdout.contains("canary"), "{told:?}");
    }
    assert_eq!(shell.json("show h --user u").row()["url"], "https://hooks.example/canary?canary");
}

#[tokio::test]
async fn no_error_holds_a_secret() {
    let shell = Shell::open().await;
    shell.create("h", " --on note --secret canary");
    shell
        .hooks("rotate h --user u --secret canary")
        .check_failed(2, "field 'secret' is the current one already");
    shell
        .hooks("update h --user u --profile standard --secret whsec_canary")
        .check_failed(2, "field 'secret'");
    shell.hooks("update h --user u --header X-A:canary\u{e9}").check_failed(2, "field 'headers.X-A'");
}

#[tokio::test]
async fn a_secret_is_made_for_profile_standard_and_left_empty_for_misskey() {
    let shell = Shell::open().await;
    assert_eq!(shell.create("m", " --on note")["secret"], "");
    let made = shell.create("s", " --on note --profile standard")["secret"].as_str().unwrap().to_owned();
    assert!(made.starts_with("whsec_") && made.len() == 50, "{}", made.len());
    let default =
        shell.create("d", " --on note --delivery-profile standard")["secret"].as_str().unwrap().to_owned();
    assert!(default.starts_with("whsec_") && default != made);
}

#[tokio::test]
async fn a_secret_may_come_from_a_file_or_from_stdin() {
    let shell = Shell::open().await;
    let line = [
        "create",
        "--user",
        "u",
        "--id",
        "h",
        "--url",
        "https://hooks.example/in",
        "--on",
        "note",
        "--secret-file",
        "-",
        "--json",
    ];
    assert_eq!(shell.run(&line, "from stdin\n").row()["secret"], "from stdin");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, b"from file\r\n").unwrap();
    let update = ["update", "h", "--user", "u", "--secret-file", file.path().to_str().unwrap()];
    assert_eq!(shell.run(&update, "").code, 0);
    assert_eq!(Hook::parse(shell.stored("h").await.as_bytes()).unwrap().secret.reveal(), "from file");
}

#[tokio::test]
async fn a_rotated_secret_signs_on_for_as_long_as_it_is_kept() {
    let shell = Shell::open().await;
    shell.create("h", " --on note --secret one");
    let row = shell.json("rotate h --user u --keep 1h").row();
    let until = Timestamp::parse_rfc3339(row["secrets"][0]["until"].as_str().unwrap()).unwrap();
    let signing = |stored: &str, at: Timestamp| {
        let secrets = Hook::parse(stored.as_bytes()).unwrap().signing_secrets(at);
        secrets.iter().map(|secret| secret.reveal().to_owned()).collect::<Vec<_>>()
    };
    let stored = shell.stored("h").await;
    let before = signing(&stored, Timestamp::from_millis(until.as_millis() - 1));
    assert_eq!((before.len(), before[0].len(), &*before[1]), (2, 32, "one"));
    assert_eq!(signing(&stored, until), before[..1]);
    shell.json("rotate h --user u --keep 0s").row();
    assert_eq!(signing(&shell.stored("h").await, Timestamp::default()).len(), 1);
}
