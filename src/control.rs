//! Control API of a running project: HTTP and JSON over a unix socket.
//!
//! ```text
//!   pitcrew ps, logs, restart …      curl --unix-socket
//!              \                        /
//!           [`Client`]  --- HTTP --->  [`Server`] (one per project, in the engine's process)
//!                  \                    |
//!                   +--- [`Control`] ---+--- [`LocalControl`]  over the engine's handle
//! ```
//!
//! [`Control`] is the API of a running project. [`LocalControl`] implements it over the engine's handle, the
//! [`Server`] exposes that on the socket, and a [`Client`] implements it over HTTP, so a front end works with
//! both. The types in [`wire`] define the JSON; the `OpenAPI` document is generated from them.

use std::future::Future;

mod blocking;
mod client;
mod command_goal;
mod connection_guard;
mod error;
mod event_log;
mod frame;
mod line_pattern;
mod local;
mod output_request;
mod process_details;
mod response_stream;
mod routes;
mod run_markers;
mod search;
mod server;
mod severity;
mod slice;
mod state_feed;
mod tail_watch;
mod tcp_auth;
mod terminal_protocol;
mod usage_sampler;
pub(crate) mod waiting;
pub mod wire;

pub use client::{BodyChunks, Client};
pub(crate) use error::ControlResult;
pub use error::{ControlError, ControlErrorKind};
pub use frame::{FrameReader, LineFormat, OutputFrame, push_log_file_line};
pub use local::LocalControl;
pub use response_stream::ResponseStream;
#[cfg(test)]
pub(crate) use run_markers::markers_of;
pub use server::Server;
pub use terminal_protocol::{TerminalReceiver, TerminalSender, TerminalStream};

use wire::{
    CheckReport, CommandResponse, ControlCommand, DetailsQuery, EventItem, OutputItem,
    OutputProgress, OutputQuery, ProcessDetails, ProgressQuery, ProjectState, ReloadRequest,
    ReloadResponse, ScreenQuery, ScreenResponse, SearchProgress, SearchQuery, SeekQuery,
    SeekResponse, ShutdownRequest, SliceQuery, SliceResponse, StateUpdate, WhyResponse,
};

/// The version of the protocol. It grows with each incompatible change.
pub const PROTOCOL: u32 = 1;
/// The header with the [`PROTOCOL`] of the sender.
pub const PROTOCOL_HEADER: &str = "pitcrew-protocol";
/// The header with the pitcrew version of the sender.
pub const VERSION_HEADER: &str = "pitcrew-version";

/// Whether resource usage is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Measure {
    /// Without usage, and without the delay of a measurement.
    #[default]
    No,
    Yes,
}

/// The API of a running project.
pub trait Control: Send + Sync {
    /// Returns the state of the project. Measuring takes a tenth of a second, unless it was done just before.
    fn status(&self, measure: Measure) -> impl Future<Output = ControlResult<ProjectState>> + Send;
    /// Streams the state of the project: the complete state first, then the changes. A slow client gets the
    /// latest state, and nothing is sent while nothing changes. With [`Measure::Yes`] usage is measured
    /// every five seconds while the stream exists.
    fn watch(
        &self,
        measure: Measure,
    ) -> impl Future<Output = ControlResult<ResponseStream<StateUpdate>>> + Send;
    /// Returns rows of the output. The scan ends when the future is dropped.
    fn slice(&self, query: SliceQuery)
    -> impl Future<Output = ControlResult<SliceResponse>> + Send;
    /// Streams the extent of the output whenever it changes; a slow client gets the latest.
    fn growth(
        &self,
        query: ProgressQuery,
    ) -> impl Future<Output = ControlResult<ResponseStream<OutputProgress>>> + Send;
    /// Searches the stored output: the nearest hits first, then the counts. The search ends when the stream
    /// is dropped.
    fn search(
        &self,
        query: SearchQuery,
    ) -> impl Future<Output = ControlResult<ResponseStream<SearchProgress>>> + Send;
    /// Finds the next line or start of a run in one direction. The scan ends when the future is dropped.
    fn seek(&self, query: SeekQuery) -> impl Future<Output = ControlResult<SeekResponse>> + Send;
    /// Returns the details of a process.
    fn details(
        &self,
        name: &str,
        query: DetailsQuery,
    ) -> impl Future<Output = ControlResult<ProcessDetails>> + Send;
    /// Returns why a process is in its state, down to the root cause.
    fn why(&self, name: &str) -> impl Future<Output = ControlResult<WhyResponse>> + Send;
    /// Streams the events after this number in batches; with `follow` also later ones.
    fn events(
        &self,
        after: u64,
        follow: bool,
    ) -> impl Future<Output = ControlResult<ResponseStream<Vec<EventItem>>>> + Send;
    /// Streams output lines in batches.
    fn output(
        &self,
        query: OutputQuery,
    ) -> impl Future<Output = ControlResult<ResponseStream<Vec<OutputItem>>>> + Send;
    /// Reads the project's files and returns their faults and warnings, as `check --json` does.
    fn check(&self) -> impl Future<Output = ControlResult<CheckReport>> + Send;
    /// Reads the project's files again and applies the changes, or only returns them.
    fn reload(
        &self,
        request: ReloadRequest,
    ) -> impl Future<Output = ControlResult<ReloadResponse>> + Send;
    /// Executes a command and returns the outcome for each process, once it has taken effect.
    fn execute(
        &self,
        command: ControlCommand,
    ) -> impl Future<Output = ControlResult<CommandResponse>> + Send;
    /// Returns the screen of a process with `tty`: that of its last run, if it is not running. With
    /// [`ScreenQuery::wait`] waits for another screen first, or for one that matches.
    ///
    /// # Errors
    /// [`ControlErrorKind::UnknownName`], [`ControlErrorKind::Conflict`] if the process has no terminal,
    /// [`ControlErrorKind::InvalidRequest`] if the regular expression is invalid.
    fn screen(
        &self,
        name: &str,
        query: ScreenQuery,
    ) -> impl Future<Output = ControlResult<ScreenResponse>> + Send;
    /// Attaches to the terminal of a process with `tty`, also before its first run and between runs. The
    /// stream ends when the project ends.
    ///
    /// # Errors
    /// [`ControlErrorKind::UnknownName`], [`ControlErrorKind::Conflict`] if the process has no terminal.
    fn terminal(&self, name: &str) -> impl Future<Output = ControlResult<TerminalStream>> + Send;
    /// Shuts down the project; returns when the shutdown has begun.
    fn shutdown(&self, request: ShutdownRequest) -> impl Future<Output = ControlResult<()>> + Send;
}
