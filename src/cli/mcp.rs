//! `mcp`: tools for assistants over stdio. Only with the feature `mcp`.

use super::{ExitResult, GlobalOptions, ProgramExit, messages, running_project};

mod params;
mod tools;

pub(super) fn mcp(global: &GlobalOptions) -> ExitResult {
    let (name, dirs) = running_project::find(global)?;
    running_project::block_on(tools::serve(&name, dirs))?
        .map_err(|text| messages::failure(&text))?;
    Ok(ProgramExit::SUCCESS)
}
