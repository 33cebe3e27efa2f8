//! The way of whoever is here for the first time, as README tells it: the demo, the console, a hook, a test, a failure mended.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use postrider_tests::worker_process::program;

use super::play_at;

/// `postrider demo --keep`, ended with Ctrl-C.
struct Demo {
    process: Child,
    stdout: BufReader<ChildStdout>,
    told: String,
}

impl Demo {
    fn start() -> Self {
        let mut command = Command::new(program());
        command.args(["demo", "--keep"]).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the program runs");
        let stdout = BufReader::new(process.stdout.take().expect("its output is piped"));
        Self { process, stdout, told: String::new() }
    }

    /// Where something listens: the address beside its name in the list at the beginning.
    fn address_of(&mut self, name: &str) -> String {
        loop {
            let found = self.told.lines().find_map(|line| line.trim_start().strip_prefix(name));
            if let Some(address) = found.and_then(|rest| rest.split_whitespace().next()) {
                return address.trim_end_matches('/').to_owned();
            }
            let read = self.stdout.read_line(&mut self.told).expect("its output can be read");
            assert!(read > 0, "it never named {name}:\n{}", self.told);
        }
    }

    /// Ends it; what it said, and whether all was well.
    fn end(mut self) -> (String, bool) {
        let pid = self.process.id().to_string();
        let asked = Command::new("kill").args(["-s", "INT", &pid]).status();
        assert!(asked.is_ok_and(|status| status.success()), "it runs until it is asked to end");
        self.stdout.read_to_string(&mut self.told).expect("its output can be read");
        let ended = self.process.wait().expect("it ends");
        (std::mem::take(&mut self.told), ended.success())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn whoever_is_here_for_the_first_time_mends_a_failure_within_two_minutes_of_the_demo() {
    let (demo, console, timeline) = tokio::task::spawn_blocking(|| {
        let mut demo = Demo::start();
        let (console, timeline) = (demo.address_of("console"), demo.address_of("timeline"));
        (demo, console, timeline)
    })
    .await
    .expect("the demo begins");
    // The events of the show take ten seconds; meanwhile much goes by, as it does for whoever is quick.
    play_at(&console, "newcomer", &[("TIMELINE", &timeline)]).await;
    let (told, is_good) = tokio::task::spawn_blocking(|| demo.end()).await.expect("the demo ends");
    assert!(
        is_good && told.contains("nothing was lost"),
        "what the spectator did is no fault of the demo:\n{told}"
    );
}
