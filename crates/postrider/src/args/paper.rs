//! What is typed for `postrider completions` and `postrider man`.

use std::path::PathBuf;

use clap_complete::Shell;

const INSTALL: &str = "\
bash: write it to ~/.local/share/bash-completion/completions/postrider. zsh: to a file _postrider in a folder of $fpath. fish: to \
~/.config/fish/completions/postrider.fish.";

/// `postrider completions`.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(after_help = INSTALL)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// `postrider man`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// Command whose page is printed, such as hooks create [default: the page of postrider]
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    pub(crate) command: Vec<String>,
    /// Write the pages of all commands into this folder, which is made where it is missing
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}
