//! The console as a browser meets it, without one: its files, and its sessions. What is on its pages is tested in a real browser,
//! in `tests/outside`. The numbers in brackets are those of the list of checks that an admin surface has to pass.

use postrider_tests::http_call::{Answer, call};
use postrider_tests::world::World;
use serde_json::{Value, json};

use crate::api::{ADMIN, READER, options};

const JSON: (&str, &str) = ("Content-Type", "application/json");

async fn ask(world: &World, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    call(world.workers[0].admin(), method, path, headers, body.as_bytes()).await.unwrap()
}

async fn log_in(world: &World, token: &str, more: &[(&str, &str)]) -> Answer {
    let headers: Vec<_> = std::iter::once(JSON).chain(more.iter().copied()).collect();
    ask(world, "POST", "/console/session", &headers, &json!({ "token": token }).to_string()).await
}

/// Name and value of the cookie, as a browser sends it back.
fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").unwrap();
    set.split(';').next().unwrap().to_owned()
}

async fn role(world: &World, cookie: &str, host: &str) -> Value {
    let headers = [("Cookie", cookie), ("Host", host)];
    ask(world, "GET", "/console/session", &headers, "").await.json()["role"].take()
}

// [9], [20]
#[tokio::test]
async fn a_token_is_exchanged_for_a_session_that_a_logout_ends() {
    let world = World::with(options()).await;
    let begun = log_in(&world, READER, &[("Host", "localhost")]).await;
    assert_eq!((begun.status, &begun.json()["role"]), (200, &json!("read")), "{begun:?}");
    assert_eq!(begun.header("cache-control"), Some("no-store"));
    assert!(!begun.body.contains(READER) && !begun.head.contains(READER), "{begun:?}");
    let cookie = cookie(&begun);
    assert_eq!(role(&world, &cookie, "localhost").await, "read");
    let queues =
        ask(&world, "GET", "/api/v1/queues", &[("Cookie", &cookie), ("Host", "localhost")], "").await;
    assert_eq!(queues.status, 200);
    let from = [("Cookie", cookie.as_str()), ("Host", "localhost"), ("Origin", "http://localhost")];
    let out = ask(&world, "DELETE", "/console/session", &from, "").await;
    assert!(out.status == 204 && out.header("set-cookie").unwrap().contains("Max-Age=0"), "{out:?}");
    assert_eq!(role(&world, &cookie, "localhost").await, Value::Null);
}

// [9]
#[tokio::test]
async fn the_cookie_is_bound_to_tls_and_host_but_on_this_machine() {
    let world = World::with(options()).await;
    let local = log_in(&world, ADMIN, &[("Host", "127.0.0.1:8080")]).await;
    let local = local.header("set-cookie").unwrap();
    assert!(local.starts_with("postrider=") && !local.contains("Secure"), "{local}");
    let remote =
        log_in(&world, ADMIN, &[("Host", "console.example"), ("Origin", "https://console.example")]).await;
    let set = remote.header("set-cookie").unwrap();
    assert!(set.starts_with("__Host-postrider=") && !set.contains("Domain"), "{set}");
    for part in ["; Path=/", "; Max-Age=28800", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
        assert!(set.contains(part), "{set}");
    }
    let cookie = cookie(&remote);
    assert_eq!(role(&world, &cookie, "console.example").await, "admin");
    // Under another name of the same port it is nobody's.
    assert_eq!(role(&world, &cookie.replace("__Host-", ""), "console.example").await, Value::Null);
}

// [12], [13]
#[tokio::test]
async fn a_session_begins_and_changes_things_for_pages_of_this_port_only() {
    let world = World::with(options()).await;
    let body = json!({ "token": ADMIN }).to_string();
    for (headers, status) in [
        (vec![JSON, ("Origin", "https://evil.example")], 403),
        (vec![JSON, ("Sec-Fetch-Site", "cross-site")], 403),
        (vec![("Content-Type", "text/plain")], 415),
    ] {
        let refused = ask(&world, "POST", "/console/session", &headers, &body).await;
        assert_eq!(refused.status, status, "{headers:?}");
    }
    let cookie = cookie(&log_in(&world, ADMIN, &[("Host", "localhost")]).await);
    let pause = format!("/api/v1/queues/{}/pause", world.queue());
    let common = [("Cookie", cookie.as_str()), ("Host", "localhost")];
    for (more, status) in [
        (vec![JSON], 403),
        (vec![("Sec-Fetch-Site", "same-origin")], 403),
        (vec![JSON, ("Origin", "http://evil.example")], 403),
        (vec![JSON, ("Origin", "http://localhost")], 200),
    ] {
        let headers: Vec<_> = common.iter().chain(&more).copied().collect();
        assert_eq!(ask(&world, "POST", &pause, &headers, "{}").await.status, status, "{more:?}");
    }
}

// [7]
#[tokio::test]
async fn wrong_tokens_are_refused_alike_and_soon_not_listened_to() {
    let world = World::with(options()).await;
    let first = log_in(&world, "wrong", &[]).await;
    assert_eq!(first.status, 401);
    let mut last = first.clone();
    for n in 0..10 {
        last = log_in(&world, &format!("wrong {n}"), &[]).await;
        assert!(last.status == 429 || last.body == first.body, "{last:?}");
    }
    assert!(last.status == 429 && last.header("retry-after").is_some(), "{last:?}");
    for body in ["", "{}", r#"{"token":7}"#, "[]", "\u{0}"] {
        let refused = ask(&world, "POST", "/console/session", &[JSON], body).await;
        assert!((400..500).contains(&refused.status), "{body}: {refused:?}");
    }
}

// [15] to [17], [19], [21]
#[tokio::test]
async fn the_page_comes_from_the_binary_under_a_policy_without_inline_scripts() {
    let world = World::with(options()).await;
    let page = ask(&world, "GET", "/", &[], "").await;
    assert!(page.status == 200 && page.body.contains("<main"), "{page:?}");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let named = page.body.split(['"', '\'']).filter(|text| text.starts_with("/console/"));
    for path in named.collect::<Vec<_>>() {
        let file = ask(&world, "GET", path, &[], "").await;
        assert_eq!((file.status, file.header("x-content-type-options")), (200, Some("nosniff")), "{path}");
        let tag = file.header("etag").unwrap();
        let again = ask(&world, "GET", path, &[("If-None-Match", tag)], "").await;
        assert!(again.status == 304 && again.body.is_empty(), "{path}");
    }
    assert_eq!(ask(&world, "GET", "/console/no-such-file.js", &[], "").await.status, 404);
}

#[tokio::test]
async fn without_tokens_the_console_is_for_this_machine_and_needs_no_login() {
    let world = World::start().await;
    let here = ask(&world, "GET", "/console/session", &[("Host", "localhost:8080")], "").await;
    assert_eq!(
        (here.status, &here.json()["login"], &here.json()["role"]),
        (200, &json!(false), &json!("admin"))
    );
    for path in ["/", "/console/app.js", "/console/session"] {
        let refused = ask(&world, "GET", path, &[("Host", "evil.example")], "").await;
        assert!(refused.status == 403 && refused.body.contains("http.token"), "{path}: {refused:?}");
    }
}
