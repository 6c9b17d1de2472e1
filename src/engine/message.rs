//! The engine's mailbox: every message that its loop receives.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::ad_hoc::AdHocLaunch;
#[cfg(feature = "control")]
use super::requests::Request;
use crate::machine::event::Cause;
use crate::machine::{Intent, NewMember, ProcessId};
use crate::spec::{Faults, PoolSpec, SpecDiff};

/// Receives the numbers of the members that were added; `None` during a shutdown.
pub(crate) type OnAdmitted = Box<dyn FnOnce(Option<&[ProcessId]>) + Send>;

/// A message to the engine's loop.
pub(crate) enum EngineMessage {
    Intent(Intent),
    /// Add ad-hoc processes and start them together.
    Admit {
        /// The pool they queue in, if it does not exist yet.
        pool: Option<PoolSpec>,
        members: Vec<(NewMember, Arc<AdHocLaunch>)>,
        /// Called before anything else happens.
        admitted: OnAdmitted,
    },
    /// A request with a reply channel.
    #[cfg(feature = "control")]
    Request(Request),
    Reload(PendingReload),
}

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
    Planned(SpecDiff),
    /// The file has mistakes; nothing has changed.
    Rejected(Arc<Faults>),
    /// The file cannot be read again now, and why.
    Refused(String),
}

/// A request to read the project's file again, until its result is known.
#[derive(Debug)]
pub(crate) struct PendingReload {
    pub(crate) cause: Cause,
    pub(crate) mode: ReloadMode,
    pub(crate) reply: Option<oneshot::Sender<ReloadReport>>,
}

impl PendingReload {
    /// A request without a reply channel.
    pub(crate) fn unobserved(cause: Cause) -> Self {
        Self { cause, mode: ReloadMode::Apply, reply: None }
    }

    pub(super) fn respond(self, report: &ReloadReport) {
        if let Some(reply) = self.reply {
            _ = reply.send(report.clone());
        }
    }
}
