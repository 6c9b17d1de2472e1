//! The project's file is read again while the project runs.

use std::fmt;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::Engine;
use super::files::{self, Files};
use crate::machine::event::{ConfigRejected, Event, Stamp};
use crate::machine::{RunId, Step};
use crate::session::Notice;
use crate::spec::{Faults, Loaded, Name, ProcessSpec, Project, Spec};
use crate::sys::Host;

use super::run::Order;

/// How the project's file is read.
pub trait Reread: fmt::Debug + Send + Sync {
    /// Reads and checks it, and prepares for what it says; blocks while it does.
    ///
    /// # Errors
    /// Every mistake of the file: then nothing may have been prepared.
    fn read(&self) -> Result<Loaded, Faults>;
}

/// Reads the file when asked, once at a time.
#[derive(Debug)]
pub(super) struct Rereading {
    how: Option<Arc<dyn Reread>>,
    /// Being read; `Some(true)`: and to be read once more after that.
    busy: Option<bool>,
    results: (mpsc::UnboundedSender<Outcome>, mpsc::UnboundedReceiver<Outcome>),
}

/// What reading came to; the message where it did not come to an end.
pub(super) type Outcome = Result<Result<Loaded, Faults>, String>;

impl Rereading {
    pub(super) fn new(how: Option<Arc<dyn Reread>>) -> Self {
        Self { how, busy: None, results: mpsc::unbounded_channel() }
    }

    /// Begins to read; what changes while it reads is read after that.
    fn begin(&mut self) -> bool {
        let Some(how) = self.how.clone() else { return false };
        if let Some(again) = &mut self.busy {
            *again = true;
            return true;
        }
        self.busy = Some(false);
        let results = self.results.0.clone();
        tokio::spawn(async move {
            let read = tokio::task::spawn_blocking(move || how.read()).await;
            _ = results.send(read.map_err(|error| error.to_string()));
        });
        true
    }

    /// The next result. Cancel safe.
    pub(super) async fn next(&mut self) -> Outcome {
        match self.results.1.recv().await {
            Some(outcome) => outcome,
            None => std::future::pending().await,
        }
    }
}

impl<H: Host> Engine<H> {
    /// Somebody wants the file to be read again.
    pub(super) fn reload(&mut self) {
        if !self.rereading.begin() {
            self.notices.tell(Notice::general("there is no file to be read again"));
        }
    }

    /// It was read.
    pub(super) fn reread(&mut self, outcome: Outcome, files: &mut Files) {
        let again = self.rereading.busy.take() == Some(true);
        match outcome {
            Ok(Ok(Loaded { spec, warnings })) => {
                self.tell_lines(&warnings.render_warnings(false));
                self.apply(spec, files);
            }
            Ok(Err(faults)) => self.reject(&faults),
            Err(error) => {
                let text = format!("the file could not be read again: {error}");
                self.notices.tell(Notice::general(text));
            }
        }
        if again {
            self.reload();
        }
    }

    fn apply(&mut self, spec: Spec, files: &mut Files) {
        self.tell_fixed(&spec.project);
        let step = self.orchestra.reload(self.clock.now(), spec);
        self.carry_out(step);
        files.watch(self.plan(), &self.clock);
    }

    fn reject(&mut self, faults: &Faults) {
        let told = faults.iter().filter_map(|fault| serde_json::to_value(fault).ok()).collect();
        let event = ConfigRejected { stamp: Stamp::default(), faults: told };
        self.carry_out(Step { effects: Vec::new(), events: vec![Event::from(event)] });
        self.tell_lines(&faults.render(false));
        let text = "the file was read again and has mistakes: nothing has changed";
        self.notices.tell(Notice::general(text));
    }

    fn tell_lines(&self, text: &str) {
        for line in text.lines() {
            self.notices.tell(Notice::general(line));
        }
    }

    /// What is set for as long as pitcrew runs.
    fn tell_fixed(&self, new: &Project) {
        if self.orchestra.spec().project.output != new.output {
            let text = "`output` of the project holds from the next `pitcrew up` on";
            self.notices.tell(Notice::general(text));
        }
    }

    pub(super) fn plan(&self) -> crate::watch::Plan {
        files::plan(self.orchestra.spec(), &self.own_files, self.orchestra.watches(), self.reads())
    }

    fn reads(&self) -> bool {
        self.rereading.how.is_some()
    }

    /// A run goes by another spec from now on.
    pub(super) fn renew(
        &mut self,
        run: RunId,
        name: &Name,
        replica: Option<u32>,
        spec: Arc<ProcessSpec>,
    ) {
        let log = self.logs.of(run.process, name, replica, spec.log.as_ref());
        self.order(run, Order::Renew(spec, log));
    }
}
