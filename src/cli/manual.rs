//! `bellwire completions` and `bellwire man`: what a shell and `man` need to know of the commands.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use clap::Command;
use clap_complete::Shell;

/// Prints the completions for a shell.
pub(super) fn print_completions(shell: Shell, mut command: Command) -> anyhow::Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, "bellwire", &mut text);

    Ok(std::io::stdout().write_all(&text)?)
}

/// Writes a page for each command to `folder`, which is created.
pub(super) fn write_pages(folder: &Path, command: Command) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(command, folder))
        .with_context(|| format!("can't write man pages to {}", folder.display()))?;

    let folder = folder.display();
    Ok(writeln!(
        std::io::stdout(),
        "written: {folder}/bellwire.1 and a page for each command"
    )?)
}
