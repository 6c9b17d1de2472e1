//! Terminal of a process: its screen, its viewers, and the way to its input.
//!
//! The run task owns the pseudo-terminal: it feeds the screen, and it writes what is typed. Viewers
//! only share a [`ProcessTerminal`], which outlives the runs of its process, so that somebody who looks at
//! it stays attached over a restart.
#![cfg_attr(
    not(feature = "control"),
    expect(dead_code, reason = "viewers and scripts come through the control API")
)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};

use crate::machine::{ProcessId, TerminalStatus};
use crate::terminal::key::{
    KeyEvent, MouseEvent, encode_focus, encode_key, encode_mouse, encode_paste,
};
use crate::terminal::{
    Advance, ClipboardWrite, Frame, Palette, ScreenSnapshot, Segment, Size, TerminalScreen, Version,
};

mod viewers;

use viewers::Viewers;
pub(crate) use viewers::{ViewerId, ViewerSize};

/// Input events that the run task has not written yet.
const QUEUE: usize = 1024;

/// Input for the program in a terminal. Encoded when it is written, because only then the modes that
/// the program has asked for are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TerminalInputEvent {
    Key(KeyEvent),
    /// Keys that no other input comes between.
    Keys(Vec<KeyEvent>),
    /// Bytes as they are: a line of `send`.
    Bytes(Vec<u8>),
    Paste(String),
    Mouse(MouseEvent),
    Focus(bool),
    /// The colours that queries are answered with.
    Palette(Palette),
    /// The size that the viewers have now decided on has changed.
    Resize,
}

/// Why input was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TerminalInputError {
    /// No run is alive.
    #[error("is not running")]
    NotRunning,
    /// The program has not read what was typed before.
    #[error("does not read its input")]
    Full,
}

