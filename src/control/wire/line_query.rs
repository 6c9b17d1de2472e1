//! Queries over output lines: the filter that all of them share is declared once.
//!
//! A macro, because `serde(flatten)` works neither with `deny_unknown_fields` nor in the query string
//! of an address.

use crate::spec::choices;

choices! {
    /// The severity that a line states; `docs/cli.md` says how it is read.
    #[derive(PartialOrd, Ord)]
    pub enum Severity {
        /// The finest steps.
        Trace = "trace",
        /// For debugging.
        Debug = "debug",
        /// Normal operation; the severity of a line that states none.
        Info = "info",
        /// Something to look at.
        Warn = "warn",
        /// Something went wrong.
        Error = "error",
    }
}

/// The lines that a query is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineCriteria {
    /// `NAME`, `NAME.N`, `@TAG` or `POOL`, separated by commas; `None` means all.
    pub names: Option<String>,
    /// `out` or `err`.
    pub stream: Option<String>,
    /// A regular expression that a line must match.
    pub grep: Option<String>,
    /// Whether a line must not match it instead.
    pub invert: bool,
    /// The lowest level of a line.
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
            #[param(schema_with = crate::control::wire::schemas::stream)]
            #[serde(default)]
            pub stream: Option<String>,
            /// Only lines that match this regular expression.
            #[param(format = "regex")]
            #[serde(default)]
            pub grep: Option<String>,
            /// Only lines that do not match it.
            #[serde(default)]
            pub invert: bool,
            /// Only lines of this level and above.
            #[serde(default)]
            pub level: Option<Severity>,
            $($(#[$field_meta])* #[serde(default)] pub $field: $Type,)*
        }

        impl $Query {
            /// A query about these lines, with the default values for the rest.
            pub fn of(criteria: crate::control::wire::LineCriteria) -> Self {
                let crate::control::wire::LineCriteria { names, stream, grep, invert, level } =
                    criteria;
                Self { names, stream, grep, invert, level, ..Self::default() }
            }

            /// The lines that the query is about.
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
