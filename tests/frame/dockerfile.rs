//! A Dockerfile as far as the tests need it: stages with their instructions.

/// One stage: from a `FROM` to the next.
#[derive(Debug)]
pub(crate) struct Stage {
    /// The image that it begins with.
    pub(crate) image: String,
    /// Instruction in capitals, and the rest of its line.
    pub(crate) instructions: Vec<(String, String)>,
}

impl Stage {
    /// The last instruction of this name, which is the one that holds.
    pub(crate) fn last(&self, name: &str) -> Option<&str> {
        let named = self.instructions.iter().rev().find(|(instruction, _)| instruction == name);
        named.map(|(_, rest)| rest.as_str())
    }
}

/// Reads the stages; comments are skipped, lines that end in a backslash are joined.
pub(crate) fn stages(text: &str) -> Vec<Stage> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let mut stages: Vec<Stage> = Vec::new();
    for line in joined.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let (name, rest) = (name.to_ascii_uppercase(), rest.trim());
        if name == "FROM" {
            let image = rest.split_whitespace().next().unwrap_or_default().to_owned();
            stages.push(Stage { image, instructions: Vec::new() });
        } else if let Some(stage) = stages.last_mut() {
            stage.instructions.push((name, rest.to_owned()));
        }
    }
    stages
}
