//! Alerts name metrics that exist, each has a runbook and a test, and the chart has the same ones.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::documents::anchors;
use crate::metrics::{check_query, named};
use crate::read;

fn alerts() -> Vec<Value> {
    let rules: Value =
        serde_saphyr::from_str(&read("deploy/prometheus/alerts.yml")).expect("the alerts are YAML");
    rules["groups"][0]["rules"].as_array().expect("there are rules").clone()
}

fn name(alert: &Value) -> &str {
    alert["alert"].as_str().expect("an alert has a name")
}

fn names() -> BTreeSet<String> {
    alerts().iter().map(|alert| name(alert).to_owned()).collect()
}

#[test]
fn every_alert_goes_by_metrics_that_exist() {
    for alert in alerts() {
        let query = alert["expr"].as_str().unwrap();
        assert!(!named(query).is_empty(), "{}: {query}", name(&alert));
        check_query(name(&alert), query);
    }
}

#[test]
fn every_alert_says_how_bad_it_is_and_where_to_read_on() {
    for alert in alerts() {
        let name = name(&alert);
        assert!(["warning", "critical"].contains(&alert["labels"]["severity"].as_str().unwrap()), "{name}");
        assert!(
            alert["annotations"]["summary"].is_string() && alert["annotations"]["description"].is_string()
        );
        let runbook = format!("docs/runbooks.md#{}", name.to_lowercase());
        assert_eq!(alert["annotations"]["runbook_url"], *runbook, "{name}");
    }
}

#[test]
fn every_alert_has_its_runbook_and_every_runbook_its_alert() {
    let runbooks = read("docs/runbooks.md");
    let anchors = anchors(&runbooks);
    for name in names() {
        assert!(anchors.contains(&name.to_lowercase()), "docs/runbooks.md has nothing about {name}");
    }
    let headings = runbooks.lines().filter_map(|line| line.strip_prefix("## Postrider"));
    for heading in headings {
        assert!(names().contains(&format!("Postrider{heading}")), "no alert is called Postrider{heading}");
    }
}

#[test]
fn every_alert_is_tested_firing_and_silent() {
    let tests: Value = serde_saphyr::from_str(&read("deploy/prometheus/alerts_test.yml")).unwrap();
    let cases: Vec<&Value> = tests["tests"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|test| test["alert_rule_test"].as_array().unwrap())
        .collect();
    for name in names() {
        let (fires, silent): (Vec<&Value>, Vec<&Value>) = cases
            .iter()
            .filter(|case| case["alertname"] == *name)
            .partition(|case| case["exp_alerts"].is_array());
        assert!(!fires.is_empty() && !silent.is_empty(), "{name}: {} and {}", fires.len(), silent.len());
    }
}

#[test]
fn the_chart_has_the_same_alerts_and_the_same_dashboard() {
    for (chart, own) in [
        ("files/alerts.yml", "deploy/prometheus/alerts.yml"),
        ("files/postrider.json", "deploy/grafana/postrider.json"),
    ] {
        let copy = format!("deploy/helm/postrider/{chart}");
        assert!(read(&copy) == read(own), "cp {own} {copy}");
    }
}
