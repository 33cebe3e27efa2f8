//! The alerts fire when they shall, as Prometheus' own `promtool` finds, and a worker tells every metric that alerts, dashboard
//! and autoscaling go by.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use postrider_tests::world::World;
use serde_json::Value;

use crate::program::root;

/// Runs promtool in the folder of the alerts; its words where it isn't content.
fn promtool(arguments: &[&str]) -> Result<(), String> {
    let ran = Command::new("promtool").args(arguments).current_dir(root().join("deploy/prometheus")).output();
    let ran = ran.unwrap_or_else(|error| {
        panic!("promtool can't be run ({error}): scripts/outside-deps.sh installs it")
    });
    let said = [ran.stdout, ran.stderr].concat();
    if ran.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&said).into_owned()) }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_alert_fires_when_it_shall_and_else_is_silent() {
    assert_eq!(promtool(&["check", "config", "prometheus.yml"]), Ok(()));
    assert_eq!(promtool(&["test", "rules", "alerts_test.yml"]), Ok(()));
}

/// Each of the tests is one that can fail.
#[test]
fn an_alert_that_never_fires_fails_its_test() {
    let folder = tempfile::tempdir().expect("a folder");
    let dull = read("deploy/prometheus/alerts.yml").replace("expr: ", "expr: 1 == 2 # ");
    std::fs::write(folder.path().join("alerts.yml"), dull.replace("# |", "")).expect("it can be written");
    let tests = folder.path().join("alerts_test.yml");
    std::fs::copy(root().join("deploy/prometheus/alerts_test.yml"), &tests).expect("it can be copied");
    let said = promtool(&["test", "rules", &tests.to_string_lossy()]).expect_err("no alert can fire");
    assert!(said.contains("FAILED"), "{said}");
}

/// The queries of the dashboard, as a file of rules that promtool reads.
fn queries_as_rules(into: &Path) {
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/postrider.json")).expect("it is JSON");
    let panels = dashboard["panels"].as_array().expect("it has panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let rules: Vec<Value> = targets
        .map(|target| {
            let query = target["expr"].as_str().expect("a target asks").replace("$__rate_interval", "1m");
            serde_json::json!({"record": "q", "expr": query.replace("$__range", "1h")})
        })
        .collect();
    let file = serde_json::json!({"groups": [{"name": "dashboard", "rules": rules}]});
    std::fs::write(into, file.to_string()).expect("it can be written");
}

#[test]
fn prometheus_can_read_every_query_of_the_dashboard() {
    let folder = tempfile::tempdir().expect("a folder");
    let rules = folder.path().join("rules.yml");
    queries_as_rules(&rules);
    // Not `--lint=all`: rules of the same name are of no matter here.
    assert_eq!(promtool(&["check", "rules", "--lint=none", &rules.to_string_lossy()]), Ok(()));
}

fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_lowercase() && c != '_');
    words.filter(|word| word.starts_with("postrider_")).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_worker_tells_from_its_start_whatever_is_asked_for() {
    let world = World::start().await;
    let told = world.workers[0].metrics().await;
    for file in [
        "deploy/prometheus/alerts.yml",
        "deploy/grafana/postrider.json",
        "deploy/helm/postrider/templates/scaledobject.yaml",
    ] {
        let names = named(&read(file));
        assert!(!names.is_empty(), "{file} names no metric");
        for name in names {
            let sample =
                |line: &str| line.strip_prefix(&name).is_some_and(|rest| rest.starts_with(['{', ' ']));
            assert!(told.lines().any(sample), "{file} names {name}, which a worker doesn't tell");
        }
    }
}
