//! The chart's values are described and checked, and say what the program and its guard say. What the chart makes of them is
//! tested in `tests/outside`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;

use crate::metrics::check_query;
use crate::{postrider, read, root};

const CHART: &str = "deploy/helm/postrider";

fn values() -> Value {
    serde_saphyr::from_str(&read(&format!("{CHART}/values.yaml"))).expect("the values are YAML")
}

fn schema() -> Value {
    serde_json::from_str(&read(&format!("{CHART}/values.schema.json"))).expect("the schema is JSON")
}

/// Each value that has a description of its own: its path, its schema and its default.
fn described(path: &str, schema: &Value, values: &Value) -> Vec<(String, Value, Value)> {
    let mut found = Vec::new();
    for (key, below) in schema["properties"].as_object().expect("a schema of a map") {
        // Helm's own.
        if key == "global" {
            continue;
        }
        let value = values.get(key).unwrap_or_else(|| panic!("values.yaml has no {path}{key}"));
        if below.get("properties").is_some() {
            found.extend(described(&format!("{path}{key}."), below, value));
        } else {
            found.push((format!("{path}{key}"), below.clone(), value.clone()));
        }
    }
    let unknown = values.as_object().unwrap().keys().find(|key| schema["properties"].get(key).is_none());
    assert!(unknown.is_none(), "the schema knows no {path}{unknown:?}");
    found
}

#[test]
fn every_value_is_in_the_table_with_its_default_and_meaning() {
    let page = read("docs/kubernetes.md");
    for (path, schema, preset) in described("", &schema(), &values()) {
        let meaning = schema["description"].as_str().unwrap_or_else(|| panic!("{path} isn't described"));
        let row = page.lines().find(|line| line.starts_with(&format!("| `{path}` | ")));
        let row = row.unwrap_or_else(|| panic!("docs/kubernetes.md tells nothing of {path}"));
        assert!(row.ends_with(&format!(" | {meaning} |")), "{path}: {meaning}");
        if preset.is_number() || preset.is_boolean() {
            assert!(row.contains(&format!("| `{preset}` |")), "the default of {path} is {preset}");
        }
    }
}

fn names(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_schema_knows_every_setting_and_keeps_secrets_out_of_values() {
    let schema = schema();
    let plain = names(&schema["properties"]["settings"]["propertyNames"]["enum"]);
    let secret = names(&schema["properties"]["secrets"]["propertyNames"]["enum"]);
    let of_the_chart = BTreeSet::from(["http.listen".to_owned(), "worker.grace".to_owned()]);
    assert!(plain.is_disjoint(&secret));
    let listed = postrider(&["config", "--json"]).stdout;
    let settings: BTreeSet<String> = listed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["key"].as_str().unwrap().to_owned())
        .collect();
    let known: BTreeSet<String> = &(&plain | &secret) | &of_the_chart;
    assert_eq!(known, settings, "values.schema.json lists the settings in settings.propertyNames");
}

/// First and last address of a network.
fn edges(cidr: &str) -> [IpAddr; 2] {
    let (address, length) = cidr.split_once('/').expect("a network has a length");
    let length: u32 = length.parse().unwrap();
    match address.parse().unwrap() {
        IpAddr::V4(ip) => {
            let hosts = u32::MAX.checked_shr(length).unwrap_or(0);
            [ip.into(), IpAddr::V4((ip.to_bits() | hosts).into())]
        }
        IpAddr::V6(ip) => {
            let hosts = u128::MAX.checked_shr(length).unwrap_or(0);
            [ip.into(), IpAddr::V6((ip.to_bits() | hosts).into())]
        }
    }
}

/// The address so far behind or before this one.
fn beside(ip: IpAddr, step: i8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => IpAddr::V4(ip.to_bits().wrapping_add_signed(step.into()).into()),
        IpAddr::V6(ip) => IpAddr::V6(ip.to_bits().wrapping_add_signed(step.into()).into()),
    }
}

fn within(ip: IpAddr, cidr: &str) -> bool {
    let [first, last] = edges(cidr);
    first.is_ipv4() == ip.is_ipv4() && first <= ip && ip <= last
}

/// Whether a worker would connect to each.
fn judged(addresses: &BTreeSet<IpAddr>) -> Vec<bool> {
    let url = |ip: &IpAddr| if ip.is_ipv4() { format!("http://{ip}/") } else { format!("http://[{ip}]/") };
    let urls: Vec<String> = addresses.iter().map(url).collect();
    let words = ["check", "--json"].into_iter().chain(urls.iter().map(String::as_str));
    let answer = postrider(&words.collect::<Vec<_>>());
    answer.stdout.lines().map(|line| line.contains(r#""verdict":"allowed""#)).collect()
}

/// At the edges of every network, just inside and just outside, the policy and the guard say the same.
#[test]
fn the_network_policy_lets_through_what_the_guard_allows_and_nothing_else() {
    let policy = &values()["networkPolicy"];
    let closed: BTreeSet<String> = &names(&policy["private"]) | &names(&policy["private6"]);
    let all = ["0.0.0.0/0".to_owned(), "2000::/3".to_owned()];
    let mut addresses = BTreeSet::new();
    for cidr in closed.iter().chain(&all) {
        let [first, last] = edges(cidr);
        addresses.extend([beside(first, -1), first, last, beside(last, 1)]);
    }
    // Others of each kind: public ones, one's own, link-local, multicast, wrapped.
    for more in
        ["1.1.1.1", "9.9.9.9", "2606:4700::1111", "::1", "fc00::1", "fe80::1", "ff02::1", "64:ff9b::a00:1"]
    {
        addresses.insert(more.parse().unwrap());
    }
    let verdicts = judged(&addresses);
    assert_eq!(verdicts.len(), addresses.len());
    for (ip, allowed) in addresses.iter().zip(verdicts) {
        let open = all.iter().any(|cidr| within(*ip, cidr)) && !closed.iter().any(|cidr| within(*ip, cidr));
        assert_eq!(open, allowed, "{ip}: the policy says {open}, the guard {allowed}");
    }
}

#[test]
fn the_chart_scales_by_metrics_that_exist_and_has_the_version_of_the_program() {
    for file in std::fs::read_dir(root().join(CHART).join("templates")).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        check_query(&file, &read(&format!("{CHART}/templates/{file}")));
    }
    let chart: Value = serde_saphyr::from_str(&read(&format!("{CHART}/Chart.yaml"))).unwrap();
    let version = postrider(&["--version"]).stdout;
    assert_eq!(version.trim(), format!("postrider {}", chart["appVersion"].as_str().unwrap()));
    assert_eq!(chart["version"], chart["appVersion"]);
}
