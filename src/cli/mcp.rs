//! `mcp`: a running project for assistants, as tools over stdio. The feature `mcp` brings it.

use super::{Ending, Global};

#[cfg(feature = "mcp")]
mod tools;
#[cfg(feature = "mcp")]
mod wishes;

#[cfg(feature = "mcp")]
pub(super) fn mcp(global: &Global) -> Ending {
    use super::{project, remote};

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

#[cfg(not(feature = "mcp"))]
pub(super) fn mcp(_global: &Global) -> Ending {
    super::project::failed(
        "this pitcrew was built without the tools for assistants; \
         `cargo install pitcrew --features mcp` builds one with them",
    )
}
