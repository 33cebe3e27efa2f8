//! The blocks of `docs/receivers.md`.

use postrider_tests::fenced::{Block, blocks};

use crate::program::root;

/// The block under this heading of this section.
pub(crate) fn block(section: &str, heading: &str) -> Block {
    let guide = std::fs::read_to_string(root().join("docs/receivers.md")).expect("the guide is there");
    let here = |block: &Block| block.section == section && block.heading == heading;
    let mut found: Vec<Block> = blocks(&guide).into_iter().filter(here).collect();
    assert_eq!(found.len(), 1, "docs/receivers.md has one block under {section} / {heading}: {found:?}");
    found.remove(0)
}
