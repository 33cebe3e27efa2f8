//! The folder of a demo: a temporary one, gone with the demo unless something went wrong, or the user's own, kept.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::TempDir;

/// Held while a demo runs: two servers on one append-only file would ruin it.
const LOCK: &str = "demo.lock";

/// A folder that is this demo's alone.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    temporary: Option<TempDir>,
    _lock: File,
}

impl Folder {
    /// Opens the user's folder, made where it is missing, or a temporary one.
    pub(crate) fn open(own: Option<&Path>) -> anyhow::Result<Self> {
        let (path, temporary) = match own {
            Some(path) => (made(path)?, None),
            None => {
                let folder = tempfile::Builder::new().prefix("postrider-demo-").tempdir();
                let folder = folder.context("failed to make a temporary folder")?;
                (folder.path().to_owned(), Some(folder))
            }
        };
        let lock = lock(&path)?;
        Ok(Self { path, temporary, _lock: lock })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it stays where it is.
    pub(crate) fn is_kept(&self) -> bool {
        self.temporary.is_none()
    }

    /// Keeps a temporary one too, for a look at the logs.
    pub(crate) fn keep(&mut self) {
        if let Some(folder) = self.temporary.take() {
            self.path = folder.keep();
        }
    }
}

fn made(path: &Path) -> anyhow::Result<PathBuf> {
    let shown = path.display();
    std::fs::create_dir_all(path).with_context(|| format!("--data-dir: failed to make {shown}"))?;
    // Redis and the workers are told whole paths.
    path.canonicalize().with_context(|| format!("--data-dir: failed to find {shown}"))
}

fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join(LOCK);
    let file = File::options().create(true).append(true).open(&path);
    let file = file.with_context(|| format!("failed to write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("--data-dir: another demo is using {}", folder.display()),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("failed to lock {}", path.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_folder_is_gone_afterwards_unless_it_is_kept() {
        let folder = Folder::open(None).unwrap();
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());
        let mut folder = Folder::open(None).unwrap();
        folder.keep();
        let path = folder.path().to_owned();
        drop(folder);
        assert!(path.exists());
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_folder_is_made_and_used_by_one_demo_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let own = parent.path().join("a/b");
        let first = Folder::open(Some(&own)).unwrap();
        assert!(first.is_kept());
        let refused = format!("{:#}", Folder::open(Some(&own)).unwrap_err());
        assert!(refused.contains("another demo is using"), "{refused}");
        drop(first);
        assert!(Folder::open(Some(&own)).is_ok());
    }
}
