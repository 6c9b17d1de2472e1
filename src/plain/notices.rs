//! Prints notices of pitcrew as `pitcrew | text` on stderr.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use super::{PlainOptions, Verbosity};
use crate::engine::{EngineHandle, Notice};
use crate::machine::event::{Cause, EndCause};
use crate::machine::event_text::{EventText, LISTED_NAMES};
use crate::machine::{
    Event, Moment, ProcessView, ProjectPhase, ShutdownReason, Snapshot, StateName,
};
use crate::output::{LogStore, StyleMode, last_lines, safe_line, safe_name};
use crate::spec::{Name, first_of, format_duration};

pub(super) struct NoticePrinter {
    store: Arc<LogStore>,
    is_brief: bool,
    /// The process in the foreground.
    foreground: Option<Name>,
    /// The runs whose last lines were printed.
    printed: Vec<(Name, u32)>,
    was_ready: bool,
    colour: bool,
    label: String,
    lines: Sender<String>,
}

impl NoticePrinter {
    pub(super) fn new(engine: &EngineHandle, options: PlainOptions, lines: Sender<String>) -> Self {
        let PlainOptions { colour, terminal, verbosity, .. } = options;
        let snapshot = engine.snapshot();
        let (is_brief, foreground) = match verbosity {
            Verbosity::Everything => (false, None),
            Verbosity::Problems { foreground } => (true, foreground),
        };
        let foreground = snapshot.processes.iter().find(|view| Some(view.id) == foreground);
        Self {
            store: Arc::clone(engine.store()),
            is_brief,
            foreground: foreground.map(|view| view.name.clone()),
            printed: Vec::new(),
            was_ready: false,
            colour,
            label: label(colour, terminal, snapshot.processes.iter().map(|view| &view.name)),
            lines,
        }
    }

    fn print(&mut self, text: &str) {
        _ = self.lines.send(format!("{}{}", self.label, safe_name(text)));
    }

    pub(super) fn notice(&mut self, notice: &Notice) {
        match &notice.about {
            Some(name) => self.print(&format!("{name}: {}", notice.text)),
            None => self.print(&notice.text),
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        let subject = event.subject();
        let is_foreground =
            subject.is_some_and(|subject| Some(&subject.name) == self.foreground.as_ref());
        if self.is_brief && !relevance(event, is_foreground).1 {
            return;
        }
        // A project can become ready again after each retry; only the first time is news.
        let is_ready = matches!(event, Event::ProjectReady(_));
        if is_ready && std::mem::replace(&mut self.was_ready, true) {
            return;
        }
        if let Some(text) = sentence(event) {
            self.print(&text);
        }
        if let (true, false, Some(subject)) = (self.is_brief, is_foreground, subject) {
            self.print_last_lines(&subject.name, subject.run);
        }
    }

    /// Prints the last lines of a run, once.
    fn print_last_lines(&mut self, name: &Name, run: u32) {
        let key = (name.clone(), run);
        if self.printed.contains(&key) {
            return;
        }
        self.printed.push(key);
        let styles = if self.colour { StyleMode::Keep } else { StyleMode::Drop };
        for line in last_lines(&self.store, name, run) {
            _ = self.lines.send(format!("{name} | {}", safe_line(&line, styles)));
        }
    }

    /// A shutdown has begun, or has become a kill.
    pub(super) fn shutdown(&mut self, snapshot: &Snapshot, now: Moment) {
        let (action, nothing, reason, next) = match &snapshot.phase {
            ProjectPhase::Up => return,
            ProjectPhase::Stopping(reason) => {
                ("stopping", "nothing is running", reason, "a second signal kills immediately")
            }
            // The killed processes may be gone already.
            ProjectPhase::Killing(reason) => (
                "killing",
                "nothing is running any more",
                reason,
                "a third signal exits immediately",
            ),
        };
        // The user sees that the process in the foreground has ended.
        let is_foreground = |name: &Name| Some(name) == self.foreground.as_ref();
        if matches!(reason, ShutdownReason::ShutdownOn(name) if is_foreground(name)) {
            return;
        }
        match alive(snapshot, now) {
            Some(names) => self.print(&format!("{reason}: {action} {names}; {next}")),
            None if self.is_brief => {}
            None => self.print(&format!("{reason}: {nothing}")),
        }
    }

    /// Prints which processes have failed or were skipped, as the last line.
    pub(super) fn ended(&mut self, snapshot: &Snapshot) {
        let list = |state, text: &str| {
            let views = snapshot.processes.iter().filter(|view| view.state == state);
            let names: Vec<String> = views.map(|view| view.name.to_string()).collect();
            let count = names.len();
            (count > 0).then(|| format!("{count} {text}: {}", first_of(names, LISTED_NAMES)))
        };
        let lists = [list(StateName::Failed, "failed"), list(StateName::Skipped, "skipped")];
        let lists: Vec<String> = lists.into_iter().flatten().collect();
        if !lists.is_empty() && !self.is_brief {
            self.print(&lists.join("; "));
        }
    }

    /// Prints the processes that a shutdown still waits for.
    pub(super) fn reminder(&mut self, snapshot: &Snapshot, now: Moment) {
        if let Some(names) = alive(snapshot, now) {
            self.print(&format!("waiting for {names}"));
        }
    }
}

/// The label of notices: on a terminal aligned with the names, elsewhere always the same, so that
/// it can be searched for.
fn label<'a>(colour: bool, terminal: bool, names: impl Iterator<Item = &'a Name>) -> String {
    let longest = names.map(|name| name.as_str().len()).max().unwrap_or(0);
    let width = if terminal { longest } else { 0 };
    if colour {
        format!("\x1b[1m{:width$} |\x1b[0m ", "pitcrew")
    } else {
        format!("{:width$} | ", "pitcrew")
    }
}

