//! Standard output of the commands that print data: an answer that could not be written is a failure.

use std::io::{self, ErrorKind, Write as _};
use std::sync::OnceLock;

use super::{ProgramExit, project};

/// The first error of a write, but not that of a closed pipe: there the reader has seen enough.
static ERROR: OnceLock<io::Error> = OnceLock::new();

/// Writes bytes and flushes them; false where no more can be written.
pub(super) fn write(bytes: &[u8]) -> bool {
    let mut stdout = io::stdout();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(note).is_ok()
}

/// Remembers an error for the exit code.
pub(super) fn note(error: io::Error) {
    if error.kind() != ErrorKind::BrokenPipe {
        _ = ERROR.set(error);
    }
}

/// The exit of a command: a success whose answer could not be written is none.
pub(super) fn checked(exit: ProgramExit) -> ProgramExit {
    match ERROR.get() {
        Some(error) if exit == ProgramExit::GOOD => {
            project::failed(&format!("cannot write to standard output: {error}"))
        }
        Some(_) | None => exit,
    }
}
