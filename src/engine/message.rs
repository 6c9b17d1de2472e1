//! The engine's mailbox: every message that its loop receives.

use std::sync::Arc;

use tokio::sync::oneshot;

#[cfg(feature = "control")]
use super::requests::Request;
use super::stdio::Stdio;
use crate::machine::event::Cause;
use crate::machine::{Intent, NewMember, ProcessId};
use crate::spec::{Faults, PoolSpec, SpecDiff};

/// A message to the engine's loop.
pub(crate) enum EngineMessage {
    Intent(Intent),
    Admit(AdmitRequest),
    /// A request with a reply channel.
    #[cfg(feature = "control")]
    Request(Request),
    Reload(ReloadMessage),
}

/// A request to add processes that no file declares, all at the same time.
pub(crate) struct AdmitRequest {
    /// The pool they queue in, if it does not exist yet.
    pub(crate) pool: Option<PoolSpec>,
    pub(crate) guests: Vec<(NewMember, Arc<Stdio>)>,
    /// Called with their numbers before anything else happens; `None` if none can be added any more.
    pub(crate) admitted: AdmitReply,
}

type AdmitReply = Box<dyn FnOnce(Option<&[ProcessId]>) + Send>;

/// Whether a reload applies the differences or only reports them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReloadMode {
    Apply,
    DryRun,
}

/// The result of a reload.
#[derive(Debug, Clone, PartialEq)]
pub enum ReloadReport {
    Applied(SpecDiff),
    Foreseen(SpecDiff),
    /// The file has mistakes; nothing has changed.
    Rejected(Arc<Faults>),
    /// It cannot be read again now, and why.
    Refused(String),
}

/// A request to read the project's file again.
#[derive(Debug)]
pub(crate) struct ReloadMessage {
    pub(crate) by: Cause,
    pub(crate) how: ReloadMode,
    pub(crate) told: Option<oneshot::Sender<ReloadReport>>,
}

impl ReloadMessage {
    /// A request whose result nobody waits for.
    pub(crate) fn unwatched(by: Cause) -> Self {
        Self { by, how: ReloadMode::Apply, told: None }
    }

    pub(super) fn tell(self, outcome: &ReloadReport) {
        if let Some(told) = self.told {
            _ = told.send(outcome.clone());
        }
    }
}
