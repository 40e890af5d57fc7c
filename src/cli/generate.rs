//! `cleanbill completions` and `cleanbill man`.

use std::{path::PathBuf, process::ExitCode};

use super::{error::CliError, terminal};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cleanbill completions bash > /etc/bash_completion.d/cleanbill
  cleanbill completions fish > ~/.config/fish/completions/cleanbill.fish")]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cleanbill man | man -l -
  cleanbill man --dir /usr/local/share/man/man1")]
pub(super) struct ManArgs {
    /// Write one page for each command into this folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn completions(args: &CompletionsArgs, command: &mut clap::Command) -> Result<ExitCode, CliError> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, command, "cleanbill", &mut text);
    terminal::print(&String::from_utf8_lossy(&text))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn man(args: &ManArgs, command: &clap::Command) -> Result<ExitCode, CliError> {
    if let Some(dir) = &args.dir {
        clap_mangen::generate_to(command.clone(), dir)?;
    } else {
        let mut text = Vec::new();
        clap_mangen::Man::new(command.clone()).render(&mut text)?;
        terminal::print(&String::from_utf8_lossy(&text))?;
    }
    Ok(ExitCode::SUCCESS)
}
