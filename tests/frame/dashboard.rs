//! The dashboard shows what exists, and Grafana can read it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::metrics::{check_query, existing, named};
use crate::read;

/// Columns of Grafana's grid.
const COLUMNS: u64 = 24;

fn dashboard() -> Value {
    serde_json::from_str(&read("deploy/grafana/postrider.json")).expect("the dashboard is JSON")
}

fn panels() -> Vec<Value> {
    dashboard()["panels"].as_array().expect("there are panels").clone()
}

/// Queries of all panels, with the titles of their panels.
fn queries() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for panel in panels() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let title = panel["title"].as_str().unwrap().to_owned();
            queries.push((title, target["expr"].as_str().expect("a target asks").to_owned()));
        }
    }
    queries
}

#[test]
fn every_panel_shows_metrics_that_exist() {
    let queries = queries();
    assert!(queries.len() > 30, "{}", queries.len());
    for (title, query) in queries {
        assert!(!named(&query).is_empty() || query.contains("up{"), "{title}: {query}");
        check_query(&title, &query);
    }
    for variable in dashboard()["templating"]["list"].as_array().unwrap() {
        check_query("a variable", variable["definition"].as_str().unwrap_or_default());
    }
}

#[test]
fn every_metric_of_ours_is_shown() {
    let shown: BTreeSet<String> = queries().iter().flat_map(|(_, query)| named(query)).collect();
    // A sum of times says nothing beside the buckets; traces are looked at where they are collected.
    let aside = |name: &str| name.ends_with("_sum") || name.starts_with("postrider_trace_");
    let hidden = existing().into_iter().filter(|name| !shown.contains(name) && !aside(name));
    let hidden: Vec<String> =
        hidden.filter(|name| name != "redis_up" && !name.ends_with("_seconds_count")).collect();
    assert!(hidden.is_empty(), "on no panel: {hidden:?}");
}

#[test]
fn panels_say_what_they_show_and_lie_side_by_side() {
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in panels() {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is another's");
        let is_row = panel["type"] == "row";
        assert!(is_row || panel["description"].as_str().is_some_and(|text| text.ends_with('.')), "{title}");
        assert!(is_row || panel["datasource"]["uid"] == "${datasource}", "{title} asks a fixed source");
        let [x, y, width, height] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
        assert!(x + width <= COLUMNS, "{title} is too wide");
        for cell in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{title} lies on another panel");
        }
    }
}
