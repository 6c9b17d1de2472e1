//! What pitcrew has to say, as `pitcrew | text` on stderr.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use super::lines::thousands;
use super::{PlainOptions, Tells};
use crate::machine::event::{
    By, Cause, ConfigReloaded, Ended, FileChanged, ProcessRetrying, ProcessStopping, RunError,
    Subject,
};
use crate::machine::snapshot::{chain_sentence, retries};
use crate::machine::{
    Event, Moment, Phase, ProcessView, ShutdownReason, Snapshot, StateName, short,
};
use crate::output::{LogStore, Styles, last_lines, safe_line, safe_name};
use crate::session::{Notice, Session};
use crate::spec::{Exit, Name};

/// How many names are listed before "and 12 more".
const NAMES: usize = 8;

pub(super) struct Teller {
    store: Arc<LogStore>,
    tells: Tells,
    own: Option<Name>,
    /// Runs of which the last lines were shown.
    shown: Vec<(Name, u32)>,
    was_ready: bool,
    colour: bool,
    label: String,
    lines: Sender<String>,
}

impl Teller {
    pub(super) fn new(session: &Session, options: PlainOptions, lines: Sender<String>) -> Self {
        let PlainOptions { colour, terminal, tells, .. } = options;
        let snapshot = session.snapshot();
        let label = label(colour, terminal, snapshot.processes.iter().map(|one| &one.name));
        let own = match tells {
            Tells::Everything => None,
            Tells::Problems { own } => own,
        };
        let own = snapshot.processes.iter().find(|one| Some(one.id) == own);
        let own = own.map(|one| one.name.clone());
        let store = Arc::clone(session.store());
        Self { store, tells, own, shown: Vec::new(), was_ready: false, colour, label, lines }
    }

    fn say(&mut self, text: &str) {
        _ = self.lines.send(format!("{}{}", self.label, safe_name(text)));
    }

    pub(super) fn notice(&mut self, notice: &Notice) {
        match &notice.about {
            Some(name) => self.say(&format!("{name}: {}", notice.text)),
            None => self.say(&notice.text),
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        let own = event.subject().is_some_and(|of| Some(&of.name) == self.own.as_ref());
        let brief = matches!(self.tells, Tells::Problems { .. });
        if brief && !is_problem(event, own) {
            return;
        }
        // It may come and go with every retry; the first time is news.
        let is_ready = matches!(event, Event::ProjectReady(_));
        if is_ready && std::mem::replace(&mut self.was_ready, true) {
            return;
        }
        if let Some(text) = sentence(event) {
            self.say(&text);
        }
        if let (true, false, Some(of)) = (brief, own, event.subject()) {
            self.last_words(&of.name, of.run);
        }
    }

    /// The end of what a run printed, once.
    fn last_words(&mut self, name: &Name, run: u32) {
        if self.shown.iter().any(|(known, of)| known == name && *of == run) {
            return;
        }
        self.shown.push((name.clone(), run));
        let styles = if self.colour { Styles::Keep } else { Styles::Drop };
        for line in last_lines(&self.store, name, run) {
            _ = self.lines.send(format!("{name} | {}", safe_line(&line, styles)));
        }
    }

    /// The project has begun to end, or to end faster.
    pub(super) fn going_down(&mut self, snapshot: &Snapshot, now: Moment) {
        let (what, reason, next) = match &snapshot.phase {
            Phase::Up => return,
            Phase::Stopping(reason) => ("stopping", reason, "; a second signal kills at once"),
            Phase::Killing(reason) => ("killing", reason, "; a third signal leaves at once"),
        };
        // That the one in the foreground has ended is seen without being told.
        if matches!(reason, ShutdownReason::ShutdownOn(name) if Some(name) == self.own.as_ref()) {
            return;
        }
        let alive = alive(snapshot);
        let brief = matches!(self.tells, Tells::Problems { .. });
        if alive.is_empty() && brief {
            return;
        }
        if alive.is_empty() {
            // Those that were killed may be gone by the time it is told.
            let so = if what == "killing" {
                "killing; nothing is running any more"
            } else {
                "nothing is running"
            };
            return self.say(&format!("{reason}: {so}"));
        }
        let names = listed(&alive, |one| waits(one, snapshot, now));
        self.say(&format!("{reason}: {what} {names}{next}"));
    }

    /// Who did not end well, once everything has ended: the last line of a long log.
    pub(super) fn ended(&mut self, snapshot: &Snapshot) {
        let all: Vec<&ProcessView> = snapshot.processes.iter().map(AsRef::as_ref).collect();
        let of = |state| all.iter().copied().filter(move |one| one.state == state);
        let (failed, skipped): (Vec<_>, Vec<_>) =
            (of(StateName::Failed).collect(), of(StateName::Skipped).collect());
        let listed = |what: &str, of: &[&ProcessView]| match of.len() {
            0 => None,
            number => Some(format!("{number} {what}: {}", listed(of, |one| one.name.to_string()))),
        };
        let parts: Vec<String> = [listed("failed", &failed), listed("skipped", &skipped)]
            .into_iter()
            .flatten()
            .collect();
        if !parts.is_empty() && matches!(self.tells, Tells::Everything) {
            self.say(&parts.join("; "));
        }
    }

    /// Who is still waited for on the way down.
    pub(super) fn still_there(&mut self, snapshot: &Snapshot, now: Moment) {
        let alive = alive(snapshot);
        if !alive.is_empty() {
            let names = listed(&alive, |one| waits(one, snapshot, now));
            self.say(&format!("waiting for {names}"));
        }
    }
}

/// How a notice begins: in line with the names where both are seen together, elsewhere always the
/// same, for those who search for it.
fn label<'a>(colour: bool, terminal: bool, names: impl Iterator<Item = &'a Name>) -> String {
    let longest = names.map(|name| name.as_str().len()).max().unwrap_or(0);
    let width = if terminal { longest } else { 0 };
    if colour {
        format!("\x1b[1m{:width$} |\x1b[0m ", "pitcrew")
    } else {
        format!("{:width$} | ", "pitcrew")
    }
}

