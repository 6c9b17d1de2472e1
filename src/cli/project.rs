//! Finds, reads and checks the file of the project.

use std::io::ErrorKind;
use std::path::PathBuf;

use super::{GlobalOptions, ProgramExit, messages};
use crate::spec::{self, Faults, LoadedProject, ProjectLocator, Spec};

/// Reads standard input if `-f -` is among the files.
pub(super) fn read_stdin(global: &GlobalOptions) -> Result<(), ProgramExit> {
    let read = global.stdin.read(&global.file, global.stdin_fd);
    read.map_err(|error| messages::cannot("read standard input", &error))
}

/// Returns where to look for the file. Does not read standard input.
pub(super) fn locate(global: &GlobalOptions) -> Result<ProjectLocator, ProgramExit> {
    let dir = match std::env::current_dir() {
        Ok(dir) => dir,
        // The folder was removed: a project that was started in it is found by its inode.
        Err(error) if error.kind() == ErrorKind::NotFound => PathBuf::from("."),
        Err(error) => return Err(messages::cannot("determine the current folder", &error)),
    };
    Ok(ProjectLocator { files: global.file.clone(), dir, stdin: global.stdin.get() })
}

/// Reads the file to run it; prints every mistake, or every warning.
pub(super) fn load(global: &GlobalOptions) -> Result<Spec, ProgramExit> {
    load_with(global, |locator| {
        spec::load_with_notice(locator, &|path| messages::note(&spec::silent_pipe_message(path)))
    })
}

/// Reads the file only to look at it: env files that are pipes are not opened.
pub(super) fn inspect(global: &GlobalOptions) -> Result<Spec, ProgramExit> {
    load_with(global, spec::inspect)
}

fn load_with(
    global: &GlobalOptions,
    load: impl FnOnce(&ProjectLocator) -> Result<LoadedProject, Faults>,
) -> Result<Spec, ProgramExit> {
    read_stdin(global)?;
    let loaded = load(&locate(global)?);
    let loaded = loaded.map_err(|faults| messages::faults(&faults, global.color))?;
    messages::warnings(&loaded.warnings, global.color);
    Ok(loaded.spec)
}
