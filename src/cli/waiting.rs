//! Waits for processes of the running project, and prints the processes that are still awaited.

use std::time::Duration;

use super::messages;
use crate::control::wire::{CommandResponse, ControlCommand, WaitRequest};
use crate::control::{Client, Control as _, ControlError, ControlErrorKind, ControlResult};
use crate::engine::Clock;
use crate::spec::{Condition, format_limit};

/// The delay before the first message about awaited processes; it doubles each time, because each
/// message takes a request. The project responds by itself when the wait is over.
const FIRST_DELAY: Duration = Duration::from_secs(2);
const MAX_DELAY: Duration = Duration::from_secs(64);
/// The time that a response may take beyond the timeout in its request.
const GRACE: Duration = Duration::from_secs(2);

/// The `--timeout` of a command, which counts from its start.
#[derive(Debug, Clone)]
pub(super) struct CommandTimeout {
    limit: Option<Duration>,
    clock: Clock,
}

impl CommandTimeout {
    pub(super) fn start(limit: Option<Duration>) -> Self {
        Self { limit, clock: Clock::start() }
    }

    /// The time that remains; `None` without a limit.
    pub(super) fn left(&self) -> Option<Duration> {
        Some(self.limit?.saturating_sub(self.clock.now().since_start()))
    }

    /// The error that names the timeout as the user wrote it.
    pub(super) fn expired(&self, why: &str) -> ControlError {
        let limit = format_limit(self.limit.unwrap_or_default());
        ControlError::new(ControlErrorKind::Timeout, format!("timed out after {limit}{why}"))
    }
}

/// Waits until the condition holds for these, or cannot hold any more. Without `until`, each has to
/// be ready or to have succeeded.
pub(super) async fn wait_for(
    client: &Client,
    names: &[String],
    until: Option<Condition>,
    timeout: &CommandTimeout,
) -> ControlResult<CommandResponse> {
    let (mut delay, mut last_message) = (FIRST_DELAY, String::new());
    loop {
        let left = timeout.left();
        let time = left.map_or(delay, |left| left.min(delay));
        let response = client.execute(wait_command(names, until, time));
        // A project that does not respond does not prolong the timeout.
        let response = match left {
            None => response.await,
            Some(left) => tokio::time::timeout(left + GRACE, response)
                .await
                .unwrap_or_else(|_| Err(timeout.expired("; the project does not respond"))),
        };
        match response {
            Err(error) if error.error == ControlErrorKind::Timeout => {
                if left.is_some_and(|left| left <= delay) {
                    return Err(timeout.expired(&format!("; {}", error.message)));
                }
                if error.message != last_message {
                    messages::note(&error.message);
                    last_message = error.message;
                }
                delay = (delay * 2).min(MAX_DELAY);
            }
            response => return response,
        }
    }
}

/// The processes that are still awaited, such as `waiting for web (starting: spawning)`.
pub(super) async fn pending(client: &Client, names: &[String]) -> Option<String> {
    if names.is_empty() {
        return None;
    }
    let response = client.execute(wait_command(names, None, Duration::ZERO));
    match tokio::time::timeout(GRACE, response).await {
        Ok(Err(error)) if error.error == ControlErrorKind::Timeout => Some(error.message),
        Ok(_) | Err(_) => None,
    }
}

/// Fails if there is no result after this time.
pub(super) async fn with_timeout<T>(
    timeout: &CommandTimeout,
    result: impl Future<Output = ControlResult<T>>,
) -> ControlResult<T> {
    let Some(left) = timeout.left() else { return result.await };
    tokio::time::timeout(left, result).await.map_err(|_| timeout.expired(""))?
}

fn wait_command(names: &[String], until: Option<Condition>, timeout: Duration) -> ControlCommand {
    let timeout_ms = Some(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
    ControlCommand::Wait(WaitRequest { names: names.to_vec(), until, timeout_ms })
}

#[cfg(test)]
mod tests;
