//! Parameters of the MCP tools, from which their schemas are generated.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::Condition;

/// Lines given when nothing is said.
pub(super) const LINES: u64 = 100;
/// Lines given at most.
pub(super) const MOST_LINES: u64 = 2000;
/// Events given when nothing is said.
pub(super) const EVENTS: u64 = 50;
/// Events given at most.
pub(super) const MOST_EVENTS: u64 = 1000;
/// How long it is waited when nothing is said.
pub(super) const PATIENCE: u64 = 60;
/// How long it is waited at most.
pub(super) const MOST_PATIENCE: u64 = 600;

/// Who is meant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NamesParams {
    /// NAME, NAME.N (a replica), @TAG, POOL or all
    pub(super) names: Vec<String>,
}

/// Who is to run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StartParams {
    /// NAME, NAME.N (a replica), @TAG, POOL or all
    pub(super) names: Vec<String>,
    /// Answer when they are ready, and not when they have started
    #[serde(default)]
    pub(super) wait: bool,
}

/// Whom it is about.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NameParams {
    /// NAME or NAME.N (a replica)
    pub(super) name: String,
}

/// Which lines.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputParams {
    /// NAME, NAME.N, @TAG or POOL; all processes without it
    #[serde(default)]
    pub(super) names: Vec<String>,
    /// Only the last so many lines: 100 unless said, 2000 at most
    #[serde(default)]
    pub(super) lines: Option<u64>,
    /// Only lines from this time on: RFC 3339, or a duration until now such as 5m
    #[serde(default)]
    pub(super) since: Option<String>,
    /// Only this output: out or err
    #[serde(default)]
    pub(super) stream: Option<String>,
}

/// Which lines, by what is in them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchParams {
    /// A regular expression; (?i) at its beginning ignores case
    pub(super) pattern: String,
    /// NAME, NAME.N, @TAG or POOL; all processes without it
    #[serde(default)]
    pub(super) names: Vec<String>,
    /// Only the last so many lines: 100 unless said, 2000 at most
    #[serde(default)]
    pub(super) lines: Option<u64>,
    /// Only lines from this time on: RFC 3339, or a duration until now such as 5m
    #[serde(default)]
    pub(super) since: Option<String>,
}

/// Which events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsParams {
    /// Only those with a higher number than this
    #[serde(default)]
    pub(super) after: u64,
    /// Only the last so many: 50 unless said, 1000 at most
    #[serde(default)]
    pub(super) last: Option<u64>,
}

/// Who is waited for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitParams {
    /// NAME, NAME.N (a replica), @TAG, POOL or all
    pub(super) names: Vec<String>,
    /// What they have to reach; without it each has to be ready or to have succeeded
    #[serde(default, rename = "for")]
    pub(super) until: Option<WaitConditionParam>,
    /// Give up after so many seconds: 60 unless said, 600 at most
    #[serde(default)]
    pub(super) timeout_seconds: Option<u64>,
}

/// What can be waited for.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum WaitConditionParam {
    Ready,
    Started,
    Completed,
    Succeeded,
}

impl From<WaitConditionParam> for Condition {
    fn from(until: WaitConditionParam) -> Self {
        match until {
            WaitConditionParam::Ready => Self::Ready,
            WaitConditionParam::Started => Self::Started,
            WaitConditionParam::Completed => Self::Completed,
            WaitConditionParam::Succeeded => Self::Succeeded,
        }
    }
}
