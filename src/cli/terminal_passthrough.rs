//! Passes this terminal on to a child that has a pseudo-terminal: keys, size, and the modes at the end.

use std::io::{ErrorKind, IsTerminal as _, Read as _, stdin, stdout};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};
use tokio::task::JoinHandle;

use super::stdout as out;
use crate::engine::EngineHandle;
use crate::engine::terminal::{
    ProcessTerminal, TerminalInputError, TerminalInputEvent, ViewerGuard, ViewerSize,
};
use crate::machine::ProcessId;
use crate::sys::own_terminal::{self, RawMode};

/// The largest number of bytes that are passed on at a time.
const CHUNK: usize = 4096;
/// How often input is offered again to a child that is not started yet or does not read.
const RETRY_INTERVAL: Duration = Duration::from_millis(10);
/// Ends the input of a program that reads lines.
const END_OF_INPUT: u8 = 4;

/// This terminal while it is passed on. Its modes are restored when this is dropped.
pub(super) struct TerminalPassthrough {
    terminal: Arc<ProcessTerminal>,
    raw: Option<RawMode>,
    task: JoinHandle<()>,
}

impl TerminalPassthrough {
    /// Passes this terminal on to all runs of a process. Must be called before the first of them.
    pub(super) fn start(engine: &EngineHandle, process: ProcessId) -> std::io::Result<Self> {
        let terminal = engine.terminals().get_or_create(process);
        if stdout().is_terminal() {
            // Both would answer queries otherwise.
            terminal.leave_queries_to_viewer();
        }
        let viewer = terminal.attach();
        show_size(&viewer);
        let resized = signal(SignalKind::window_change())?;
        let continued = signal(SignalKind::from_raw(libc::SIGCONT))?;
        // Before the first read: a read from the background would stop this process.
        let raw = RawMode::enter()?;
        let input = Arc::clone(&terminal);
        std::thread::Builder::new()
            .name("pitcrew-input".to_owned())
            .spawn(move || forward_input(&input))?;
        let task = tokio::spawn(follow(viewer, raw.clone(), resized, continued));
        Ok(Self { terminal, raw, task })
    }
}

impl Drop for TerminalPassthrough {
    fn drop(&mut self) {
        self.task.abort();
        if stdout().is_terminal() {
            out::print(&self.terminal.restore_sequence());
        }
        if let Some(Err(error)) = self.raw.as_ref().map(RawMode::leave) {
            tracing::debug!(%error, "cannot restore the modes of the terminal");
        }
    }
}

/// Follows the size of this terminal, and sets its mode again after the job was stopped.
async fn follow(
    viewer: ViewerGuard,
    raw: Option<RawMode>,
    mut resized: SignalStream,
    mut continued: SignalStream,
) {
    loop {
        tokio::select! {
            change = resized.recv() => if change.is_none() { return },
            change = continued.recv() => {
                if change.is_none() {
                    return;
                }
                if let Some(Err(error)) = raw.as_ref().map(RawMode::resume) {
                    tracing::debug!(%error, "cannot set the modes of the terminal");
                }
            }
        }
        show_size(&viewer);
    }
}

fn show_size(viewer: &ViewerGuard) {
    if let Some((size, cell)) = own_terminal::size() {
        viewer.set_size(ViewerSize { size, cell, is_interactive: true });
    }
}

/// Passes standard input on until its end. The thread ends with the program.
fn forward_input(terminal: &ProcessTerminal) {
    let is_terminal = stdin().is_terminal();
    let mut buffer = [0; CHUNK];
    let mut last = b'\n';
    loop {
        match stdin().read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                let bytes = buffer.get(..length).unwrap_or_default();
                last = bytes.last().copied().unwrap_or(last);
                send(terminal, bytes);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // The job is in the background.
            Err(_) if is_terminal => std::thread::park_timeout(RETRY_INTERVAL),
            Err(_) => break,
        }
    }
    // Closed input of a terminal is a hang-up, which arrives as a signal. In the middle of a line the first
    // one only passes on what was read.
    if !is_terminal {
        let ends: &[u8] = if last == b'\n' { &[END_OF_INPUT] } else { &[END_OF_INPUT; 2] };
        send(terminal, ends);
    }
}

/// Waits until the child takes the input.
fn send(terminal: &ProcessTerminal, bytes: &[u8]) {
    loop {
        match terminal.send(TerminalInputEvent::Bytes(bytes.to_vec())) {
            Ok(()) => return,
            Err(TerminalInputError::NotRunning | TerminalInputError::Full) => {
                std::thread::park_timeout(RETRY_INTERVAL);
            }
        }
    }
}
