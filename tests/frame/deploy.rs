//! The image and the compose file mean what they must: nothing is lost, nothing runs with more rights than it needs,
//! workers can be multiplied, and the program accepts what it is told there.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::dockerfile::{Stage, stages};
use crate::{postrider, postrider_with, program, read, root};

/// Time after the grace in which a worker writes its last results.
const LAST_RESULTS: Duration = Duration::from_secs(5);

fn compose() -> Value {
    serde_saphyr::from_str(&read("docker-compose.yml")).expect("docker-compose.yml is YAML")
}

fn service(name: &str) -> Value {
    let service = compose()["services"][name].take();
    assert!(service.is_object(), "there is no service {name}");
    service
}

fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().unwrap_or_else(|| panic!("{list} is no list"));
    items.iter().map(|item| item.as_str().expect("a list of texts").to_owned()).collect()
}

fn environment(service: &Value) -> Vec<(String, String)> {
    let variables = service["environment"].as_object().into_iter().flatten();
    variables
        .map(|(name, value)| (name.clone(), preset(value.as_str().expect("a text")).to_owned()))
        .collect()
}

/// What `${NAME:-preset}` is where nobody has set the variable.
fn preset(value: &str) -> &str {
    let inside = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    inside.map_or(value, |inside| inside.split_once(":-").expect("a variable has a preset").1)
}

fn seconds(text: &str) -> Duration {
    let number = text.strip_suffix('s').and_then(|number| number.parse().ok());
    Duration::from_secs(number.unwrap_or_else(|| panic!("{text} is no number of seconds")))
}

#[track_caller]
fn check_option(command: &[String], option: &str, value: &str) {
    let found = command.iter().position(|word| word == option).and_then(|at| command.get(at + 1));
    assert_eq!(found.map(String::as_str), Some(value), "{option} in {command:?}");
}

#[test]
fn redis_keeps_what_it_accepted_and_evicts_nothing() {
    let redis = service("redis");
    let command = texts(&redis["command"]);
    check_option(&command, "--appendonly", "yes");
    check_option(&command, "--maxmemory-policy", "noeviction");
    let volume = texts(&redis["volumes"])[0].clone();
    let (name, folder) = volume.split_once(':').expect("a volume has a place");
    assert_eq!(folder, "/data");
    assert!(compose()["volumes"].as_object().unwrap().contains_key(name));
    assert!(redis["healthcheck"]["test"].is_array());
}

#[test]
fn workers_wait_for_redis_and_can_be_multiplied() {
    let worker = service("worker");
    assert_eq!(worker["depends_on"]["redis"]["condition"], "service_healthy");
    assert!(worker.get("container_name").is_none(), "a fixed name allows one worker only");
    for port in texts(&worker["ports"]) {
        let host_port = port.rsplit(':').nth(1).unwrap_or_default();
        assert!(host_port.contains('-'), "{port}: a fixed port of the host allows one worker only");
    }
}

#[test]
fn what_is_open_is_open_to_this_machine_only() {
    for (name, service) in compose()["services"].as_object().unwrap() {
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(port.as_str().is_some_and(|port| port.starts_with("127.0.0.1:")), "{name}: {port}");
        }
    }
}

#[test]
fn a_plain_start_has_nothing_that_watches() {
    let all = compose();
    let profile = |service: &Value| service["profiles"].as_array().map(|names| names[0].clone());
    let services = all["services"].as_object().unwrap();
    let plain: Vec<&String> = services.iter().filter(|(_, s)| profile(s).is_none()).map(|(n, _)| n).collect();
    assert_eq!(plain, ["redis", "worker", "sink"]);
    let others = services.values().filter_map(profile);
    assert!(others.into_iter().all(|profile| profile == "monitoring"));
}

#[test]
fn every_file_that_is_mounted_is_there_and_read_only() {
    for (name, service) in compose()["services"].as_object().unwrap() {
        for volume in service["volumes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let Some(path) = volume.strip_prefix("./") else { continue };
            let (path, place) = path.split_once(':').expect("a mount has a place");
            assert!(root().join(path).exists(), "{name} mounts {path}, which is not there");
            assert!(place.ends_with(":ro"), "{name} could write to {path}");
        }
    }
}

