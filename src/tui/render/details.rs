//! Renders the details of the selected process.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;

use super::list::state_of;
use crate::control::wire::{
    CheckDetails, DependencyState, EnvVariable as Set, OutputRow, ProcessDetails, ProcessState,
    RunDetails, WatchState,
};
use crate::machine::{Cause, StateName};
use crate::spec::{CheckRole, Restart, ShutdownOn, format_duration, format_limit};
use crate::tui::model::Model;
use crate::tui::model::details::DetailsData;
use crate::tui::screens::details::{CheckRow, DetailsSheet, RunRow, VariableRow};
use crate::tui::text::StyledLine;

/// Lines of its output that are shown.
const LAST: usize = 6;

/// Facts in their order; those without words are left out.
#[derive(Default)]
struct FactRows(Vec<(String, String)>);

impl FactRows {
    fn put(&mut self, label: &str, words: impl Into<String>) {
        let words = words.into();
        if !words.is_empty() {
            self.0.push((label.to_owned(), words));
        }
    }
}

/// All about the process the cursor is on.
pub fn sheet(ui: &Model) -> DetailsSheet {
    let Some(one) = ui.chosen() else {
        return several(ui);
    };
    let status = &one.status;
    let known = ui.known();
    let (processor, memory) = ui.measured.of(one.id);
    let mut sheet = DetailsSheet {
        name: status.name.clone(),
        state: Some(status.state),
        checked: status.checked,
        why: super::hints::why(one, ui),
        facts: facts(ui, one, known),
        files: one.log_file.iter().map(|path| ("log".to_owned(), path.clone())).collect(),
        processor: processor.to_vec(),
        memory: memory.to_vec(),
        ..DetailsSheet::default()
    };
    if let Some(known) = known {
        let details = &known.details;
        sheet.runs = details.runs.iter().map(|run| run_of(ui, one, run)).collect();
        sheet.variables = details.env.iter().map(variable).collect();
        sheet.inherits = details.env_inherited;
        sheet.probes = details.checks.iter().map(probe).collect();
        sheet.files.extend(files(details));
        sheet.last_lines = last_lines(known);
    }
    sheet
}

/// A row that stands for several: where each of them is.
fn several(ui: &Model) -> DetailsSheet {
    let members = ui.list.row().map(|row| row.members.as_slice()).unwrap_or_default();
    let fact = |one: &ProcessState| {
        (one.status.name.clone(), format!("{}; {}", state(ui, one), super::hints::why(one, ui)))
    };
    let facts = ui.members(members).map(fact).collect();
    DetailsSheet { name: ui.list.cursor.name().to_owned(), facts, ..DetailsSheet::default() }
}

fn facts(ui: &Model, one: &ProcessState, known: Option<&DetailsData>) -> Vec<(String, String)> {
    let mut facts = FactRows::default();
    let status = &one.status;
    let details = known.map(|known| &known.details);
    for because in known.into_iter().flat_map(|known| &known.why.chain) {
        let indent = "  ".repeat(because.depth.saturating_sub(1) as usize);
        let dash = ui.look.glyphs.last_branch;
        facts.put("", format!("{indent}{dash} {}: {}", because.name, because.why));
    }
    if let Some(details) = details {
        facts.put("command", command(details));
        facts.put("cwd", details.cwd.clone());
    }
    facts.put("about", one.description.clone().unwrap_or_default());
    facts.put("state", state(ui, one));
    let took = ui.took.of(&status.name).map(format_duration);
    facts.put("ready after", took.unwrap_or_default());
    facts.put("last exit", details.map(|of| last_exit(ui, of)).unwrap_or_default());
    // Each run leads a group of its own.
    facts.put("pid / pgid", status.pid.map(|pid| format!("{pid} / {pid}")).unwrap_or_default());
    facts.put("restarts", restarts(one, details));
    if let Some(details) = details {
        facts.put("policy", policy(details));
        facts.put("limits", limits(details));
        facts.put("stop", stop(details));
    }
    facts.put("depends on", depends_on(ui, one));
    if let Some(details) = details {
        facts.put("needed by", needed_by(ui, &details.needed_by));
        for check in &details.checks {
            let label = match check.which {
                CheckRole::Ready => "ready when",
                CheckRole::Health => "healthy when",
            };
            facts.put(label, terms(check));
        }
    }
    facts.put("port", status.port.map(|port| port.to_string()).unwrap_or_default());
    facts.put("watch", watch(one, details));
    if let Some(details) = details {
        facts.put("env", env(details));
    }
    facts.put("pool", status.pool.clone().unwrap_or_default());
    facts.put("tags", one.tags.join(", "));
    facts.put("autostart", if one.autostart { "" } else { "no" });
    facts.put("defined at", details.map(defined).unwrap_or_default());
    facts.0
}

