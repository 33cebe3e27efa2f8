//! The workflows for GitHub are YAML, ask for no more rights than they need, and run what exists.

use serde_json::Value;

use crate::{read, root};

/// Each workflow: its file and what is in it.
fn workflows() -> Vec<(String, Value)> {
    let files = std::fs::read_dir(root().join(".github/workflows")).unwrap();
    let named = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let parsed = named.map(|name| {
        let text = read(&format!(".github/workflows/{name}"));
        let workflow = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, workflow)
    });
    parsed.collect()
}

/// Each step with its workflow and job.
fn steps() -> Vec<(String, Value)> {
    let mut steps = Vec::new();
    for (file, workflow) in workflows() {
        for (job, what) in workflow["jobs"].as_object().unwrap() {
            let all = what["steps"].as_array().into_iter().flatten();
            steps.extend(all.map(|step| (format!("{file}: {job}"), step.clone())));
        }
    }
    steps
}

#[test]
fn there_are_workflows_for_changes_releases_dependencies_and_the_night() {
    let mut names: Vec<String> = workflows().into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(names, ["chaos.yml", "ci.yml", "deny.yml", "release.yml"]);
}

#[test]
fn every_workflow_may_only_read_and_every_job_ends() {
    for (name, workflow) in workflows() {
        assert_eq!(workflow["permissions"]["contents"], "read", "{name}");
        for (job, what) in workflow["jobs"].as_object().unwrap() {
            assert!(what["timeout-minutes"].is_u64(), "{name}: {job} may run for ever");
        }
    }
}

#[test]
fn every_action_has_a_version_and_the_files_say_how_to_pin_it() {
    for (place, step) in steps() {
        let Some(action) = step["uses"].as_str() else { continue };
        let (_, version) = action.split_once('@').unwrap_or_else(|| panic!("{place}: {action}"));
        assert!(version.starts_with('v') && version[1..].parse::<u32>().is_ok(), "{place}: {action}");
    }
    for (name, _) in workflows() {
        assert!(
            read(&format!(".github/workflows/{name}")).contains("by commit before you rely on them"),
            "{name}"
        );
    }
}

#[test]
fn every_target_and_file_that_a_step_names_exists() {
    let makefile = read("Makefile");
    for (place, step) in steps() {
        let command = step["run"].as_str().unwrap_or_default();
        let words: Vec<&str> = command.split_whitespace().collect();
        for pair in words.windows(2).filter(|pair| pair[0] == "make") {
            assert!(makefile.contains(&format!("\n{}:", pair[1])), "{place}: make {}", pair[1]);
        }
        let paths = words.iter().filter(|word| word.starts_with("deploy/") || word.starts_with("crates/"));
        for path in paths.filter(|path| !path.contains(".cdx")) {
            assert!(root().join(path).exists(), "{place}: {path}");
        }
        if let Some(file) = step["with"]["file"].as_str() {
            assert!(root().join(file).exists(), "{place}: {file}");
        }
    }
}

/// What a stranger can name (a branch, an input) would be run as a part of the command.
#[test]
fn no_command_has_words_of_strangers_in_it() {
    for (place, step) in steps() {
        let command = step["run"].as_str().unwrap_or_default();
        for expression in command.split("${{").skip(1) {
            assert!(expression.trim_start().starts_with("matrix."), "{place}: {command}");
        }
    }
}

#[test]
fn dependencies_come_from_one_place_and_faults_are_no_warnings() {
    let deny: toml::Table = toml::from_str(&read("deny.toml")).expect("deny.toml is TOML");
    assert_eq!(deny["sources"]["unknown-registry"].as_str(), Some("deny"));
    assert_eq!(deny["sources"]["unknown-git"].as_str(), Some("deny"));
    let lock: toml::Table = toml::from_str(&read("Cargo.lock")).expect("Cargo.lock is TOML");
    let packages = lock["package"].as_array().unwrap();
    let banned = deny["bans"]["deny"].as_array().unwrap();
    for package in packages {
        let name = package["name"].as_str();
        assert!(banned.iter().all(|banned| banned["crate"].as_str() != name), "{name:?} is banned");
    }
}
