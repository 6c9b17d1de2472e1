//! `stdin`: what a process reads.

use super::choices;

choices! {
    /// What a process reads.
    pub enum StdinKind {
        /// An input that never ends and never brings anything.
        Open = "open",
        /// `/dev/null`: an input that is at its end at once.
        Null = "null",
        /// A pipe that stays open; lines can be sent.
        Pipe = "pipe",
    }
}
