//! Secrets are planted wherever one can stand, everything is done that a worker can do to them, and then all that the run
//! wrote is searched. Not searched, since by contract they hold a job's or a hook's own fields: the stream, the waiting jobs,
//! the dead letters' fields without `_`, the registry, what `hooks create` and `reveal` print, and the URL where one hook is shown.
//!
//! - `planted`: the secrets and the ways in which they would show; `echo`: a receiver that answers with them;
//!   `search`: all that was written; `api`: what the API shows.

mod api;
mod echo;
mod planted;
mod search;

use std::time::Duration;

use postrider_tests::redis_server::RedisOptions;
use postrider_tests::world::{World, WorldOptions};

use echo::{Form, echo};
use planted::{HEADER, HOOK_HEADER, HOOK_SECRET, NEW_HOOK_SECRET, WHSK, whsec};
use search::{Shell, Written};

/// Jobs that are refused as they are read, each with a canary in the part that is at fault.
const INVALID: &[(&str, &str)] = &[
    ("to", "http://user:cnry-userinfo@hooks.example/"),
    ("to", "http://hooks.example/cnry-url\n"),
    ("secret", "cnry-secret\u{e9}"),
    ("header:Host", "cnry-host"),
    ("header:X-Bad", "cnry-line\r\nX: y"),
    ("content", "{cnry-content"),
    ("_job", "cnry-state"),
    ("profile", "cnry-profile"),
    ("maxAttempts", "cnry-number"),
    ("contentType", "cnry-type\n"),
];

async fn world(level: &str) -> World {
    let redis = RedisOptions {
        password: Some(planted::REDIS_PASSWORD.into()),
        // What is searched after its restart is all that was written before.
        append_fsync: Some("always"),
        ..RedisOptions::default()
    };
    let options = WorldOptions { redis, ..WorldOptions::default() };
    let options = options.set("POSTRIDER_LOG_LEVEL", level).set("POSTRIDER_RETRY_BASE", "1h");
    World::with(options.set("POSTRIDER_HTTP_TOKEN", planted::TOKEN)).await
}

/// One job for each form of an echo, to a path of its own; all of them wait for a retry, or are dead.
async fn send_echoed(world: &World) -> (usize, usize) {
    let (mut waiting, mut dead) = (0, 0);
    for (number, form) in Form::ALL.into_iter().enumerate() {
        for (secret, profile) in [(planted::JOB_SECRET, "misskey"), (&*whsec(), "standard"), (WHSK, "raw")] {
            let status = if number % 2 == 0 { 500 } else { 404 };
            let (path, query) = (format!("/cnry-path/{number}/{profile}"), "key=cnry-query&n=1");
            let target = format!("{path}?{query}");
            let texts = [secret, HEADER, "cnry-token-0123456789", &target, "cnry-query"];
            world.receiver.behave(&path, echo(status, form, &texts));
            let bearer = format!("Bearer {}", texts[2]);
            let more = [
                ("secret", secret),
                ("profile", profile),
                ("header:X-Key", HEADER),
                ("header:Authorization", &bearer),
            ];
            send(world, &target, &more).await;
            *(if status == 500 { &mut waiting } else { &mut dead }) += 1;
        }
    }
    (waiting, dead)
}

async fn send(world: &World, target: &str, more: &[(&str, &str)]) {
    let to = world.receiver.url(target);
    let plain = [("to", to.as_str()), ("type", "note"), ("content", "{\"text\":\"cnry-content\"}")];
    world.enqueue(&[&plain[..], more].concat()).await;
}

/// What can go wrong beside an answer; each ends waiting but the refused one.
async fn send_unanswered(world: &World) -> (usize, usize) {
    let secret = ("secret", planted::JOB_SECRET);
    for (path, head) in [
        ("/cnry-head", "HTTP/1.1 cnry-status\r\n\r\n"),
        ("/cnry-line", "HTTP/1.1 200 OK\r\ncnry header\r\n\r\n"),
    ] {
        world.receiver.behave(path, echo::raw(head));
        send(world, path, &[secret]).await;
    }
    send(world, "/close/cnry-closed", &[secret]).await;
    send(world, "/hang/cnry-silent", &[secret, ("timeoutMs", "150")]).await;
    let closed = [("to", "http://127.0.0.1:1/cnry-refused"), ("type", "note"), ("content", "{}"), secret];
    world.enqueue(&closed).await;
    world
        .enqueue(&[("to", "http://10.0.0.1/cnry-blocked"), ("type", "note"), ("content", "{}"), secret])
        .await;
    (5, 1)
}

