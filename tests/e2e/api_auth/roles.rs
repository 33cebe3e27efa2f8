//! Every route, asked with every kind of token.

use postrider_tests::world::World;
use serde_json::json;

use super::{Route, routes, token};
use crate::api::{ADMIN, Client, READER, options};

/// A world in which user `9u` has the hook `h1`.
async fn world() -> World {
    let world = World::with(options()).await;
    let hook = json!({ "userId": "9u", "id": "h1", "url": world.receiver.url("/in"), "on": ["note"] });
    Client::check(&Client::of(&world, ADMIN).ask("POST", "/hooks", Some(hook)).await, 201);
    world
}

/// Asks every route; what `expected` says of it is among the statuses that may be.
async fn check(client: &Client, routes: &[Route], expected: impl Fn(&Route) -> Expected) {
    for route in routes {
        let answer = client.ask(&route.method, &route.path, None).await;
        let is_refused = [401, 403, 429].contains(&answer.status);
        let fits = match expected(route) {
            Expected::Refused(statuses) => statuses.contains(&answer.status),
            // A body that lacks what it needs, or a thing that isn't there, is told to whoever may ask.
            Expected::Heard => !is_refused && answer.status < 500,
        };
        assert!(fits, "{route:?}: {answer:?}");
        if answer.status >= 400 {
            Client::check(&answer, answer.status);
        }
    }
}

enum Expected {
    Refused(&'static [u16]),
    Heard,
}

fn of_role(role: &str, route: &Route) -> Expected {
    let is_among = route.roles.split([',', ' ']).any(|word| word == role || word == "none");
    if is_among { Expected::Heard } else { Expected::Refused(&[403]) }
}

fn but_for_open_ones(route: &Route, statuses: &'static [u16]) -> Expected {
    if route.roles == "none" { Expected::Heard } else { Expected::Refused(statuses) }
}

// [1]
#[tokio::test]
async fn without_a_token_every_route_refuses_but_the_document() {
    let world = World::with(options()).await;
    let routes = routes(&world, "9u").await;
    let open: Vec<_> =
        routes.iter().filter(|route| route.roles == "none").map(|route| &*route.path).collect();
    assert_eq!(open, ["/openapi.json"]);
    check(&Client::stranger(&world), &routes, |route| but_for_open_ones(route, &[401])).await;
}

// [2], [7]
#[tokio::test]
async fn with_a_wrong_token_or_one_whose_time_is_over_every_route_refuses() {
    let world = World::with(options()).await;
    let routes = routes(&world, "9u").await;
    let expired = token("--user 9u --ttl 1s", ADMIN);
    let of_other = token("--user 9u --ttl 1h", "another-token-another-token-another-token");
    let owner = Client::of(&world, &expired);
    world
        .until("the token's time is over", postrider_tests::wait::PATIENCE, || async {
            let answer = owner.ask("GET", "/hooks?userId=9u", None).await;
            if answer.status == 401 { Ok(()) } else { Err(answer.status) }
        })
        .await;
    for token in [&*expired, &of_other, "cnry-wrong-token-that-is-long-enough-1234", "", "Basic"] {
        let client = Client::of(&world, token);
        check(&client, &routes, |route| but_for_open_ones(route, &[401, 429])).await;
    }
}

// [6]
#[tokio::test]
async fn who_may_only_look_is_heard_by_every_get_and_changes_nothing() {
    let world = world().await;
    let routes = routes(&world, "9u").await;
    assert!(routes.iter().all(|route| (route.method == "GET") != of_role_is_refused("read", route)));
    check(&Client::of(&world, READER), &routes, |route| of_role("read", route)).await;
}

fn of_role_is_refused(role: &str, route: &Route) -> bool {
    matches!(of_role(role, route), Expected::Refused(_))
}

// [6]
#[tokio::test]
async fn an_admin_is_heard_by_every_route() {
    let world = world().await;
    let routes = routes(&world, "9u").await;
    check(&Client::of(&world, ADMIN), &routes, |route| of_role("admin", route)).await;
}

// [6]
#[tokio::test]
async fn an_owner_is_heard_by_routes_of_owners_only_and_another_owner_finds_nothing_there() {
    let world = world().await;
    let routes = routes(&world, "9u").await;
    let other = Client::of(&world, &token("--user other --ttl 1h", ADMIN));
    check(&other, &routes, |route| match of_role("owner", route) {
        // A body that lacks what it needs is refused first.
        Expected::Heard if route.is_of_user => Expected::Refused(&[404, 422]),
        expected => expected,
    })
    .await;
    Client::check(&Client::of(&world, ADMIN).ask("GET", "/hooks/9u/h1", None).await, 200);
    let owner = Client::of(&world, &token("--user 9u --ttl 1h", ADMIN));
    check(&owner, &routes, |route| of_role("owner", route)).await;
}
