//! What the chart makes of its values: manifests that Kubernetes accepts, and that mean what they must. Helm renders it where
//! it is there, else a program of ours with the same template language (`tests/outside/programs/helm/render.go`).

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::program::{needed, outside, root};

/// The oldest version of Kubernetes that the chart is for, and the newest whose schemas are at hand.
const VERSIONS: [&str; 2] = ["1.27", "1.37"];

fn chart() -> PathBuf {
    root().join("deploy/helm/postrider")
}

fn programs() -> PathBuf {
    root().join("tests/outside/programs/helm")
}

/// Values with everything that is off by default.
fn everything() -> PathBuf {
    programs().join("everything.yaml")
}

fn no_values(folder: &Path) -> PathBuf {
    with(folder, "{}")
}

fn with(folder: &Path, values: &str) -> PathBuf {
    let path = folder.join("values.yaml");
    std::fs::write(&path, values).expect("values can be written");
    path
}

fn render(values: &Path) -> String {
    let mut command = if Command::new("helm").arg("version").output().is_ok() {
        let mut helm = Command::new("helm");
        helm.args(["template", "hooks"]).arg(chart()).args(["--namespace", "prod", "--values"]);
        helm
    } else {
        let mut ours = Command::new(needed(&outside().join("helm/render")));
        ours.arg(chart()).args(["hooks", "prod"]);
        ours
    };
    let rendered = command.arg(values).output().expect("it can be run");
    assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    String::from_utf8(rendered.stdout).expect("manifests are text")
}

/// The only manifest of a kind; `None` where there is none.
fn manifest(rendered: &str, kind: &str) -> Option<Value> {
    let documents = rendered.split("\n---\n").filter(|text| text.contains("\nkind: "));
    let parsed = documents.map(|text| serde_saphyr::from_str::<Value>(text.trim_start_matches("---\n")));
    let mut of_kind = parsed.map(|value| value.expect("YAML")).filter(|value| value["kind"] == kind);
    let found = of_kind.next();
    assert!(of_kind.next().is_none(), "two of {kind}");
    found
}

/// Runs the checker with this on its standard input.
fn validate(arguments: &[&str], input: &str) -> Output {
    use std::io::Write;
    let python = outside().join("helm-python/bin/python3");
    let mut checker = Command::new(needed(&python))
        .arg(programs().join("validate.py"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python can be run");
    checker.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("it reads");
    checker.wait_with_output().expect("it ends")
}

#[track_caller]
fn check_valid(ran: &Output) {
    let said = [ran.stdout.as_slice(), ran.stderr.as_slice()].concat();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&said));
}

fn check_values(values: &Path) -> Output {
    validate(&["values", &chart().to_string_lossy(), &values.to_string_lossy()], "")
}

#[test]
fn kubernetes_accepts_what_the_chart_makes_with_and_without_values() {
    let folder = tempfile::tempdir().expect("a folder");
    for values in [no_values(folder.path()), everything()] {
        check_valid(&check_values(&values));
        let rendered = render(&values);
        for version in VERSIONS {
            check_valid(&validate(&["manifests", version], &rendered));
        }
        let broken = rendered.replace("imagePullPolicy", "imagePullPolice");
        assert!(!validate(&["manifests", VERSIONS[0]], &broken).status.success(), "nothing is checked");
    }
}

#[test]
fn values_that_are_wrong_are_refused_and_named() {
    let folder = tempfile::tempdir().expect("a folder");
    for (values, named) in [
        ("replicsa: 3", "replicsa"),
        ("graceSeconds: 25s", "graceSeconds"),
        ("settings: {worker.concurency: 5}", "worker.concurency"),
        ("settings: {redis.url: 'redis://:s3cret@redis'}", "redis.url"),
        ("settings: {http.token: s3cret}", "http.token"),
        ("settings: {worker.grace: 5s}", "worker.grace"),
        ("secrets: {redis.url: 'redis://redis'}", "secrets.redis.url"),
        ("autoscaling: {minReplicas: 0}", "autoscaling.minReplicas"),
        ("image: {digest: latest}", "image.digest"),
    ] {
        let ran = check_values(&with(folder.path(), values));
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(!ran.status.success() && said.contains(named), "{values}: {said}");
    }
}

