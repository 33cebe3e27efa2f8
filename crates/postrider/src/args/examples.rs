//! One to three examples for each command, which its help ends with. Each can be typed as it stands: a test parses them.

use clap::Command;

/// Commands, by what is typed behind `postrider`, and their examples.
const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "worker",
        &["postrider worker --redis-url redis://cache:6379", "postrider worker --config /etc/postrider.toml"],
    ),
    ("demo", &["postrider demo", "postrider demo --keep"]),
    (
        "enqueue",
        &[
            "postrider enqueue --to https://hooks.example/in --type note --content '{}'",
            "postrider enqueue --hook 9u/9abc --type note --content-file note.json",
            "postrider enqueue --dry-run - < jobs.jsonl",
        ],
    ),
    (
        "event",
        &["postrider event --user 9u --type note --content '{}'", "postrider event --json - < events.jsonl"],
    ),
    ("hooks list", &["postrider hooks list --user 9u --active", "postrider hooks list --json"]),
    ("hooks show", &["postrider hooks show 9abc --user 9u", "postrider hooks show 9u/9abc --json"]),
    (
        "hooks create",
        &[
            "postrider hooks create --user 9u --url https://hooks.example/in --on note,reply",
            "postrider hooks create --user 9u --url https://hooks.example/in --on '*' --profile standard --json",
        ],
    ),
    (
        "hooks update",
        &[
            "postrider hooks update 9u/9abc --on note,mention",
            "postrider hooks update 9u/9abc --unset timeoutMs",
        ],
    ),
    ("hooks delete", &["postrider hooks delete 9u/9abc"]),
    ("hooks enable", &["postrider hooks enable 9u/9abc"]),
    ("hooks disable", &["postrider hooks disable 9u/9abc --reason 'moving house'"]),
    (
        "hooks rotate",
        &[
            "postrider hooks rotate 9u/9abc --keep 24h",
            "postrider hooks rotate 9u/9abc --secret-file new.txt",
        ],
    ),
    ("hooks reveal", &["postrider hooks reveal 9u/9abc"]),
    ("hooks test", &["postrider hooks test 9u/9abc --type note"]),
    ("queue stats", &["postrider queue stats", "postrider queue stats --json"]),
    ("queue pause", &["postrider queue pause", "postrider queue pause --queue postrider:deliveries"]),
    ("queue resume", &["postrider queue resume", "postrider queue resume --events"]),
    ("destinations list", &["postrider destinations list --held-back"]),
    ("destinations show", &["postrider destinations show 9u/9abc"]),
    (
        "destinations reset",
        &["postrider destinations reset https://hooks.example", "postrider destinations reset --all"],
    ),
    ("destinations pause", &["postrider destinations pause 9u/9abc"]),
    ("destinations resume", &["postrider destinations resume 9u/9abc"]),
    ("retries list", &["postrider retries list --hook 9u/9abc", "postrider retries list --limit 10 --json"]),
    (
        "retries promote",
        &[
            "postrider retries promote 1764324000123-0",
            "postrider retries promote --destination https://hooks.example",
        ],
    ),
    (
        "retries cancel",
        &["postrider retries cancel 1764324000123-0", "postrider retries cancel --hook 9u/9abc --dry-run"],
    ),
    ("dead list", &["postrider dead list --reason exhausted --since 2h", "postrider dead list --by hook"]),
    ("dead show", &["postrider dead show 1764324000123-0", "postrider dead show 1764324000123-0 --content"]),
    (
        "dead replay",
        &[
            "postrider dead replay 1764324000123-0",
            "postrider dead replay --reason exhausted --since 2h --dry-run",
        ],
    ),
    ("dead purge", &["postrider dead purge --reason invalid --dry-run", "postrider dead purge --all --yes"]),
    (
        "sink",
        &[
            "postrider sink --listen 127.0.0.1:9000 --fail-first 2",
            "postrider sink --secret s3cret --json",
            "postrider sink --behave list",
        ],
    ),
    (
        "check",
        &[
            "postrider check https://hooks.example/in",
            "postrider check --resolve --json - < urls.txt",
            "postrider check --ssrf-allow 10.1.0.0/16 http://10.1.2.3:8080/in",
        ],
    ),
    ("doctor", &["postrider doctor", "postrider doctor --fix", "postrider doctor --json"]),
    ("config", &["postrider config", "postrider config --json --config /etc/postrider.toml"]),
    ("completions", &["postrider completions bash > ~/.local/share/bash-completion/completions/postrider"]),
    (
        "man",
        &[
            "postrider man | man -l -",
            "postrider man hooks create | man -l -",
            "postrider man --dir ~/.local/share/man/man1",
        ],
    ),
    ("healthcheck", &["postrider healthcheck"]),
];

/// Lets the help of each command below end with its examples, where it has none yet.
pub(super) fn add(command: Command) -> Command {
    add_below(command, "")
}

fn add_below(mut command: Command, path: &str) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    for name in names {
        let path = format!("{path} {name}").trim_start().to_owned();
        command = command.mut_subcommand(&name, |below| add_below(below, &path));
    }
    match EXAMPLES.iter().find(|(of, _)| *of == path) {
        Some((_, examples)) => with_examples(command, examples),
        None => command,
    }
}

fn with_examples(command: Command, examples: &[&str]) -> Command {
    let examples = format!("Examples:\n  {}", examples.join("\n  "));
    let before = |help: Option<String>| help.map_or_else(String::new, |help| help + "\n\n");
    let short = before(command.get_after_help().map(ToString::to_string)) + &examples;
    let long = command.get_after_long_help().map(|long| before(Some(long.to_string())) + &examples);
    let command = command.after_help(short);
    match long {
        Some(long) => command.after_long_help(long),
        None => command,
    }
}
