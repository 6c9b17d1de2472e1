//! `wait NAME --screen REGEX`: waits until the screen of a process matches.

use std::time::Duration;

use super::waiting::CommandTimeout;
use super::{ExitResult, GlobalOptions, ProgramExit, messages, running_project, screen, stdout};
use crate::control::wire::{ScreenQuery, ScreenResponse};
use crate::control::{Client, Control as _, ControlResult};
use crate::machine::StateName;

/// How long one request waits. The project responds by itself when the screen matches.
const REQUEST: Duration = Duration::from_mins(1);
/// The time that a response may take beyond the time of its request.
const GRACE: Duration = Duration::from_secs(2);

/// Waits, and prints the screen if it does not match in time.
pub(super) fn wait(
    global: &GlobalOptions,
    name: &str,
    pattern: &str,
    timeout: &CommandTimeout,
    json: bool,
) -> ExitResult {
    let screen = running_project::request(global, async |client| {
        wait_for(&client, name, pattern, timeout).await
    })?;
    if json {
        stdout::print_json(&screen);
    }
    if screen.matched == Some(true) {
        return Ok(ProgramExit::SUCCESS);
    }
    let (name, quoted) = (&screen.name, screen::quoted(&screen));
    if has_ended(&screen) {
        return Err(messages::failure(&format!("{name} has ended without `{pattern}`; {quoted}")));
    }
    let error = timeout.expired(&format!("; {name} does not show `{pattern}`; {quoted}"));
    messages::note(&error.message);
    Err(ProgramExit::TIMEOUT)
}

/// Returns the screen when it matches, or no longer can, or when the time is over.
async fn wait_for(
    client: &Client,
    name: &str,
    pattern: &str,
    timeout: &CommandTimeout,
) -> ControlResult<ScreenResponse> {
    loop {
        let left = timeout.left();
        let time = left.map_or(REQUEST, |left| left.min(REQUEST));
        let query = ScreenQuery {
            pattern: Some(pattern.to_owned()),
            wait: Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            ..ScreenQuery::default()
        };
        let response = tokio::time::timeout(time + GRACE, client.screen(name, query)).await;
        let screen = response.map_err(|_| timeout.expired("; the project does not respond"))??;
        let is_late = left.is_some_and(|left| left <= REQUEST);
        if screen.matched == Some(true) || has_ended(&screen) || is_late {
            return Ok(screen);
        }
    }
}

/// Whether no other screen comes unless a user starts the process again.
fn has_ended(screen: &ScreenResponse) -> bool {
    matches!(screen.state, StateName::Succeeded | StateName::Failed | StateName::Skipped)
}
