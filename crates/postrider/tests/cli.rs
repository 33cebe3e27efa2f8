//! The real binary: exit codes, what goes to stdout and stderr, and which source wins.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

/// The binary with an environment of nothing but these variables.
fn postrider(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
    command.args(arguments).env_clear().envs(environment.iter().copied());
    command
}

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    postrider(arguments, environment).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The lines of `postrider config --json`: key to (value, source).
fn config(arguments: &[&str], environment: &[(&str, &str)]) -> serde_json::Value {
    let output = run(&[&["config", "--json"], arguments].concat(), environment);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let lines = stdout(&output);
    let rows = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    rows.map(|row| (row["key"].as_str().unwrap().to_owned(), row)).collect()
}

#[test]
fn version_and_help_are_no_failures() {
    let version = run(&["--version"], &[]);
    assert_eq!((code(&version), stdout(&version)), (0, format!("postrider {}\n", env!("CARGO_PKG_VERSION"))));
    let help = run(&["--help"], &[]);
    assert_eq!(code(&help), 0);
    assert!(stdout(&help).contains("Examples:"), "{}", stdout(&help));
    let help = run(&["worker", "--help"], &[]);
    assert!(stdout(&help).contains("POSTRIDER_WORKER_CONCURRENCY"), "{}", stdout(&help));
}

#[test]
fn wrong_usage_ends_with_2() {
    for arguments in
        [&[][..], &["wurker"], &["worker", "--wurker"], &["config", "--worker-threads"], &["hooks", "lisst"]]
    {
        let output = run(arguments, &[]);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", stderr(&output));
        assert!(!stderr(&output).is_empty());
    }
}

#[test]
fn a_wrong_configuration_ends_with_2_and_one_line_for_each_problem() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"[retry]\nbase = 60\n[wurker]\nx = 1\n").unwrap();
    let path = file.path().display().to_string();
    let environment = [("POSTRIDER_WORKER_CONCURRENCY", "many"), ("POSTRIDER_HTTP_TOKEN", "canary canary")];
    for command in ["worker", "config"] {
        let output = run(&[command, "--config", &path, "--log-level", "loud"], &environment);
        assert_eq!((code(&output), stdout(&output)), (2, String::new()));
        let told = stderr(&output);
        let expected = [
            format!("postrider: wurker (from {path}): there is no such key"),
            "postrider: worker.concurrency = \"many\" (from POSTRIDER_WORKER_CONCURRENCY): expected a whole"
                .into(),
            format!("postrider: retry.base = \"60\" (from {path}): expected a duration"),
            "postrider: http.token = \"***\" (from POSTRIDER_HTTP_TOKEN): expected".into(),
            "postrider: log.level = \"loud\" (from --log-level): expected one of error".into(),
        ];
        assert_eq!(told.lines().count(), expected.len(), "{told}");
        for (line, start) in told.lines().zip(expected) {
            assert!(line.starts_with(&start), "{line}\n{start}");
        }
    }
}

#[test]
fn config_shows_each_value_and_where_it_came_from() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"[worker]\nthreads = 3\nconcurrency = 3\ngrace = \"3s\"\n").unwrap();
    let path = file.path().display().to_string();
    let environment = [
        ("POSTRIDER_CONFIG", &*path),
        ("POSTRIDER_WORKER_CONCURRENCY", "2"),
        ("POSTRIDER_WORKER_THREADS", "2"),
    ];
    let rows = config(&["--worker-threads", "1"], &environment);
    for (key, value, source) in [
        ("worker.threads", "1", "flag"),
        ("worker.concurrency", "2", "env"),
        ("worker.grace", "3s", "file"),
        ("worker.heartbeat", "1s", "default"),
        ("destination.max_in_flight", "1", "default"),
        ("log.format", "json", "default"),
    ] {
        assert_eq!((&rows[key]["value"], &rows[key]["source"]), (&value.into(), &source.into()), "{key}");
    }
    assert!(rows["retry.schedule"]["value"].is_null());
}

#[test]
fn config_never_shows_a_secret() {
    let environment = [
        ("POSTRIDER_HTTP_TOKEN", "canary"),
        ("POSTRIDER_REDIS_URL", "redis://u:canary@host:6379/1"),
        ("POSTRIDER_PROXY_URL", "http://canary:canary@proxy:3128"),
    ];
    for arguments in [&["config"][..], &["config", "--json"]] {
        let output = run(arguments, &environment);
        assert_eq!(code(&output), 0);
        let told = stdout(&output) + &stderr(&output);
        assert!(!told.contains("canary") && told.contains("redis://u:***@host:6379/1"), "{told}");
    }
}

#[test]
fn an_unknown_variable_is_told_and_changes_nothing() {
    let output = run(&["config"], &[("POSTRIDER_WORKER_CONCURENCY", "5")]);
    assert_eq!(code(&output), 0);
    assert_eq!(stderr(&output), "postrider: POSTRIDER_WORKER_CONCURENCY is no setting and has no effect\n");
}

#[test]
fn healthcheck_ends_well_only_where_the_admin_port_answers_200() {
    for (answer, expected) in [("200 OK", 0), ("503 Service Unavailable", 1)] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 1024];
            let read = stream.read(&mut head).unwrap();
            write!(stream, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n").unwrap();
            String::from_utf8_lossy(&head[..read]).into_owned()
        });
        let output = run(&["healthcheck"], &[("POSTRIDER_HTTP_LISTEN", &address)]);
        assert_eq!(code(&output), expected, "{}", stderr(&output));
        assert!(server.join().unwrap().starts_with("GET /healthz HTTP/1.1\r\n"));
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    assert_eq!(code(&run(&["healthcheck", "--http-listen", &free], &[])), 1);
    assert_eq!(code(&run(&["healthcheck", "--http-listen", ""], &[])), 1);
}

/// A running sink; ended with the test, whatever becomes of it.
struct Sink {
    process: Child,
    address: String,
}

impl Sink {
    fn start(arguments: &[&str]) -> Self {
        let mut command = postrider(&[&["sink", "--listen", "127.0.0.1:0"], arguments].concat(), &[]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit("http://").next().unwrap().to_owned();
        Self { process, address }
    }

    /// Posts one request and gives the status of its answer.
    fn post(&self, secret: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "POST /in HTTP/1.1\r\nHost: x\r\nX-Misskey-Hook-Secret: {secret}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer[9..12].to_owned()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_sink_answers_as_told_and_prints_each_request_without_its_secret() {
    let mut sink = Sink::start(&["--status", "503", "--secret", "canary"]);
    assert_eq!(sink.post("canary"), "503");
    let mut line = String::new();
    BufReader::new(sink.process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("/in") && !line.contains("canary"), "{line}");
}

#[test]
fn the_sink_ends_well_when_it_is_asked_to() {
    let mut sink = Sink::start(&[]);
    let pid = sink.process.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(sink.process.wait().unwrap().code(), Some(0));
}

#[test]
fn a_secret_that_is_refused_is_not_repeated() {
    let output = run(&["sink", "--secret", "canary "], &[]);
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("--secret") && !stderr(&output).contains("canary"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_sink_that_cannot_listen_fails_and_says_where() {
    let sink = Sink::start(&[]);
    let output = run(&["sink", "--listen", &sink.address], &[]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains(&sink.address), "{}", stderr(&output));
}
