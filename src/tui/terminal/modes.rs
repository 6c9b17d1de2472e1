//! Terminal modes: set once, restored once on every exit.

use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// Alternate screen, no cursor, bracketed paste, focus events.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?1004h";
/// Reverses [`ENTER`]; attributes are reset first, so that they do not colour later output.
const LEAVE: &str = "\x1b[0m\x1b[?1004l\x1b[?2004l\x1b[?1049l\x1b[?25h";
/// Buttons, drags, wheel, in coordinates that do not end at column 223.
pub(super) const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1002h\x1b[?1006h";
pub(super) const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1002l\x1b[?1000l";

/// The original modes while the interface has set its own. Global, because a panic in any thread must
/// restore them.
static ORIGINAL: Mutex<Option<Termios>> = Mutex::new(None);

/// Locked during a write, so that a panic does not write in the middle of a frame.
static WRITING: Mutex<()> = Mutex::new(());
/// A panic has restored the terminal: pending writes are dropped.
static ABANDONED: AtomicBool = AtomicBool::new(false);

/// How often, and at which interval, a panic checks whether a write has ended.
const MAX_CHECKS: u32 = 20;
const CHECK_INTERVAL: Duration = Duration::from_millis(10);

/// Sets the terminal to raw mode; returns the sequence to write to it. Called again after another
/// program has changed the modes, it keeps the original modes of the first call.
pub(super) fn enter(mouse: bool) -> io::Result<Vec<u8>> {
    let stdin = rustix::stdio::stdin();
    let current = tcgetattr(stdin)?;
    let mut raw = current.clone();
    raw.make_raw();
    tcsetattr(stdin, OptionalActions::Now, &raw)?;
    original().get_or_insert(current);
    ABANDONED.store(false, Ordering::SeqCst);
    Ok([ENTER, if mouse { MOUSE_ON } else { "" }].concat().into_bytes())
}

/// Returns the sequence that restores the terminal on exit.
pub(super) fn restore_sequence() -> Vec<u8> {
    [MOUSE_OFF, LEAVE].concat().into_bytes()
}

/// Restores the original modes, if they were changed.
pub(super) fn leave() {
    if let Some(original) = original().take() {
        _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &original);
    }
}

/// Restores everything, even during a write of another thread: for a panic.
pub(super) fn restore_now() {
    if is_entered() {
        ABANDONED.store(true, Ordering::SeqCst);
        let _no_write = await_write();
        let mut stdout = io::stdout();
        _ = stdout.write_all(&restore_sequence()).and_then(|()| stdout.flush());
        leave();
    }
}

/// Writes, unless a panic has restored the terminal.
pub(super) fn unless_abandoned(write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    if ABANDONED.load(Ordering::SeqCst) { Ok(()) } else { write() }
}

/// Waits until no write is running, for 200 ms at most: the terminal may not read at all.
fn await_write() -> Option<MutexGuard<'static, ()>> {
    for _ in 0..MAX_CHECKS {
        match WRITING.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(guard)) => return Some(guard.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::park_timeout(CHECK_INTERVAL),
        }
    }
    None
}

pub(super) fn is_entered() -> bool {
    original().is_some()
}

fn original() -> MutexGuard<'static, Option<Termios>> {
    ORIGINAL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Discards the output that the terminal has not read.
pub(super) fn discard() {
    let stdout = rustix::stdio::stdout();
    _ = rustix::termios::tcflush(stdout.as_fd(), rustix::termios::QueueSelector::OFlush);
}
