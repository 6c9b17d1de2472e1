//! Queries over output lines: the filter that all of them share is declared once.
//!
//! A macro, because `serde(flatten)` works neither with `deny_unknown_fields` nor in the query string
//! of an address.

use crate::output::Stream;
use crate::spec::choices;

choices! {
    /// The severity of a line, read from its text as `docs/cli.md` describes.
    #[derive(PartialOrd, Ord)]
    pub enum Severity {
        /// Finer steps than `debug`.
        Trace = "trace",
        /// For debugging.
        Debug = "debug",
        /// Normal operation; the severity of a line that states none.
        Info = "info",
        /// A possible problem.
        Warn = "warn",
        /// A failure.
        Error = "error",
    }
}

/// Filter criteria for lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineCriteria {
    /// `NAME`, `NAME.N`, `@TAG` or `POOL`, separated by commas; `None` means all.
    pub names: Option<String>,
    /// The standard output or the standard error; `None` means both.
    pub stream: Option<Stream>,
    /// A regular expression that a line must match.
    pub grep: Option<String>,
    /// Whether a line must not match it instead.
    pub invert: bool,
    /// The lowest severity of a line.
    pub level: Option<Severity>,
}

/// Declares a query: the fields of [`LineCriteria`], then its own, each with its default value.
macro_rules! line_query {
    ($(#[$meta:meta])* pub struct $Query:ident {
        $($(#[$field_meta:meta])* pub $field:ident: $Type:ty,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub struct $Query {
            /// `NAME`, `NAME.N`, `@TAG` or `POOL`, separated by commas; default: all.
            #[serde(default)]
            pub names: Option<String>,
            /// `out` or `err`; default: both.
            #[serde(default)]
            pub stream: Option<crate::output::Stream>,
            /// Only lines that match this regular expression.
            #[param(format = "regex")]
            #[serde(default)]
            pub grep: Option<String>,
            /// Only lines that do not match `grep`.
            #[serde(default)]
            pub invert: bool,
            /// Only lines of this severity or a higher one.
            #[serde(default)]
            pub level: Option<Severity>,
            $($(#[$field_meta])* #[serde(default)] pub $field: $Type,)*
        }

        impl $Query {
            /// Returns a query with these criteria, and the default values for the other fields.
            pub fn of(criteria: crate::control::wire::LineCriteria) -> Self {
                let crate::control::wire::LineCriteria { names, stream, grep, invert, level } =
                    criteria;
                Self { names, stream, grep, invert, level, ..Self::default() }
            }

            /// Returns the filter criteria of the query.
            pub fn criteria(&self) -> crate::control::wire::LineCriteria {
                crate::control::wire::LineCriteria {
                    names: self.names.clone(),
                    stream: self.stream.clone(),
                    grep: self.grep.clone(),
                    invert: self.invert,
                    level: self.level,
                }
            }
        }
    };
}
pub(super) use line_query;
