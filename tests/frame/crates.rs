//! The arrows between the crates: "what does it talk to?" tells where a line of code lives, and this keeps it so.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde::Deserialize;

use crate::root;

/// Which of our crates each may use. Packages that aren't named here (tests, benchmarks, examples) may use all.
const ARROWS: &[(&str, &[&str])] = &[
    ("postrider-core", &[]),
    ("postrider-store", &["postrider-core"]),
    ("postrider-sender", &["postrider-core"]),
    ("postrider-sink", &["postrider-core"]),
    ("postrider-producer", &["postrider-core", "postrider-store"]),
    ("postrider-admin", &["postrider-core", "postrider-store", "postrider-sender"]),
    ("postrider-worker", &["postrider-core", "postrider-store", "postrider-sender"]),
];

/// Crates that reach an outside world, and the only ones of ours that may use them.
const OUTSIDE_WORLDS: &[(&str, &[&str])] = &[
    ("redis", &["postrider-store"]),
    ("deadpool", &["postrider-store"]),
    ("reqwest", &[]),
    ("h2", &["postrider-sender"]),
    ("tokio-rustls", &["postrider-sender", "postrider-store", "postrider-sink"]),
    ("axum", &["postrider-admin", "postrider-sink"]),
    ("clap", &["postrider"]),
    ("anyhow", &["postrider"]),
];

/// What `postrider-core` does without: it brings no I/O, no clock and no dice.
const NOT_IN_CORE: &[&str] =
    &["tokio", "tracing", "metrics", "hyper", "hyper-util", "rand", "fastrand", "libc"];

/// The crates that make up the program; the rules don't bind the others.
const PROGRAM: &[&str] = &[
    "postrider",
    "postrider-admin",
    "postrider-core",
    "postrider-producer",
    "postrider-sender",
    "postrider-sink",
    "postrider-store",
    "postrider-worker",
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `dev`, `build`, or none.
    kind: Option<String>,
}

/// What each crate of the workspace depends on, but for its tests.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs, since it runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout).expect("cargo writes its format 1");
    let shipped = |dependency: &Dependency| dependency.kind.as_deref() != Some("dev");
    let names = |package: Package| {
        let used = package.dependencies.into_iter().filter(shipped).map(|dependency| dependency.name);
        (package.name, used.collect())
    };
    metadata.packages.into_iter().map(names).collect()
}

#[test]
fn each_crate_uses_only_those_below_it() {
    let all = dependencies();
    for (name, allowed) in ARROWS {
        let used = all.get(*name).unwrap_or_else(|| panic!("{name} is no package of this workspace"));
        for ours in used.iter().filter(|used| all.contains_key(*used)) {
            assert!(allowed.contains(&ours.as_str()), "{name} must not depend on {ours}");
        }
    }
}

#[test]
fn each_outside_world_has_one_crate_that_talks_to_it() {
    let all = dependencies();
    for (library, users) in OUTSIDE_WORLDS {
        for name in PROGRAM.iter().filter(|name| !users.contains(name)) {
            assert!(!all[*name].contains(*library), "{name} must not depend on {library}");
        }
    }
}

#[test]
fn the_core_reaches_nothing_outside() {
    let core = &dependencies()["postrider-core"];
    for library in NOT_IN_CORE {
        assert!(!core.contains(*library), "postrider-core must not depend on {library}");
    }
}

#[test]
fn every_crate_of_the_program_is_known_here() {
    let found: BTreeSet<String> = std::fs::read_dir(root().join("crates"))
        .expect("the crates lie in crates/")
        .filter_map(|entry| entry.expect("the folder can be read").file_name().into_string().ok())
        .filter(|name| name != "postrider-bench")
        .collect();
    let known: BTreeSet<String> = PROGRAM.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(found, known);
}
