//! Blocking work on other threads, with cancellation.

use std::sync::Arc;

use super::{ControlError, ControlErrorKind, ControlResult};

/// Runs `work` on a thread for blocking work. Its argument returns true when the caller has stopped
/// waiting.
pub(super) async fn cancellable_blocking<T: Send + 'static>(
    work: impl FnOnce(&dyn Fn() -> bool) -> T + Send + 'static,
) -> ControlResult<T> {
    // Dropped with this future, which is how `work` learns that the caller has stopped waiting.
    let caller = Arc::new(());
    let alive = Arc::downgrade(&caller);
    let done = blocking(move || work(&|| alive.strong_count() == 0)).await;
    drop(caller);
    done
}

/// Runs `work` on a thread for blocking work.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> ControlResult<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ControlError::new(ControlErrorKind::Failed, error.to_string()))
}
