//! Engine handle: sends requests to a running engine and reads its state and output.
//!
//! State is pushed, output is pulled: a front end is woken by a new [`Snapshot`], an [`Event`] or a
//! [`Notice`], and reads the lines it shows from the [`LogStore`].

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::clock::Clock;
use super::message::{EngineMessage, PendingReload, ReloadMode, ReloadReport};
use super::notice::Notice;
#[cfg(feature = "control")]
use super::requests::Request;
use super::terminal::Terminals;
use crate::machine::event::Cause;
use crate::machine::{Event, Intent, Snapshot};
use crate::output::LogStore;

/// A handle to an engine in this process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EngineHandle {
    pub(crate) messages: mpsc::UnboundedSender<EngineMessage>,
    pub(crate) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(crate) store: Arc<LogStore>,
    pub(crate) terminals: Terminals,
    pub(crate) clock: Clock,
}

impl EngineHandle {
    /// Sends an intent. Never waits; does nothing after the engine has ended.
    pub fn send(&self, intent: Intent) {
        _ = self.messages.send(EngineMessage::Intent(intent));
    }

    /// Requests that the project's file is read again and the differences are applied.
    pub fn reload(&self, cause: Cause) {
        _ = self.messages.send(EngineMessage::Reload(PendingReload::unobserved(cause)));
    }

    /// Reads the project's file again on behalf of a user, and waits for the result.
    pub async fn reload_and_wait(&self, mode: ReloadMode) -> ReloadReport {
        let (reply, report) = oneshot::channel();
        let request = PendingReload { cause: Cause::User, mode, reply: Some(reply) };
        _ = self.messages.send(EngineMessage::Reload(request));
        let ended = |_| ReloadReport::Refused("the project has ended".to_owned());
        report.await.unwrap_or_else(ended)
    }

    /// Sends a request that the loop answers; false if the engine has ended.
    #[cfg(feature = "control")]
    pub(crate) fn request(&self, request: Request) -> bool {
        self.messages.send(EngineMessage::Request(request)).is_ok()
    }

    /// Waits until the engine has ended. Cancel safe.
    #[cfg(feature = "control")]
    pub(crate) async fn ended(&self) {
        self.messages.closed().await;
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// Returns a receiver of the newest snapshot, which can wait for the next one.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    pub fn store(&self) -> &Arc<LogStore> {
        &self.store
    }

    /// The terminals of processes with `tty`.
    #[cfg(any(test, feature = "cli"))]
    pub(crate) fn terminals(&self) -> &Terminals {
        &self.terminals
    }

    /// The clock of all moments of this engine.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

/// The events and notices of an engine, complete from its start.
#[derive(Debug)]
pub struct EventFeed {
    pub events: mpsc::UnboundedReceiver<Event>,
    /// Every notice; only one front end gets them.
    pub notices: mpsc::UnboundedReceiver<Notice>,
}
