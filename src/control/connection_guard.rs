//! Guard of a connection: counts it among the open ones, and tells its end, also after an upgrade.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, watch};

/// A connection that is open. The server adds a clone to the extensions of each request, so that a
/// protocol after an upgrade can keep it.
#[derive(Debug, Clone)]
pub(super) struct ConnectionGuard {
    _permit: Arc<OwnedSemaphorePermit>,
    stopped: watch::Receiver<bool>,
}

impl ConnectionGuard {
    pub(super) fn new(permit: OwnedSemaphorePermit, stopped: watch::Receiver<bool>) -> Self {
        Self { _permit: Arc::new(permit), stopped }
    }

    /// Waits until the server stops. Cancel safe.
    pub(super) async fn stopped(&mut self) {
        _ = self.stopped.wait_for(|is_stopped| *is_stopped).await;
    }
}
