//! The program that is measured: the release build of `postrider`, beside this one.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// Builds the program where this one was started by cargo, and says where it is.
pub(crate) fn build() -> anyhow::Result<PathBuf> {
    ensure!(!cfg!(debug_assertions), "an unoptimised build tells nothing: run it with --release");
    // Set by `cargo run`. Started by hand, it takes what is there.
    if let Some(cargo) = std::env::var_os("CARGO") {
        let status = Command::new(cargo)
            .args(["build", "--release", "--package", "postrider"])
            .current_dir(workspace())
            .status()
            .context("failed to start cargo")?;
        ensure!(status.success(), "postrider could not be built");
    }
    let program = profile_folder()?.join("postrider");
    ensure!(program.exists(), "{} is missing: cargo build --release -p postrider", program.display());
    Ok(program)
}

/// Where raw figures are kept: `target/bench`.
pub(crate) fn figures_folder() -> anyhow::Result<PathBuf> {
    let target = profile_folder()?.parent().map(Path::to_owned);
    Ok(target.context("this program lies in no target folder")?.join("bench"))
}

/// The folder of the workspace's sources.
pub(crate) fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

fn profile_folder() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("failed to find this program's own file")?;
    Ok(own.parent().context("this program lies in no folder")?.to_owned())
}
