//! `mcp`: a running project for assistants, as tools over stdio. The feature `mcp` brings it.

use super::{Ending, Global, project, remote};

mod tools;
mod wishes;

pub(super) fn mcp(global: &Global) -> Ending {
    let (name, folders) = match remote::folders(global) {
        Ok(found) => found,
        Err(ending) => return ending,
    };
    match remote::block_on(tools::serve(name, folders)) {
        Ok(Ok(())) => Ending::GOOD,
        Ok(Err(text)) => project::failed(&text),
        Err(ending) => ending,
    }
}
