//! What the API shows of all that was planted, and what it says of requests that it refuses.

use postrider_tests::world::World;
use serde_json::{Value, json};

use super::planted::{HOOK_SECRET, TOKEN};
use super::search::Written;
use crate::api::Client;

/// Waiting jobs and dead letters that are looked at one by one.
const MOST: usize = 40;

/// Every GET (check 26 of an admin surface), with everything that lists lead to; `url` is the hook's, which its owner sees whole by contract.
pub(super) async fn add_api(written: &mut Written, world: &World, url: &str) {
    let admin = Client::of(world, TOKEN);
    let queue = format!("/queues/{}", world.queue());
    for list in ["/hooks?userId=u", "/queues", "/destinations", "/workers", "/notices", "/openapi.json"] {
        pages(written, &admin, list).await;
    }
    for kept in ["", "/dead-groups", "/attempts", "/bulk-count?do=replay&reason=rejected"] {
        pages(written, &admin, &format!("{queue}{kept}")).await;
    }
    for kind in ["retries", "dead"] {
        let items = pages(written, &admin, &format!("{queue}/{kind}")).await;
        assert!(!items.is_empty(), "there are {kind}");
        for job in items.iter().take(MOST).map(|item| item["job"].as_str().unwrap()) {
            add(written, &admin, &format!("{queue}/{kind}/{job}")).await;
            add(written, &admin, &format!("{queue}/jobs/{job}")).await;
        }
    }
    let shown = admin.ask("GET", "/hooks/u/h", None).await;
    written.add("one hook", shown.head + &shown.body.replace(url, "(url)"));
    let tried = admin.ask("POST", "/hooks/u/h/test", Some(json!({ "type": "note" }))).await;
    written.add("a test of a hook", tried.head + &tried.body);
    add_refusals(written, world, &admin).await;
}

/// All pages of a list, or whatever the path gives; the items.
async fn pages(written: &mut Written, admin: &Client, path: &str) -> Vec<Value> {
    let (mut items, mut next) = (Vec::new(), String::new());
    loop {
        let between = if path.contains('?') { '&' } else { '?' };
        let page = if next.is_empty() { path.to_owned() } else { format!("{path}{between}cursor={next}") };
        let answer = add(written, admin, &page).await;
        items.extend(answer["items"].as_array().into_iter().flatten().cloned());
        match answer["next"].as_str() {
            Some(more) => next = more.to_owned(),
            None => return items,
        }
    }
}

async fn add(written: &mut Written, admin: &Client, path: &str) -> Value {
    let answer = admin.ask("GET", path, None).await;
    let shown = Client::check(&answer, 200);
    written.add(path, answer.head + &answer.body);
    shown
}

/// Requests with secrets where they don't belong.
async fn add_refusals(written: &mut Written, world: &World, admin: &Client) {
    let hook = json!({
        "userId": "u", "url": "http://u:cnry-userinfo@hooks.example/cnry", "on": ["cnry on"],
        "secret": "cnry\u{e9}", "headers": { "Host": "cnry" },
    });
    let blocked = json!({ "to": "http://10.0.0.1/cnry", "type": "note", "content": {}, "secret": "cnry" });
    let unsound = json!({ "to": "http://cnry@hooks.example/", "type": "note", "content": "cnry", "maxAttempts": "cnry" });
    let elsewhere = json!({ "type": "note", "url": "http://10.0.0.1/cnry", "secret": HOOK_SECRET });
    for (path, body) in [
        ("/hooks", hook),
        ("/jobs", blocked),
        ("/jobs", unsound),
        ("/hooks/u/h/test", elsewhere),
        ("/hooks/u/h/rotate", json!({ "secret": "cnry\n" })),
    ] {
        let answer = admin.ask("POST", path, Some(body)).await;
        written.add(path, answer.head + &answer.body);
    }
    for path in ["/cnry", "/hooks/u/cnry", "/queues/cnry", "/queues?limit=cnry"] {
        let answer = admin.ask("GET", path, None).await;
        assert!(answer.status >= 400, "{answer:?}");
        written.add("a refusal", answer.head + &answer.body);
    }
    let json = [("Content-Type", "application/json")];
    let cut = admin.send("POST", "/hooks", &json, b"{\"secret\":\"cnry").await;
    written.add("a body that is cut off", cut.head + &cut.body);
    let guess = Client::of(world, "cnry-wrong-token-that-is-long-enough-1234");
    let refused = guess.ask("GET", "/queues?token=cnry", None).await;
    assert_eq!(refused.status, 401, "{refused:?}");
    written.add("a refused login", refused.head + &refused.body);
}
