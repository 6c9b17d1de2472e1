//! External use of the terminal: clipboard, pager, editor, shell.

use std::path::Path;

use super::{App, ExternalProgram, FOREIGN_SIGNAL, editor, programs};
use crate::control::Control;
use crate::control::wire::SourceLocation;
use crate::output::safe_name;
use crate::spec::io_error_text;
use crate::tui::clipboard::{ClipboardMethod, copy_method, copy_notice};
use crate::tui::msg::{Cmd, ExitReason, Msg};

impl<C: Control + Clone + 'static> App<C> {
    /// Whether a signal was addressed to an external program: the terminal sends its signals to
    /// that and to this process, which handles them after the program has ended.
    pub(super) fn is_foreign_signal(&self) -> bool {
        let now = self.clock.now().since_start;
        self.external_end.is_some_and(|end| now.saturating_sub(end) < FOREIGN_SIGNAL)
    }

    pub(super) fn suspend(&mut self) {
        let suspend = self.suspend;
        if let Some(terminal) = &mut self.terminal {
            _ = terminal.lend(suspend);
        }
        self.resize();
    }

    pub(super) fn copy(&mut self, text: &str) {
        let (bytes, command) = match copy_method(text, std::env::var_os("TMUX").is_some()) {
            ClipboardMethod::Terminal(bytes) => (bytes, None),
            ClipboardMethod::Tmux { bytes, command } => (bytes, Some(command)),
            ClipboardMethod::TooLong => {
                let text = text.to_owned();
                return self.tasks.spawn(async move { Msg::Notice(programs::save_text(&text)) });
            }
        };
        self.tell(bytes);
        if let Some(command) = command {
            let text = text.to_owned();
            tokio::task::spawn_blocking(move || programs::feed(command, &text));
        }
        self.message(Msg::Notice(Ok(copy_notice(text))));
    }

    /// Opens a file in the pager, and removes it afterwards.
    pub(super) fn page(&mut self, file: &Path) {
        let result = self.lend_terminal(|run| programs::page(file, run));
        _ = std::fs::remove_file(file);
        if let Some(Err(error)) = result {
            let text = format!("cannot run the pager: {}", io_error_text(&error));
            self.message(Msg::Notice(Err(text)));
        }
    }

    /// Opens the editor, and shows the effect of the changes before they are applied.
    pub(super) fn edit(&mut self, place: &SourceLocation) {
        match self.lend_terminal(|run| editor::edit(place, run)) {
            Some(Ok(true)) => self.message(Msg::Perform(Cmd::Reload { dry_run: true })),
            Some(Ok(false)) => {
                let text = format!("{} unchanged", safe_name(&place.file));
                self.message(Msg::Notice(Ok(text)));
            }
            Some(Err(text)) => self.message(Msg::Notice(Err(text))),
            None => {}
        }
    }

    /// Runs something that uses the terminal; `None` if there is none.
    fn lend_terminal<T>(&mut self, work: impl FnOnce(ExternalProgram) -> T) -> Option<T> {
        let run_external = self.run_external;
        let result = self.terminal.as_mut()?.lend(|| work(run_external));
        self.external_end = Some(self.clock.now().since_start);
        self.resize();
        if result.is_err() {
            self.exit = Some(ExitReason::Gone);
        }
        result.ok()
    }
}