/// The screen of a process with `tty = true`, shared by its run task and its viewers.
#[derive(Debug)]
pub(crate) struct ProcessTerminal {
    state: Mutex<TerminalState>,
    /// Counts the changes that a viewer may want to see.
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct TerminalState {
    screen: TerminalScreen,
    /// The number of the run that the screen belongs to; 0 before the first.
    run: u64,
    viewers: Viewers,
    input: Option<mpsc::Sender<TerminalInputEvent>>,
    /// The last writes to the clipboard, with the number of the change they came with.
    clipboard: Vec<(u64, ClipboardWrite)>,
    /// How often the bell has rung in this run.
    bells: u64,
    /// Queries of the program are answered by a terminal that gets the same output.
    leaves_queries: bool,
}

impl ProcessTerminal {
    /// A blank terminal of the default size, with no run.
    pub(crate) fn new() -> Self {
        let state = TerminalState {
            screen: TerminalScreen::new(Size::default()),
            run: 0,
            viewers: Viewers::default(),
            input: None,
            clipboard: Vec::new(),
            bells: 0,
            leaves_queries: false,
        };
        Self { state: Mutex::new(state), changes: watch::Sender::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, TerminalState> {
        // The emulator catches its own panics, so the state behind a poisoned lock is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self) {
        self.changes.send_modify(|number| *number += 1);
    }

    /// Begins a run: a blank screen of the size that the viewers want.
    pub(crate) fn begin_run(self: &Arc<Self>) -> TerminalRun {
        let (sender, input) = mpsc::channel(QUEUE);
        let mut state = self.lock();
        let wanted = state.viewers.size();
        let size = wanted.map_or(state.screen.size(), |wanted| wanted.size);
        state.screen = state.screen.next(size);
        state.screen.set_cell_size(wanted.and_then(|wanted| wanted.cell));
        state.input = Some(sender);
        state.run += 1;
        state.bells = 0;
        let number = state.run;
        drop(state);
        self.notify();
        TerminalRun { terminal: Arc::clone(self), number, size, input }
    }

    /// Ends a run: its last screen stays. Returns what of its output was kept back.
    pub(super) fn end_run(&self, run: u64) -> Vec<u8> {
        let mut state = self.lock();
        if state.run != run {
            return Vec::new();
        }
        state.input = None;
        let rest = state.screen.finish();
        drop(state);
        self.notify();
        rest
    }

    /// Takes in what a run has written. The screen shows the latest run only: a process in an
    /// uninterruptible sleep can outlive its stop, and write when the next run has begun.
    pub(crate) fn advance(&self, run: u64, bytes: &[u8]) -> Advance {
        let mut state = self.lock();
        if state.run != run {
            let segments = vec![Segment::Output(0..bytes.len())];
            return Advance { segments, ..Advance::default() };
        }
        let mut advance = state.screen.advance(bytes);
        state.bells += u64::from(advance.bells);
        if state.leaves_queries {
            advance.replies.clear();
        }
        let number = *self.changes.borrow() + 1;
        for write in std::mem::take(&mut advance.clipboard) {
            state.clipboard.retain(|(_, old)| old.kind != write.kind);
            state.clipboard.push((number, write));
        }
        drop(state);
        self.notify();
        advance
    }

    /// Encodes an input event for the program as it is now. `Resize` is not input.
    pub(super) fn encode(&self, input: TerminalInputEvent) -> Vec<u8> {
        let mut state = self.lock();
        let modes = state.screen.input_modes();
        match input {
            TerminalInputEvent::Key(event) => encode_key(&event, &modes),
            TerminalInputEvent::Keys(events) => {
                events.iter().flat_map(|event| encode_key(event, &modes)).collect()
            }
            TerminalInputEvent::Bytes(bytes) => bytes,
            TerminalInputEvent::Paste(text) => encode_paste(&text, &modes),
            TerminalInputEvent::Mouse(event) => encode_mouse(&event, &modes),
            TerminalInputEvent::Focus(has_focus) => encode_focus(has_focus, &modes),
            TerminalInputEvent::Palette(palette) => state.screen.set_palette(palette),
            TerminalInputEvent::Resize => Vec::new(),
        }
    }

    /// Gives the screen the size that the viewers want. Returns it if it is another one.
    pub(crate) fn resize(&self) -> Option<ViewerSize> {
        let mut state = self.lock();
        let wanted = state.viewers.size()?;
        let is_same = wanted.size == state.screen.size();
        state.screen.set_cell_size(wanted.cell);
        state.screen.resize(wanted.size);
        drop(state);
        self.notify();
        (!is_same).then_some(wanted)
    }

    /// Sends an input event to the run.
    pub(crate) fn send(&self, input: TerminalInputEvent) -> Result<(), TerminalInputError> {
        let sender = self.lock().input.clone().ok_or(TerminalInputError::NotRunning)?;
        sender.try_send(input).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => TerminalInputError::Full,
            mpsc::error::TrySendError::Closed(_) => TerminalInputError::NotRunning,
        })
    }

    /// Adds a viewer; it is removed when the guard is dropped.
    pub(crate) fn attach(self: &Arc<Self>) -> ViewerGuard {
        let id = self.lock().viewers.add();
        ViewerGuard { terminal: Arc::clone(self), id }
    }

    fn change_viewers(&self, change: impl FnOnce(&mut Viewers)) {
        let mut state = self.lock();
        let before = state.viewers.size();
        change(&mut state.viewers);
        let after = state.viewers.size();
        let is_running = state.input.as_ref().is_some_and(|input| !input.is_closed());
        if before == after || after.is_none() {
            return;
        }
        if !is_running {
            if let Some(wanted) = after {
                state.screen.resize(wanted.size);
            }
            drop(state);
            self.notify();
            return;
        }
        drop(state);
        // A full queue means that the program does not read. The next change of size tries again.
        _ = self.send(TerminalInputEvent::Resize);
    }

    /// Receives the number of the last change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// What has changed on the screen since a version.
    pub(crate) fn frame(&self, since: Version) -> Frame {
        self.lock().screen.frame(since)
    }

    /// The version of the screen now, and whether the program is in the middle of a change.
    pub(crate) fn version(&self) -> (Version, bool) {
        let mut state = self.lock();
        (state.screen.version(), state.screen.is_updating())
    }

