//! pitcrew runs the processes of a project: declared in one file or built in code, started in the
//! right order, kept alive, and always able to say why they are in the state they are in.
//!
//! ```text
//!     library call     Ctrl-C / SIGTERM     a front
//!            \                |              /
//!             +---------- [`Intent`] -------+
//!                             |
//!                             v
//!           +-----------------------------------+
//!  Fact --->|  [`engine`]: the one loop         |
//!           |    step = machine.step(now, input)|---> Effect ---> one task per run ([`sys`])
//!           +-----------------------------------+                        |
//!     ^           |                 |                                    | bytes
//!     |           v                 v                                    v
//!     |    [`Snapshot`]s       [`Event`]s                     [`output`]: LogStore (bounded)
//!     +---- run task              |                                      |
//!                 +---------------+--------------------------------------+
//!                                 |  read only, through one [`session`]
//!                                 v
//!                        plain lines, your program
//! ```
//!
//! - [`spec`] is what was asked for, checked: a `procfile.toml` without its syntax.
//! - [`machine`] decides everything and touches nothing: no clock, no I/O, no thread.
//! - [`sys`] is the seam to the operating system: a host launches, a child is one live run.
//! - [`output`] keeps what children print, byte for byte, within a budget, and in log files.
//! - [`probe`] asks once what a check asks, within bounds.
//! - [`engine`] is the loop between them; [`session`] is what a front has in hand.
//! - `control` serves that session over a socket, and is the other end of it.
//! - [`plain`] is the headless front, `tui` the interface on a terminal, [`cli`] the program.
//! - [`testing`] is a host for tests that runs nothing.
//!
//! For programs there is [`ProcessManager`]: it runs [`Command`]s on the same engine, alone, in a
//! [`ProcessPool`] or in a [`Pipeline`], and tells [`Event`]s.
//!
//! ```
//! use pitcrew::{Command, ProcessManager};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), pitcrew::Error> {
//! let manager = ProcessManager::new();
//! let result = manager.run(Command::new("echo").arg("hello")).await?;
//! assert_eq!(result.stdout(), b"hello\n");
//! # Ok(())
//! # }
//! ```
//!
//! [`Intent`]: machine::Intent
//! [`Snapshot`]: machine::Snapshot

/// The code of these pages compiles.
#[cfg(doctest)]
#[doc = include_str!("../docs/library.md")]
mod library_page {}
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "control")]
#[doc(hidden)]
pub mod control;
#[doc(hidden)]
pub mod engine;
mod library;
#[doc(hidden)]
pub mod machine;
#[doc(hidden)]
pub mod output;
#[doc(hidden)]
pub mod plain;
#[doc(hidden)]
pub mod probe;
#[doc(hidden)]
pub mod session;
#[doc(hidden)]
pub mod spec;
#[doc(hidden)]
pub mod sys;
pub mod testing;
#[cfg(feature = "tui")]
#[doc(hidden)]
pub mod tui;
mod watch;

pub use library::{
    Attempt, Chunks, Command, CommandFault, Cursor, Error, Events, Job, Line, Lines, Observer,
    Output, Pipeline, PipelineResult, PoolJob, PoolResults, ProcessHandle, ProcessManager,
    ProcessPool, ProcessResult, Retry, Stdin, TimeLimit,
};
pub use machine::event::{self, Event};
pub use machine::{ProcessId, ProcessView, Snapshot, StateName};
pub use output::{CaptureLimit, CapturedChunk, KeepSide, Stream};
pub use spec::{
    Exit, OnFailure, Signal, StartError, StartErrorKind, StopPolicy, Stray, StraysPolicy,
};
