//! What the tests of Symfony's process component hold a process library to, case by case. The table in
//! `docs/library-cases.md` names the original of each.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::time::Duration;

use pitcrew::{Command, ProcessManager, ProcessResult};

#[path = "library_common/lib.rs"]
mod common;

#[path = "symfony/input.rs"]
mod input;
#[path = "symfony/lifecycle.rs"]
mod lifecycle;
#[path = "symfony/limits.rs"]
mod limits;
#[path = "symfony/output.rs"]
mod output;
#[path = "symfony/spawn.rs"]
mod spawn;
#[path = "symfony/terminal.rs"]
mod terminal;

fn sh(line: &str) -> Command {
    Command::shell(line)
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

async fn run(command: Command) -> ProcessResult {
    ProcessManager::new().run(command).await.unwrap()
}
