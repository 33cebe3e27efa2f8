//! The whole command line: what help shows, and what can be typed.

use super::*;

#[test]
fn the_definition_holds_together() {
    Args::definition().debug_assert();
}

/// Each command that does something, by what is typed behind `postrider`.
fn leaves(command: &clap::Command, path: &str) -> Vec<(String, clap::Command)> {
    let below: Vec<_> = command
        .get_subcommands()
        .flat_map(|one| leaves(one, &format!("{path} {}", one.get_name())))
        .collect();
    if below.is_empty() { vec![(path.to_owned(), command.clone())] } else { below }
}

#[test]
fn every_command_has_examples_and_each_can_be_typed() {
    let mut count = 0;
    for (path, mut command) in leaves(&Args::definition(), "postrider") {
        for help in [command.render_help(), command.render_long_help()].map(|help| help.to_string()) {
            let (_, examples) = help.split_once("Examples:\n").unwrap_or_else(|| panic!("{path}: {help}"));
            for line in examples.lines().take_while(|line| line.starts_with("  ")) {
                count += 1;
                check_example(line.trim());
            }
        }
    }
    assert!(count > 80, "{count}");
}

/// As a shell hands it over: up to a pipe or a redirection, quotes taken off, variables before it left out.
fn check_example(line: &str) {
    let typed = line.split(['|', '<', '>']).next().unwrap_or_default();
    let (_, typed) = typed.split_once("postrider ").unwrap_or_else(|| panic!("{line}"));
    let mut words = vec!["postrider".to_owned()];
    for (place, part) in typed.split('\'').enumerate() {
        if place % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    let matches = Args::definition().try_get_matches_from(&words);
    let args = matches.and_then(|matches| Args::from_arg_matches(&matches));
    assert!(args.is_ok(), "{line}: {}", args.unwrap_err());
}

#[test]
fn commands_that_print_data_print_json_too() {
    let silent = ["worker", "demo", "completions", "man", "healthcheck"];
    for (path, command) in leaves(&Args::definition(), "") {
        let has_json = command.get_arguments().any(|arg| arg.get_id() == "json");
        assert_eq!(has_json, !silent.contains(&path.trim()), "{path}");
    }
}

#[test]
fn old_spellings_still_work_and_a_hook_is_named_alike_everywhere() {
    for line in [
        "enqueue --to https://x.example --type note --content {} --user-id u --hook-id h",
        "event --user-id u --type note --content {}",
        "tail --event e",
        "queue list",
        "hooks show h --user u",
        "hooks show u/h",
        "enqueue --hook u/h --type note --content {}",
    ] {
        check_example(&format!("postrider {line}"));
    }
    let matches = Args::definition().try_get_matches_from(["postrider", "hooks", "show", "h"]).unwrap();
    let refused = Args::from_arg_matches(&matches).unwrap_err().to_string();
    assert!(refused.contains("whose hook is it?"), "{refused}");
}

#[test]
fn only_commands_that_work_are_listed() {
    let help = definition().render_help().to_string();
    for command in [
        "worker",
        "demo",
        "enqueue",
        "event",
        "hooks",
        "queue",
        "top",
        "destinations",
        "job",
        "tail",
        "retries",
        "dead",
        "sink",
        "listen",
        "check",
        "doctor",
        "config",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
    }
    assert!(!help.contains("\n  healthcheck "), "{help}");
}
