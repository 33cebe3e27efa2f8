//! The code of `docs/scaling.md`, held to the vectors of the formula.

use std::path::PathBuf;

use crate::program::{Program, root};

const VECTORS: &str = "tests/cases/shard_vectors.json";

const NODE_CHECK: &str = "
const { cases } = JSON.parse(require('fs').readFileSync(process.argv[2]));
for (const one of cases) if (shardOf(one, one.shards) !== one.shard) throw new Error(JSON.stringify(one));
console.log(cases.length);
";

const PYTHON_CHECK: &str = "
import json, sys
cases = json.load(open(sys.argv[1]))['cases']
for one in cases:
    assert shard_of(one, one['shards']) == one['shard'], one
print(len(cases))
";

/// The code in that language.
fn code(language: &str) -> String {
    let text = std::fs::read_to_string(root().join("docs/scaling.md")).expect("the document is there");
    let fence = format!("```{language}\n");
    let (_, rest) = text.split_once(&fence).unwrap_or_else(|| panic!("no {language} in docs/scaling.md"));
    rest.split("```").next().unwrap_or_default().to_owned()
}

async fn check(program: &str, file: &str, code: String) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let script = folder.path().join(file);
    std::fs::write(&script, code).expect("the folder can be written to");
    let vectors: PathBuf = root().join(VECTORS);
    let ended = Program::new(program, vec![script, vectors]).run(&[]).await;
    let told = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(
        ended.status.success() && told.trim().parse::<usize>().is_ok_and(|cases| cases > 10),
        "{ended:?}"
    );
}

#[tokio::test]
async fn the_javascript_of_the_guide_comes_to_the_shards_of_the_vectors() {
    check("node", "shards.js", code("js") + NODE_CHECK).await;
}

#[tokio::test]
async fn the_python_of_the_guide_comes_to_the_shards_of_the_vectors() {
    check("python3", "shards.py", code("python") + PYTHON_CHECK).await;
}
