//! A clock that can be set, for one process: a library that is loaded into it, and the file that it is told by. Only the time of day
//! steps; what counts durations never does.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// The library.
const SOURCE: &str = include_str!("../chaos/scene/false_clock.c");

/// One clock.
#[derive(Debug)]
pub struct FalseClock {
    folder: TempDir,
}

impl FalseClock {
    /// A clock that is right at first; `None` on systems other than Linux, where programs are loaded otherwise.
    ///
    /// # Panics
    /// When there is no C compiler, which Rust links with.
    pub fn new() -> Option<Self> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        let clock = Self { folder: tempfile::tempdir().expect("a temporary folder can be made") };
        clock.set(0);
        fs::write(clock.file("false_clock.c"), SOURCE).expect("a temporary file can be written");
        let arguments = ["-shared", "-fPIC", "-O2", "-o", "false_clock.so", "false_clock.c"];
        let built = Command::new("cc").args(arguments).current_dir(clock.folder.path()).status();
        assert!(built.is_ok_and(|status| status.success()), "the false clock can't be compiled with cc");
        Some(clock)
    }

    /// Puts it so many seconds off, at once.
    ///
    /// # Panics
    /// When its file can't be written.
    pub fn set(&self, seconds: i64) {
        // In one write of the same file: the process has it mapped.
        let open = File::options().write(true).create(true).truncate(false).open(self.file("clock"));
        let written = open.and_then(|file| file.write_all_at(&seconds.to_ne_bytes(), 0));
        written.expect("a temporary file can be written");
    }

    /// What makes a process believe in it.
    pub fn environment(&self) -> [(String, String); 2] {
        let text = |name: &str| self.file(name).to_string_lossy().into_owned();
        [("LD_PRELOAD", text("false_clock.so")), ("FALSE_CLOCK_FILE", text("clock"))]
            .map(|(name, value)| (name.to_owned(), value))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
