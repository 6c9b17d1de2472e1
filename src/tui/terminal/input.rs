//! Terminal input, read on a separate thread.
//!
//! The thread polls the terminal itself and calls crossterm only if there is input: on a terminal
//! that is gone, crossterm's own loop would use a whole core forever.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crossterm::event::{self, Event};
use crossterm::terminal;
use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::mpsc;

use super::answers::{AnswerFilter, ColorKind, Filtered};
use super::modes;
use crate::terminal::Rgb;

/// How long crossterm waits for more input: with a timeout of 0 it does not check at all.
///
/// It is built with `use-dev-tty`, whose event source calls `poll` each time. The usual source is
/// edge-triggered and misses a key that is typed while the window is resized: it delivers the key
/// with the next one, and until then this thread is woken and gets nothing.
const POLL_TIMEOUT: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub enum TerminalInput {
    Event(Event),
    /// Whether the terminal has the keyboard protocol of kitty.
    Kitty(bool),
    /// A colour of the terminal.
    Color(ColorKind, Rgb),
    Gone,
}

/// Pauses the thread.
#[derive(Debug, Default)]
struct ReadGate {
    pause: Mutex<PauseState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct PauseState {
    is_requested: bool,
    is_paused: bool,
    /// The terminal is to be asked for the keyboard protocol of kitty.
    asks_for_kitty: bool,
    /// The number of answers that may arrive from now on.
    expected_answers: usize,
}

#[derive(Debug)]
pub(super) struct InputReader {
    gate: Arc<ReadGate>,
    /// A byte wakes the thread.
    waker: OwnedFd,
}

impl InputReader {
    /// Starts a thread that reads and sends the input.
    pub(super) fn start(inputs: mpsc::UnboundedSender<TerminalInput>) -> io::Result<Self> {
        let (woken, waker) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let gate = Arc::new(ReadGate::default());
        let thread_gate = Arc::clone(&gate);
        std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
            read(&inputs, &woken, &thread_gate);
            _ = inputs.send(TerminalInput::Gone);
        })?;
        Ok(Self { gate, waker })
    }

    /// Stops reading, so that another program can read; returns when the thread has stopped.
    pub(super) fn pause(&self) {
        self.gate.lock().is_requested = true;
        _ = rustix::io::write(&self.waker, b".");
        let pause = self.gate.lock();
        // With a timeout, because the thread may have ended with its terminal.
        let timeout = Duration::from_secs(1);
        _ = self.gate.changed.wait_timeout_while(pause, timeout, |pause| !pause.is_paused);
    }

    /// Asks the terminal whether it has the keyboard protocol of kitty; the answer is an input. Nothing
    /// is to be written until the question is, so the caller has waited for the writer.
    pub(super) fn ask_for_kitty(&self) {
        self.gate.lock().asks_for_kitty = true;
        _ = rustix::io::write(&self.waker, b".");
    }

    /// Announces answers about colours, which are asked for afterwards.
    pub(super) fn expect_answers(&self, number: usize) {
        self.gate.lock().expected_answers += number;
    }

    pub(super) fn resume(&self) {
        let mut pause = self.gate.lock();
        (pause.is_requested, pause.is_paused) = (false, false);
        drop(pause);
        self.gate.changed.notify_all();
    }
}

impl ReadGate {
    fn lock(&self) -> std::sync::MutexGuard<'_, PauseState> {
        self.pause.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self) {
        let mut pause = self.lock();
        while pause.is_requested {
            pause.is_paused = true;
            self.changed.notify_all();
            pause = self.changed.wait(pause).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Reads until the terminal is gone or the receiver is dropped.
fn read(inputs: &mpsc::UnboundedSender<TerminalInput>, woken: &OwnedFd, gate: &ReadGate) {
    let mut filter = AnswerFilter::default();
    loop {
        let stdin = rustix::stdio::stdin();
        let fds = &mut [
            PollFd::new(&stdin, PollFlags::IN),
            PollFd::from_borrowed_fd(woken.as_fd(), PollFlags::IN),
        ];
        match poll(fds, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
        }
        let [typed, wake] = fds;
        let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        if typed.revents().intersects(gone) {
            return;
        }
        if !wake.revents().is_empty() {
            let mut byte = [0; 1];
            // The write end is dropped with the interface.
            if rustix::io::read(woken, &mut byte).unwrap_or(0) == 0 {
                return;
            }
        }
        gate.pass();
        if std::mem::take(&mut gate.lock().asks_for_kitty) {
            // This thread reads, so the answer arrives here. It keeps the keys that come before it.
            let answer = modes::while_nothing_is_written(terminal::supports_keyboard_enhancement);
            let is_sent = inputs.send(TerminalInput::Kitty(answer.unwrap_or(false))).is_ok();
            if !is_sent || !take(inputs, &mut filter) {
                return;
            }
            continue;
        }
        filter.expect(std::mem::take(&mut gate.lock().expected_answers));
        if typed.revents().contains(PollFlags::IN) && !take(inputs, &mut filter) {
            return;
        }
    }
}

/// Sends all available input; false if the receiver is dropped or reading fails.
fn take(inputs: &mpsc::UnboundedSender<TerminalInput>, filter: &mut AnswerFilter) -> bool {
    loop {
        match event::poll(POLL_TIMEOUT) {
            Ok(true) => {}
            Ok(false) => return true,
            Err(_) => return false,
        }
        let Ok(event) = event::read() else { return false };
        let known = match filter.push(event) {
            Filtered::Events(events) => events.into_iter().map(TerminalInput::Event).collect(),
            Filtered::Color(kind, color) => vec![TerminalInput::Color(kind, color)],
        };
        if known.into_iter().any(|input| inputs.send(input).is_err()) {
            return false;
        }
    }
}