#[test]
fn grafana_finds_the_dashboard_and_prometheus() {
    let yaml = |path: &str| -> Value { serde_saphyr::from_str(&read(path)).expect(path) };
    let provider = yaml("deploy/grafana/provisioning/dashboards/postrider.yml");
    let folder = provider["providers"][0]["options"]["path"].as_str().unwrap();
    let mounts = texts(&service("grafana")["volumes"]);
    assert!(mounts.iter().any(|mount| mount.contains(&format!(":{folder}/postrider.json:"))), "{mounts:?}");
    let source = yaml("deploy/grafana/provisioning/datasources/postrider.yml");
    assert_eq!(source["datasources"][0]["url"], "http://prometheus:9090");
    let scraped = yaml("deploy/prometheus/prometheus.yml");
    assert_eq!(scraped["scrape_configs"][0]["dns_sd_configs"][0]["names"][0], "worker");
    assert_eq!(scraped["scrape_configs"][0]["dns_sd_configs"][0]["port"], 8080);
}

#[test]
fn our_containers_have_no_rights_that_they_do_not_need() {
    for name in ["worker", "sink"] {
        let service = service(name);
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(texts(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        assert!(service.get("privileged").is_none() && service.get("user").is_none(), "{name}");
        assert_eq!(service["build"]["dockerfile"], "deploy/Dockerfile", "{name}");
        assert_eq!(service["image"], "postrider:local", "{name}");
    }
}

#[test]
fn a_worker_is_given_its_grace_before_it_is_killed() {
    let worker = service("worker");
    let grace = environment(&worker).into_iter().find(|(name, _)| name == "POSTRIDER_WORKER_GRACE");
    let grace = seconds(&grace.expect("the grace is written beside what depends on it").1);
    assert!(seconds(worker["stop_grace_period"].as_str().unwrap()) > grace + LAST_RESULTS);
}

#[test]
fn redis_is_out_of_reach_for_receivers() {
    let networks = |name: &str| texts(&service(name)["networks"]);
    assert!(networks("sink").iter().all(|network| !networks("redis").contains(network)));
    for network in networks("redis") {
        assert!(networks("worker").contains(&network));
        assert_eq!(compose()["networks"][&network]["internal"], true, "{network}");
    }
}

#[test]
fn the_guard_opens_the_sink_alone() {
    let variables = environment(&service("worker"));
    let (_, allowed) = variables.iter().find(|(name, _)| name == "POSTRIDER_SSRF_ALLOW").unwrap();
    let listen = texts(&service("sink")["command"]);
    let port = listen.iter().find_map(|word| word.strip_prefix("0.0.0.0:")).expect("the sink listens");
    let network = &texts(&service("sink")["networks"])[0];
    let subnet = compose()["networks"][network]["ipam"]["config"][0]["subnet"].take();
    let expected = format!("sink:{port},{}:{port}", subnet.as_str().expect("the subnet is fixed"));
    assert_eq!(*allowed, expected);
}

#[test]
fn the_program_accepts_what_the_services_tell_it() {
    for name in ["worker", "sink"] {
        let service = service(name);
        let command = texts(&service["command"]);
        let mut words: Vec<&str> = command.iter().map(String::as_str).collect();
        words.push("--help");
        let help = postrider(&words);
        assert_eq!(help.code, Some(0), "{words:?}: {}", help.stderr);
    }
    let variables = environment(&service("worker"));
    let config = postrider_with(&["config", "--json"], &variables);
    assert_eq!(config.code, Some(0), "{}", config.stderr);
    let heeded = config.stdout.lines().filter(|line| line.contains(r#""source":"env""#)).count();
    assert_eq!(heeded, variables.len(), "a variable is of no setting: {}", config.stdout);
}

fn dockerfile() -> Vec<Stage> {
    stages(&read("deploy/Dockerfile"))
}

#[test]
fn the_image_is_built_in_one_stage_and_run_in_another() {
    let stages = dockerfile();
    let [base, manifests, build, run] = &stages[..] else { panic!("{} stages", stages.len()) };
    let toolchain = read("rust-toolchain.toml");
    let channel =
        toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap().trim_matches('"');
    assert!(base.image.starts_with(&format!("rust:{channel}-")), "{} is not {channel}", base.image);
    assert!(base.instructions.contains(&("ENV".to_owned(), format!("RUSTUP_TOOLCHAIN={channel}"))));
    assert_eq!([&*manifests.image, &*build.image], ["toolchain", "toolchain"]);
    assert!(build.last("RUN").is_some_and(|run| run.contains("type=cache")));
    assert!(read("deploy/cargo-build.sh").contains("--release --locked --package postrider"));
    // The C library of both is that of Debian 12, which is bookworm.
    assert!(
        base.image.ends_with("-bookworm") && run.image.ends_with("-debian12"),
        "{} runs elsewhere",
        run.image
    );
    assert!(run.last("COPY").is_some_and(|copy| copy.starts_with("--from=")));
}

/// An order that looks odd and matters: first what seldom changes, from empty code, then the code.
#[test]
fn dependencies_are_built_before_the_code_is_there() {
    let stages = dockerfile();
    let steps: Vec<&str> = stages[2].instructions.iter().map(|(_, rest)| rest.as_str()).collect();
    let place = |what: &str| steps.iter().position(|step| step.contains(what)).expect(what);
    assert!(place("--from=manifests") < place("type=cache") && place("type=cache") < place(". ."));
    assert!(
        steps.last().is_some_and(|last| last.contains("touch")),
        "empty code would be taken for up to date"
    );
}

#[test]
fn every_member_of_the_workspace_is_among_the_manifests() {
    let into = tempfile::tempdir().unwrap();
    let done = Command::new(root().join("deploy/manifests.sh")).arg(into.path()).current_dir(root()).status();
    assert!(done.unwrap().success());
    let read_cargo = Command::new("cargo")
        .args(["metadata", "--locked", "--no-deps", "--format-version", "1"])
        .current_dir(into.path())
        .output()
        .unwrap();
    assert!(read_cargo.status.success(), "{}", String::from_utf8_lossy(&read_cargo.stderr));
    let metadata: Value = serde_json::from_slice(&read_cargo.stdout).unwrap();
    let members =
        metadata["packages"].as_array().unwrap().iter().filter_map(|package| package["name"].as_str());
    let crates = std::fs::read_dir(root().join("crates")).unwrap().count();
    assert_eq!(members.count(), crates + 2, "the crates, the tests and the model");
}

/// What the image `cc` of distroless has: the C library and the compiler's.
#[test]
#[cfg(target_os = "linux")]
fn the_program_needs_no_library_that_the_image_lacks() {
    const THERE: [&str; 6] = ["linux-vdso", "linux-gate", "libgcc_s.so", "libm.so", "libc.so", "/lib"];
    let listed = Command::new("ldd").arg(program()).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let needed: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(needed.len() > 2, "{listed}");
    for library in needed {
        assert!(THERE.iter().any(|there| library.starts_with(there)), "{library} isn't in the image");
    }
}

#[test]
fn the_image_runs_a_worker_as_nobody_in_particular() {
    let stages = dockerfile();
    let run = stages.last().unwrap();
    assert_eq!(run.last("USER"), Some("65532:65532"));
    assert_eq!(run.last("ENTRYPOINT"), Some(r#"["postrider"]"#));
    assert_eq!(run.last("CMD"), Some(r#"["worker"]"#));
    assert!(run.last("VOLUME").is_none(), "a volume would be a place to write to");
    assert!(run.last("RUN").is_none(), "there is no shell to run anything");
}

#[test]
fn the_image_asks_whether_the_worker_lives_with_a_command_that_exists() {
    let stages = dockerfile();
    let check = stages.last().unwrap().last("HEALTHCHECK").unwrap();
    let (_, command) = check.split_once("CMD ").expect("it runs a command");
    let words: Vec<String> = serde_json::from_str(command).expect("in exec form: the image needs no shell");
    assert_eq!(words[0], "postrider");
    let asked = postrider(&[&words[1], "--help"]);
    assert_eq!(asked.code, Some(0), "{}", asked.stderr);
    assert_eq!(service("sink")["healthcheck"]["disable"], true, "a sink has no admin port to ask");
}

#[test]
fn the_unit_of_systemd_waits_for_the_grace_and_takes_every_right_away() {
    let unit = read("deploy/systemd/postrider.service");
    let setting = |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let config = postrider(&["config", "--json"]).stdout;
    let grace = config.lines().find(|line| line.contains(r#""worker.grace""#)).unwrap();
    let grace: Value = serde_json::from_str(grace).unwrap();
    let patience = seconds(setting("TimeoutStopSec").unwrap());
    assert!(patience > seconds(grace["value"].as_str().unwrap()) + LAST_RESULTS);
    assert_eq!(setting("ExecStart"), Some("/usr/local/bin/postrider worker"));
    assert_eq!(setting("CapabilityBoundingSet"), Some(""));
    for key in ["DynamicUser", "NoNewPrivileges", "PrivateDevices", "ProtectHome", "MemoryDenyWriteExecute"] {
        assert_eq!(setting(key), Some("yes"), "{key}");
    }
    assert_eq!(setting("ProtectSystem"), Some("strict"));
}
