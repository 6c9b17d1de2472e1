//! `mcp`: tools for assistants over stdio. Only with the feature `mcp`.

use super::{GlobalOptions, ProgramExit, project, remote};

mod params;
mod tools;

pub(super) fn mcp(global: &GlobalOptions) -> ProgramExit {
    let (name, folders) = match remote::folders(global) {
        Ok(found) => found,
        Err(ending) => return ending,
    };
    match remote::block_on(tools::serve(name, folders)) {
        Ok(Ok(())) => ProgramExit::GOOD,
        Ok(Err(text)) => project::failed(&text),
        Err(ending) => ending,
    }
}
