//! Facts about a process as labels and texts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::control::wire::{CheckDetails, ProcessDetails, ProcessState, WatchState};
use crate::machine::{Cause, StateName};
use crate::spec::{
    CheckRole, Restart, RetryPolicy, ShutdownOn, counted, format_duration, format_limit,
};
use crate::tui::glyphs::Glyphs;
use crate::tui::model::Model;
use crate::tui::render::graph::GraphNode;
use crate::tui::render::{clock_of, graph, list, reason};

/// A label and its text.
pub(super) type FactRow = (Cow<'static, str>, String);

/// All facts about a process, without empty ones.
pub(super) fn facts(ui: &Model, process: &ProcessState) -> Vec<FactRow> {
    let known = ui.details_data();
    let details = known.map(|known| &known.details);
    let of_details = |text: fn(&ProcessDetails) -> String| details.map(text).unwrap_or_default();
    let needed_by = |details| needed_by(ui, details);
    let last_exit = |details| last_exit(ui, details);
    let mut facts = vec![("why", reason(process, ui))];
    facts.extend(known.into_iter().flat_map(|known| &known.why.chain).map(|cause| {
        let indent = "  ".repeat(cause.depth.saturating_sub(1) as usize);
        ("", format!("{indent}{} {}: {}", ui.look.glyphs.last_branch, cause.name, cause.why))
    }));
    facts.extend([
        ("command", of_details(command)),
        ("cwd", of_details(|details| details.cwd.clone())),
        ("description", process.options.description.clone().unwrap_or_default()),
        ("state", state(ui, process)),
        ("ready after", ui.ready_times.of(&process.name).map(format_duration).unwrap_or_default()),
        ("last exit", details.map(last_exit).unwrap_or_default()),
        // Each run leads its own process group.
        ("pid / pgid", process.pid.map(|pid| format!("{pid} / {pid}")).unwrap_or_default()),
        ("restarts", restarts(process, details)),
        ("policy", of_details(policy)),
        ("limits", of_details(limits)),
        ("stop", of_details(stop)),
        ("depends on", {
            let nodes = graph::nodes(&ui.overview, &ui.ready_times);
            depends_on(&nodes, &process.process, &ui.look.glyphs)
        }),
        ("needed by", details.map(needed_by).unwrap_or_default()),
    ]);
    facts.extend(details.into_iter().flat_map(|details| &details.checks).map(|check| {
        let label = match check.which {
            CheckRole::Ready => "ready when",
            CheckRole::Health => "healthy when",
        };
        (label, terms(check))
    }));
    facts.extend([
        ("port", process.port.map(|port| port.to_string()).unwrap_or_default()),
        ("url", process.options.url.clone().unwrap_or_default()),
        ("watch", watch(process, details)),
        ("env", of_details(env)),
        ("pool", process.pool.as_deref().unwrap_or_default().to_owned()),
        ("tags", process.options.tags.join(", ")),
        ("autostart", if process.options.autostart { "" } else { "no" }.to_owned()),
        ("defined at", of_details(defined_at)),
    ]);
    facts.retain(|(_, text)| !text.is_empty());
    facts.into_iter().map(|(label, text)| (label.into(), text)).collect()
}

/// The state of each process of a row that stands for several.
pub(super) fn members(ui: &Model) -> Vec<FactRow> {
    let members = ui.list.row().map(|row| row.members.as_slice()).unwrap_or_default();
    let fact = |process: &ProcessState| {
        let (mut text, why) = (state(ui, process), reason(process, ui));
        if why != process.state.word(process.checked) {
            _ = write!(text, "; {why}");
        }
        (process.name.to_string().into(), text)
    };
    ui.processes(members).map(fact).collect()
}

/// The command as it would be typed in a shell.
pub fn command(details: &ProcessDetails) -> String {
    if let Some(script) = &details.script {
        return script.trim().to_owned();
    }
    let words = details.command.iter().map(String::as_str);
    shlex::try_join(words).unwrap_or_else(|_| details.command.join(" "))
}

fn state(ui: &Model, process: &ProcessState) -> String {
    let sign = ui.look.glyphs.state(process.state, process.checked);
    let mut text = format!("{sign} {}", list::state_of(process, ui.age()));
    if process.state == StateName::Backoff {
        let of =
            process.options.retries.map(|retries| format!(" of {retries}")).unwrap_or_default();
        _ = write!(text, ", retry {}{of} (r: now)", process.retry);
    } else if process.run > 0 {
        _ = write!(text, " (run {})", process.run);
    }
    text
}

fn last_exit(ui: &Model, details: &ProcessDetails) -> String {
    let mut ended = details.runs.iter().filter_map(|run| Some((run.end.as_ref()?, &run.ended)));
    let Some((end, at)) = ended.next() else { return String::new() };
    let at = at.as_ref().map(|at| format!(" at {}", clock_of(ui, at))).unwrap_or_default();
    format!("{end}{at}")
}

/// `5: 4 by retry, 1 manual`; the causes only of the runs that are still known.
fn restarts(process: &ProcessState, details: Option<&ProcessDetails>) -> String {
    let mut by_cause: BTreeMap<&str, u32> = BTreeMap::new();
    let runs = details.into_iter().flat_map(|details| &details.runs).filter(|run| run.run > 1);
    for cause in runs.filter_map(|run| run.cause.as_ref()) {
        *by_cause.entry(restart_kind(cause)).or_default() += 1;
    }
    let causes: Vec<_> = by_cause.iter().map(|(cause, count)| format!("{count} {cause}")).collect();
    let separator = if causes.is_empty() { "" } else { ": " };
    format!("{}{separator}{}", process.restarts, causes.join(", "))
}

fn restart_kind(cause: &Cause) -> &'static str {
    match cause {
        Cause::User => "manual",
        Cause::FileChanged { .. } => "by file changes",
        Cause::Dependency { .. } => "by dependencies",
        Cause::Reload { .. } => "by reload",
        Cause::Unhealthy { .. } => "by health",
        Cause::Retry { .. } => "by retry",
        Cause::Start
        | Cause::Exit { .. }
        | Cause::Signal { .. }
        | Cause::RetriesExhausted { .. }
        | Cause::Timeout { .. }
        | Cause::IdleTimeout { .. }
        | Cause::ReadyTimeout { .. }
        | Cause::Pool { .. }
        | Cause::Shutdown { .. } => "after an exit",
    }
}

