//! Library API: [`ProcessManager`], [`ProcessPool`], [`Pipeline`] and typed events, on the engine that
//! also runs projects.
//!
//! A [`Command`] becomes a lifecycle like that of a declared process, and is a member until it has
//! finally ended. The engine's loop keeps its record up to date (`record.rs`), so the receiver of
//! an event finds everything else in the same state. Output is pulled: a bounded
//! [`Capture`](crate::output::Capture) stores it, and streams read it from there.

mod command;
mod error;
mod events;
mod handle;
mod manager;
mod manager_core;
mod pipeline;
mod plan;
mod pool;
mod record;
mod result;
mod retry;
mod screen;
mod streams;

pub use command::{Command, Output, Stdin};
pub use error::{CommandFault, Error, TimeLimit};
pub use events::{Events, Observer};
pub use handle::ProcessHandle;
pub use manager::ProcessManager;
pub use pipeline::{Pipeline, PipelineResult};
pub use pool::{Job, PoolJob, PoolResults, ProcessPool};
pub use result::{Attempt, ProcessResult};
pub use retry::Retry;
pub use screen::ScreenContent;
pub use streams::{Chunks, Cursor, Line, Lines};
