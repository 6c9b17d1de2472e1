//! `ready` and `health`: what may be asked of a process that runs.

use super::{COMMAND, COUNT, DURATION, PORT, SPAN};
use crate::spec::procfile::kind::{KeySpec, StringRule, TableRole, TableShape, ValueKind};

pub(crate) static READY: TableShape = TableShape {
    name: "ready",
    label: "a `ready` check",
    role: TableRole::Ready,
    one_of: &["exec", "http", "tcp", "unix", "file", "log", "delay", "notify"],
    keys: CHECK_KEYS,
};

pub(crate) static HEALTH: TableShape = TableShape {
    name: "health",
    label: "a `health` check",
    role: TableRole::Health,
    one_of: &["exec", "http", "tcp", "unix", "file"],
    keys: CHECK_KEYS,
};

/// What happens once by itself: it is not probed.
pub(crate) const UNPROBED: &[&str] = &["log", "delay", "notify"];
/// What is about probes, and so says nothing with those.
pub(crate) const ABOUT_PROBES: &[&str] =
    &["interval", "probe_timeout", "initial_delay", "successes", "failures"];

/// Checks that ask somebody who listens: who that is matters.
pub(crate) const OF_LISTENERS: &[&str] = &["http", "tcp", "unix"];

/// Checks that cannot go back, and what belongs to becoming ready.
const ONLY_READY: &[TableRole] = &[TableRole::Ready];

const CHECK_KEYS: &[KeySpec] = &[
    KeySpec::new(
        "exec",
        COMMAND,
        "",
        "Runs with the process's `cwd` and environment; exit 0 is a success. It is ended with all it started.",
    ),
    KeySpec::new(
        "http",
        ValueKind::Text(StringRule::Url),
        "",
        "A GET; redirects are not followed. `\"/path\"` asks the process's own `port`.",
    ),
    KeySpec::new(
        "status",
        ValueKind::List { of: &ValueKind::Integer { min: 100, max: 599 }, min: 1 },
        "200 to 399",
        "For `http`: which status is a success.",
    ),
    KeySpec::new(
        "tcp",
        ValueKind::Either(&[PORT, ValueKind::Text(StringRule::Endpoint)]),
        "",
        "A connection can be made. `\"port\"` means the process's own `port`.",
    ),
    KeySpec::new("unix", ValueKind::Text(StringRule::Path), "", "A connection to this socket can be made."),
    KeySpec::new("file", ValueKind::Text(StringRule::Path), "", "This path exists."),
    KeySpec::new(
        "foreign",
        ValueKind::Boolean,
        "`false`",
        "For `http`, `tcp` and `unix`: whether an answer counts whoever gives it. Otherwise only a listener of this process does, or one whose owner cannot be found out.",
    ),
    KeySpec::new("log", ValueKind::Text(StringRule::Regex), "", "A line of either output matches, as it came or without its colours.")
        .only(ONLY_READY),
    KeySpec::new("delay", DURATION, "", "So long after the start.").only(ONLY_READY),
    KeySpec::new(
        "notify",
        ValueKind::Only(true),
        "",
        "It says so by the sd_notify protocol: `READY=1` to the socket `NOTIFY_SOCKET`; `STATUS=` is shown.",
    )
    .only(ONLY_READY),
    KeySpec::new(
        "interval",
        SPAN,
        "`\"1s\"`",
        "From the beginning of one probe to that of the next; there is one at a time. Until the first success a `ready` check is asked sooner: after 100 ms, then after waits that grow to a second.",
    ),
    KeySpec::new("probe_timeout", SPAN, "`\"5s\"`", "The longest one probe may take."),
    KeySpec::new("initial_delay", DURATION, "`\"0s\"`", "Before the first probe."),
    KeySpec::new("successes", COUNT, "`1`", "So many in a row make it ready; for `health`, so many in a row make misses forgotten."),
    KeySpec::new("failures", COUNT, "`3`", "So many misses in a row make it unhealthy; for `health`, they end the run."),
    KeySpec::new(
        "timeout",
        SPAN,
        "",
        "How long becoming ready may take altogether; then the run has failed.",
    )
    .only(ONLY_READY),
];
