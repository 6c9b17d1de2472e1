//! Exit guard: makes sure that the end of a run is reported, even after a panic.

use tokio::sync::mpsc;

use crate::machine::{Fact, RunId};
use crate::spec::{Exit, Signal};

/// Tells the end even if the task does not get there.
pub(super) struct ExitGuard {
    pub(super) run: RunId,
    pub(super) facts: mpsc::UnboundedSender<Fact>,
    pub(super) told: bool,
}

impl Drop for ExitGuard {
    fn drop(&mut self) {
        if !self.told {
            let exit = Exit::Signal(Signal::KILL);
            _ = self.facts.send(Fact::Exited {
                run: self.run,
                exit,
                strays: Vec::new(),
                note: None,
            });
        }
    }
}
