//! Commands of the library.

use std::time::Duration;

use pitcrew::{Command, ProcessManager, ProcessResult};

pub fn sh(line: &str) -> Command {
    Command::shell(line)
}

pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub async fn run(command: Command) -> ProcessResult {
    ProcessManager::new().run(command).await.unwrap()
}
