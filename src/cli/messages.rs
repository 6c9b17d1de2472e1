//! Messages on standard error, and the exit code that goes with each.

use std::io::{IsTerminal, Write as _};

use clap::ColorChoice;

use super::ProgramExit;
use crate::control::{ControlError, ControlErrorKind};
use crate::output::{is_dumb_terminal, safe_name};
use crate::spec::{Faults, counted, io_error_text};

/// Prints `pitcrew: TEXT`, made safe for a terminal.
pub(super) fn note(text: &str) {
    let lines = text.lines().map(safe_name).collect::<Vec<_>>().join("\n");
    _ = writeln!(std::io::stderr(), "pitcrew: {lines}");
}

pub(super) fn failure(text: &str) -> ProgramExit {
    note(text);
    ProgramExit::FAILURE
}

/// Prints that an operation of the system failed.
pub(super) fn cannot(operation: &str, error: &std::io::Error) -> ProgramExit {
    failure(&format!("cannot {operation}: {}", io_error_text(error)))
}

/// Prints a mistake of the file or the command line.
pub(super) fn usage_error(text: &str) -> ProgramExit {
    note(text);
    ProgramExit::USAGE_ERROR
}

/// Prints why the running project has not done something.
pub(super) fn control_error(error: &ControlError) -> ProgramExit {
    note(&error.message);
    match error.error {
        ControlErrorKind::UnknownName
        | ControlErrorKind::InvalidRequest
        | ControlErrorKind::NotFound => ProgramExit::USAGE_ERROR,
        ControlErrorKind::Timeout => ProgramExit::TIMEOUT,
        ControlErrorKind::NotRunning
        | ControlErrorKind::Conflict
        | ControlErrorKind::Ended
        | ControlErrorKind::Version
        | ControlErrorKind::Unauthorized
        | ControlErrorKind::Suspended
        | ControlErrorKind::Forbidden
        | ControlErrorKind::Failed => ProgramExit::FAILURE,
    }
}

/// Prints that the file of a running project is gone, if it is.
pub(super) fn file_gone(gone: Option<&str>) {
    if let Some(gone) = gone {
        note(&format!("{gone}; running processes continue"));
    }
}

/// Prints every mistake of a file, and their number.
pub(super) fn faults(faults: &Faults, color: ColorChoice) -> ProgramExit {
    let mut stderr = std::io::stderr();
    let text = faults.render(use_colour(color, &stderr));
    _ = writeln!(stderr, "{}", text.trim_end());
    usage_error(&counted(faults.len(), "mistake"))
}

pub(super) fn warnings(warnings: &Faults, color: ColorChoice) {
    let mut stderr = std::io::stderr();
    _ = write!(stderr, "{}", warnings.render_warnings(use_colour(color, &stderr)));
}

/// Whether to use colour on `stream`.
pub(super) fn use_colour(choice: ColorChoice, stream: &impl IsTerminal) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            let is_dumb = std::env::var_os("TERM").is_some_and(|term| is_dumb_terminal(&term));
            let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            stream.is_terminal() && !is_dumb && !no_color
        }
    }
}
