//! `-f -`: the file of the project comes from standard input, which can be read once.

use std::fs::File;
use std::io::{self, Read as _};
use std::sync::{Arc, OnceLock};

use super::{GlobalOptions, ProgramExit, project};
use crate::spec;
use crate::sys::own_process;

/// The text from standard input, read when it is needed first and kept.
#[derive(Debug, Clone, Default)]
pub(super) struct ProcfileText(Arc<OnceLock<Arc<[u8]>>>);

/// Whether a file of this command line is standard input.
pub(super) fn is_wanted(global: &GlobalOptions) -> bool {
    global.file.iter().any(|file| spec::is_stdin(file))
}

/// What was read already.
pub(super) fn known(global: &GlobalOptions) -> Option<Arc<[u8]>> {
    global.stdin.0.get().cloned()
}

/// Reads it, where it is wanted and was not read yet. Blocks until its end.
pub(super) fn read(global: &GlobalOptions) -> Result<(), ProgramExit> {
    if !is_wanted(global) || known(global).is_some() {
        return Ok(());
    }
    let text = text(global.stdin_fd)
        .map_err(|error| project::failed(&format!("cannot read standard input: {error}")))?;
    _ = global.stdin.0.set(text.into());
    Ok(())
}

fn text(inherited: Option<i32>) -> io::Result<Vec<u8>> {
    // One byte more than a file may have: what is longer is refused where it is checked.
    let mut text = Vec::new();
    match inherited {
        Some(number) => File::from(own_process::take_inherited(number)?)
            .take(spec::LARGEST + 1)
            .read_to_end(&mut text)?,
        None => io::stdin().take(spec::LARGEST + 1).read_to_end(&mut text)?,
    };
    Ok(text)
}
