//! The commands of `docs/api.md`, run as they stand there against a real worker.

use postrider_tests::fenced::blocks;
use postrider_tests::worker_process::program;
use postrider_tests::world::{World, WorldOptions};

use crate::program::{Program, root};

const TOKEN: &str = "cnry-4f9A-admin-Zx71-wPl2-Vb8m-Tn4s";

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_documentation_of_the_api_do_what_it_says() {
    let world = World::with(WorldOptions::default().set("POSTRIDER_HTTP_TOKEN", TOKEN)).await;
    let document = std::fs::read_to_string(root().join("docs/api.md")).expect("the document is there");
    let commands: Vec<_> = blocks(&document).into_iter().filter(|block| block.language == "sh").collect();
    assert!(commands.len() >= 5, "{commands:?}");
    let api = format!("http://{}/api/v1", world.workers[0].admin());
    let own = program().parent().expect("a program lies in a folder").to_string_lossy().into_owned();
    let path = format!("{own}:{}", std::env::var("PATH").unwrap_or_default());
    let environment = [("API", &*api), ("TOKEN", TOKEN), ("PATH", &path)];
    for block in commands {
        // A command that fails ends the shell.
        let shell = Program::new("sh", ["-ec".into(), block.text.clone().into()].to_vec());
        let ended = shell.run(&environment).await;
        let told = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success(), "{}\n{told}\n{}", block.text, String::from_utf8_lossy(&ended.stderr));
    }
}
