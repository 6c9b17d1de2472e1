//! Run and supervise child processes.
//!
//! pitcrew is a process orchestrator. The `pitcrew` program runs the processes of a project from a
//! `procfile.toml`; this library runs commands from a Rust program on the same engine: with time
//! limits, retries, pools, pipelines, live output and typed events. Every command runs in a process
//! group, and no descendant outlives it.
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
//! - [`ProcessManager`] starts [`Command`]s and stops them; a [`ProcessHandle`] controls a running
//!   command, a [`ProcessResult`] says how it ended.
//! - [`ProcessPool`] runs many commands, a fixed number at the same time.
//! - [`Pipeline`] connects commands by pipes.
//! - [`Event`]s report every change of state; [`Snapshot`] is the state of all commands.
//! - [`testing`] has a host that runs scripts instead of processes, for tests in simulated time.
//!
//! # Architecture
//!
//! ```text
//!   ProcessManager    command line, signals    TUI, HTTP API
//!          |                    |                    |
//!          +-------------- requests -----------------+
//!                               v
//!           +-----------------------------------------+
//!   Fact -->|  engine: one event loop                 |--> Effect --> one task per run
//!           |  supervisor: a pure state machine       |               spawn, signal, drain, reap
//!           +-----------------------------------------+                        |
//!     ^          |                  |                                          | bytes
//!     |          v                  v                                          v
//!     |      snapshots           events                             output (bounded memory)
//!     +-- run tasks
//! ```
//!
//! The supervisor decides and does no I/O; the engine performs its effects and reports the results as
//! facts. `docs/architecture.md` describes the layers. Modules that are not listed here are internal:
//! they may change in every release.
//!
//! # Features
//!
//! - `cli` (default): the `pitcrew` program, with `control`.
//! - `tui` (default): the terminal interface of the program.
//! - `control`: the control socket of a project, its client, and the HTTP API.
//! - `mcp`: `pitcrew mcp`, tools for assistants.
//!
//! A program that uses the library needs none of them: `default-features = false`. The library
//! installs no signal handlers and never writes to the terminal.

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
pub mod spec;
#[doc(hidden)]
pub mod sys;
#[doc(hidden)]
pub mod terminal;
pub mod testing;
#[cfg(feature = "tui")]
#[doc(hidden)]
pub mod tui;
mod watch;

pub use library::{
    Attempt, Chunks, Command, CommandFault, Cursor, Error, Events, Job, Line, Lines, Observer,
    Output, Pipeline, PipelineResult, PoolJob, PoolResults, ProcessHandle, ProcessManager,
    ProcessPool, ProcessResult, Retry, ScreenContent, Stdin, TimeLimit,
};
pub use machine::event::{self, Event};
pub use machine::{
    Moment, PoolStatus, ProbeView, ProcessId, ProcessRecord, ProcessView, ProjectPhase,
    ShutdownReason, Snapshot, StateName, WatchState,
};
pub use output::{CaptureLimit, CapturedChunk, KeepSide, Stream};
pub use spec::{
    CheckRole, CommandLine, Condition, Exit, FaultItem, Name, OnFailure, ProbeResult, ProcessKind,
    Signal, StartError, StartErrorKind, StopPolicy, Stray, StraysPolicy, UnknownChoice,
    UnknownSignal, WatchAction,
};