fn policy(details: &ProcessDetails) -> String {
    match details.restart {
        Restart::Never => "restart never".to_owned(),
        restart @ (Restart::OnFailure | Restart::Always) => {
            format!("restart {restart} · {}", retry_policy(&details.retry))
        }
    }
}

fn retry_policy(retry: &RetryPolicy) -> String {
    let attempts = match retry.attempts {
        Some(0) => return "never".to_owned(),
        Some(attempts) => format!("up to {}", counted(attempts, "retry")),
        None => "unlimited retries".to_owned(),
    };
    let first = format_limit(retry.initial.min(retry.max));
    let growth = if retry.factor > 1.0 && retry.initial < retry.max {
        let is_double = (retry.factor - 2.0).abs() < f64::EPSILON;
        let factor = if is_double { "doubling".to_owned() } else { format!("×{}", retry.factor) };
        format!(", {factor} to {}", format_limit(retry.max))
    } else {
        String::new()
    };
    let jitter = if retry.jitter > 0.0 {
        format!(", ±{:.0}%", retry.jitter * 100.0)
    } else {
        String::new()
    };
    let reset = format_limit(retry.reset_after);
    format!("{attempts} · {first}{growth}{jitter} · resets after a {reset} run")
}

fn limits(details: &ProcessDetails) -> String {
    let mut parts = Vec::new();
    parts.extend(details.timeout_ms.map(|ms| format!("timeout {}", time(ms))));
    parts.extend(details.idle_timeout_ms.map(|ms| format!("idle timeout {}", time(ms))));
    if details.success_exit_codes != [0] {
        let codes: Vec<String> = details.success_exit_codes.iter().map(i32::to_string).collect();
        parts.push(format!("success exit codes {}", codes.join(", ")));
    }
    if details.shutdown_on != ShutdownOn::Never {
        parts.push(format!("shuts down the project on {}", details.shutdown_on));
    }
    parts.join(", ")
}

fn stop(details: &ProcessDetails) -> String {
    let stop = &details.stop;
    let how =
        stop.command.as_ref().map_or(stop.signal.to_string(), |command| command.argv().join(" "));
    format!("{how}, KILL after {}", format_limit(stop.grace))
}

