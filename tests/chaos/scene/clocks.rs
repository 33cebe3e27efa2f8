//! False clocks for one worker and for Redis: a library that is loaded into them, and the file that it is told by.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use tempfile::TempDir;

/// The library.
const SOURCE: &str = include_str!("false_clock.c");

/// The clocks of a scene.
#[derive(Debug)]
pub(crate) struct Clocks {
    folder: TempDir,
}

impl Clocks {
    /// `None` where the library can't be built: there is no C compiler, or this isn't Linux.
    pub(crate) fn build() -> anyhow::Result<Option<Self>> {
        let clocks = Self { folder: tempfile::tempdir()? };
        clocks.set_redis(0)?;
        clocks.set_worker(0)?;
        fs::write(clocks.file("false_clock.c"), SOURCE)?;
        let arguments = ["-shared", "-fPIC", "-O2", "-o", "false_clock.so", "false_clock.c"];
        let built = Command::new("cc").args(arguments).current_dir(clocks.folder.path()).output();
        let is_built = built.is_ok_and(|built| built.status.success()) && cfg!(target_os = "linux");
        Ok(is_built.then_some(clocks))
    }

    /// The environment that makes a worker believe in its clock.
    pub(crate) fn of_first_worker(&self) -> Vec<(String, String)> {
        self.environment("worker")
    }

    /// Likewise Redis.
    pub(crate) fn of_redis(&self) -> Vec<(String, String)> {
        self.environment("redis")
    }

    /// Puts Redis' clock this far off.
    pub(crate) fn set_redis(&self, seconds: i64) -> anyhow::Result<()> {
        set(&self.file("redis"), seconds)
    }

    /// Puts the first worker's clock this far off.
    pub(crate) fn set_worker(&self, seconds: i64) -> anyhow::Result<()> {
        set(&self.file("worker"), seconds)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn environment(&self, name: &str) -> Vec<(String, String)> {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let library = text(self.file("false_clock.so"));
        vec![("LD_PRELOAD".to_owned(), library), ("FALSE_CLOCK_FILE".to_owned(), text(self.file(name)))]
    }
}

/// In one write of the same file: the process has it mapped.
fn set(file: &Path, seconds: i64) -> anyhow::Result<()> {
    let open = fs::File::options().write(true).create(true).truncate(false).open(file);
    let written = open.and_then(|file| file.write_all_at(&seconds.to_ne_bytes(), 0));
    written.with_context(|| format!("failed to set the clock {}", file.display()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_believes_in_its_false_clock_at_once() {
        let clocks = Clocks::build().unwrap().expect("a C compiler is there, since Rust links with it");
        clocks.set_worker(1_000_000).unwrap();
        let told = Command::new("date").arg("+%s").envs(clocks.of_first_worker()).output().unwrap();
        let told: u64 = String::from_utf8(told.stdout).unwrap().trim().parse().unwrap();
        let off = told - crate::clock::now_us() / 1_000_000;
        assert!((999_990..=1_000_010).contains(&off), "{off}");
    }
}
