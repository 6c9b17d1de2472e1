//! Standard input of a process.

use super::choices;

choices! {
    /// The standard input of a process.
    pub enum StdinKind {
        /// An input that stays open without data.
        Open = "open",
        /// `/dev/null`: an empty input.
        Null = "null",
        /// A pipe that stays open; lines can be sent to it.
        Pipe = "pipe",
    }
}