/// The dependencies of a process, and whether the condition of each holds.
pub(crate) fn depends_on(nodes: &[GraphNode], process: &str, glyphs: &Glyphs) -> String {
    let node = nodes.iter().find(|node| node.name == process);
    let edges = node.into_iter().flat_map(|node| &node.dependencies).map(|edge| {
        let sign = if edge.is_fulfilled { glyphs.yes } else { glyphs.no };
        format!("{} {} {sign}", edge.name, edge.condition)
    });
    edges.collect::<Vec<_>>().join(", ")
}

fn needed_by(ui: &Model, details: &ProcessDetails) -> String {
    let dependents = details.needed_by.iter().map(|dependent| match ui.process(&dependent.name) {
        Some(member) => {
            format!("{} ({})", dependent.name, member.state.word(member.checked))
        }
        None => dependent.name.clone(),
    });
    dependents.collect::<Vec<_>>().join(", ")
}

fn watch(process: &ProcessState, details: Option<&ProcessDetails>) -> String {
    let state = match (process.watch, &process.suspended_by) {
        (None, _) => return String::new(),
        (Some(WatchState::On), _) => "on".to_owned(),
        (Some(WatchState::Off), _) => "off".to_owned(),
        (Some(WatchState::Suspended), Some(by)) => format!("suspended by {by}"),
        (Some(WatchState::Suspended), None) => "suspended".to_owned(),
    };
    let Some(watch) = details.and_then(|details| details.watch.as_ref()) else { return state };
    let (paths, quiet) = (watch.paths.join(" "), format_limit(watch.debounce));
    format!("{paths}: {}, {quiet} after the last change; {state}", watch.action)
}

/// The first variable with a visible value, and the number of others.
fn env(details: &ProcessDetails) -> String {
    let first = details
        .env
        .iter()
        .find_map(|variable| Some(format!("{}={}", variable.name, variable.value.as_ref()?)));
    let more = details.env.len() - usize::from(first.is_some());
    let more = (more > 0).then(|| format!("{more} more (E)"));
    first.into_iter().chain(more).collect::<Vec<_>>().join(", ")
}

fn defined_at(details: &ProcessDetails) -> String {
    let place = details.defined.as_ref();
    place.map(|place| format!("{}:{}", place.file, place.line)).unwrap_or_default()
}

/// The probe of a check, its interval and its counts.
pub(super) fn terms(check: &CheckDetails) -> String {
    let mut text = check.probe.clone();
    // A check that waits for an event has no interval.
    let is_repeated = check.kind.is_probed();
    if is_repeated {
        _ = write!(text, ", every {}", time(check.interval_ms));
    }
    if let Some(timeout) = check.timeout_ms {
        _ = write!(text, ", within {}", time(timeout));
    }
    if is_repeated && check.successes > 1 {
        _ = write!(text, ", {} in a row", check.successes);
    }
    if is_repeated && check.failures > 1 {
        _ = write!(text, ", fails after {}", counted(check.failures, "miss"));
    }
    text
}

pub(super) fn answer(check: &CheckDetails) -> String {
    let Some(answer) = &check.answer else { return "no result yet".to_owned() };
    let answer = if answer.is_empty() { "ok" } else { answer };
    match check.in_a_row {
        0 | 1 => answer.to_owned(),
        count => format!("{answer}, {count} in a row"),
    }
}

pub(super) fn files(ui: &Model) -> Vec<(&'static str, String)> {
    let log = ui.cursor_process().and_then(|process| process.options.log_file.clone());
    let mut files: Vec<_> = log.into_iter().map(|path| ("log", path)).collect();
    if let Some(details) = ui.details_data().map(|known| &known.details) {
        files.push(("cwd", details.cwd.clone()));
        files.push(("defined at", defined_at(details)));
        let watch = details.watch.iter();
        files.extend(watch.clone().flat_map(|w| &w.paths).map(|glob| ("watches", glob.clone())));
        files.extend(watch.flat_map(|w| &w.ignore).map(|glob| ("ignores", glob.clone())));
    }
    files.retain(|(_, path)| !path.is_empty());
    files
}

pub(super) fn time(ms: u64) -> String {
    format_limit(Duration::from_millis(ms))
}
