//! `man`: prints manual pages.

use std::path::PathBuf;

use clap::Args;

use super::completion::commands;
use super::{ProgramExit, global_options, project, stdout, unimplemented};

#[derive(Debug, Clone, Args)]
pub(super) struct ManArgs {
    /// The page of this command
    #[arg(add = commands())]
    command: Option<String>,
    /// Write all pages into DIR
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    dir: Option<PathBuf>,
}

pub(super) fn man(args: &ManArgs) -> ProgramExit {
    let mut command = global_options::command_line();
    command.build();
    let failed = |error: std::io::Error| project::failed(&format!("cannot write it: {error}"));
    if let Some(dir) = &args.dir {
        let made =
            std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(command, dir));
        return made.map_or_else(failed, |()| ProgramExit::GOOD);
    }
    let page = match &args.command {
        None => command,
        Some(name) => match command.find_subcommand(name) {
            Some(found) => found.clone(),
            None => return unimplemented::refuse(&[name.into()]),
        },
    };
    let mut text = Vec::new();
    match clap_mangen::Man::new(page).render(&mut text) {
        Ok(()) => {
            _ = stdout::write(&text);
            ProgramExit::GOOD
        }
        Err(error) => failed(error),
    }
}