async fn send_invalid(world: &World) -> usize {
    for (name, value) in INVALID {
        let sound = [("to", "https://hooks.example/cnry-path"), ("type", "note"), ("content", "{}")];
        let kept = sound.iter().filter(|(own, _)| own != name).copied();
        let fields: Vec<_> = kept.chain([(*name, *value)]).collect();
        world.enqueue(&fields).await;
    }
    // Not of the entry's form, but of the profile's.
    send(world, "/cnry-path", &[("secret", "whsec_cnry!"), ("profile", "standard")]).await;
    send(world, "/cnry-path", &[("secret", "whpk_Y25yeQ=="), ("profile", "raw")]).await;
    INVALID.len() + 2
}

/// A hook whose secret was replaced while the old one still signs; its receiver tells both, then is gone.
async fn send_for_hook(world: &World, shell: &Shell, written: &mut Written) -> (usize, usize) {
    let url = world.receiver.url("/cnry-hook/in?key=cnry-hook-query");
    let header = format!("X-Hook: {HOOK_HEADER}");
    let create = ["hooks", "create", "--user", "u", "--id", "h", "--on", "note", "--url", &url];
    let more = ["--profile", "standard", "--secret", HOOK_SECRET, "--header", &header];
    shell.run(&[&create[..], &more].concat(), &[]).check(0);
    let rotated = shell.run(&["hooks", "rotate", "h", "--user", "u", "--secret", NEW_HOOK_SECRET], &[]);
    written.add("hooks rotate", rotated.check(0).replace(&url, "(url)"));
    let texts = [HOOK_SECRET, NEW_HOOK_SECRET, HOOK_HEADER, "/cnry-hook/in?key=cnry-hook-query"];
    world.receiver.behave("/cnry-hook/in", echo(500, Form::Json, &texts));
    let job = [("type", "note"), ("content", "{\"a\":\"cnry-content\"}"), ("hookId", "h"), ("userId", "u")];
    world.enqueue(&job).await;
    let told = shell.run(&["hooks", "test", "h", "--user", "u", "--type", "note"], &[]);
    written.add("hooks test", told.check(1));
    written.add_looks(shell, &url);
    world.receiver.wait_for(1).await;
    wait_for(world, 1, 0).await;
    world.receiver.behave("/cnry-hook/in", echo(410, Form::Raw, &texts));
    world.enqueue(&job).await;
    wait_for(world, 1, 1).await;
    (1, 1)
}

async fn wait_for(world: &World, waiting: usize, dead: usize) {
    world
        .until("the jobs have come to their ends", Duration::from_secs(30), || async {
            let seen = (world.waiting().await.len(), world.dead_letters().await.len());
            if seen == (waiting, dead) { Ok(()) } else { Err(format!("{seen:?} of {:?}", (waiting, dead))) }
        })
        .await;
}

/// Needs more than one thread: the receiver answers while a command is waited for.
async fn nothing_written_holds_a_secret(level: &str) {
    let mut world = world(level).await;
    let (shell, mut written) = (Shell::of(&world), Written::default());
    let hook = send_for_hook(&world, &shell, &mut written).await;
    let echoed = send_echoed(&world).await;
    let unanswered = send_unanswered(&world).await;
    let invalid = send_invalid(&world).await;
    wait_for(&world, hook.0 + echoed.0 + unanswered.0, hook.1 + echoed.1 + unanswered.1 + invalid).await;
    written.add_port(&world.workers[0]).await;
    api::add_api(&mut written, &world, &world.receiver.url("/cnry-hook/in?key=cnry-hook-query")).await;
    world.redis.kill9();
    written.add("readyz without Redis", world.workers[0].wait_readyz(503).await);
    written.add_errors(&shell);
    world.redis.restart().await;
    world.workers[0].wait_ready().await;
    written.add_redis(&world).await;
    let attempts = world.attempts().await;
    let kept = attempts.iter().filter(|attempt| attempt["response"].contains("[hidden]")).count();
    let echoes = hook.0 + hook.1 + echoed.0 + echoed.1;
    assert_eq!(kept, echoes, "each echo was kept, without its secrets: {attempts:?}");
    world.workers[0].sigterm();
    assert_eq!(world.workers[0].wait_exit(Duration::from_secs(30)).await, Some(0));
    let log = world.workers[0].log();
    assert!(log.lines().count() > 20, "there is a log to search\n{log}");
    written.add("the worker's log", log);
    written.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_run_writes_holds_a_secret_at_level_debug() {
    nothing_written_holds_a_secret("debug").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_run_writes_holds_a_secret_at_level_trace() {
    nothing_written_holds_a_secret("trace").await;
}

/// Directives open the levels of libraries too.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_run_writes_holds_a_secret_with_all_libraries_at_level_trace() {
    nothing_written_holds_a_secret("trace,postrider=trace").await;
}