fn alive(snapshot: &Snapshot) -> Vec<&ProcessView> {
    let all = snapshot.processes.iter().map(AsRef::as_ref);
    all.filter(|one| one.state.is_alive()).collect()
}

/// `api (8.7s left)`
fn waits(one: &ProcessView, snapshot: &Snapshot, now: Moment) -> String {
    let killing = matches!(snapshot.phase, Phase::Killing(_));
    let detail = match (one.state, one.left_until(now)) {
        (StateName::Stopping, Some(_)) if one.killed && !one.left.is_empty() => {
            let left: Vec<String> =
                one.left.iter().map(|stray| format!("{} {}", stray.pid, stray.command)).collect();
            format!(" (killed; still there: {})", left.join(", "))
        }
        (StateName::Stopping, Some(_)) if one.killed => " (killed)".to_owned(),
        (StateName::Stopping, Some(left)) => format!(" ({} left)", short(left)),
        (_, _) if killing => String::new(),
        // It goes as soon as it is known whether it runs.
        (StateName::Starting, _) if !one.started => " (just starting)".to_owned(),
        (_, _) => " (after those that need it)".to_owned(),
    };
    format!("{}{detail}", one.name)
}

fn listed(all: &[&ProcessView], show: impl Fn(&ProcessView) -> String) -> String {
    let shown: Vec<String> = all.iter().take(NAMES).map(|one| show(one)).collect();
    let mut text = shown.join(", ");
    if all.len() > NAMES {
        _ = write!(text, " and {} more", thousands((all.len() - NAMES) as u64));
    }
    text
}

/// Whether something went wrong; how the one in the foreground ends is seen without being told.
fn is_problem(event: &Event, own: bool) -> bool {
    match event {
        Event::ProcessFailed(_) | Event::ProcessSkipped(_) => true,
        Event::ProcessCompleted(e) => !e.end.success && !own,
        Event::ProcessRetrying(_) => own,
        Event::ProcessKilled(e) => e.by == By::Health,
        Event::ProcessQueued(_)
        | Event::ProcessWaiting(_)
        | Event::ProcessStarted(_)
        | Event::ProcessReady(_)
        | Event::ProcessUnhealthy(_)
        | Event::ProcessStopping(_)
        | Event::ProcessGaveUp(_)
        | Event::FileChanged(_)
        | Event::WatchSuspended(_)
        | Event::ConfigReloaded(_)
        | Event::ConfigRejected(_)
        | Event::PoolDrained(_)
        | Event::ProjectReady(_)
        | Event::ProjectStopping(_)
        | Event::ProjectStopped(_) => false,
    }
}

