//! `man`: prints manual pages.

use std::path::PathBuf;

use clap::Args;
use clap_mangen::Man;

use super::completions::commands;
use super::{ExitResult, ProgramExit, global_options, messages, stdout, unknown_command};

#[derive(Debug, Clone, Args)]
pub(super) struct ManArgs {
    /// The page of this command
    #[arg(add = commands())]
    command: Option<String>,
    /// Write all pages into DIR
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    dir: Option<PathBuf>,
}

pub(super) fn man(args: &ManArgs) -> ExitResult {
    let mut command = global_options::command_line();
    command.build();
    let failed = |error| messages::cannot("write the manual page", &error);
    if let Some(dir) = &args.dir {
        std::fs::create_dir_all(dir).map_err(failed)?;
        clap_mangen::generate_to(command, dir).map_err(failed)?;
        return Ok(ProgramExit::SUCCESS);
    }
    let page = match &args.command {
        None => command,
        Some(name) => {
            command.find_subcommand(name).cloned().ok_or_else(|| unknown_command::refuse(name))?
        }
    };
    let mut text = Vec::new();
    Man::new(page).render(&mut text).map_err(failed)?;
    stdout::write(&text);
    Ok(ProgramExit::SUCCESS)
}
