//! The admin port asked by npm `misskey-js`, as a client of Misskey would: what it is answered, and what its webhooks bring a
//! receiver, has the types of that package. The code of `docs/misskey.md` for it runs as it stands there.

use std::path::PathBuf;

use postrider_tests::receiver::request::Request;
use postrider_tests::world::{World, WorldOptions};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::program::{Program, needed, outside, root};

const TOKEN: &str = "token0Of9uXxxxxx";
const OTHER_TOKEN: &str = "token1Of8vXxxxxx";

/// The events of which Misskey sends samples, in the order of the program.
const EVENTS: [&str; 7] = ["note", "reply", "renote", "mention", "follow", "followed", "unfollow"];

/// What the compiler reads and the program is, copied to where its packages are.
const SOURCES: [&str; 4] = ["client.js", "env.js", "shapes.ts", "tsconfig.json"];

/// A folder of one test, beside the packages.
struct Workshop {
    folder: PathBuf,
}

impl Workshop {
    fn new(name: &str) -> Self {
        let packages = outside().join("misskey");
        needed(&packages.join("node_modules/misskey-js"));
        let folder = packages.join(name);
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        std::fs::write(folder.join("package.json"), r#"{"type":"module"}"#).expect("a file can be written");
        for source in SOURCES {
            let from = root().join("tests/outside/programs/misskey").join(source);
            std::fs::copy(from, folder.join(source)).expect("a source can be copied");
        }
        Self { folder }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).expect("a file can be written");
    }

    fn node(&self, script: &str) -> Program {
        Program::new("node", vec![self.folder.join(script)])
    }

    /// Checks all types.
    fn compiler(&self) -> Program {
        let compiler = outside().join("misskey/node_modules/.bin/tsc");
        Program::new(needed(&compiler), vec!["--project".into(), self.folder.clone()])
    }
}

/// A world whose worker knows both tokens; the table goes with the file.
async fn world() -> (World, NamedTempFile) {
    let table = NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(table.path(), format!("9u {TOKEN}\n8v {OTHER_TOKEN}\n")).expect("it can be written");
    let options = WorldOptions::default().set("POSTRIDER_SERVER_URL", "https://misskey.example");
    let options = options.set("POSTRIDER_MISSKEY_TOKEN_FILE", &table.path().display().to_string());
    (World::with(options).await, table)
}

async fn run(program: &Program, environment: &[(&str, &str)]) -> String {
    let ended = program.run(environment).await;
    let told = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success(), "{told}\n{}", String::from_utf8_lossy(&ended.stderr));
    told
}

/// What was answered and received, as TypeScript that is only accepted where the types fit.
fn typed(answers: &[(String, Value)], received: &[Request]) -> String {
    let mut text = r#"import type { Answer, Webhook } from "./shapes.js";"#.to_owned();
    for (step, answer) in answers {
        if ["create", "list", "show"].contains(&&**step) {
            text.push_str(&format!("\nexport const {step} = {answer} satisfies Answer<\"{step}\">;"));
        }
    }
    for request in received {
        let body = request.json();
        let event = body["type"].as_str().unwrap_or_default();
        text.push_str(&format!("\nexport const of_{event} = {body} satisfies Webhook<\"{event}\">;"));
    }
    text
}

#[tokio::test]
async fn a_client_of_misskey_manages_webhooks_and_all_that_comes_has_the_types_of_misskey() {
    let workshop = Workshop::new("client");
    let (world, _table) = world().await;
    let (origin, url) = (format!("http://{}", world.workers[0].admin()), world.receiver.url("/in"));
    let environment =
        [("ORIGIN", &*origin), ("TOKEN", TOKEN), ("OTHER_TOKEN", OTHER_TOKEN), ("HOOK_URL", &*url)];
    let told = run(&workshop.node("client.js"), &environment).await;
    let answers: Vec<(String, Value)> =
        told.lines().map(|line| serde_json::from_str(line).expect("each line is a step")).collect();
    check_answers(&answers, &url);
    let received = world.receiver.requests();
    let types: Vec<_> = received.iter().map(|request| request.json()["type"].clone()).collect();
    assert_eq!(types, EVENTS);
    assert!(received.iter().all(|request| request.header("x-misskey-hook-secret") == Some("other")));

    workshop.write("received.ts", &typed(&answers, &received));
    run(&workshop.compiler(), &[]).await;
}

fn check_answers(answers: &[(String, Value)], url: &str) {
    let answer = |step: &str| {
        let found = answers.iter().find(|(name, _)| name == step);
        found.map_or_else(|| panic!("no {step} in {answers:?}"), |(_, answer)| answer.clone())
    };
    assert_eq!((&answer("create")["url"], &answer("create")["secret"]), (&json!(url), &json!("s3cret")));
    assert_eq!(answer("list")[0]["id"], answer("create")["id"]);
    let shown = answer("show");
    assert_eq!(
        (&shown["name"], &shown["on"], &shown["active"]),
        (&json!("mine"), &json!(["follow"]), &json!(false))
    );
    for step in ["update", "test", "delete"] {
        assert_eq!(answer(step), Value::Null, "{step}");
    }
    assert_eq!(answer("list of none"), json!([]));
    for (step, error) in [
        ("of another", "NO_SUCH_WEBHOOK 50f614d9-3047-4f7e-90d8-ad6b2d5fb098 client"),
        ("bad name", "INVALID_PARAM 3d81ceae-475f-4600-b2a8-2bc116157532 client"),
        ("no token", "CREDENTIAL_REQUIRED 1384574d-a912-4b81-8601-c7b1c4085df1 client"),
        ("wrong token", "AUTHENTICATION_FAILED b0a7f5f8-dc2f-4171-b91f-de88ad238e14 client"),
    ] {
        assert_eq!(answer(step), error, "{step}");
    }
}

#[tokio::test]
async fn the_code_of_the_document_registers_a_hook_and_tries_it() {
    let workshop = Workshop::new("document");
    let document = std::fs::read_to_string(root().join("docs/misskey.md")).expect("the document is there");
    let code = document.split("```js\n").nth(1).and_then(|rest| rest.split("```").next());
    let code = code.expect("the document shows code").replace("\"http://127.0.0.1:8080\"", "env(\"ORIGIN\")");
    let before = "import { env } from './env.js';\nconst token = env('TOKEN'), url = env('HOOK_URL'), secret = 's3cret';\n";
    workshop.write("document.js", &format!("{before}{code}"));
    let (world, _table) = world().await;
    let (origin, url) = (format!("http://{}", world.workers[0].admin()), world.receiver.url("/in"));
    run(&workshop.node("document.js"), &[("ORIGIN", &origin), ("TOKEN", TOKEN), ("HOOK_URL", &url)]).await;
    let request = world.receiver.next_request().await;
    assert_eq!((&request.json()["type"], &request.json()["userId"]), (&json!("mention"), &json!("9u")));
}
