//! Terminal modes: set once, restored once on every exit.

use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// Alternate screen, no cursor, pasted text marked as such, focus told.
const ON: &str = "\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?1004h";
/// The opposite order; attributes off first, so that nothing of ours colours what follows.
const OFF: &str = "\x1b[0m\x1b[?1004l\x1b[?2004l\x1b[?1049l\x1b[?25h";
/// Buttons, drags, wheel, in coordinates that do not end at column 223.
pub(super) const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1002h\x1b[?1006h";
pub(super) const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1002l\x1b[?1000l";

/// The modes as they were, while they are ours. Known to the whole program, as a panic anywhere has
/// to give them back.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Held while something is written, so that a panic does not tell its own in the middle of a frame.
static WRITING: Mutex<()> = Mutex::new(());
/// A panic has given it back: what is still on its way to it is nothing any more.
static ABANDONED: AtomicBool = AtomicBool::new(false);

/// How often a panic looks whether what is being written is written, and how long it waits for that.
const LOOKS: u32 = 20;
const LOOK: Duration = Duration::from_millis(10);

/// Takes the terminal: raw. What it has to be told is returned.
pub(super) fn take(mouse: bool) -> io::Result<Vec<u8>> {
    let stdin = rustix::stdio::stdin();
    let before = tcgetattr(stdin)?;
    let mut raw = before.clone();
    raw.make_raw();
    tcsetattr(stdin, OptionalActions::Now, &raw)?;
    let mut held = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    // Whatever was there when it was taken for the first time is what it gets back.
    held.get_or_insert(before);
    ABANDONED.store(false, Ordering::SeqCst);
    let mut told = ON.as_bytes().to_vec();
    if mouse {
        told.extend_from_slice(MOUSE_ON.as_bytes());
    }
    Ok(told)
}

/// Takes it again after something else had it: the modes may be any.
pub(super) fn retake(mouse: bool) -> io::Result<Vec<u8>> {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let told = take(mouse)?;
    if before.is_some() {
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = before;
    }
    Ok(told)
}

/// What the terminal has to be told when it is given back.
pub(super) fn farewell() -> Vec<u8> {
    [MOUSE_OFF.as_bytes(), OFF.as_bytes()].concat()
}

/// Gives the modes back; false when they are not ours.
pub(super) fn give_back() -> bool {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(before) = before else { return false };
    _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &before);
    true
}

/// Gives everything back, whoever is writing at the moment: the way out of a panic.
pub(super) fn give_back_now() {
    if is_taken() {
        ABANDONED.store(true, Ordering::SeqCst);
        let _nobody_writes = stopped_writing();
        let mut stdout = io::stdout();
        _ = stdout.write_all(&farewell()).and_then(|()| stdout.flush());
        give_back();
    }
}

/// Writes something, unless a panic has given the terminal back.
pub(super) fn while_ours(write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let _held = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    if ABANDONED.load(Ordering::SeqCst) { Ok(()) } else { write() }
}

/// Waits until nobody writes; not for long, as the terminal may take nothing.
fn stopped_writing() -> Option<MutexGuard<'static, ()>> {
    for _ in 0..LOOKS {
        match WRITING.try_lock() {
            Ok(held) => return Some(held),
            Err(TryLockError::Poisoned(held)) => return Some(held.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::park_timeout(LOOK),
        }
    }
    None
}

pub(super) fn is_taken() -> bool {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner).is_some()
}

/// Throws away what the terminal has not taken.
pub(super) fn discard() {
    let stdout = rustix::stdio::stdout();
    _ = rustix::termios::tcflush(stdout.as_fd(), rustix::termios::QueueSelector::OFlush);
}
