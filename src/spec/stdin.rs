//! `stdin`: what a process reads.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StdinKind {
    /// An input that never ends and never brings anything.
    Open,
    /// `/dev/null`: an input that is at its end at once.
    Null,
    /// A pipe that stays open; lines can be sent.
    Pipe,
}
