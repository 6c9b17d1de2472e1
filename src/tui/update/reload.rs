//! Reload: shows the differences first, and applies them after confirmation.

use super::{Cmds, complain};
use crate::control::ControlError;
use crate::control::wire::ReloadResponse;
use crate::machine::event_text::mistakes;
use crate::spec::RestartReason;
use crate::tui::model::Model;
use crate::tui::msg::Cmd;
use crate::tui::overlay::{Dialog, Overlay};
use crate::tui::theme::Role;

/// Asks what would be done.
pub(super) fn ask(ui: &mut Model, cmds: &mut Cmds) {
    ui.say("reading the file", Role::Text);
    cmds.push(Cmd::Reload { dry_run: true });
}

/// Does it. What has changed in the file since it was shown is done too.
pub(super) fn apply(ui: &mut Model, cmds: &mut Cmds) {
    ui.say("applying the file", Role::Text);
    cmds.push(Cmd::Reload { dry_run: false });
}

pub(super) fn read(ui: &mut Model, result: Result<ReloadResponse, ControlError>) {
    let reloaded = match result {
        Ok(reloaded) => reloaded,
        Err(problem) => return complain(ui, &problem),
    };
    if !reloaded.ok {
        ui.note = None;
        ui.overlay = Some(Overlay::Dialog(rejected(&reloaded)));
    } else if difference(&reloaded).is_empty() {
        ui.say("no changes", Role::Text);
    } else if reloaded.dry_run {
        ui.note = None;
        ui.overlay = Some(Overlay::Dialog(Dialog::reload(difference(&reloaded))));
    } else {
        ui.say(done(&reloaded), Role::Good);
    }
}

fn rejected(reloaded: &ReloadResponse) -> Dialog {
    let number = mistakes(reloaded.faults.len());
    let report = reloaded.report.as_deref().unwrap_or_default().trim_end();
    let lines = report.lines().map(str::to_owned);
    Dialog::notice("The file is faulty", std::iter::once(number).chain(lines).collect())
}

/// A line for each process that is new, other or gone, with what becomes of its run.
fn difference(reloaded: &ReloadResponse) -> Vec<String> {
    let gone = |name: &String| format!("- {name}  is stopped and removed");
    let new = |name: &String| format!("+ {name}");
    let changed = |name: &String| {
        let of = |one: &&crate::control::wire::RestartedProcess| {
            one.name == *name
                || one.name.rsplit_once('.').is_some_and(|(process, _)| process == name)
        };
        match reloaded.restarted.iter().find(of) {
            Some(rerun) => {
                let because: Vec<&str> =
                    rerun.because.iter().copied().map(RestartReason::as_str).collect();
                format!("~ {name}  gets a new run: {}", because.join(", "))
            }
            None => format!("~ {name}  without a restart"),
        }
    };
    let listed = |name: &String| {
        let process = name.rsplit_once('.').map_or(name.as_str(), |(process, _)| process);
        reloaded.changed.iter().any(|one| one == name || one == process)
    };
    // An env file is no key of a process, and makes a new run all the same.
    let others = reloaded.restarted.iter().filter(|one| !listed(&one.name)).map(|one| {
        let because: Vec<&str> = one.because.iter().copied().map(RestartReason::as_str).collect();
        format!("~ {}  gets a new run: {}", one.name, because.join(", "))
    });
    let mut all: Vec<String> = reloaded.added.iter().map(new).collect();
    all.extend(reloaded.changed.iter().map(changed));
    all.extend(others);
    all.extend(reloaded.removed.iter().map(gone));
    all
}

fn done(reloaded: &ReloadResponse) -> String {
    let parts = [
        (reloaded.added.len(), "added"),
        (reloaded.changed.len(), "changed"),
        (reloaded.removed.len(), "removed"),
        (reloaded.restarted.len(), "restarted"),
    ];
    let some = parts.iter().filter(|(number, _)| *number > 0);
    let words: Vec<String> = some.map(|(number, what)| format!("{number} {what}")).collect();
    format!("reloaded: {}", words.join(", "))
}
