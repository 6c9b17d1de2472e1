//! Recognises a watcher that ended because its input was empty.

use std::time::Duration;

use crate::spec::{CommandLine, Exit, ProcessKind, ProcessSpec, StdinKind};

/// A watcher that ran longer than this has not ended because of its input.
const LONGEST_RUN: Duration = Duration::from_secs(5);

/// The hint for a run that succeeded immediately although its command seems to be a watcher.
pub(super) fn hint(
    spec: &ProcessSpec,
    exit: Option<Exit>,
    duration: Duration,
) -> Option<&'static str> {
    let applies = spec.stdin == StdinKind::Null
        && exit == Some(Exit::Code(0))
        && duration < LONGEST_RUN
        && is_watcher(spec);
    applies.then_some(
        "its input is empty (`stdin = \"null\"`), at which many watchers end; \
         `stdin = \"open\"` keeps them running",
    )
}

/// Whether the command starts a watcher. `-w` means something else in `gofmt`, `prettier` and
/// others, which are jobs more often than processes.
fn is_watcher(spec: &ProcessSpec) -> bool {
    let is_watch_flag = |word: &str| {
        word == "--watch"
            || word.starts_with("--watch=")
            || (word == "-w" && spec.kind == ProcessKind::Process)
    };
    match &spec.command {
        CommandLine::Argv(argv) => argv.iter().skip(1).any(|word| is_watch_flag(word)),
        CommandLine::Shell { script, .. } => {
            let separates =
                |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | ';' | '&' | '|');
            script.split(separates).any(is_watch_flag)
        }
    }
}