#[test]
fn what_is_off_by_default_is_not_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let rendered = render(&no_values(folder.path()));
    for kind in ["Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"] {
        assert!(manifest(&rendered, kind).is_some(), "{kind} is missing");
    }
    for kind in ["ScaledObject", "ServiceMonitor", "PrometheusRule", "ConfigMap"] {
        assert!(manifest(&rendered, kind).is_none(), "{kind} needs what not every cluster has");
    }
}

fn worker(rendered: &str) -> (Value, Value) {
    let pod = manifest(rendered, "Deployment").expect("there is one")["spec"]["template"]["spec"].take();
    let container = pod["containers"][0].clone();
    (pod, container)
}

fn variable<'a>(container: &'a Value, name: &str) -> &'a Value {
    let variables = container["env"].as_array().expect("variables");
    variables.iter().find(|variable| variable["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn a_pod_has_its_grace_and_more_before_it_is_killed() {
    let (pod, container) = worker(&render(&everything()));
    assert_eq!(variable(&container, "POSTRIDER_WORKER_GRACE")["value"], "60s");
    assert_eq!(pod["terminationGracePeriodSeconds"], 75);
}

#[test]
fn a_pod_has_no_right_that_it_does_not_need() {
    let folder = tempfile::tempdir().expect("a folder");
    let (pod, container) = worker(&render(&no_values(folder.path())));
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["runAsUser"], 65532);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    let rights = &container["securityContext"];
    assert_eq!(rights["allowPrivilegeEscalation"], false);
    assert_eq!(rights["readOnlyRootFilesystem"], true);
    assert_eq!(rights["capabilities"], serde_json::json!({"drop": ["ALL"]}));
}

#[test]
fn secrets_are_named_and_never_written() {
    let (_, container) = worker(&render(&everything()));
    for (name, secret, key) in [
        ("POSTRIDER_REDIS_URL", "postrider-redis", "url"),
        ("POSTRIDER_HTTP_TOKEN", "postrider-api", "token"),
    ] {
        let variable = variable(&container, name);
        assert!(variable.get("value").is_none(), "{name} is written in the manifest");
        assert_eq!(variable["valueFrom"]["secretKeyRef"], serde_json::json!({"name": secret, "key": key}));
    }
}

