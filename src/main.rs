//! The `pitcrew` program: parses arguments, runs a command, exits with its code.

use std::process::ExitCode;

use pitcrew::cli::{self, ProgramExit};

fn main() -> ExitCode {
    let exit = cli::main();
    if let ProgramExit::Signal(signal) = exit {
        // A shell shows 130 for a program that SIGINT ended, not for one that returned 130.
        pitcrew::sys::end_by(signal);
    }
    exit.into()
}
