//! Fenced blocks of a Markdown document, each by the headings above it: how tests find the code that a document shows.

/// What opens and closes a block.
const FENCE: &str = "```";

/// One fenced block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The heading of the second level that it lies under.
    pub section: String,
    /// The heading of the third level, without code marks; empty where there is none in between.
    pub heading: String,
    /// What the fence says: `js`, `http`, or nothing.
    pub language: String,
    /// Its lines, each with its end.
    pub text: String,
}

/// All blocks of a document, in order.
pub fn blocks(document: &str) -> Vec<Block> {
    let (mut here, mut blocks) = (Block::default(), Vec::new());
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("## ") {
            here = Block { section: plain(name), ..Block::default() };
        } else if let Some(name) = line.strip_prefix("### ") {
            here.heading = plain(name);
        } else if let Some(language) = line.strip_prefix(FENCE) {
            let inside = lines.by_ref().take_while(|line| *line != FENCE);
            let text = inside.map(|line| format!("{line}\n")).collect();
            blocks.push(Block { language: language.to_owned(), text, ..here.clone() });
        }
    }
    blocks
}

fn plain(heading: &str) -> String {
    heading.replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_found_by_the_headings_above_it_and_what_is_inside_is_no_heading() {
        let document =
            "```\nfirst\n```\n## A\n### `b`\ntext\n```sh\n## no heading\n\nx\n```\n## C\n```js\n```\n";
        let found = blocks(document);
        let told: Vec<[&str; 4]> = found
            .iter()
            .map(|block| [&*block.section, &*block.heading, &*block.language, &*block.text])
            .collect();
        let second = ["A", "b", "sh", "## no heading\n\nx\n"];
        assert_eq!(told, [["", "", "", "first\n"], second, ["C", "", "js", ""]]);
    }
}
