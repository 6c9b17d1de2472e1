//! Blocking work on other threads, with cancellation.

use std::sync::Arc;

use super::{ControlError, ControlErrorKind};

/// Runs `work` on a thread for blocking work, and tells it by its argument when its caller has
/// stopped waiting.
pub(super) async fn cancellable_blocking<T: Send + 'static>(
    work: impl FnOnce(&dyn Fn() -> bool) -> T + Send + 'static,
) -> Result<T, ControlError> {
    // Goes with this future, by which the other side learns that nobody waits.
    let waits = Arc::new(());
    let alive = Arc::downgrade(&waits);
    let done = blocking(move || work(&|| alive.strong_count() == 0)).await;
    drop(waits);
    done
}

/// Runs `work` on a thread for blocking work.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ControlError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ControlError::new(ControlErrorKind::Failed, error.to_string()))
}
