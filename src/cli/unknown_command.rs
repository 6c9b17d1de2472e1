//! Commands that are not implemented yet, and unknown commands.

use super::{ProgramExit, global_options, messages};
use crate::spec::nearest;

/// Planned commands.
const PLANNED: &[&str] = &[
    #[cfg(not(feature = "tui"))]
    "attach",
    "config",
    "demo",
    "export",
    "import",
    "init",
    "ls",
    "ports",
    "replay",
    "report",
    "schedule",
];

/// Prints why a word is not a command.
pub(super) fn refuse(word: &str) -> ProgramExit {
    if PLANNED.contains(&word) {
        return messages::usage_error(&format!("`{word}` is not implemented yet"));
    }
    if word == "mcp" && cfg!(not(feature = "mcp")) {
        return messages::usage_error(
            "this pitcrew was built without `mcp`; \
             `cargo install pitcrew --features mcp` builds one with it",
        );
    }
    let root = global_options::command_line();
    let commands = root.get_subcommands().map(clap::Command::get_name);
    let hint = nearest(word, commands.chain(PLANNED.iter().copied())).map_or_else(
        || "`pitcrew --help` lists the commands".to_owned(),
        |name| format!("did you mean `{name}`?"),
    );
    messages::usage_error(&format!("unknown command `{word}`; {hint}"))
}
