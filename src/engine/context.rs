//! Engine context: the state that the loop and the tasks of an engine share.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::clock::Clock;
use super::environment::EnvironmentContext;
use super::notice::NoticeSender;
use crate::machine::Fact;

pub(super) struct EngineContext<H> {
    pub(super) host: Arc<H>,
    pub(super) environment: EnvironmentContext,
    pub(super) clock: Clock,
    pub(super) facts: mpsc::UnboundedSender<Fact>,
    pub(super) notices: NoticeSender,
}

impl<H> EngineContext<H> {
    pub(super) fn send_fact(&self, fact: Fact) {
        // Without a receiver the engine has ended.
        _ = self.facts.send(fact);
    }

    /// Returns a guard that sends `fact` when it is dropped.
    pub(super) fn fact_on_drop(&self, fact: Fact) -> FactGuard {
        FactGuard { fact, facts: self.facts.clone() }
    }
}

/// Sends a fact on drop, so that the machine gets an answer even if the task panics or is cancelled.
pub(super) struct FactGuard {
    pub(super) fact: Fact,
    facts: mpsc::UnboundedSender<Fact>,
}

impl Drop for FactGuard {
    fn drop(&mut self) {
        _ = self.facts.send(self.fact.clone());
    }
}
