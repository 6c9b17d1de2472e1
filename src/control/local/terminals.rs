//! Terminals of processes: screens for scripts, and attached viewers.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, duplex};
use tokio::time::sleep;

use super::LocalControl;
use crate::control::line_pattern::screen_pattern;
use crate::control::terminal_protocol::serve;
use crate::control::wire::{ScreenQuery, ScreenResponse};
use crate::control::{ControlError, ControlErrorKind, ControlResult, TerminalStream};
use crate::engine::Request;
use crate::engine::terminal::ProcessTerminal;
use crate::machine::{ProcessId, StateName};
use crate::terminal::ScreenContent;

/// Bytes in each direction between a viewer in this process and the terminal.
const BUFFER: usize = 64 << 10;
/// The shortest time between two looks at a screen that is waited for, because a program may draw without
/// pause.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

impl LocalControl {
    /// Returns the terminal of a process, created if it had no run yet.
    pub(in crate::control) async fn find_terminal(
        &self,
        name: &str,
    ) -> ControlResult<(ProcessId, Arc<ProcessTerminal>)> {
        let name = name.to_owned();
        self.ask(|reply| Request::Terminal { name, reply }).await
    }

    /// Returns the screen of a process when it is one that the query waits for, or can no longer become one,
    /// or after the time of the query.
    pub(super) async fn wait_for_screen(
        &self,
        name: &str,
        query: ScreenQuery,
    ) -> ControlResult<ScreenResponse> {
        let ScreenQuery { since, pattern, wait, ansi } = query;
        let pattern = pattern.as_deref().map(screen_pattern).transpose()?;
        let (id, terminal) = self.find_terminal(name).await?;
        let mut changes = terminal.subscribe();
        let mut snapshots = self.engine.snapshots();
        let mut timeout = pin!(sleep(Duration::from_millis(wait.unwrap_or(0))));
        let mut is_late = wait.is_none();
        loop {
            // Before the screen is read: the end of a run is published after its last output.
            let snapshot = Arc::clone(&snapshots.borrow_and_update());
            changes.mark_unchanged();
            let view = snapshot.get(id).ok_or_else(|| removed(name))?;
            let screen = terminal.snapshot();
            let version = screen.frame.version.0;
            let content = ScreenContent::from(screen);
            let matched = pattern.as_ref().map(|pattern| pattern.is_match(&content.text));
            let is_other = since.is_none_or(|since| since != version);
            if is_late || is_other && matched.is_none_or(|matched| matched || is_over(view.state)) {
                return Ok(ScreenResponse {
                    name: view.name.to_string(),
                    state: view.state,
                    running: view.pid.is_some(),
                    version,
                    matched,
                    content,
                    ansi: ansi.then(|| terminal.ansi()),
                });
            }
            tokio::select! {
                () = &mut timeout => is_late = true,
                _ = changes.changed() => sleep(LOOK_INTERVAL).await,
                result = snapshots.changed() => is_late |= result.is_err(),
            }
        }
    }

    /// Serves a viewer until it closes the connection or the project ends.
    pub(in crate::control) async fn serve_viewer(
        &self,
        terminal: Arc<ProcessTerminal>,
        stream: impl AsyncRead + AsyncWrite,
    ) {
        tokio::select! {
            served = serve(terminal, stream) => if let Err(error) = served {
                tracing::debug!(%error, "the connection of a viewer has failed");
            },
            () = self.engine.ended() => {}
        }
    }

    /// Attaches a viewer in this process.
    pub(super) async fn attach(&self, name: &str) -> ControlResult<TerminalStream> {
        let (_, terminal) = self.find_terminal(name).await?;
        let (viewer, project) = duplex(BUFFER);
        let local = self.clone();
        tokio::spawn(async move { local.serve_viewer(terminal, project).await });
        Ok(TerminalStream::new(viewer))
    }
}

fn removed(name: &str) -> ControlError {
    let text = format!("{name} is no longer part of the project");
    ControlError::new(ControlErrorKind::UnknownName, text)
}

/// Whether nothing will change the screen unless a user starts the process again. A user who has stopped it
/// may do that.
fn is_over(state: StateName) -> bool {
    matches!(state, StateName::Succeeded | StateName::Failed | StateName::Skipped)
}
