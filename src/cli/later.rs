//! Commands that are known and not there yet, and words that are no command.

use std::ffi::OsString;

use clap::CommandFactory as _;

use super::{Cli, Ending, project};

/// Part of the contract, refused until they work.
const LATER: &[&str] = &[
    #[cfg(not(feature = "tui"))]
    "attach",
    "init",
    "import",
    "export",
    "schedule",
];

pub(super) fn refuse(words: &[OsString]) -> Ending {
    let word = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    if LATER.contains(&word.as_str()) {
        return project::wrong(&format!("`{word}` is not there yet in this version"));
    }
    let cli = Cli::command();
    let names = cli.get_subcommands().map(clap::Command::get_name).chain(LATER.iter().copied());
    let near = names
        .map(|name| (strsim::jaro_winkler(&word, name), name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    let hint = near.map_or_else(
        || "`pitcrew --help` lists the commands".to_owned(),
        |(_, name)| format!("did you mean `{name}`?"),
    );
    project::wrong(&format!("there is no command `{word}`; {hint}"))
}