/// The variables that hold no secret, given to the program.
#[test]
fn the_program_accepts_the_settings_as_the_chart_gives_them() {
    let (_, container) = worker(&render(&everything()));
    let variables: Vec<(&str, &str)> = container["env"]
        .as_array()
        .expect("variables")
        .iter()
        .filter_map(|variable| Some((variable["name"].as_str()?, variable["value"].as_str()?)))
        // Files of the pod.
        .filter(|(name, _)| !name.ends_with("_FILE"))
        .collect();
    let program = postrider_tests::worker_process::program();
    let shown =
        Command::new(program).args(["config", "--json"]).env_clear().envs(variables.iter().copied()).output();
    let shown = shown.expect("the program can be run");
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    let heeded = String::from_utf8_lossy(&shown.stdout).matches(r#""source":"env""#).count();
    assert_eq!(heeded, variables.len(), "{variables:?}");
}

#[test]
fn workers_scale_by_ready_jobs_and_by_the_age_of_the_oldest() {
    let rendered = render(&everything());
    let deployment = manifest(&rendered, "Deployment").expect("there is one");
    assert!(deployment["spec"].get("replicas").is_none(), "the chart and KEDA would pull at it both");
    let scaled = manifest(&rendered, "ScaledObject").expect("there is one");
    assert_eq!(scaled["spec"]["scaleTargetRef"]["name"], deployment["metadata"]["name"]);
    let triggers = scaled["spec"]["triggers"].as_array().expect("triggers");
    let queue = r#"queue="postrider:{0}:deliveries""#;
    let asked = |at: usize| (&triggers[at]["metadata"]["query"], &triggers[at]["metadata"]["threshold"]);
    assert_eq!(
        asked(0),
        (&format!(r#"max(postrider_jobs{{{queue},state="ready"}})"#).into(), &"2000000".into())
    );
    assert_eq!(asked(1), (&format!("max(postrider_oldest_ready_seconds{{{queue}}})").into(), &"10".into()));
    assert_eq!(triggers[2]["type"], "cron");
}

#[test]
fn requests_reach_the_world_and_in_the_cluster_only_dns_and_redis() {
    let folder = tempfile::tempdir().expect("a folder");
    let policy = manifest(&render(&no_values(folder.path())), "NetworkPolicy").expect("there is one");
    let spec = &policy["spec"];
    assert_eq!(spec["policyTypes"], serde_json::json!(["Ingress", "Egress"]));
    let egress = spec["egress"].as_array().expect("rules");
    let ports = |rule: &Value| rule["ports"].as_array().expect("a rule without ports opens all").clone();
    let [dns, redis, receivers] = &egress[..] else { panic!("{egress:?}") };
    assert!(ports(dns).iter().all(|port| port["port"] == 53));
    assert!(ports(redis).iter().all(|port| port["port"] == 6379));
    for block in receivers["to"].as_array().expect("peers") {
        let except = block["ipBlock"]["except"].as_array().expect("a block without exceptions opens all");
        assert!(except.len() >= 4, "{block}");
    }
    // `tests/frame` compares the exceptions with the guard.
    assert_eq!(receivers["to"][0]["ipBlock"]["cidr"], "0.0.0.0/0");
    assert_eq!(receivers["to"][1]["ipBlock"]["cidr"], "2000::/3");
    assert!(ports(receivers).iter().all(|port| port["port"] != 6379), "the port of Redis");
}

#[test]
fn all_selectors_choose_the_workers() {
    let rendered = render(&everything());
    let deployment = manifest(&rendered, "Deployment").expect("there is one");
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    let selectors = [
        ("Deployment", "/spec/selector/matchLabels"),
        ("Service", "/spec/selector"),
        ("PodDisruptionBudget", "/spec/selector/matchLabels"),
        ("NetworkPolicy", "/spec/podSelector/matchLabels"),
        ("ServiceMonitor", "/spec/selector/matchLabels"),
    ];
    for (kind, place) in selectors {
        let manifest = manifest(&rendered, kind).unwrap_or_else(|| panic!("no {kind}"));
        let selector = manifest.pointer(place).and_then(Value::as_object).expect(kind);
        assert_eq!(selector.len(), 2, "{kind}: of this release and no other");
        for (label, value) in selector {
            assert_eq!(labels[label], *value, "{kind}: {label}");
        }
    }
    let port = &manifest(&rendered, "Service").expect("there is one")["spec"]["ports"][0]["name"];
    assert_eq!(
        manifest(&rendered, "ServiceMonitor").expect("there is one")["spec"]["endpoints"][0]["port"],
        *port
    );
}

#[test]
fn alerts_and_dashboard_are_the_ones_of_the_repository() {
    let rendered = render(&everything());
    let rules = std::fs::read_to_string(root().join("deploy/prometheus/alerts.yml")).expect("the alerts");
    let rules = rules.replace("docs/runbooks.md", "https://handbook.example/runbooks");
    let own: Value = serde_saphyr::from_str(&rules).expect("YAML");
    assert_eq!(manifest(&rendered, "PrometheusRule").expect("there is one")["spec"], own);
    let dashboard =
        std::fs::read_to_string(root().join("deploy/grafana/postrider.json")).expect("the dashboard");
    let shipped = manifest(&rendered, "ConfigMap").expect("there is one")["data"]["postrider.json"].take();
    assert_eq!(shipped.as_str().map(str::trim_end), Some(dashboard.trim_end()));
}
