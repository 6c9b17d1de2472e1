//! Signal masks and dispositions of this process, which rustix lacks.
#![expect(unsafe_code, reason = "signal sets and dispositions")]

use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

/// A set of signal numbers.
pub(super) struct SignalSet(libc::sigset_t);

impl SignalSet {
    pub(super) fn of(numbers: impl IntoIterator<Item = i32>) -> Self {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigemptyset initialises the set, to which sigaddset adds.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for number in numbers {
                libc::sigaddset(set.as_mut_ptr(), number);
            }
            Self(set.assume_init())
        }
    }

    /// Blocks these signals too in this thread; returns the previous mask.
    pub(super) fn block(&self) -> io::Result<Self> {
        self.change_mask(libc::SIG_BLOCK)
    }

    pub(super) fn unblock(&self) -> io::Result<()> {
        self.change_mask(libc::SIG_UNBLOCK).map(drop)
    }

    /// Makes this set the mask of this thread.
    pub(super) fn set_as_mask(&self) -> io::Result<()> {
        self.change_mask(libc::SIG_SETMASK).map(drop)
    }

    fn change_mask(&self, how: i32) -> io::Result<Self> {
        let mut before = MaybeUninit::zeroed();
        // SAFETY: two sets that live for the call.
        match unsafe { libc::pthread_sigmask(how, &raw const self.0, before.as_mut_ptr()) } {
            // SAFETY: the call has filled it in.
            0 => Ok(Self(unsafe { before.assume_init() })),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    /// Waits for one of these blocked signals, for at most `limit`. `None` if interrupted.
    pub(super) fn wait(&self, limit: Option<Duration>) -> Option<i32> {
        let limit = limit.map(|limit| libc::timespec {
            tv_sec: libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: limit.subsec_nanos().into(),
        });
        let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: a set and a limit that live for the call; no information is asked for.
        match unsafe { libc::sigtimedwait(&raw const self.0, std::ptr::null_mut(), limit) } {
            number @ 1.. => Some(number),
            _ => None,
        }
    }
}

/// Whether this process ignores a signal; `false` if there is no such signal.
pub(super) fn is_ignored(number: i32) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: only reads the disposition into a structure of plain data.
    unsafe {
        libc::sigaction(number, std::ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// Resets a signal to its default disposition.
pub(super) fn reset(number: i32) {
    // SAFETY: sets a disposition to its default; no handler is involved.
    unsafe { libc::signal(number, libc::SIG_DFL) };
}
