//! How each program is run. Says what is missing where one can't be.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use postrider_tests::wait::PATIENCE;
use tokio::task::JoinHandle;

/// A program, ready to be run.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    file: OsString,
    arguments: Vec<PathBuf>,
}

impl Program {
    /// This program, with these arguments.
    pub(crate) fn new(file: impl Into<OsString>, arguments: Vec<PathBuf>) -> Self {
        Self { file: file.into(), arguments }
    }

    /// With one more argument.
    pub(crate) fn with(mut self, argument: &Path) -> Self {
        self.arguments.push(argument.to_path_buf());
        self
    }

    pub(crate) fn node() -> Self {
        let code = std::fs::read_to_string(examples().join("node/enqueue.js"));
        Self::node_code("enqueue.js", &code.expect("the example is there"))
    }

    /// Code for Node.js, in a file of this name.
    pub(crate) fn node_code(name: &str, code: &str) -> Self {
        // It looks for its packages beside itself, and those are not kept among the sources.
        let beside = outside().join("node");
        needed(&beside.join("node_modules/ioredis"));
        let script = beside.join(name);
        std::fs::write(&script, code).expect("the script can be written");
        Self { file: "node".into(), arguments: vec![script] }
    }

    pub(crate) fn python() -> Self {
        let python = outside().join("python/bin/python3");
        Self { file: needed(&python).into(), arguments: vec![examples().join("python/enqueue.py")] }
    }

    pub(crate) fn shell() -> Self {
        Self { file: examples().join("shell/enqueue.sh").into(), arguments: Vec::new() }
    }

    pub(crate) fn rust() -> Self {
        Self::example("enqueue")
    }

    /// This example of `postrider-producer`.
    pub(crate) fn example(name: &str) -> Self {
        let test = std::env::current_exe().expect("a test has a file");
        // target/<profile>/deps/<test>
        let profile = test.ancestors().nth(2).expect("a test lies in a target folder");
        Self { file: needed(&profile.join("examples").join(name)).into(), arguments: Vec::new() }
    }

    /// Runs it to its end, with these variables.
    pub(crate) async fn run(&self, environment: &[(&str, &str)]) -> Output {
        self.run_within(PATIENCE, environment).await
    }

    /// The same for one that takes longer.
    pub(crate) async fn run_within(&self, patience: Duration, environment: &[(&str, &str)]) -> Output {
        self.started(environment).ended_within(patience).await
    }

    /// Starts it, with these variables.
    pub(crate) fn started(&self, environment: &[(&str, &str)]) -> Running {
        let mut command = Command::new(&self.file);
        command.args(&self.arguments).envs(environment.iter().copied());
        Running { program: self.clone(), ending: tokio::task::spawn_blocking(move || command.output()) }
    }
}

/// A program at work.
#[derive(Debug)]
pub(crate) struct Running {
    program: Program,
    ending: JoinHandle<io::Result<Output>>,
}

impl Running {
    /// What it said and how it ended.
    pub(crate) async fn ended(self) -> Output {
        self.ended_within(PATIENCE).await
    }

    async fn ended_within(self, patience: Duration) -> Output {
        let Self { program, ending } = self;
        let ended = tokio::time::timeout(patience, ending).await;
        let ended = ended.unwrap_or_else(|_| panic!("{program:?} did not end within {patience:?}"));
        match ended.expect("running a program doesn't panic") {
            Ok(output) => output,
            Err(error) => panic!(
                "{program:?} can't be started ({error}): scripts/outside-deps.sh installs it, or says what to install"
            ),
        }
    }
}

fn examples() -> PathBuf {
    root().join("examples/producers")
}

pub(crate) fn outside() -> PathBuf {
    root().join("target/outside")
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package lies in the workspace")
}

pub(crate) fn needed(path: &Path) -> &Path {
    assert!(path.exists(), "{} is missing: run scripts/outside-deps.sh", path.display());
    path
}
