//! The scripted host as tests of programs use it: rules, records, assertions, and the library under paused time.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pitcrew::testing::ScriptedHost;
use pitcrew::{Command, ProcessManager};

mod asserts;
mod library;
mod rules;
mod scripts;

/// A host, and a manager on it.
fn on(host: ScriptedHost) -> (ScriptedHost, ProcessManager) {
    let manager = ProcessManager::with_host(host.clone());
    (host, manager)
}

/// What a command prints to stdout.
async fn stdout(manager: &ProcessManager, command: Command) -> String {
    manager.run(command).await.unwrap().stdout_lossy().into_owned()
}

/// The message of a panic; fails when there is none.
fn panic_of<T>(test: impl FnOnce() -> T) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(test)) else { panic!("it did not panic") };
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => (*panic.downcast::<&str>().unwrap()).to_owned(),
    }
}