/// One sentence for an event, if it deserves one.
fn sentence(event: &Event) -> Option<String> {
    Some(match event {
        Event::ProcessStarted(e) => {
            format!("{} started, pid {}{}", e.of.name, e.pid, run_of(&e.of))
        }
        Event::ProcessWaiting(e) => {
            let on: Vec<String> =
                e.on.iter().map(|on| format!("{} to {}", on.name, on.condition.goal())).collect();
            format!("{} waits for {}", e.of.name, on.join(" and "))
        }
        Event::ProcessReady(e) => {
            let probe = e.probe.as_ref()?;
            let answer = e.answer.as_ref().map_or_else(String::new, |said| format!(": {said}"));
            format!("{} is ready, {probe}{answer}", e.of.name)
        }
        Event::ProcessUnhealthy(e) => {
            let misses = e.cause.misses().unwrap_or_default();
            format!("{} is unhealthy, {misses}", e.of.name)
        }
        Event::ProcessRetrying(e) => retrying(e),
        Event::ProcessStopping(e) => return stopping(e),
        Event::ProcessCompleted(e) if e.end.success => {
            let hint = e.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
            format!("{} ended well{}{hint}", e.of.name, how(&e.end))
        }
        Event::ProcessCompleted(e) => format!("{} failed{}", e.of.name, how(&e.end)),
        Event::ProcessKilled(e) if e.by == By::Health => {
            format!("{} failed its health check{}", e.of.name, how(&e.end))
        }
        Event::ProcessKilled(e) => format!("{} stopped{}", e.of.name, how(&e.end)),
        Event::ProcessFailed(e) => match e.error {
            RunError::Timeout
            | RunError::IdleTimeout
            | RunError::ReadyTimeout
            | RunError::Unkillable => {
                format!("{} failed: {}", e.of.name, e.message)
            }
            RunError::ProgramNotFound
            | RunError::CwdNotFound
            | RunError::NotExecutable
            | RunError::ArgumentsTooLong
            | RunError::PortBusy
            | RunError::ResourceLimit
            | RunError::Other => format!("cannot start {}: {}", e.of.name, e.message),
        },
        Event::ProcessGaveUp(e) => {
            format!("{}: gave up after {}: {}", e.of.name, retries(e.retries), e.message)
        }
        Event::ProcessSkipped(e) => {
            let why = match &e.cause {
                Cause::Pool { failed, .. } => format!("{failed} failed"),
                Cause::Start
                | Cause::User
                | Cause::Dependency { .. }
                | Cause::FileChanged { .. }
                | Cause::Reload { .. }
                | Cause::Exit { .. }
                | Cause::Signal { .. }
                | Cause::Retry { .. }
                | Cause::RetriesExhausted { .. }
                | Cause::Timeout { .. }
                | Cause::IdleTimeout { .. }
                | Cause::ReadyTimeout { .. }
                | Cause::Unhealthy { .. }
                | Cause::Shutdown { .. } => chain_sentence(&e.chain),
            };
            format!("{} skipped: {why}", e.of.name)
        }
        Event::FileChanged(e) => changed(e),
        Event::ConfigReloaded(e) => reloaded(e),
        // The mistakes themselves are told beside it.
        Event::ConfigRejected(_) => return None,
        Event::WatchSuspended(e) => format!(
            "{}: its files are not watched any more: {} changed soon after each of the last {} \
             starts; put it in `ignore` if {} writes it",
            e.name, e.path, e.restarts, e.name
        ),
        Event::PoolDrained(e) => {
            let failed = if e.failed > 0 { format!(", {} not", e.failed) } else { String::new() };
            format!("pool {} is done: {} ended well{failed}", e.pool, e.succeeded)
        }
        Event::ProjectReady(_) => "everything is ready".to_owned(),
        Event::ProcessQueued(_) | Event::ProjectStopping(_) | Event::ProjectStopped(_) => {
            return None;
        }
    })
}

