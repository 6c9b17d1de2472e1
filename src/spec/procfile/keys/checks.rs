//! The keys of `ready` and `health` checks.

use super::{COMMAND, COUNT, DURATION, NONZERO_DURATION, PATH, PORT};
use crate::spec::ProbeKind::{self, Delay, Exec, File, Http, Log, Notify, Tcp, Unix};
use crate::spec::procfile::kind::ValueKind::{Boolean, Either, Integer, List, Only, Text};
use crate::spec::procfile::kind::{KeySpec, StringRule, TableRole, TableShape, keys};

pub(crate) static READY: TableShape = TableShape::new("ready", "a `ready` check")
    .keys(CHECK_KEYS)
    .role(TableRole::Ready)
    .one_of(ProbeKind::WORDS);

pub(crate) static HEALTH: TableShape = TableShape::new("health", "a `health` check")
    .keys(CHECK_KEYS)
    .role(TableRole::Health)
    .one_of(&[Exec.as_str(), Http.as_str(), Tcp.as_str(), Unix.as_str(), File.as_str()]);

/// Checks that are not probed: their event happens once.
pub(crate) const UNPROBED_CHECKS: &[&str] = &[Log.as_str(), Delay.as_str(), Notify.as_str()];
/// Keys that configure probes, and so have no effect with those checks.
pub(crate) const PROBE_KEYS: &[&str] =
    &["interval", "probe_timeout", "initial_delay", "successes", "failures"];
/// Checks that connect to a listener, whose owner matters.
pub(crate) const LISTENER_CHECKS: &[&str] = &[Http.as_str(), Tcp.as_str(), Unix.as_str()];

/// The tables of checks and keys that only `ready` can have.
const ONLY_READY: &[TableRole] = &[TableRole::Ready];

const CHECK_KEYS: &[KeySpec] = keys! {
    /// A command that runs with the process's `cwd` and environment; exit code 0 is a success. It
    /// is ended together with everything it started.
    exec: COMMAND;
    /// A URL for a GET request; redirects are not followed. `"/path"` asks the process's own
    /// `port`.
    http: Text(StringRule::Url);
    /// For `http`: the statuses that count as success.
    status: List { of: &Integer { min: 100, max: 599 }, min: 1 }, default("200 to 399");
    /// An address that accepts a connection. `"port"` means the process's own `port`.
    tcp: Either(&[PORT, Text(StringRule::Endpoint)]);
    /// A socket that accepts a connection.
    unix: PATH;
    /// A path that exists.
    file: PATH;
    /// For `http`, `tcp` and `unix`: whether answers of other processes count. Otherwise only a
    /// listener of this process does, or one whose owner is unknown.
    foreign: Boolean, default("`false`");
    /// A regular expression that matches a line of either output, with or without its colours.
    log: Text(StringRule::Regex), only(ONLY_READY);
    /// The time after the start.
    delay: DURATION, only(ONLY_READY);
    /// The process reports readiness with the sd_notify protocol: `READY=1` to the socket
    /// `NOTIFY_SOCKET`; `STATUS=` is shown.
    notify: Only(true), only(ONLY_READY);
    /// The time from the start of one probe to the start of the next; there is one at a time. Until
    /// the first success a `ready` check is probed earlier: after 100 ms, then at intervals that
    /// grow to a second.
    interval: NONZERO_DURATION, default("`\"1s\"`");
    /// The maximum duration of one probe.
    probe_timeout: NONZERO_DURATION, default("`\"5s\"`");
    /// The delay before the first probe.
    initial_delay: DURATION, default("`\"0s\"`");
    /// The number of consecutive successes that makes it ready; for `health`, that resets the
    /// misses.
    successes: COUNT, default("`1`");
    /// The number of consecutive misses that makes it unhealthy; for `health`, that ends the run.
    failures: COUNT, default("`3`");
    /// The maximum time until the process is ready; after that the run has failed.
    timeout: NONZERO_DURATION, only(ONLY_READY);
};