/// Lists the processes that are alive, such as `api (8.7s left), db (after its dependants)`.
fn alive(snapshot: &Snapshot, now: Moment) -> Option<String> {
    let is_killing = matches!(snapshot.phase, ProjectPhase::Killing(_));
    let alive = snapshot.processes.iter().filter(|view| view.state.is_alive());
    let names: Vec<String> = alive.map(|view| with_progress(view, is_killing, now)).collect();
    (!names.is_empty()).then(|| first_of(names, LISTED_NAMES))
}

fn with_progress(view: &ProcessView, is_killing: bool, now: Moment) -> String {
    let progress = match (view.state, view.left_until(now)) {
        (StateName::Stopping, Some(_)) if view.killed && !view.left.is_empty() => {
            format!(" (killed; still alive: {})", first_of(&view.left, LISTED_NAMES))
        }
        (StateName::Stopping, Some(_)) if view.killed => " (killed)".to_owned(),
        (StateName::Stopping, Some(left)) => format!(" ({} left)", format_duration(left)),
        (_, _) if is_killing => String::new(),
        // It stops as soon as its start has succeeded or failed.
        (StateName::Starting, _) if !view.started => " (starting)".to_owned(),
        (_, _) => " (after its dependants)".to_owned(),
    };
    format!("{}{progress}", view.name)
}

/// The sentence for an event; `None` if other notices say the same.
pub(crate) fn sentence(event: &Event) -> Option<String> {
    relevance(event, false).0.then(|| EventText::of(event).sentence())
}

/// Whether an event is shown, and whether it is a failure, which is shown even in brief output. The user
/// sees the end of the process in the foreground.
fn relevance(event: &Event, is_foreground: bool) -> (bool, bool) {
    match event {
        Event::ProcessReady(e) => (e.probe.is_some(), false),
        // Shutdowns and file changes have their own notices.
        Event::ProcessStopping(e) => {
            (!matches!(e.cause, Cause::Shutdown { .. } | Cause::FileChanged { .. }), false)
        }
        Event::ProcessQueued(_)
        | Event::ConfigRejected(_)
        | Event::ProjectStopping(_)
        | Event::ProjectStopped(_) => (false, false),
        Event::ProcessWaiting(_)
        | Event::ProcessStarted(_)
        | Event::ProcessUnhealthy(_)
        | Event::ProcessGaveUp(_)
        | Event::FileChanged(_)
        | Event::WatchSuspended(_)
        | Event::ConfigReloaded(_)
        | Event::PoolDrained(_)
        | Event::ProjectReady(_) => (true, false),
        Event::ProcessRetrying(_) => (true, is_foreground),
        Event::ProcessCompleted(e) => (true, !e.end.success && !is_foreground),
        Event::ProcessKilled(e) => (true, e.by == EndCause::Health),
        Event::ProcessFailed(_) | Event::ProcessSkipped(_) => (true, true),
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
