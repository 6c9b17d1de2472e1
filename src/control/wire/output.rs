//! Types of output slices and of output progress.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::line_query::line_query;
use super::{OutputLine, Severity};
use crate::machine::event::Cause;
use crate::spec::choices;

line_query! {
    /// Which part of the output to return. Without `at`, `before` and `after`: its end.
    ///
    /// A position is a line number, or `LINE.EVENT` for the marker of this event before that line.
    pub struct SliceQuery {
        /// Only rows after this position: rows that were cleared are not shown again.
        pub cleared: Option<String>,
        /// Rows from this position on, and rows before it if there are fewer than `rows`.
        pub at: Option<String>,
        /// The last rows before this position.
        pub before: Option<String>,
        /// The first rows after this position.
        pub after: Option<String>,
        /// With `at`: the number of rows before the position to include.
        pub above: Option<usize>,
        /// The most rows to return; default: 100, maximum: 10,000.
        pub rows: Option<usize>,
        /// Omit the markers for starts and ends of runs.
        pub no_marks: bool,
    }
}

/// A part of the output: rows, and how many lines surround them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct SliceResponse {
    /// The rows in order of arrival. Fewer than requested if lines are very long.
    pub rows: Vec<OutputRow>,
    /// Unfinished lines, such as a prompt; only if the slice reaches the end of the output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partials: Vec<OutputLine>,
    /// There are more rows before these, or the scan hit its time limit.
    pub before: bool,
    /// There are more rows after these, or the scan hit its time limit.
    pub after: bool,
    /// The scan hit its time limit: continue with `before` this position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_from: Option<String>,
    /// The scan hit its time limit: continue with `after` this position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_from: Option<String>,
    /// Number of stored lines of the selected names, regardless of the filter.
    pub lines: u64,
    /// Number of these lines before the first row.
    pub above: u64,
    /// The line number of the first of these lines.
    pub first: Option<u64>,
    /// The number of the project's next line; later lines were not considered.
    pub next: u64,
}

/// A row of the output: a line, or a marker between lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum OutputRow {
    /// A line of output.
    Line {
        /// The line.
        #[serde(flatten)]
        line: OutputLine,
        /// The severity that the line states, if it states one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        level: Option<Severity>,
        /// The line is a piece of a line that was too long, and continues in the next line of its stream.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        continues: bool,
    },
    /// A start or an end of a run.
    Mark(RunMarker),
}

impl OutputRow {
    /// Returns the position of the row, as `at`, `before` and `after` accept it.
    pub fn position(&self) -> String {
        match self {
            Self::Line { line, .. } => line.seq.to_string(),
            Self::Mark(mark) => format!("{}.{}", mark.seq, mark.event),
        }
    }
}

/// A start or an end of a run, between two lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunMarker {
    /// The marker is placed before the line with this number.
    pub seq: u64,
    /// The number of the event.
    pub event: u64,
    /// When it happened: RFC 3339 with milliseconds.
    pub time: String,
    /// Name of the process, such as `worker.1`.
    pub name: String,
    /// Number of the run.
    pub run: u32,
    /// Whether the run started or ended.
    pub kind: RunMarkerKind,
    /// Whether the run succeeded, if it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// How long the run took, if it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The text that follows the name, such as `failed: exit 1 after 8.1s`.
    pub text: String,
    /// The next step after the run, if there is one, such as `retry 5 of 8 in 8s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Why the run started or ended.
    pub cause: Cause,
}

choices! {
    /// The kind of a run marker.
    pub enum RunMarkerKind {
        /// The run started.
        Started = "started",
        /// The run ended.
        Ended = "ended",
    }
}

/// The extent of the output, sent when it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct OutputProgress {
    /// The number of the project's next line.
    pub next: u64,
    /// Number of stored lines of the selected names.
    pub lines: u64,
    /// The line number of the first of these lines.
    pub first: Option<u64>,
    /// Counter that grows with each change of a run marker.
    pub marks: u64,
    /// Counter that grows with each change of an unfinished line, such as a prompt.
    pub partials: u64,
    /// Number of lines from `since` on that match the query.
    pub new: u64,
}

line_query! {
    /// Which output to observe, and which of its lines to count.
    pub struct ProgressQuery {
        /// Count lines from this line number on.
        pub since: Option<u64>,
    }
}
