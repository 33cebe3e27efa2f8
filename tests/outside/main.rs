//! The producers of `examples/producers` as real programs: what they add is delivered by a real worker, byte for byte,
//! though their Redis user may do nothing but XADD. Likewise the code of `docs/misskey.md`, a client of Misskey's, the
//! commands of `README.md`, `docs/quick-start.md` and `docs/api.md`, and the code of `docs/receivers.md`, which gets what a worker sends; and the API is asked by a
//! fuzzer. Beside them the programs of `docs/producers.md`; the chart and the alerts, which Helm, Kubernetes and Prometheus judge. `scripts/outside-deps.sh` fetches
//! what they need.

#![allow(clippy::panic, reason = "these are tests")]

mod api_examples;
mod commands;
mod console;
mod fuzz;
mod guide;
mod helm;
mod jobs;
mod misskey;
mod misskey_api;
mod producers;
mod program;
mod promtool;
mod schemas;
mod shards;

use jobs::deliver;
use program::Program;

#[tokio::test]
async fn what_the_node_program_adds_is_delivered() {
    deliver("node", &Program::node(), |id| format!(r#"{{"note":{{"id":"{id}","text":"héllo ✓"}}}}"#)).await;
}

#[tokio::test]
async fn what_the_python_program_adds_is_delivered() {
    deliver("python", &Program::python(), |id| format!(r#"{{"note": {{"id": "{id}", "text": "héllo ✓"}}}}"#))
        .await;
}

#[tokio::test]
async fn what_the_shell_program_adds_is_delivered() {
    deliver("shell", &Program::shell(), |id| format!(r#"{{"note":{{"id":"{id}","text":"héllo ✓"}}}}"#)).await;
}

#[tokio::test]
async fn what_the_rust_program_adds_is_delivered() {
    deliver("rust", &Program::rust(), |id| format!(r#"{{"note":{{"id":"{id}","text":"héllo ✓"}}}}"#)).await;
}

#[tokio::test]
async fn every_program_says_with_an_exit_code_that_redis_is_not_there() {
    for program in [Program::node(), Program::python(), Program::shell(), Program::rust()] {
        let environment =
            [("REDIS_URL", "redis://127.0.0.1:1"), ("TO", "http://hooks.example/"), ("COUNT", "1")];
        let ended = program.run(&environment).await;
        assert!(!ended.status.success(), "{program:?}");
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{program:?}: {ended:?}");
    }
}
