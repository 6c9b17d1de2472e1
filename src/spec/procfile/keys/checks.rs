//! The keys of `ready` and `health` checks.

use super::{COMMAND, COUNT, DURATION, PORT, SPAN};
use crate::spec::ProbeKind;
use crate::spec::procfile::kind::{KeySpec, StringRule, TableRole, TableShape, ValueKind};

pub(crate) static READY: TableShape = TableShape {
    name: "ready",
    label: "a `ready` check",
    role: TableRole::Ready,
    one_of: ProbeKind::WORDS,
    keys: CHECK_KEYS,
};

pub(crate) static HEALTH: TableShape = TableShape {
    name: "health",
    label: "a `health` check",
    role: TableRole::Health,
    one_of: &[
        ProbeKind::Exec.as_str(),
        ProbeKind::Http.as_str(),
        ProbeKind::Tcp.as_str(),
        ProbeKind::Unix.as_str(),
        ProbeKind::File.as_str(),
    ],
    keys: CHECK_KEYS,
};

/// What happens once by itself: it is not probed.
pub(crate) const UNPROBED: &[&str] =
    &[ProbeKind::Log.as_str(), ProbeKind::Delay.as_str(), ProbeKind::Notify.as_str()];
/// What is about probes, and so says nothing with those.
pub(crate) const ABOUT_PROBES: &[&str] =
    &["interval", "probe_timeout", "initial_delay", "successes", "failures"];

/// Checks that ask somebody who listens: who that is matters.
pub(crate) const OF_LISTENERS: &[&str] =
    &[ProbeKind::Http.as_str(), ProbeKind::Tcp.as_str(), ProbeKind::Unix.as_str()];

/// Kinds and keys that only `ready` can have.
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
        "For `http`: the statuses that count as success.",
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
        "For `http`, `tcp` and `unix`: whether answers of other processes count. Otherwise only a listener of this process does, or one whose owner is unknown.",
    ),
    KeySpec::new("log", ValueKind::Text(StringRule::Regex), "", "A line of either output matches, with or without its colours.")
        .only(ONLY_READY),
    KeySpec::new("delay", DURATION, "", "This time after the start.").only(ONLY_READY),
    KeySpec::new(
        "notify",
        ValueKind::Only(true),
        "",
        "The process reports readiness with the sd_notify protocol: `READY=1` to the socket `NOTIFY_SOCKET`; `STATUS=` is shown.",
    )
    .only(ONLY_READY),
    KeySpec::new(
        "interval",
        SPAN,
        "`\"1s\"`",
        "The time from the start of one probe to the start of the next; there is one at a time. Until the first success a `ready` check is probed earlier: after 100 ms, then at intervals that grow to a second.",
    ),
    KeySpec::new("probe_timeout", SPAN, "`\"5s\"`", "The maximum duration of one probe."),
    KeySpec::new("initial_delay", DURATION, "`\"0s\"`", "Before the first probe."),
    KeySpec::new("successes", COUNT, "`1`", "The number of consecutive successes that makes it ready; for `health`, that resets the misses."),
    KeySpec::new("failures", COUNT, "`3`", "The number of consecutive misses that makes it unhealthy; for `health`, that ends the run."),
    KeySpec::new(
        "timeout",
        SPAN,
        "",
        "The maximum time until it is ready; after that the run has failed.",
    )
    .only(ONLY_READY),
];
