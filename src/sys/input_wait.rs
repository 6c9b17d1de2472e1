//! Whether a run waits for input: blocks in a read of its terminal or of the pipe it was given.
//!
//! The rule, for each process of the run:
//!
//! 1. A thread waits for the input: it is in `read` of it, or in `poll`, `select` or `epoll_wait`
//!    without a timeout where the input is the only thing from outside that can wake it.
//! 2. No other thread is busy or waits for anything from outside (network, files, a child, time).
//!    Locks, threads, event descriptors and signals are not from outside. So a server that also
//!    listens to its input does not count.
//! 3. With `epoll_wait`, or beside an event descriptor, it has no living child: such a loop can
//!    wait for a child's end by a signal, which cannot be seen. `read` of a shell at its prompt
//!    counts, whatever runs in its background.
//! 4. With a terminal, it is in the foreground: others may not read.
//! 5. It has not run and written nothing for [`SETTLE`].
//!
//! A program of another user (`sudo`) cannot be looked into. It counts if the terminal is in the
//! mode that secrets are asked in: whole lines, no echo.
//!
//! Where `/proc/PID/syscall` cannot be read, nothing is said to wait. Editors and pagers wait for
//! input most of the time, and are said to.

mod call;
mod decide;
mod proc;

pub(super) use decide::waiting_thread;
pub use decide::{InputDetector, WaitingThread};
pub(super) use proc::{InputId, read_process};
