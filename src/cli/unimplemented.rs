//! Commands that are not implemented yet, and unknown commands.

use std::ffi::OsString;

use super::{ProgramExit, global_options, project};
use crate::spec::nearest;

/// Part of the contract, refused until they work.
const LATER: &[&str] = &[
    #[cfg(not(feature = "tui"))]
    "attach",
    "config",
    "demo",
    "export",
    "import",
    "init",
    "keys",
    "ls",
    "ports",
    "replay",
    "report",
    "schedule",
    "screen",
];

/// Says why a word is no command here.
pub(super) fn refuse(words: &[OsString]) -> ProgramExit {
    let word = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    if LATER.contains(&word.as_str()) {
        return project::wrong(&format!("`{word}` is not implemented yet"));
    }
    if word == "mcp" && cfg!(not(feature = "mcp")) {
        return project::wrong(
            "this pitcrew was built without `mcp`; \
             `cargo install pitcrew --features mcp` builds one with it",
        );
    }
    let root = global_options::command_line();
    let names = root.get_subcommands().map(clap::Command::get_name).chain(LATER.iter().copied());
    let hint = nearest(&word, names).map_or_else(
        || "`pitcrew --help` lists the commands".to_owned(),
        |name| format!("did you mean `{name}`?"),
    );
    project::wrong(&format!("there is no command `{word}`; {hint}"))
}
