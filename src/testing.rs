//! Test host: runs nothing; a script defines what each command does.
//!
//! It replaces the operating system below the engine, so everything above it is real in a test:
//! retries, timeouts, stops, pools, events, output. Under tokio's paused time minutes pass instantly,
//! and deterministically:
//!
//! ```
//! use std::time::Duration;
//! use pitcrew::testing::{Script, ScriptedHost};
//! use pitcrew::{Command, Error, ProcessManager};
//!
//! // In a test: #[tokio::test(start_paused = true)]
//! #[tokio::main(flavor = "current_thread", start_paused = true)]
//! async fn main() {
//!     let host = ScriptedHost::new().on("backup *", Script::forever().out("begun"));
//!     let manager = ProcessManager::with_host(host.clone());
//!
//!     let hour = Duration::from_secs(3600);
//!     let error = manager.run(Command::shell("backup /home").timeout(hour)).await.unwrap_err();
//!     assert!(matches!(error, Error::TimedOut { .. }));
//!     assert_eq!(host.assert_ran("backup *").signals()[0].after, hour);
//! }
//! ```
//!
//! `docs/testing.md` shows how to test with it.

mod actor;
mod answer;
mod assertions;
mod call;
mod child;
mod gate;
mod host;
mod pattern;
mod pipe;
mod run;
mod run_fds;
mod script;
mod scripted_fds;
mod scripted_project;

pub use crate::machine::ProjectExit;
pub use answer::{Answer, Sequence, SequenceBuilder};
pub use call::Call;
#[doc(hidden)]
pub use child::ScriptedChild;
pub use gate::Gate;
pub use host::ScriptedHost;
pub use pattern::Pattern;
#[doc(hidden)]
pub use pipe::ScriptedInput;
pub use run::{Run, SentSignal, SignalTarget};
pub use script::{Grandchild, Script};
pub use scripted_project::{ProjectError, ScriptedProject};

/// Runs the examples of docs/testing.md as doctests.
#[cfg(doctest)]
#[doc = include_str!("../docs/testing.md")]
mod page {}
