//! The guide's code as programs: each block in a folder of its own, beside the driver that asks it.

use std::path::PathBuf;

use postrider_tests::fenced::Block;
use serde_json::Value;

use super::cases::Case;
use super::document::block;
use crate::program::{Program, needed, outside, root};

/// What runs the code of one language.
struct Runtime {
    command: PathBuf,
    /// What the block's file is called; the driver includes it by this name.
    file: &'static str,
    /// What precedes the block's code in its file.
    before: &'static str,
    driver: &'static str,
    /// What follows the driver's code in its file.
    after: &'static str,
}

/// What the code of the block under this heading says to these requests, one value for each.
pub(crate) async fn ask(section: &str, heading: &str, cases: &[Case]) -> Vec<Value> {
    ask_code(&block(section, heading), heading, cases).await
}

/// The same of a block with something changed in it; `name` is that of its folder.
pub(crate) async fn ask_code(block: &Block, name: &str, cases: &[Case]) -> Vec<Value> {
    let program = program(block, name);
    let requests = Value::Array(cases.iter().map(Case::to_json).collect());
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(file.path(), requests.to_string()).expect("the file can be written");
    // The cache of Go's compiler, which would otherwise be in the user's home.
    let cache = outside().join("go-cache").to_string_lossy().into_owned();
    let ended = program.with(file.path()).run(&[("GOCACHE", &cache), ("GO111MODULE", "off")]).await;
    assert!(ended.status.success(), "{name}: {ended:?}");
    let verdicts: Vec<Value> = serde_json::from_slice(&ended.stdout).expect("it prints JSON");
    assert_eq!(verdicts.len(), cases.len(), "{name}");
    verdicts
}

/// Puts the block's file and the driver's into a folder, ready to be run on a file of requests.
fn program(block: &Block, name: &str) -> Program {
    let Runtime { command, file, before, driver, after } = runtime(block);
    let folder = outside().join("guide").join(folder_name(block, name));
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let driving = std::fs::read_to_string(root().join("tests/outside/programs").join(driver));
    let driving = driving.expect("the driver is there");
    let write = |file: &str, text: String| {
        let path = folder.join(file);
        std::fs::write(&path, text).expect("it can be written");
        path
    };
    let code = write(file, format!("{before}{}", block.text));
    let driver = write(driver, format!("{driving}{after}"));
    // Go has to be told of both files; in the others the driver includes the code.
    let arguments = if block.language == "go" { vec!["run".into(), code, driver] } else { vec![driver] };
    Program::new(command, arguments)
}

fn folder_name(block: &Block, name: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    format!("{}-{name}", block.section).chars().map(kept).collect()
}

fn runtime(block: &Block) -> Runtime {
    let has = |function: &str| block.text.contains(function);
    let plain = |command: PathBuf, file, driver| Runtime { command, file, before: "", driver, after: "" };
    match block.language.as_str() {
        "js" => plain(node(), "guide.mjs", "node.mjs"),
        "python" if has("def read_event(") => plain(python(), "guide.py", "events.py"),
        "python" => plain(python(), "guide.py", "python.py"),
        "ruby" => plain("ruby".into(), "guide.rb", "ruby.rb"),
        "php" => Runtime { before: "<?php\n", ..plain("php".into(), "guide.php", "php.php") },
        "go" => {
            let after = if has("func IsGenuine(") { GO_SIGNATURE } else { GO_SECRET };
            Runtime { before: "package main\n\n", after, ..plain("go".into(), "guide.go", "go.go") }
        }
        language => panic!("no test runs {language}: {} / {}", block.section, block.heading),
    }
}

/// Node, whose packages lie above the folders of the blocks.
fn node() -> PathBuf {
    needed(&outside().join("guide/node_modules/svix"));
    "node".into()
}

/// Python with the packages that the guide names.
pub(crate) fn python() -> PathBuf {
    needed(&outside().join("guide-python/bin/python3")).to_path_buf()
}

/// Go can't find out while it runs which of the two functions is there.
const GO_SIGNATURE: &str = "
func accepts(header http.Header, body []byte, secrets []string) bool { return IsGenuine(header, body, secrets) }
";
const GO_SECRET: &str = "
func accepts(header http.Header, _ []byte, secrets []string) bool { return HasSecret(header, secrets[0]) }
";
