//! Terminals of processes: the emulated screen, and the encoding of keys, paste, mouse and focus.
//!
//! Pure: no I/O, no clock, no runtime. [`TerminalScreen`] takes the bytes of a child and gives the output for
//! the log, replies to queries, and frames for viewers; [`key`] turns input events into the bytes
//! that the child expects. `sys/pty.rs` opens the pseudo-terminal, and the run task connects both.

pub mod key;
mod screen;

pub use screen::*;
