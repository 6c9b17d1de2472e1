//! `-f -`: reads the project's file from standard input, which works only once.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use crate::spec;
use crate::sys::own_process;

/// The text from standard input, read when it is needed first and kept.
#[derive(Debug, Clone, Default)]
pub(super) struct ProcfileText(Arc<OnceLock<Arc<[u8]>>>);

impl ProcfileText {
    /// The text, if it was read already.
    pub(super) fn get(&self) -> Option<Arc<[u8]>> {
        self.0.get().cloned()
    }

    /// Reads the text to its end if one of the files is standard input and it was not read yet.
    /// `inherited` is the descriptor to read instead of standard input. Blocks.
    pub(super) fn read(&self, files: &[PathBuf], inherited: Option<i32>) -> io::Result<()> {
        if files.iter().any(|file| spec::is_stdin(file)) && self.0.get().is_none() {
            _ = self.0.set(text(inherited)?.into());
        }
        Ok(())
    }
}

fn text(inherited: Option<i32>) -> io::Result<Vec<u8>> {
    // One byte more than the maximum size of a file, so that a longer one is refused by the size
    // check.
    let mut text = Vec::new();
    match inherited {
        Some(number) => File::from(own_process::take_inherited(number)?)
            .take(spec::MAX_FILE_SIZE + 1)
            .read_to_end(&mut text)?,
        None => io::stdin().take(spec::MAX_FILE_SIZE + 1).read_to_end(&mut text)?,
    };
    Ok(text)
}
