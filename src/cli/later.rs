//! Commands that are known and not there yet, words that are no command, and options in the wrong place.

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

/// Says where an option belongs that stands behind the command and is to stand before it.
pub(super) fn misplaced(error: &clap::Error) -> Option<Ending> {
    use clap::error::{ContextKind, ContextValue};
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg) else { return None };
    let cli = Cli::command();
    let option = cli.get_arguments().filter(|one| !one.is_positional()).find(|one| {
        let long = one.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long));
        let short = one.get_short().map(|short| format!("-{short}"));
        long || short.is_some_and(|short| word.starts_with(&short) && !word.starts_with("--"))
    })?;
    let value = option.get_action().takes_values().then(|| option.get_value_names()).flatten();
    let value = value.and_then(|names| names.first()).map(|name| format!(" {name}"));
    let value = value.unwrap_or_default();
    Some(project::wrong(&format!(
        "`{word}` stands before the command: `pitcrew {word}{value} COMMAND`"
    )))
}