    /// The whole screen.
    pub(crate) fn snapshot(&self) -> ScreenSnapshot {
        self.lock().screen.snapshot()
    }

    /// The rows as text.
    #[cfg(test)]
    pub(crate) fn text(&self) -> String {
        self.lock().screen.text()
    }

    /// The rows as text with escape sequences.
    pub(crate) fn ansi(&self) -> String {
        self.lock().screen.ansi()
    }

    /// What the program shows beside the text.
    pub(super) fn status(&self) -> TerminalStatus {
        let state = self.lock();
        TerminalStatus {
            title: state.screen.title().map(str::to_owned),
            alternate_screen: state.screen.is_alternate(),
            bells: state.bells,
        }
    }

    /// Leaves queries of the program to a terminal that gets the same output, and answers.
    #[cfg(feature = "cli")]
    pub(crate) fn leave_queries_to_viewer(&self) {
        self.lock().leaves_queries = true;
    }

    /// See [`TerminalScreen::restore_sequence`].
    #[cfg(feature = "cli")]
    pub(crate) fn restore_sequence(&self) -> String {
        self.lock().screen.restore_sequence()
    }

    /// Writes to the clipboard that came after change number `since`, for the viewer that types.
    pub(crate) fn clipboard(&self, since: u64) -> Vec<ClipboardWrite> {
        let state = self.lock();
        let newer = state.clipboard.iter().filter(|(number, _)| *number > since);
        newer.map(|(_, write)| write.clone()).collect()
    }
}

/// The terminal of one run.
#[derive(Debug)]
pub(crate) struct TerminalRun {
    pub(crate) terminal: Arc<ProcessTerminal>,
    pub(super) number: u64,
    pub(super) size: Size,
    pub(crate) input: mpsc::Receiver<TerminalInputEvent>,
}

/// A viewer of a terminal, for as long as this lives.
#[derive(Debug)]
pub(crate) struct ViewerGuard {
    terminal: Arc<ProcessTerminal>,
    id: ViewerId,
}

impl ViewerGuard {
    /// Says which size this viewer has room for.
    pub(crate) fn set_size(&self, size: ViewerSize) {
        self.terminal.change_viewers(|viewers| viewers.set_size(self.id, size));
    }

    /// Sends input of this viewer, whose size counts from now on.
    pub(crate) fn send(&self, input: TerminalInputEvent) -> Result<(), TerminalInputError> {
        if matches!(input, TerminalInputEvent::Key(_) | TerminalInputEvent::Paste(_)) {
            self.terminal.change_viewers(|viewers| viewers.has_typed(self.id));
        }
        self.terminal.send(input)
    }
}

impl Drop for ViewerGuard {
    fn drop(&mut self) {
        self.terminal.change_viewers(|viewers| viewers.remove(self.id));
    }
}

/// The terminals of a project, by process. A clone is the same table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terminals(Arc<Mutex<HashMap<ProcessId, Arc<ProcessTerminal>>>>);

impl Terminals {
    fn lock(&self) -> MutexGuard<'_, HashMap<ProcessId, Arc<ProcessTerminal>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the terminal of a process; `None` before its first run with one.
    #[cfg(test)]
    pub(crate) fn get(&self, process: ProcessId) -> Option<Arc<ProcessTerminal>> {
        self.lock().get(&process).cloned()
    }

    /// Returns the terminal of a process, created if it has none yet.
    pub(crate) fn get_or_create(&self, process: ProcessId) -> Arc<ProcessTerminal> {
        Arc::clone(self.lock().entry(process).or_insert_with(|| Arc::new(ProcessTerminal::new())))
    }

