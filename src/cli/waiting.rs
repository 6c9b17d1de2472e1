//! Waits for processes of the running project, and prints what it still waits for.

use std::time::Duration;

use super::messages;
use crate::control::wire::{CommandResponse, ControlCommand, WaitRequest};
use crate::control::{Client, Control as _, ControlError, ControlErrorKind};
use crate::engine::Clock;
use crate::spec::{Condition, format_limit};

/// The delay before the first message about what is waited for; it doubles each time, because each
/// message takes a request. The project responds by itself when the wait is over.
const FIRST_DELAY: Duration = Duration::from_secs(2);
const MAX_DELAY: Duration = Duration::from_secs(64);
/// The time that a response may take beyond the timeout in its request.
const GRACE: Duration = Duration::from_secs(2);

/// Waits until the condition holds for these, or cannot hold any more. Without `until`, each has to
/// be ready or to have succeeded.
pub(super) async fn wait_for(
    client: &Client,
    names: &[String],
    until: Option<Condition>,
    timeout: Option<Duration>,
) -> Result<CommandResponse, ControlError> {
    let clock = Clock::start();
    let (mut delay, mut last_message) = (FIRST_DELAY, String::new());
    loop {
        let left = timeout.map(|timeout| timeout.saturating_sub(clock.now().since_start()));
        let time = left.map_or(delay, |left| left.min(delay));
        let response = client.execute(wait_command(names, until, time));
        // A project that does not respond does not prolong the timeout.
        let response = match left {
            None => response.await,
            Some(left) => tokio::time::timeout(left + GRACE, response)
                .await
                .unwrap_or_else(|_| Err(timed_out(timeout, "the project does not respond"))),
        };
        match response {
            Err(error) if error.error == ControlErrorKind::Timeout => {
                if left.is_some_and(|left| left <= delay) {
                    return Err(timed_out(timeout, &error.message));
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

/// What is still waited for, such as `waiting for web (starting: being spawned)`.
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
    timeout: Option<Duration>,
    result: impl Future<Output = Result<T, ControlError>>,
) -> Result<T, ControlError> {
    let Some(timeout) = timeout else { return result.await };
    let text = || format!("timed out after {}", format_limit(timeout));
    let late = |_| ControlError::new(ControlErrorKind::Timeout, text());
    tokio::time::timeout(timeout, result).await.map_err(late)?
}

fn wait_command(names: &[String], until: Option<Condition>, timeout: Duration) -> ControlCommand {
    let timeout_ms = Some(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
    ControlCommand::Wait(WaitRequest { names: names.to_vec(), until, timeout_ms })
}

fn timed_out(timeout: Option<Duration>, why: &str) -> ControlError {
    let timeout = rounded(timeout.unwrap_or_default());
    ControlError::new(
        ControlErrorKind::Timeout,
        format!("timed out after {}; {why}", format_limit(timeout)),
    )
}

/// Rounds a timeout of which a part may have been spent on the start.
fn rounded(timeout: Duration) -> Duration {
    const STEP: Duration = Duration::from_millis(100);
    if timeout < STEP * 5 {
        return Duration::from_millis(timeout.as_millis().try_into().unwrap_or(u64::MAX));
    }
    let steps = (timeout + STEP / 2).as_millis() / STEP.as_millis();
    STEP * u32::try_from(steps).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