/// As it would be typed.
pub fn command(details: &ProcessDetails) -> String {
    if let Some(script) = &details.script {
        return script.trim().to_owned();
    }
    let words = details.command.iter().map(String::as_str);
    shlex::try_join(words).unwrap_or_else(|_| details.command.join(" "))
}

fn state(ui: &Model, one: &ProcessState) -> String {
    let sign = ui.look.glyphs.state(one.status.state, one.status.checked);
    let mut words = format!("{sign} {}", state_of(one, ui.age()));
    if one.status.state == StateName::Backoff {
        let of = one.retries.map(|all| format!(" of {all}")).unwrap_or_default();
        _ = write!(words, ", retry {}{of} (r: now)", one.retry);
    } else if one.status.run > 0 {
        _ = write!(words, ", run {}", one.status.run);
    }
    words
}

fn last_exit(ui: &Model, details: &ProcessDetails) -> String {
    let ended = details.runs.iter().find(|run| run.end.is_some());
    let Some((end, run)) = ended.and_then(|run| Some((run.end.as_ref()?, run))) else {
        return String::new();
    };
    let at = run.ended.as_ref().map(|at| format!(" at {}", clock(ui, at))).unwrap_or_default();
    format!("{end}{at}")
}

/// `5: 4 by retry, 1 manual`: of as many as are still known.
fn restarts(one: &ProcessState, details: Option<&ProcessDetails>) -> String {
    let all = one.status.restarts;
    let mut by: BTreeMap<&str, u32> = BTreeMap::new();
    let runs = details.into_iter().flat_map(|details| &details.runs).filter(|run| run.run > 1);
    for cause in runs.filter_map(|run| run.cause.as_ref()) {
        *by.entry(by_what(cause)).or_default() += 1;
    }
    let parts: Vec<String> = by.iter().map(|(by, count)| format!("{count} {by}")).collect();
    if parts.is_empty() { all.to_string() } else { format!("{all}: {}", parts.join(", ")) }
}

