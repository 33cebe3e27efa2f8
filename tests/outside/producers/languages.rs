//! How the program for each language is run. Owns the folder that they are put into.

use std::path::PathBuf;

use postrider_tests::fenced::{Block, blocks};

use super::guide;
use crate::program::{Program, needed, outside};

/// The headings of the programs.
pub(super) const LANGUAGES: [&str; 8] = ["Node", "Python", "Ruby", "PHP", "Go", "Java", "Rust", "redis-cli"];

/// The program under this heading.
pub(super) fn block(heading: &str) -> Block {
    let here = |block: &Block| block.section == "Programs" && block.heading == heading;
    blocks(&guide()).into_iter().find(here).expect("the guide has a program under each heading")
}

/// The program for a language, in a file of its own; `None` for one that may be missing and is.
pub(super) fn program(heading: &str) -> Option<Program> {
    let code = block(heading).text;
    Some(match heading {
        "Node" => Program::node_code("producer.mjs", &code),
        "Python" => {
            Program::new(needed(&outside().join("python/bin/python3")), vec![file("producer.py", &code)])
        }
        "Ruby" => Program::new("ruby", vec![file("producer.rb", &code)]),
        "PHP" => Program::new("php", vec![file("producer.php", &code)]),
        "Go" => go(&code),
        // Its runtime is larger than all the others together.
        "Java" if !is_there("java") => return None,
        "Java" => Program::new("java", vec![file("Producer.java", &code)]),
        "Rust" => Program::example("producer"),
        "redis-cli" => Program::new("bash", vec![file("producer.sh", &code)]),
        heading => panic!("no test runs {heading}"),
    })
}

/// Built once, since the compiler takes longer than all else.
fn go(code: &str) -> Program {
    let (source, built) = (file("producer.go", code), outside().join("producers/producer-go"));
    let mut compiler = std::process::Command::new("go");
    compiler.args(["build", "-o"]).args([&built, &source]);
    // Debian's packages lie where a workspace from before modules would have them.
    let cache = outside().join("go-cache");
    compiler.env("GO111MODULE", "off").env("GOPATH", "/usr/share/gocode").env("GOCACHE", cache);
    match compiler.output() {
        Ok(output) if output.status.success() => Program::new(built, Vec::new()),
        told => panic!("Go can't build it: {told:?}; scripts/outside-deps.sh installs what it needs"),
    }
}

fn is_there(command: &str) -> bool {
    std::process::Command::new(command).arg("-version").output().is_ok()
}

fn file(name: &str, code: &str) -> PathBuf {
    let folder = outside().join("producers");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let path = folder.join(name);
    std::fs::write(&path, code).expect("it can be written");
    path
}