fn retrying(e: &ProcessRetrying) -> String {
    let delay = match e.delay_ms {
        0 => "now".to_owned(),
        ms => format!("in {}", short(Duration::from_millis(ms))),
    };
    match (e.retry, e.retries) {
        (0, _) => format!("{} runs again {delay}", e.of.name),
        (retry, Some(of)) => format!("{}: retry {retry} of {of} {delay}", e.of.name),
        (retry, None) => format!("{}: retry {retry} {delay}", e.of.name),
    }
}

/// Nothing when everything is being stopped, which is told for all of them.
fn stopping(e: &ProcessStopping) -> Option<String> {
    let why = match &e.cause {
        // A change tells of itself.
        Cause::Shutdown { .. } | Cause::FileChanged { .. } => return None,
        Cause::Reload { .. } => "by the new file, ".to_owned(),
        Cause::Timeout { after_ms } => {
            format!("it has run for {}, ", short(Duration::from_millis(*after_ms)))
        }
        Cause::IdleTimeout { after_ms } => {
            format!("it was silent for {}, ", short(Duration::from_millis(*after_ms)))
        }
        Cause::ReadyTimeout { .. } => "it was not ready in time, ".to_owned(),
        Cause::Unhealthy { .. } => {
            let misses = e.cause.misses().unwrap_or_default();
            format!("its health check failed ({misses}), ")
        }
        Cause::Pool { failed, .. } => format!("{failed} failed, "),
        Cause::Dependency { on } => format!("{on} has a new run, "),
        Cause::Start
        | Cause::User
        | Cause::Exit { .. }
        | Cause::Signal { .. }
        | Cause::Retry { .. }
        | Cause::RetriesExhausted { .. } => String::new(),
    };
    Some(match e.signal {
        Some(signal) => format!("{}: {why}{signal} sent to end it", e.of.name),
        None => format!("{}: {why}its stop command runs", e.of.name),
    })
}

/// What is different in the file.
fn reloaded(event: &ConfigReloaded) -> String {
    let parts = [
        ("new", &event.added),
        ("changed", &event.changed),
        ("not there any more", &event.removed),
    ];
    let part = |(what, names): &(&str, &Vec<Name>)| {
        let shown: Vec<&str> = names.iter().take(NAMES).map(Name::as_str).collect();
        let more = match names.len().saturating_sub(NAMES) {
            0 => String::new(),
            more => format!(" and {} more", thousands(more as u64)),
        };
        (!names.is_empty()).then(|| format!("{what}: {}{more}", shown.join(", ")))
    };
    let parts: Vec<String> = parts.iter().filter_map(part).collect();
    let text = if parts.is_empty() { "nothing is different".to_owned() } else { parts.join("; ") };
    format!("the file was read again: {text}")
}

/// Which files, and what they lead to.
fn changed(event: &FileChanged) -> String {
    let more = match event.more {
        0 => String::new(),
        more => format!(" and {} more", thousands(more)),
    };
    let follows = match event.action.split_once(':') {
        Some(("run", first)) => format!("{first} runs first"),
        Some((_, signal)) => format!("it gets {signal}"),
        None => "it runs anew".to_owned(),
    };
    format!("{}: {}{more} changed, {follows}", event.name, event.path)
}

/// `, run 3`, from the second run on.
fn run_of(of: &Subject) -> String {
    if of.run > 1 { format!(", run {}", of.run) } else { String::new() }
}

/// `: exit 1 after 8.1s`
fn how(end: &Ended) -> String {
    let exit = match (end.exit_code, end.signal) {
        (Some(code), _) if end.success && code == 0 => None,
        (Some(code), _) => Some(Exit::Code(code)),
        (None, Some(signal)) => Some(Exit::Signal(signal)),
        (None, None) => None,
    };
    let exit = exit.map_or_else(String::new, |exit| format!(": {exit}"));
    format!("{exit} after {}", short(Duration::from_millis(end.duration_ms)))
}

#[cfg(test)]
mod tests {
    use super::{Name, label};

    #[test]
    fn notices_are_padded_for_a_terminal_only() {
        let names = [Name::new("web"), Name::new("web-bundle")];
        assert_eq!(label(false, true, names.iter()), "pitcrew    | ");
        assert_eq!(label(false, false, names.iter()), "pitcrew | ");
    }
}
