//! Terminal input, read on a separate thread.
//!
//! The thread looks itself whether there is something to read, and asks crossterm only then: asked
//! about a terminal that is gone, crossterm's own loop would use a whole core for ever.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crossterm::event::{self, Event};
use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::mpsc;

/// How long crossterm is asked for more: asked for no time at all, it does not look.
///
/// It is built with `use-dev-tty`, for the source that asks `poll` anew each time. The usual one
/// waits for edges, and forgets what is typed at the moment the window gets another size: the key
/// is seen with the next one, and until then this thread has something to read and gets nothing.
const MOMENT: Duration = Duration::from_millis(1);

/// What came from the terminal.
#[derive(Debug)]
pub enum TerminalInput {
    /// A key, the mouse, pasted text.
    Event(Event),
    Gone,
}

/// Whether the thread may read.
#[derive(Debug, Default)]
struct ReadGate {
    is_shut: Mutex<ClosedGate>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct ClosedGate {
    wanted: bool,
    done: bool,
}

#[derive(Debug)]
pub(super) struct InputReader {
    gate: Arc<ReadGate>,
    /// A byte wakes the thread.
    waker: OwnedFd,
}

impl InputReader {
    /// Begins to read; what comes is sent.
    pub(super) fn start(inputs: mpsc::UnboundedSender<TerminalInput>) -> io::Result<Self> {
        let (woken, waker) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let gate = Arc::new(ReadGate::default());
        let of_thread = Arc::clone(&gate);
        std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
            read(&inputs, &woken, &of_thread);
            _ = inputs.send(TerminalInput::Gone);
        })?;
        Ok(Self { gate, waker })
    }

    /// Leaves what is typed to somebody else; returns when that is so.
    pub(super) fn pause(&self) {
        self.gate.lock().wanted = true;
        _ = rustix::io::write(&self.waker, b".");
        let shut = self.gate.lock();
        // The thread may have ended with its terminal.
        let limit = Duration::from_secs(1);
        _ = self.gate.changed.wait_timeout_while(shut, limit, |shut| !shut.done);
    }

    pub(super) fn resume(&self) {
        *self.gate.lock() = ClosedGate::default();
        self.gate.changed.notify_all();
    }
}

impl ReadGate {
    fn lock(&self) -> std::sync::MutexGuard<'_, ClosedGate> {
        self.is_shut.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self) {
        let mut shut = self.lock();
        while shut.wanted {
            shut.done = true;
            self.changed.notify_all();
            shut = self.changed.wait(shut).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Reads until the terminal is gone or nobody listens.
fn read(inputs: &mpsc::UnboundedSender<TerminalInput>, woken: &OwnedFd, gate: &ReadGate) {
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
            // The other side is dropped with the interface.
            if rustix::io::read(woken, &mut byte).unwrap_or(0) == 0 {
                return;
            }
        }
        gate.pass();
        if typed.revents().contains(PollFlags::IN) && !take(inputs) {
            return;
        }
    }
}

/// Takes all there is; false when nobody listens or it cannot be read.
fn take(inputs: &mpsc::UnboundedSender<TerminalInput>) -> bool {
    loop {
        match event::poll(MOMENT) {
            Ok(true) => {}
            Ok(false) => return true,
            Err(_) => return false,
        }
        let Ok(event) = event::read() else { return false };
        if inputs.send(TerminalInput::Event(event)).is_err() {
            return false;
        }
    }
}
