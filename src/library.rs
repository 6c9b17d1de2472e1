//! Commands from a program: [`ProcessManager`], [`ProcessPool`], [`Pipeline`] and typed events, on the
//! same engine that runs a project.
//!
//! A [`Command`] becomes a lifecycle like that of a declared process, which is a member until it has
//! ended for good. What is known about it stands in a record that the engine's loop keeps up itself
//! (`record.rs`), so whoever sees an event finds everything else as it says. Output is pulled: it lies in
//! a bounded [`Capture`](crate::output::Capture), and streams read it from there.

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
pub use streams::{Chunks, Cursor, Line, Lines};
