//! Control API of a running project: HTTP and JSON over a unix socket.
//!
//! ```text
//!   pitcrew ps, logs, restart …      curl --unix-socket
//!              \                        /
//!           [`Client`]  --- HTTP --->  [`Server`] (one for each project, in the engine's process)
//!                  \                    |
//!                   +--- [`Control`] ---+--- [`LocalControl`]  over the engine's handle
//! ```
//!
//! [`Control`] is all that can be asked of a project. The server answers with what [`LocalControl`] says,
//! and a [`Client`] passes on what the server says, so a front does not know which one it has.
//! The types in [`wire`] are the only place where the shapes of the JSON are written; the `OpenAPI`
//! document is made from them.

use std::future::Future;

mod blocking;
mod client;
mod command_goal;
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
mod usage_sampler;
pub(crate) mod waiting;
pub mod wire;

pub use client::{BodyChunks, Client};
pub use error::{ControlError, ControlErrorKind};
pub use frame::{Frame, FrameReader, LineFormat, put_bare_line};
pub use local::LocalControl;
pub use response_stream::ResponseStream;
#[cfg(test)]
pub(crate) use run_markers::markers_of;
pub use server::Server;

use wire::{
    CheckResponse, CommandResponse, ControlCommand, DetailsQuery, EventItem, OutputItem,
    OutputProgress, OutputQuery, ProcessDetails, ProgressQuery, ProjectState, ReloadRequest,
    ReloadResponse, SearchProgress, SearchQuery, SeekQuery, SeekResponse, ShutdownRequest,
    SliceQuery, SliceResponse, StateUpdate, WhyResponse,
};

/// The version of what is said over the socket. Grows with each change that an older client or
/// server does not understand.
pub const PROTOCOL: u32 = 1;
/// The header by which both sides say their [`PROTOCOL`].
pub const PROTOCOL_HEADER: &str = "pitcrew-protocol";
/// The header by which both sides say the version of the program.
pub const VERSION_HEADER: &str = "pitcrew-version";

/// Whether it is measured what the processes take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Measure {
    /// It is not, and nobody is held up by it.
    #[default]
    No,
    Yes,
}

/// All that can be asked of a running project.
pub trait Control: Send + Sync {
    /// How everything is. Measuring takes a tenth of a second, unless it was done just before.
    fn status(
        &self,
        measure: Measure,
    ) -> impl Future<Output = Result<ProjectState, ControlError>> + Send;
    /// How everything is, with all that an interface shows; whole first, then what changes. Whoever
    /// is slow gets the latest, and nothing comes as long as nothing changes. As long as somebody
    /// watches with figures, they are measured every five seconds.
    fn watch(
        &self,
        measure: Measure,
    ) -> impl Future<Output = Result<ResponseStream<StateUpdate>, ControlError>> + Send;
    /// Some rows of the output. Dropped, it stops looking for more.
    fn slice(
        &self,
        asked: SliceQuery,
    ) -> impl Future<Output = Result<SliceResponse, ControlError>> + Send;
    /// Whenever there is more or less of the output; whoever is slow gets the latest.
    fn growth(
        &self,
        whose: ProgressQuery,
    ) -> impl Future<Output = Result<ResponseStream<OutputProgress>, ControlError>> + Send;
    /// Looks for something in all that is kept; the nearest first, then how much there is. Dropped,
    /// it stops looking.
    fn search(
        &self,
        asked: SearchQuery,
    ) -> impl Future<Output = Result<ResponseStream<SearchProgress>, ControlError>> + Send;
    /// The next line or start of a run in one direction. Dropped, it stops looking.
    fn seek(
        &self,
        asked: SeekQuery,
    ) -> impl Future<Output = Result<SeekResponse, ControlError>> + Send;
    /// All there is to know about one process.
    fn details(
        &self,
        name: &str,
        looked: DetailsQuery,
    ) -> impl Future<Output = Result<ProcessDetails, ControlError>> + Send;
    /// Why a process is where it is, down to the root.
    fn why(&self, name: &str) -> impl Future<Output = Result<WhyResponse, ControlError>> + Send;
    /// Events after this number, a few at a time; later ones too if it is to follow.
    fn events(
        &self,
        after: u64,
        follow: bool,
    ) -> impl Future<Output = Result<ResponseStream<Vec<EventItem>>, ControlError>> + Send;
    /// Lines that were printed, some at a time.
    fn output(
        &self,
        asked: OutputQuery,
    ) -> impl Future<Output = Result<ResponseStream<Vec<OutputItem>>, ControlError>> + Send;
    /// Reads the file again and says what is wrong with it, as `check --json` does.
    fn check(&self) -> impl Future<Output = Result<CheckResponse, ControlError>> + Send;
    /// Reads the file again and makes the project what it says, or tells what would be done.
    fn reload(
        &self,
        how: ReloadRequest,
    ) -> impl Future<Output = Result<ReloadResponse, ControlError>> + Send;
    /// Carries out a command and returns what became of each process, once it has taken effect.
    fn execute(
        &self,
        command: ControlCommand,
    ) -> impl Future<Output = Result<CommandResponse, ControlError>> + Send;
    /// Ends the project; answered as soon as it has begun to end.
    fn shutdown(
        &self,
        how: ShutdownRequest,
    ) -> impl Future<Output = Result<(), ControlError>> + Send;
}
