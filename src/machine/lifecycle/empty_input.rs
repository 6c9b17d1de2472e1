//! Recognises a watcher that ended because its input was empty.

use std::time::Duration;

use crate::spec::{CommandLine, Exit, ProcessKind, ProcessSpec, StdinKind};

/// A watcher that stayed longer has not ended because of its input.
const AT_ONCE: Duration = Duration::from_secs(5);

/// What to say of a run that ended well at once though its command seems to watch something.
pub(super) fn hint(
    spec: &ProcessSpec,
    exit: Option<Exit>,
    duration: Duration,
) -> Option<&'static str> {
    let is_meant = spec.stdin == StdinKind::Null
        && exit == Some(Exit::Code(0))
        && duration < AT_ONCE
        && watches(spec);
    is_meant.then_some(
        "its input is empty (`stdin = \"null\"`), at which many watchers end; \
         `stdin = \"open\"` keeps them running",
    )
}

/// Whether the command asks for a watcher. `-w` means something else in `gofmt`, `prettier` and
/// others, which are jobs more often than processes.
fn watches(spec: &ProcessSpec) -> bool {
    let asks = |word: &str| {
        word == "--watch"
            || word.starts_with("--watch=")
            || (word == "-w" && spec.kind == ProcessKind::Process)
    };
    match &spec.command {
        CommandLine::Argv(argv) => argv.iter().skip(1).any(|word| asks(word)),
        CommandLine::Shell { script, .. } => {
            let breaks = |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | ';' | '&' | '|');
            script.split(breaks).any(asks)
        }
    }
}
