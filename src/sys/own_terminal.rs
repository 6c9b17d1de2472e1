//! The terminal of the *program*: its size and its raw mode, while it passes a terminal on to a child.

use std::io;
use std::os::fd::AsFd;

use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};

use super::own_process;
use crate::terminal::Size;

/// Returns the size of the terminal on standard output or input, and width and height of a cell in pixels if
/// the terminal has told them; `None` without a terminal.
pub fn size() -> Option<(Size, Option<(u16, u16)>)> {
    size_of(rustix::stdio::stdout()).or_else(|| size_of(rustix::stdio::stdin()))
}

fn size_of(terminal: impl AsFd) -> Option<(Size, Option<(u16, u16)>)> {
    let size = tcgetwinsize(terminal).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0)?;
    let cell = (size.ws_xpixel / size.ws_col, size.ws_ypixel / size.ws_row);
    let is_known = cell.0 > 0 && cell.1 > 0;
    Some((Size::new(size.ws_col, size.ws_row), is_known.then_some(cell)))
}

/// Raw mode of the terminal on standard input: every key arrives as its bytes.
#[derive(Debug, Clone)]
pub struct RawMode {
    before: Termios,
}

impl RawMode {
    /// Makes this process the foreground group of its terminal, so that it can read and learns of a new size,
    /// and sets raw mode. `None` without a terminal, or if the job is in the background.
    ///
    /// # Errors
    /// The modes cannot be set.
    pub fn enter() -> io::Result<Option<Self>> {
        let stdin = rustix::stdio::stdin();
        if !isatty(stdin) || !own_process::in_foreground() {
            return Ok(None);
        }
        let mode = Self { before: tcgetattr(stdin)? };
        mode.apply()?;
        Ok(Some(mode))
    }

    fn apply(&self) -> io::Result<()> {
        own_process::take_terminal()?;
        let mut raw = self.before.clone();
        raw.make_raw();
        Ok(tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &raw)?)
    }

    /// Sets raw mode again after the shell has continued the job in the foreground.
    ///
    /// # Errors
    /// The modes cannot be set.
    pub fn resume(&self) -> io::Result<()> {
        if own_process::in_foreground() { self.apply() } else { Ok(()) }
    }

    /// Restores the modes, and makes the job the foreground group again.
    ///
    /// # Errors
    /// The modes cannot be set, as when the terminal is gone.
    pub fn leave(&self) -> io::Result<()> {
        tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &self.before)?;
        own_process::reclaim_terminal()
    }
}
