//! The image and the compose file mean what they must: nothing is lost, nothing runs with more rights than it needs,
//! workers can be multiplied, and the program accepts what it is told there.

use std::time::Duration;

use serde_json::Value;

use crate::dockerfile::{Stage, stages};
use crate::{postrider, postrider_with, read};

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
    variables.map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned())).collect()
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
        assert!(host_port.is_empty(), "{port}: a fixed port of the host allows one worker only");
    }
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
    let [build, run] = &stages[..] else { panic!("{} stages", stages.len()) };
    let toolchain = read("rust-toolchain.toml");
    let channel =
        toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap().trim_matches('"');
    assert!(build.image.starts_with(&format!("rust:{channel}-")), "{} is not {channel}", build.image);
    assert_eq!(build.last("ENV"), Some(&*format!("RUSTUP_TOOLCHAIN={channel}")));
    assert!(build.last("RUN").is_some_and(|run| run.contains("--locked") && run.contains("type=cache")));
    assert!(!run.image.starts_with("rust:"), "the compiler isn't shipped");
    assert!(run.last("COPY").is_some_and(|copy| copy.starts_with("--from=")));
}

#[test]
fn the_image_runs_a_worker_as_nobody_in_particular() {
    let stages = dockerfile();
    let run = stages.last().unwrap();
    assert_eq!(run.last("USER"), Some("65532:65532"));
    assert_eq!(run.last("ENTRYPOINT"), Some(r#"["postrider"]"#));
    assert_eq!(run.last("CMD"), Some(r#"["worker"]"#));
    assert!(run.last("VOLUME").is_none(), "a volume would be a place to write to");
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
