//! `ready` and `health`: what may be asked of a process that runs.

use super::{COMMAND, COUNT, DURATION, PORT, SPAN};
use crate::spec::procfile::kind::{Key, Kind, Role, Rule, Shape};

pub(crate) static READY: Shape = Shape {
    name: "ready",
    label: "a `ready` check",
    role: Role::Ready,
    one_of: &["exec", "http", "tcp", "unix", "file", "log", "delay", "notify"],
    keys: CHECK_KEYS,
};

pub(crate) static HEALTH: Shape = Shape {
    name: "health",
    label: "a `health` check",
    role: Role::Health,
    one_of: &["exec", "http", "tcp", "unix", "file"],
    keys: CHECK_KEYS,
};

/// Checks that cannot go back, and what belongs to becoming ready.
const ONLY_READY: &[Role] = &[Role::Ready];

const CHECK_KEYS: &[Key] = &[
    Key::new(
        "exec",
        COMMAND,
        "",
        "Runs with the process's `cwd` and environment; exit 0 is a success.",
    ),
    Key::new(
        "http",
        Kind::Text(Rule::Url),
        "",
        "A GET; redirects are not followed. `\"/path\"` asks the process's own `port`.",
    ),
    Key::new(
        "status",
        Kind::List { of: &Kind::Integer { min: 100, max: 599 }, min: 1 },
        "200 to 399",
        "For `http`: which status is a success.",
    ),
    Key::new(
        "tcp",
        Kind::Either(&[PORT, Kind::Text(Rule::Endpoint)]),
        "",
        "A connection can be made. `\"port\"` means the process's own `port`.",
    ),
    Key::new("unix", Kind::Text(Rule::Path), "", "A connection to this socket can be made."),
    Key::new("file", Kind::Text(Rule::Path), "", "This path exists."),
    Key::new("log", Kind::Text(Rule::Regex), "", "A line of either output matches.")
        .only(ONLY_READY),
    Key::new("delay", DURATION, "", "So long after the start.").only(ONLY_READY),
    Key::new(
        "notify",
        Kind::Only(true),
        "",
        "The process says so by the sd_notify protocol: `READY=1`.",
    )
    .only(ONLY_READY),
    Key::new("interval", SPAN, "`\"1s\"`", "From one probe to the next."),
    Key::new("probe_timeout", SPAN, "`\"5s\"`", "The longest one probe may take."),
    Key::new("initial_delay", DURATION, "`\"0s\"`", "Before the first probe."),
    Key::new("successes", COUNT, "`1`", "So many in a row are needed."),
    Key::new("failures", COUNT, "`3`", "So many in a row make it unhealthy."),
    Key::new(
        "timeout",
        SPAN,
        "",
        "How long becoming ready may take altogether; then the run has failed.",
    )
    .only(ONLY_READY),
];
