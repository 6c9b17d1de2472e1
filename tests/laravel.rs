//! What the process tests of Laravel hold a process library to, case by case. The table in
//! `docs/library-cases.md` names the original of each.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "tests"
)]

use std::time::Duration;

use pitcrew::{Command, ProcessManager, ProcessResult};

#[path = "library_common/lib.rs"]
mod common;

#[path = "laravel/live.rs"]
mod live;
#[path = "laravel/pool.rs"]
mod pool;
#[path = "laravel/queue.rs"]
mod queue;
#[path = "laravel/results.rs"]
mod results;

fn sh(line: &str) -> Command {
    Command::shell(line)
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

async fn run(command: Command) -> ProcessResult {
    ProcessManager::new().run(command).await.unwrap()
}
