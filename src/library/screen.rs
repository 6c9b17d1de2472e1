//! Screen of a command with a terminal, and the keys that it gets.

use std::fmt;
use std::sync::Arc;

use super::error::Error;
use super::handle::ProcessHandle;
use crate::engine::terminal::{ProcessTerminal, TerminalInputEvent};
pub use crate::terminal::ScreenContent;
use crate::terminal::key::parse_word;

fn content(terminal: &ProcessTerminal) -> ScreenContent {
    terminal.snapshot().into()
}

impl ProcessHandle {
    /// Returns what is on its screen now, or was at its end; `None` without
    /// [`tty`](crate::Command::tty). Before the program has drawn anything the screen is blank.
    ///
    /// ```
    /// use pitcrew::{Command, ProcessManager};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), pitcrew::Error> {
    /// let manager = ProcessManager::new();
    /// let command = Command::shell(r"printf 'one\ntwo\033[1;1Hx'").tty(true);
    /// let handle = manager.start(command).await?;
    /// handle.wait().await?;
    /// assert_eq!(handle.screen().unwrap().text, "xne\ntwo");
    /// # Ok(())
    /// # }
    /// ```
    pub fn screen(&self) -> Option<ScreenContent> {
        self.record.terminal.as_deref().map(content)
    }

    /// Types keys into its terminal: words as of tmux's `send-keys`, such as `C-c`, `Enter`, `Up`, `M-x`,
    /// `F5`. Any other word is text; one in double quotes always is. The keys are encoded as the program
    /// has asked for them when it gets them.
    ///
    /// Never waits. The program may not have read them yet.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if it has no terminal or is not running, if a word names no key, or if the program
    /// has left too many keys unread.
    ///
    /// ```
    /// use pitcrew::{Command, ProcessManager};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), pitcrew::Error> {
    /// let manager = ProcessManager::new();
    /// let handle = manager.start(Command::new("cat").tty(true)).await?;
    /// handle.send_keys(["hello", "Enter", "C-d"])?;
    /// assert!(handle.wait().await?.success());
    /// assert_eq!(handle.screen().unwrap().row(1), "hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_keys<K: AsRef<str>>(&self, keys: impl IntoIterator<Item = K>) -> Result<(), Error> {
        let terminal = self.terminal()?;
        let mut events = Vec::new();
        for word in keys {
            events.extend(parse_word(word.as_ref()).map_err(|error| self.input_error(&error))?);
        }
        let sent = terminal.send(TerminalInputEvent::Keys(events));
        sent.map_err(|error| self.input_error(&format_args!("it {error}")))
    }

    /// Waits for a screen for which `wanted` returns true, and returns it. Looks at the screen as it is
    /// first, and then after each change; screens that are replaced within a moment may be missed. Cancel
    /// safe.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] if it ends without such a screen, [`Error::Input`] if it has no terminal.
    ///
    /// ```
    /// use pitcrew::{Command, ProcessManager};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), pitcrew::Error> {
    /// let manager = ProcessManager::new();
    /// let ask = Command::shell("printf 'Go on? '; read answer; echo \"got $answer\"").tty(true);
    /// let handle = manager.start(ask).await?;
    /// handle.wait_for_screen(|screen| screen.contains("Go on?")).await?;
    /// handle.send_keys(["yes", "Enter"])?;
    /// let screen = handle.wait_for_screen(|screen| screen.contains("got")).await?;
    /// assert_eq!(screen.row(1), "got yes");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn wait_for_screen(
        &self,
        mut wanted: impl FnMut(&ScreenContent) -> bool,
    ) -> Result<ScreenContent, Error> {
        let terminal = self.terminal()?;
        let mut changes = terminal.subscribe();
        loop {
            changes.mark_unchanged();
            let is_over = self.record.over.initialized();
            let screen = content(terminal);
            if wanted(&screen) {
                return Ok(screen);
            }
            if is_over {
                return Err(Error::Ended { command: self.record.command.clone() });
            }
            tokio::select! {
                _ = changes.changed() => {}
                &() = self.record.over.wait() => {}
            }
        }
    }

    fn terminal(&self) -> Result<&Arc<ProcessTerminal>, Error> {
        let terminal = self.record.terminal.as_ref();
        terminal.ok_or_else(|| self.input_error(&"it has no terminal; use `tty(true)`"))
    }

    fn input_error(&self, reason: &dyn fmt::Display) -> Error {
        Error::Input { command: self.record.command.clone(), reason: reason.to_string() }
    }
}
