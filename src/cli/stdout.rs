//! Standard output of the commands that print data. A result that could not be written is a failure.

use std::io::{self, ErrorKind, Write as _};
use std::sync::OnceLock;

use super::{ProgramExit, messages};

/// The first write error. A closed pipe is none: its reader has seen enough.
static ERROR: OnceLock<io::Error> = OnceLock::new();

/// Writes bytes and flushes them; returns false if no more can be written.
pub(super) fn write(bytes: &[u8]) -> bool {
    let mut stdout = io::stdout();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(record_error).is_ok()
}

pub(super) fn print(text: &str) {
    _ = write(text.as_bytes());
}

/// Prints a value as one line of JSON.
pub(super) fn print_json(value: &impl serde::Serialize) {
    if let Ok(text) = serde_json::to_string(value) {
        print(&format!("{text}\n"));
    }
}

/// Remembers a write error for the exit code.
pub(super) fn record_error(error: io::Error) {
    if error.kind() != ErrorKind::BrokenPipe {
        _ = ERROR.set(error);
    }
}

/// Turns a success whose output could not be written into a failure.
pub(super) fn checked(exit: ProgramExit) -> ProgramExit {
    match ERROR.get() {
        Some(error) if exit == ProgramExit::SUCCESS => {
            messages::cannot("write to standard output", error)
        }
        Some(_) | None => exit,
    }
}
