//! Terminal modes: set once, restored once on every exit.

use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use crate::terminal::CursorShape;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// Alternate screen, no cursor, bracketed paste, focus events.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?1004h";
/// Reverses [`ENTER`]; attributes are reset first, so that they do not colour later output.
const LEAVE: &str = "\x1b[0m\x1b[?1004l\x1b[?2004l\x1b[?1049l\x1b[?25h";
/// Buttons, drags, wheel, in coordinates that do not end at column 223.
pub(super) const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1002h\x1b[?1006h";
pub(super) const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1002l\x1b[?1000l";

/// Keys that cannot be confused, and their releases: flags 1 and 2 of the protocol of kitty.
const KITTY_ON: &str = "\x1b[>3u";
const KITTY_OFF: &str = "\x1b[<u";
const SHAPE_OFF: &str = "\x1b[0 q";

/// Whether [`KITTY_ON`] was written and has to be taken back.
static HAS_KITTY: AtomicBool = AtomicBool::new(false);
/// Whether the cursor has another shape than usual.
static HAS_SHAPE: AtomicBool = AtomicBool::new(false);

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
    // Without it crossterm takes Ctrl-J for Enter. The modes that it would restore are never restored.
    _ = crossterm::terminal::enable_raw_mode();
    Ok([ENTER, if mouse { MOUSE_ON } else { "" }].concat().into_bytes())
}

/// Returns the sequence that restores the terminal on exit.
pub(super) fn restore_sequence() -> Vec<u8> {
    let kitty = if HAS_KITTY.swap(false, Ordering::SeqCst) { KITTY_OFF } else { "" };
    let shape = if HAS_SHAPE.swap(false, Ordering::SeqCst) { SHAPE_OFF } else { "" };
    // The stack of kitty is that of the screen that is left.
    [kitty, shape, MOUSE_OFF, LEAVE].concat().into_bytes()
}

/// Returns the sequence that turns the keyboard protocol of kitty on or off; nothing if it is so.
pub(super) fn set_kitty(on: bool) -> Vec<u8> {
    if HAS_KITTY.swap(on, Ordering::SeqCst) == on {
        return Vec::new();
    }
    if on { KITTY_ON } else { KITTY_OFF }.as_bytes().to_vec()
}

/// Returns the sequence that gives the cursor a shape; `None` for the usual one.
pub(super) fn set_cursor_shape(shape: Option<(CursorShape, bool)>) -> Vec<u8> {
    let had = HAS_SHAPE.swap(shape.is_some(), Ordering::SeqCst);
    let number = match shape {
        None if had => 0,
        None => return Vec::new(),
        Some((CursorShape::Block, blinking)) => 2 - u8::from(blinking),
        Some((CursorShape::Underline, blinking)) => 4 - u8::from(blinking),
        Some((CursorShape::Bar, blinking)) => 6 - u8::from(blinking),
    };
    format!("\x1b[{number} q").into_bytes()
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

/// Performs something that writes to the terminal itself, between two writes.
pub(super) fn while_nothing_is_written<T>(work: impl FnOnce() -> T) -> T {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    work()
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
