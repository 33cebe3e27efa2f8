//! Where figures are kept, raw and as a page.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use postrider_core::time::Timestamp;

use crate::figures::Figures;
use crate::{plot, subject, table};

/// What stands above the tables of `docs/benchmarks.md`.
const PAGE_HEAD: &str = include_str!("page_head.md");

/// The time of day, RFC 3339.
pub(crate) fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)).to_rfc3339()
}

/// Writes the raw figures to `target/bench/<time>.json`.
pub(crate) fn keep(figures: &Figures) -> anyhow::Result<PathBuf> {
    let folder = subject::figures_folder()?;
    std::fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let path = folder.join(format!("{}.json", figures.at.replace(':', "")));
    write(path, &serde_json::to_string_pretty(figures)?)
}

/// Writes `docs/benchmarks.md` and the plot beside it.
pub(crate) fn write_page(figures: &Figures) -> anyhow::Result<[PathBuf; 2]> {
    let docs = subject::workspace().join("docs");
    let page = write(docs.join("benchmarks.md"), &format!("{PAGE_HEAD}\n{}", table::of(figures)))?;
    Ok([page, write(docs.join("benchmarks.svg"), &plot::of(figures))?])
}

fn write(path: PathBuf, text: &str) -> anyhow::Result<PathBuf> {
    std::fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
    Ok(path)
}
