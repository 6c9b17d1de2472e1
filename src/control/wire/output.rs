//! Types of output slices and of output progress.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::line_query::line_query;
use super::{OutputLine, Severity};
use crate::machine::event::Cause;
use crate::spec::choices;

line_query! {
    /// Which part of the output is wanted. Without `at`, `before` or `after`, its end.
    ///
    /// A place is the number of a line, or `LINE.EVENT` for the mark of this event before that line.
    pub struct SliceQuery {
        /// Only what comes after this place: what is cleared away is not shown again.
        pub cleared: Option<String>,
        /// From this place on, and what comes before it if that is not enough.
        pub at: Option<String>,
        /// What ends right before this place.
        pub before: Option<String>,
        /// What begins right after this place.
        pub after: Option<String>,
        /// With `at`: so many rows before it too.
        pub above: Option<usize>,
        /// So many rows at most, 100 unless said; 10,000 are the most.
        pub rows: Option<usize>,
        /// Without rows for starts and ends of runs.
        pub no_marks: bool,
    }
}

/// A part of the output.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct SliceResponse {
    /// In the order of arrival. Fewer than asked for where they are very long.
    pub rows: Vec<OutputRow>,
    /// Lines that have not come to their end, such as a prompt; where the end of the output is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partials: Vec<OutputLine>,
    /// There is more before, or time ran out before it was known.
    pub before: bool,
    /// There is more after, or time ran out before it was known.
    pub after: bool,
    /// Time ran out in this direction: what is `before` this place has not been looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_from: Option<String>,
    /// Time ran out in this direction: what is `after` this place has not been looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_from: Option<String>,
    /// How many lines are kept of these names, whatever the filter.
    pub lines: u64,
    /// How many of them come before the first row.
    pub above: u64,
    /// The number of the first of them that is kept.
    pub first: Option<u64>,
    /// The number the next line of the project has: whatever comes after that was not looked at.
    pub next: u64,
}

/// A line, or what happened between lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum OutputRow {
    /// A line.
    Line {
        /// What it is.
        #[serde(flatten)]
        line: OutputLine,
        /// How grave it says it is, if it says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        level: Option<Severity>,
        /// It is a piece of a line that was too long, and goes on in the next one of its stream.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        continues: bool,
    },
    /// A run started or ended here.
    Mark(RunMarker),
}

impl OutputRow {
    /// Where it stands, as `at`, `before` and `after` take it.
    pub fn place(&self) -> String {
        match self {
            Self::Line { line, .. } => line.seq.to_string(),
            Self::Mark(mark) => format!("{}.{}", mark.seq, mark.event),
        }
    }
}

/// A run started or ended between two lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunMarker {
    /// It stands before the line with this number.
    pub seq: u64,
    /// The number of the event.
    pub event: u64,
    /// When it happened: RFC 3339 with milliseconds.
    pub time: String,
    /// `worker.1`
    pub name: String,
    /// Which run of it.
    pub run: u32,
    /// What happened.
    pub kind: RunMarkerKind,
    /// Whether the run ended well, where it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// How long the run took, where it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The same in words that go after the name: `failed: exit 1 after 8.1s`.
    pub text: String,
    /// What follows, if something does: `retry 5 of 8 in 8s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Why.
    pub cause: Cause,
}

choices! {
    /// What happened to a run.
    pub enum RunMarkerKind {
        /// It started.
        Started = "started",
        /// It ended.
        Ended = "ended",
    }
}

/// That there is more, or less, of the output than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct OutputProgress {
    /// The number the next line of the project will have.
    pub next: u64,
    /// How many lines are kept of the names that were asked about.
    pub lines: u64,
    /// The number of the first of them that is kept.
    pub first: Option<u64>,
    /// How often something has happened to a run.
    pub marks: u64,
    /// How often an unfinished line was shown, such as a prompt.
    pub partials: u64,
    /// How many lines have come `since`, of those that are counted.
    pub new: u64,
}

line_query! {
    /// Whose output is meant, and which of its lines are counted.
    pub struct ProgressQuery {
        /// Counts lines from the one with this number on.
        pub since: Option<u64>,
    }
}
