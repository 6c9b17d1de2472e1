//! External use of the terminal: clipboard, pager, editor, shell.

use super::{App, ECHO, ExitReason, ExternalProgram, editor, programs};
use crate::control::Control;
use crate::control::wire::SourceLocation;
use crate::output::safe_name;
use crate::tui::clipboard::{ClipboardMethod, copied, copying};
use crate::tui::msg::{Cmd, Msg};

impl<C: Control + Clone + 'static> App<C> {
    /// The terminal sends its signals to the editor and to us; ours come up when it is over.
    pub(super) fn was_lent(&self) -> bool {
        let now = self.clock.now().since_start;
        self.lent.is_some_and(|at| now.saturating_sub(at) < ECHO)
    }

    pub(super) fn stop(&mut self) {
        let suspend = self.suspend;
        if let Some(terminal) = &mut self.terminal {
            _ = terminal.lend(suspend);
        }
        self.resize();
    }

    /// Into the clipboard, by the ways there are.
    pub(super) fn copy(&mut self, text: &str) {
        let tmux = std::env::var_os("TMUX").is_some();
        let said = match copying(text, tmux) {
            ClipboardMethod::Terminal(bytes) => {
                self.tell(bytes);
                Ok(copied(text))
            }
            ClipboardMethod::Tmux { bytes, command } => {
                self.tell(bytes);
                self.tasks.feed(command, text.to_owned());
                Ok(copied(text))
            }
            ClipboardMethod::TooLong => {
                self.tasks.too_long(text.to_owned());
                return;
            }
        };
        self.message(Msg::Said(said));
    }

    pub(super) fn tell(&self, bytes: Vec<u8>) {
        if let Some(terminal) = &self.terminal {
            terminal.tell(bytes);
        }
    }

    /// Opens a file in the pager, and takes it away afterwards.
    pub(super) fn show(&mut self, file: &std::path::Path) {
        if let Some(Err(error)) = self.lend(|run| programs::page(file, run)) {
            self.message(Msg::Said(Err(format!("the pager: {error}"))));
        }
    }

    /// Opens the editor; what is different afterwards is shown before it counts.
    pub(super) fn edit(&mut self, place: &SourceLocation) {
        match self.lend(|run| editor::edit(place, run)) {
            Some(Ok(true)) => self.message(Msg::Do(Cmd::Reload { dry_run: true })),
            Some(Ok(false)) => {
                let said = format!("{} is as it was", safe_name(&place.file));
                self.message(Msg::Said(Ok(said)));
            }
            Some(Err(text)) => self.message(Msg::Said(Err(text))),
            None => {}
        }
    }

    /// Has something else use the terminal; nothing where there is none.
    fn lend<T>(&mut self, work: impl FnOnce(ExternalProgram) -> T) -> Option<T> {
        let beside = self.beside;
        let done = self.terminal.as_mut()?.lend(|| work(beside));
        // What is typed there to interrupt it was not meant for us.
        self.lent = Some(self.clock.now().since_start);
        self.resize();
        if done.is_err() {
            self.left = Some(ExitReason::Gone);
        }
        done.ok()
    }
}