fn by_what(cause: &Cause) -> &'static str {
    match cause {
        Cause::User => "manual",
        Cause::FileChanged { .. } => "by files",
        Cause::Dependency { .. } => "by others",
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

/// When it runs again, and how often that is tried.
fn policy(details: &ProcessDetails) -> String {
    match details.restart {
        Restart::Never => "restart never".to_owned(),
        restart @ (Restart::OnFailure | Restart::Always) => {
            format!("restart {restart} · {}", details.retry)
        }
    }
}

fn limits(details: &ProcessDetails) -> String {
    let mut parts = Vec::new();
    parts.extend(details.timeout_ms.map(|ms| format!("runs {} at most", time(ms))));
    parts.extend(details.idle_timeout_ms.map(|ms| format!("silent {} at most", time(ms))));
    if details.success_exit_codes != [0] {
        let codes: Vec<String> = details.success_exit_codes.iter().map(i32::to_string).collect();
        parts.push(format!("success is exit {}", codes.join(", ")));
    }
    match details.shutdown_on {
        ShutdownOn::Never => {}
        ShutdownOn::Failure => parts.push("its failure ends the project".to_owned()),
        ShutdownOn::Exit => parts.push("its end ends the project".to_owned()),
    }
    parts.join(", ")
}

fn stop(details: &ProcessDetails) -> String {
    let stop = &details.stop;
    let how = match &stop.command {
        Some(command) => command.join(" "),
        None => stop.signal.to_string(),
    };
    format!("{how}, KILL after {}", time(stop.grace_ms))
}

fn depends_on(ui: &Model, one: &ProcessState) -> String {
    let graph = crate::tui::screens::overview::nodes(&ui.overview, &ui.took);
    let node = graph.iter().find(|node| node.name == one.status.process);
    let edges = node.into_iter().flat_map(|node| &node.on).map(|edge| {
        let glyphs = &ui.look.glyphs;
        let sign = if edge.fulfilled { glyphs.yes } else { glyphs.no };
        format!("{} {} {sign}", edge.name, edge.condition)
    });
    edges.collect::<Vec<_>>().join(", ")
}

fn needed_by(ui: &Model, all: &[DependencyState]) -> String {
    let word = |needed: &DependencyState| {
        let member = ui.member(&needed.name);
        let state = member
            .map(|one| format!(" ({})", one.status.state.word(one.status.checked)))
            .unwrap_or_default();
        format!("{}{state}", needed.name)
    };
    all.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn watch(one: &ProcessState, details: Option<&ProcessDetails>) -> String {
    let on = match (one.watch, &one.suspended_by) {
        (None, _) => return String::new(),
        (Some(WatchState::On), _) => "on".to_owned(),
        (Some(WatchState::Off), _) => "off".to_owned(),
        (Some(WatchState::Suspended), Some(by)) => format!("suspended by {by}"),
        (Some(WatchState::Suspended), None) => "suspended".to_owned(),
    };
    let of = details.and_then(|details| details.watch.as_ref()).map(|watch| {
        let paths = watch.paths.join(" ");
        format!("{paths}: {}, {} after the last change; ", watch.action, time(watch.debounce_ms))
    });
    format!("{}{on}", of.unwrap_or_default())
}

fn env(details: &ProcessDetails) -> String {
    let first = details.env.iter().find_map(|one| Some((&one.name, one.value.as_ref()?)));
    let first = first.map(|(name, value)| format!("{name}={value}")).unwrap_or_default();
    match details.env.len() {
        0 => String::new(),
        1 if !first.is_empty() => first,
        more => format!(
            "{first}{}{} more (E)",
            if first.is_empty() { "" } else { ", " },
            more - usize::from(!first.is_empty())
        ),
    }
}

fn defined(details: &ProcessDetails) -> String {
    let place = details.defined.as_ref();
    place.map(|place| format!("{}:{}", place.file, place.line)).unwrap_or_default()
}

/// What is asked, how often, and how much of it is enough.
fn terms(check: &CheckDetails) -> String {
    // What is waited for rather than asked has no interval.
    let is_asked = check.kind.is_asked();
    let mut words = check.probe.clone();
    if is_asked {
        _ = write!(words, ", every {}", time(check.interval_ms));
    }
    if let Some(timeout) = check.timeout_ms {
        _ = write!(words, ", within {}", time(timeout));
    }
    if is_asked && check.successes > 1 {
        _ = write!(words, ", {} in a row", check.successes);
    }
    if is_asked && check.failures > 1 {
        _ = write!(words, ", {} misses are too many", check.failures);
    }
    words
}

fn probe(check: &CheckDetails) -> CheckRow {
    let row = match check.in_a_row {
        0 | 1 => String::new(),
        many => format!(", {many} in a row"),
    };
    let answer = match (&check.answer, check.good) {
        (None, _) => "has not answered yet".to_owned(),
        (Some(said), _) if said.is_empty() => format!("as it should be{row}"),
        (Some(said), _) => format!("{said}{row}"),
    };
    CheckRow { which: check.which, check: terms(check), answer, good: check.good }
}

fn variable(one: &Set) -> VariableRow {
    VariableRow { name: one.name.clone(), value: one.value.clone() }
}

fn files(details: &ProcessDetails) -> Vec<(String, String)> {
    let mut all = vec![("folder".to_owned(), details.cwd.clone())];
    all.extend(Some(("defined at".to_owned(), defined(details))).filter(|(_, at)| !at.is_empty()));
    if let Some(watch) = &details.watch {
        all.extend(watch.paths.iter().map(|glob| ("watches".to_owned(), glob.clone())));
        all.extend(watch.ignore.iter().map(|glob| ("ignores".to_owned(), glob.clone())));
    }
    all
}

fn run_of(ui: &Model, one: &ProcessState, run: &RunDetails) -> RunRow {
    let is_now = run.run == one.status.run && run.end.is_none();
    let alive = one.status.uptime_ms.filter(|_| is_now);
    // Whole seconds would be drawn every second.
    let up = alive.map(|ms| super::list::uptime(ms, ui.age()));
    let end = match (&run.end, is_now) {
        (Some(end), _) => end.clone(),
        (None, true) => one.status.state.word(one.status.checked).to_owned(),
        (None, false) => String::new(),
    };
    let next = run.next.as_ref().map(|next| format!(", {next}")).unwrap_or_default();
    RunRow {
        run: run.run,
        start: run.started.as_ref().map(|at| clock(ui, at)).unwrap_or_default(),
        up: run.duration_ms.map(time).or(up).unwrap_or_default(),
        cause: run.cause.as_ref().map(Cause::describe).unwrap_or_default(),
        end: format!("{end}{next}"),
        bad: run.success == Some(false),
    }
}

fn last_lines(known: &DetailsData) -> Vec<StyledLine> {
    let lines = known.last.rows.iter().filter_map(|row| match row {
        OutputRow::Line { line, .. } => Some(StyledLine::of(&line.bytes(), true)),
        OutputRow::Mark(_) => None,
    });
    let mut lines: Vec<StyledLine> = lines.collect();
    lines.extend(known.last.partials.iter().map(|line| StyledLine::of(&line.bytes(), true)));
    let over = lines.len().saturating_sub(LAST);
    lines.split_off(over)
}

fn clock(ui: &Model, at: &str) -> String {
    let time: Option<Timestamp> = at.parse().ok();
    let words =
        time.map(|time| time.to_zoned_datetime(ui.zone.clone()).strftime("%H:%M:%S").to_string());
    words.unwrap_or_default()
}

fn time(ms: u64) -> String {
    format_limit(Duration::from_millis(ms))
}
