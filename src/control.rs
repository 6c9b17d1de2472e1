//! A running project looked at and steered from anywhere: HTTP and JSON over a unix socket.
//!
//! ```text
//!   pitcrew ps, logs, restart …      curl --unix-socket
//!              \                        /
//!           [`Client`]  --- HTTP --->  [`Server`] (one for each project, in the engine's process)
//!                  \                    |
//!                   +--- [`Control`] ---+--- [`Local`]  over the engine's session
//! ```
//!
//! [`Control`] is all that can be asked of a project. The server answers with what [`Local`] says,
//! and a [`Client`] passes on what the server says, so a front does not know which one it has.
//! The types in [`wire`] are the only place where the shapes of the JSON are written; the `OpenAPI`
//! document is made from them.

use std::future::Future;

mod client;
mod details;
mod door;
mod flow;
mod frame;
mod growth;
mod level;
mod local;
mod marks;
mod meter;
mod outcome;
mod output;
mod pattern;
mod problem;
mod ring;
mod routes;
mod search;
mod server;
mod slice;
mod state;
pub(crate) mod waiting;
pub mod wire;

pub use client::{Chunks, Client};
pub use flow::Flow;
pub use frame::{Form, Frames, Piece, put_bare_line};
pub use local::Local;
pub use problem::{Kind, Problem};
pub use server::Server;

use wire::{
    Asked, Checked, Details, Found, Given, Grown, Looked, Order, Outcome, Pushed, Reload, Reloaded,
    SearchAsked, SeekAsked, Sent, Shutdown, SliceAsked, SliceGiven, Sought, Status, Told, Whose,
    Why,
};

/// The version of what is said over the socket. Grows with each change that an older client or
/// server does not understand.
pub const PROTOCOL: u32 = 1;
/// The header by which both sides say their [`PROTOCOL`].
pub const PROTOCOL_HEADER: &str = "pitcrew-protocol";
/// The header by which both sides say the version of the program.
pub const VERSION_HEADER: &str = "pitcrew-version";

/// Whether it is measured what the processes take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// It is not, and nobody is held up by it.
    No,
    /// It is.
    Yes,
}

/// All that can be asked of a running project.
pub trait Control: Send + Sync {
    /// How everything is. Measuring takes a tenth of a second, unless it was done just before.
    fn status(&self, measure: Measure) -> impl Future<Output = Result<Status, Problem>> + Send;
    /// How everything is, with all that an interface shows; whole first, then what changes. Whoever
    /// is slow gets the latest, and nothing comes as long as nothing changes. As long as somebody
    /// watches with figures, they are measured every five seconds.
    fn watch(&self, measure: Measure)
    -> impl Future<Output = Result<Flow<Pushed>, Problem>> + Send;
    /// Some rows of the output. Dropped, it stops looking for more.
    fn slice(&self, asked: SliceAsked) -> impl Future<Output = Result<SliceGiven, Problem>> + Send;
    /// Whenever there is more or less of the output; whoever is slow gets the latest.
    fn growth(&self, whose: Whose) -> impl Future<Output = Result<Flow<Grown>, Problem>> + Send;
    /// Looks for something in all that is kept; the nearest first, then how much there is. Dropped,
    /// it stops looking.
    fn search(
        &self,
        asked: SearchAsked,
    ) -> impl Future<Output = Result<Flow<Found>, Problem>> + Send;
    /// The next line or start of a run in one direction. Dropped, it stops looking.
    fn seek(&self, asked: SeekAsked) -> impl Future<Output = Result<Sought, Problem>> + Send;
    /// All there is to know about one process.
    fn details(
        &self,
        name: &str,
        looked: Looked,
    ) -> impl Future<Output = Result<Details, Problem>> + Send;
    /// Why a process is where it is, down to the root.
    fn why(&self, name: &str) -> impl Future<Output = Result<Why, Problem>> + Send;
    /// Events after this number, a few at a time; later ones too if it is to follow.
    fn events(
        &self,
        after: u64,
        follow: bool,
    ) -> impl Future<Output = Result<Flow<Vec<Told>>, Problem>> + Send;
    /// Lines that were printed, some at a time.
    fn output(
        &self,
        asked: Asked,
    ) -> impl Future<Output = Result<Flow<Vec<Given>>, Problem>> + Send;
    /// Sends a line to the input of a process; answered when it was written.
    fn send(&self, sent: Sent) -> impl Future<Output = Result<(), Problem>> + Send;
    /// Reads the file again and says what is wrong with it, as `check --json` does.
    fn check(&self) -> impl Future<Output = Result<Checked, Problem>> + Send;
    /// Reads the file again and makes the project what it says, or tells what would be done.
    fn reload(&self, how: Reload) -> impl Future<Output = Result<Reloaded, Problem>> + Send;
    /// Does what is ordered and says what became of it, once it has.
    fn order(&self, order: Order) -> impl Future<Output = Result<Outcome, Problem>> + Send;
    /// Ends the project; answered as soon as it has begun to end.
    fn shutdown(&self, how: Shutdown) -> impl Future<Output = Result<(), Problem>> + Send;
}
