//! Who may ask the API what. The numbers in brackets are those of the list of checks that an admin surface has to pass.
//!
//! - [`roles`]: every route with every role; [`owners`]: what owners reach; [`logins`]: tokens, wrong ones, too many of them.
//! - [`browser`]: what a page in a browser can't do.

mod browser;
mod logins;
mod owners;
mod roles;

use std::process::Command;

use postrider_tests::worker_process::program;
use postrider_tests::world::World;
use serde_json::Value;

use crate::api::Client;

/// One route of the API's own document, which is made of the table that the router is made of: a new one is tried too.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) method: String,
    /// With its parts filled in.
    pub(crate) path: String,
    /// The roles that its document names.
    pub(crate) roles: String,
    /// Whether its path names a user.
    pub(crate) is_of_user: bool,
}

/// All routes, for hook `h1` of this user.
pub(crate) async fn routes(world: &World, user: &str) -> Vec<Route> {
    let document = Client::stranger(world).ask("GET", "/openapi.json", None).await.json();
    let paths = document["paths"].as_object().unwrap();
    let routes: Vec<_> =
        paths.iter().flat_map(|(path, methods)| of_path(world, user, path, methods)).collect();
    assert!(routes.len() > 25, "{routes:?}");
    routes
}

fn of_path(world: &World, user: &str, path: &str, methods: &Value) -> Vec<Route> {
    let is_of_user = path.contains("{userId}");
    let parts = [
        ("{userId}", user),
        ("{hookId}", "h1"),
        ("{queue}", world.queue()),
        ("{job}", "1-0"),
        ("{id}", "b1"),
    ];
    let path = path.strip_prefix("/api/v1").unwrap().to_owned();
    let path = parts.into_iter().fold(path, |path, (part, value)| path.replace(part, value));
    let route = |(method, operation): (&String, &Value)| Route {
        method: method.to_uppercase(),
        path: path.clone(),
        roles: operation["description"].as_str().unwrap().strip_prefix("Role: ").unwrap().to_owned(),
        is_of_user,
    };
    methods.as_object().unwrap().iter().map(route).collect()
}

/// `postrider token <line>` with these tokens in the settings.
pub(crate) fn token(line: &str, tokens: &str) -> String {
    let mut command = Command::new(program());
    command.arg("token").args(line.split(' ')).env_clear().env("POSTRIDER_HTTP_TOKEN", tokens);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