    /// Forgets the terminal of a process that is no longer a member of the project.
    pub(super) fn remove(&self, process: ProcessId) {
        self.lock().remove(&process);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::key::{KeyCode, Modifiers};

    fn size(columns: u16, rows: u16) -> ViewerSize {
        ViewerSize { size: Size::new(columns, rows), cell: None, is_interactive: true }
    }

    fn key(character: char) -> TerminalInputEvent {
        TerminalInputEvent::Key(KeyEvent::new(KeyCode::Char(character), Modifiers::NONE))
    }

    #[test]
    fn keys_are_encoded_for_the_modes_of_the_moment_they_are_written() {
        let terminal = ProcessTerminal::new();
        let up = || TerminalInputEvent::Key(KeyEvent::new(KeyCode::Up, Modifiers::NONE));
        assert_eq!(terminal.encode(up()), b"\x1b[A");
        terminal.advance(0, b"\x1b[?1h");
        assert_eq!(terminal.encode(up()), b"\x1bOA");
    }

    #[test]
    fn input_is_refused_without_a_run_and_when_nobody_reads_it() {
        let terminal = Arc::new(ProcessTerminal::new());
        assert_eq!(terminal.send(key('x')), Err(TerminalInputError::NotRunning));
        let run = terminal.begin_run();
        for _ in 0..QUEUE {
            assert_eq!(terminal.send(key('x')), Ok(()));
        }
        assert_eq!(terminal.send(key('x')), Err(TerminalInputError::Full));
        drop(run);
        assert_eq!(terminal.send(key('x')), Err(TerminalInputError::NotRunning));
    }

    #[test]
    fn the_size_is_that_of_the_viewer_who_typed_last_and_a_run_begins_with_it() {
        let terminal = Arc::new(ProcessTerminal::new());
        let (large, small) = (terminal.attach(), terminal.attach());
        large.set_size(size(120, 40));
        let TerminalRun { size: first_size, mut input, .. } = terminal.begin_run();
        assert_eq!(first_size, Size::new(120, 40));
        small.set_size(size(80, 20));
        assert!(input.try_recv().is_err(), "who has not typed decides nothing");
        small.send(key('x')).unwrap();
        assert_eq!(input.try_recv(), Ok(TerminalInputEvent::Resize));
        assert_eq!(terminal.resize().map(|wanted| wanted.size), Some(Size::new(80, 20)));
        assert_eq!(terminal.resize(), None, "it has that size");
        drop(small);
        assert_eq!(input.try_recv(), Ok(key('x')));
        assert_eq!(input.try_recv(), Ok(TerminalInputEvent::Resize));
        assert_eq!(terminal.resize().map(|wanted| wanted.size), Some(Size::new(120, 40)));
        drop(large);
        assert_eq!(terminal.resize(), None, "without viewers the size stays");
    }

    #[test]
    fn a_change_is_announced_and_the_last_screen_outlives_the_run() {
        let terminal = Arc::new(ProcessTerminal::new());
        let mut changes = terminal.subscribe();
        let run = terminal.begin_run();
        terminal.advance(run.number, b"hello");
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        let version = terminal.version().0;
        assert!(terminal.frame(version).rows.is_empty());
        assert!(terminal.end_run(run.number).is_empty());
        assert!(changes.has_changed().unwrap());
        assert_eq!(terminal.text(), "hello");
        let _next = terminal.begin_run();
        assert_eq!(terminal.text(), "");
        assert!(terminal.frame(version).full, "a viewer of the old screen gets the new one whole");
    }

    #[test]
    fn a_run_that_outlives_its_stop_changes_nothing_of_the_next_run() {
        let terminal = Arc::new(ProcessTerminal::new());
        let old = terminal.begin_run();
        let _next = terminal.begin_run();
        let advance = terminal.advance(old.number, b"late");
        assert_eq!(advance.segments, [Segment::Output(0..4)], "the log gets it");
        assert_eq!(terminal.text(), "");
        assert!(terminal.end_run(old.number).is_empty());
        assert_eq!(terminal.send(key('x')), Ok(()), "the input is that of the next run");
    }

    #[test]
    fn clipboard_writes_are_given_to_those_who_have_not_seen_them() {
        let terminal = ProcessTerminal::new();
        terminal.advance(0, b"\x1b]52;c;aGVsbG8=\x07");
        let seen = *terminal.subscribe().borrow();
        assert_eq!(terminal.clipboard(0).len(), 1);
        assert!(terminal.clipboard(seen).is_empty());
    }
}
