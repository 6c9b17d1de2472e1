//! What every front has in hand: wishes in, state and output out.
//!
//! State is pushed, output is pulled: a front is woken by a new [`Snapshot`], an [`Event`] or a
//! [`Notice`], and asks the [`LogStore`] for the lines it shows.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

#[cfg(feature = "control")]
use crate::engine::Request;
use crate::engine::{AdmitRequest, Clock, EngineMessage, ReloadMessage, ReloadMode, ReloadReport};
use crate::machine::event::Cause;
use crate::machine::{Event, Intent, Snapshot};
use crate::output::LogStore;
use crate::spec::Name;

/// A project that runs in this process, as a front sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Session {
    pub(crate) wishes: mpsc::UnboundedSender<EngineMessage>,
    pub(crate) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(crate) store: Arc<LogStore>,
    pub(crate) clock: Clock,
}

impl Session {
    /// Says a wish. Never waits; after the engine has ended it changes nothing.
    pub fn wish(&self, intent: Intent) {
        _ = self.wishes.send(EngineMessage::Intent(intent));
    }

    /// Asks for the project's file to be read again, and for what is different to be applied.
    pub fn reload(&self, by: Cause) {
        _ = self.wishes.send(EngineMessage::Reload(ReloadMessage::unwatched(by)));
    }

    /// The same, by a person or a program that waits for what comes of it.
    pub async fn reload_and_tell(&self, how: ReloadMode) -> ReloadReport {
        let (told, outcome) = oneshot::channel();
        let wish = ReloadMessage { by: Cause::User, how, told: Some(told) };
        _ = self.wishes.send(EngineMessage::Reload(wish));
        let gone = |_| ReloadReport::Refused("the project has ended".to_owned());
        outcome.await.unwrap_or_else(gone)
    }

    /// Lets somebody in; false when the engine has ended.
    pub(crate) fn admit(&self, admission: AdmitRequest) -> bool {
        self.wishes.send(EngineMessage::Admit(admission)).is_ok()
    }

    /// Asks something that is answered from within the loop; false when the engine has ended.
    #[cfg(feature = "control")]
    pub(crate) fn ask(&self, question: Request) -> bool {
        self.wishes.send(EngineMessage::Request(question)).is_ok()
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// The newest state, and a way to wait for the next.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    pub fn store(&self) -> &Arc<LogStore> {
        &self.store
    }

    /// The clock all moments are read on.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

/// What is told to one front, from the start of the project on and without a gap.
#[derive(Debug)]
pub struct EventFeed {
    pub events: mpsc::UnboundedReceiver<Event>,
    /// Every notice; there is one front that gets them.
    pub notices: mpsc::UnboundedReceiver<Notice>,
}

/// Something to tell the user, about one process or about pitcrew itself, that is no change of state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Whom it is about; nothing when about pitcrew.
    pub about: Option<Name>,
    /// One sentence, not yet made safe to show.
    pub text: String,
}
