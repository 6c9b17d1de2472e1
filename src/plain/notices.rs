//! Prints messages of pitcrew as `pitcrew | text` on stderr.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use super::{PlainOptions, Verbosity};
use crate::engine::{EngineHandle, Notice};
use crate::machine::event::{Cause, EndCause};
use crate::machine::event_text::{EventText, first_of};
use crate::machine::{
    Event, Moment, ProcessView, ProjectPhase, ShutdownReason, Snapshot, StateName,
};
use crate::output::{LogStore, StyleMode, last_lines, safe_line, safe_name};
use crate::spec::{Name, format_duration};

pub(super) struct NoticePrinter {
    store: Arc<LogStore>,
    tells: Verbosity,
    own: Option<Name>,
    /// Runs of which the last lines were shown.
    shown: Vec<(Name, u32)>,
    was_ready: bool,
    colour: bool,
    label: String,
    lines: Sender<String>,
}

impl NoticePrinter {
    pub(super) fn new(engine: &EngineHandle, options: PlainOptions, lines: Sender<String>) -> Self {
        let PlainOptions { colour, terminal, tells, .. } = options;
        let snapshot = engine.snapshot();
        let label = label(colour, terminal, snapshot.processes.iter().map(|one| &one.name));
        let own = match tells {
            Verbosity::Everything => None,
            Verbosity::Problems { own } => own,
        };
        let own = snapshot.processes.iter().find(|one| Some(one.id) == own);
        let own = own.map(|one| one.name.clone());
        let store = Arc::clone(engine.store());
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
        let brief = matches!(self.tells, Verbosity::Problems { .. });
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
        let styles = if self.colour { StyleMode::Keep } else { StyleMode::Drop };
        for line in last_lines(&self.store, name, run) {
            _ = self.lines.send(format!("{name} | {}", safe_line(&line, styles)));
        }
    }

    /// The project has begun to end, or to end faster.
    pub(super) fn going_down(&mut self, snapshot: &Snapshot, now: Moment) {
        let (what, reason, next) = match &snapshot.phase {
            ProjectPhase::Up => return,
            ProjectPhase::Stopping(reason) => {
                ("stopping", reason, "; a second signal kills at once")
            }
            ProjectPhase::Killing(reason) => ("killing", reason, "; a third signal leaves at once"),
        };
        // That the one in the foreground has ended is seen without being told.
        if matches!(reason, ShutdownReason::ShutdownOn(name) if Some(name) == self.own.as_ref()) {
            return;
        }
        let alive = alive(snapshot);
        let brief = matches!(self.tells, Verbosity::Problems { .. });
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
        if !parts.is_empty() && matches!(self.tells, Verbosity::Everything) {
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
    let killing = matches!(snapshot.phase, ProjectPhase::Killing(_));
    let detail = match (one.state, one.left_until(now)) {
        (StateName::Stopping, Some(_)) if one.killed && !one.left.is_empty() => {
            let left: Vec<String> =
                one.left.iter().map(|stray| format!("{} {}", stray.pid, stray.command)).collect();
            format!(" (killed; still there: {})", left.join(", "))
        }
        (StateName::Stopping, Some(_)) if one.killed => " (killed)".to_owned(),
        (StateName::Stopping, Some(left)) => format!(" ({} left)", format_duration(left)),
        (_, _) if killing => String::new(),
        // It goes as soon as it is known whether it runs.
        (StateName::Starting, _) if !one.started => " (just starting)".to_owned(),
        (_, _) => " (after those that need it)".to_owned(),
    };
    format!("{}{detail}", one.name)
}

fn listed(all: &[&ProcessView], show: impl Fn(&ProcessView) -> String) -> String {
    first_of(all.iter().map(|one| show(one)))
}

/// One sentence for an event, unless other lines say the same.
pub(crate) fn sentence(event: &Event) -> Option<String> {
    let is_shown = match event {
        Event::ProcessReady(e) => e.probe.is_some(),
        // The change and the end of the project have lines of their own.
        Event::ProcessStopping(e) => {
            !matches!(e.cause, Cause::Shutdown { .. } | Cause::FileChanged { .. })
        }
        Event::ProcessQueued(_)
        | Event::ConfigRejected(_)
        | Event::ProjectStopping(_)
        | Event::ProjectStopped(_) => false,
        Event::ProcessWaiting(_)
        | Event::ProcessStarted(_)
        | Event::ProcessUnhealthy(_)
        | Event::ProcessRetrying(_)
        | Event::ProcessCompleted(_)
        | Event::ProcessKilled(_)
        | Event::ProcessFailed(_)
        | Event::ProcessGaveUp(_)
        | Event::ProcessSkipped(_)
        | Event::FileChanged(_)
        | Event::WatchSuspended(_)
        | Event::ConfigReloaded(_)
        | Event::PoolDrained(_)
        | Event::ProjectReady(_) => true,
    };
    is_shown.then(|| EventText::of(event).sentence())
}

/// Whether something went wrong; the end of the foreground process is seen without a notice.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other event is a problem")]
fn is_problem(event: &Event, own: bool) -> bool {
    match event {
        Event::ProcessFailed(_) | Event::ProcessSkipped(_) => true,
        Event::ProcessCompleted(e) => !e.end.success && !own,
        Event::ProcessRetrying(_) => own,
        Event::ProcessKilled(e) => e.by == EndCause::Health,
        _ => false,
    }
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
