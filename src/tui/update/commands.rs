//! Updates that send commands to the project.

use std::time::Duration;

use super::progress::{self, short};
use super::{Cmds, copy, logs, prompts};
use crate::control::wire::{
    ControlCommand, ScaleRequest, SignalRequest, StartRequest, StopRequest, WatchRequest,
    WatchState,
};
use crate::spec::{Signal, counted};
use crate::tui::action::{Action, ActionCall, Argument, GroupedAction, LogsAction, ProcessAction};
use crate::tui::model::list::RowId;
use crate::tui::model::{Model, PromptKind, Screen};
use crate::tui::msg::Cmd;
use crate::tui::overlay::{Dialog, Overlay, signals};
use crate::tui::theme::Role;

/// The same order again within this is the same wish: a key held down.
const BURST: Duration = Duration::from_millis(400);
/// Rows of names in a question.
const NAMED: usize = 6;

/// Asks before what is about many and hard to undo, and before anything that is about all.
pub(super) fn asks_first(ui: &mut Model, action: Action) -> bool {
    let GroupedAction::Process(process) = action.grouped() else { return false };
    let verb = match process {
        ProcessAction::Start => "Start",
        ProcessAction::Stop => "Stop",
        ProcessAction::Kill => "Kill",
        ProcessAction::Restart | ProcessAction::RestartTree => "Restart",
        ProcessAction::Signal
        | ProcessAction::Attach
        | ProcessAction::ScaleUp
        | ProcessAction::ScaleDown
        | ProcessAction::Scale
        | ProcessAction::Watch
        | ProcessAction::Details
        | ProcessAction::Edit
        | ProcessAction::Browse
        | ProcessAction::Copy
        | ProcessAction::Send => return false,
    };
    let is_all = ui.list.marks.is_empty() && ui.list.cursor == RowId::All;
    let ends = matches!(action, Action::Stop | Action::Kill);
    let meant = ui.targets(action);
    if !(is_all || ends && meant.len() > 1) {
        return false;
    }
    let number = format!("{}:", counted(meant.len(), "process"));
    let names = meant.chunks(4).map(|some| some.join(", "));
    let mut body: Vec<String> = std::iter::once(number).chain(names.take(NAMED)).collect();
    if meant.len() > NAMED * 4 {
        body.push(format!("and {} more", meant.len() - NAMED * 4));
    }
    let title = if is_all { format!("{verb} all?") } else { format!("{verb} these?") };
    let call = ActionCall { action, argument: Argument::Names(meant) };
    ui.overlay = Some(Overlay::Dialog(Dialog::confirm(title, body, call)));
    true
}

/// Does what is about the chosen process; false where it has no meaning now.
pub(super) fn process(
    ui: &mut Model,
    action: ProcessAction,
    argument: &Argument,
    cmds: &mut Cmds,
) -> bool {
    match action {
        ProcessAction::Start => {
            execute(ui, Action::Start, argument, cmds, |names| {
                ControlCommand::Start(StartRequest { names, ..StartRequest::default() })
            });
        }
        ProcessAction::Stop => {
            execute(ui, Action::Stop, argument, cmds, |names| {
                ControlCommand::Stop(StopRequest { names, no_wait: false })
            });
        }
        ProcessAction::Kill => {
            execute(ui, Action::Kill, argument, cmds, |names| {
                ControlCommand::Kill(StopRequest { names, no_wait: false })
            });
        }
        ProcessAction::Restart => execute(ui, Action::Restart, argument, cmds, |names| {
            ControlCommand::Restart(StartRequest { names, ..StartRequest::default() })
        }),
        ProcessAction::RestartTree => execute(ui, Action::RestartTree, argument, cmds, |names| {
            let request = StartRequest { names, dependants: true, ..StartRequest::default() };
            ControlCommand::Restart(request)
        }),
        ProcessAction::Signal => {
            if let Argument::Signal { signal: which, names } = argument {
                signal(ui, *which, names.clone(), cmds);
            } else {
                let whom = short(&ui.targets(Action::Signal));
                ui.overlay = Some(Overlay::Dialog(signals(&whom)));
            }
        }
        ProcessAction::ScaleUp => scale_by(ui, 1, cmds),
        ProcessAction::ScaleDown => scale_by(ui, -1, cmds),
        ProcessAction::Scale => {
            if let Argument::Scale { name, replicas } = argument {
                let name = name.clone().or_else(|| process_of(ui));
                scale_to(ui, name, *replicas, cmds);
            }
        }
        ProcessAction::Send => prompts::ask(ui, PromptKind::Send, argument.text(), cmds),
        ProcessAction::Watch => watch(ui, cmds),
        ProcessAction::Attach => {
            ui.notify("a terminal cannot be attached to in this version", Role::Warn);
        }
        ProcessAction::Browse => {
            if let Some(port) = ui.cursor_process().and_then(|one| one.port) {
                cmds.push(Cmd::Browse(format!("http://127.0.0.1:{port}")));
            }
        }
        ProcessAction::Edit => edit(ui, cmds),
        ProcessAction::Copy if ui.selection.is_none() => copy::menu(ui),
        ProcessAction::Copy => return logs::logs(ui, LogsAction::CopySelection, argument, cmds),
        ProcessAction::Details => details(ui, argument),
    }
    true
}

/// The details of the one that is named, or of the chosen one.
fn details(ui: &mut Model, argument: &Argument) {
    if let Argument::Names(names) = argument
        && let Some(name) = names.first()
    {
        ui.list.go_to(name, &ui.overview);
    }
    if ui.screen != Screen::Details {
        (ui.details, ui.screen) =
            (crate::tui::model::details::DetailsView::default(), Screen::Details);
    }
}

/// Where it is declared: replicas stand in one place, and the jobs of a pool beside each other.
fn edit(ui: &mut Model, cmds: &mut Cmds) {
    let members = ui.list.row().map(|row| row.members.as_slice()).unwrap_or_default();
    if let Some(name) = ui.processes(members).next().map(|process| process.name.to_string()) {
        cmds.push(Cmd::Edit(name));
    }
}

/// Starts or ends the processes of the argument, or those that the action addresses.
fn execute(
    ui: &mut Model,
    action: Action,
    argument: &Argument,
    cmds: &mut Cmds,
    command: impl FnOnce(Vec<String>) -> ControlCommand,
) {
    let names = match argument {
        Argument::Names(names) => names.clone(),
        Argument::None
        | Argument::Text(_)
        | Argument::Scale { .. }
        | Argument::Theme(_)
        | Argument::Level(_)
        | Argument::Signal { .. } => ui.targets(action),
    };
    let words = format!("{} {}", action.name(), short(&names));
    if is_burst(ui, &words) {
        return;
    }
    progress::begin(ui, action, &names, &words);
    cmds.push(Cmd::Execute(command(names), words));
}

/// Whether the same was ordered a moment ago. A key that is held down renews the moment.
fn is_burst(ui: &mut Model, words: &str) -> bool {
    let now = ui.now.since_start;
    let same = |(last, at): &(String, Duration)| last == words && now.saturating_sub(*at) < BURST;
    let is_burst = ui.last_command.as_ref().is_some_and(same);
    ui.last_command = Some((words.to_owned(), now));
    is_burst
}

/// Whether changes of their files count: where one of them counts, none does afterwards.
fn watch(ui: &mut Model, cmds: &mut Cmds) {
    let meant = ui.target_processes();
    let watched = |name: &String| {
        let one = ui.process(name)?;
        Some((one.name.to_string(), one.watch?))
    };
    let all: Vec<(String, WatchState)> = meant.iter().filter_map(watched).collect();
    let on = !all.iter().any(|(_, state)| *state == WatchState::On);
    let names: Vec<String> = all.into_iter().map(|(name, _)| name).collect();
    if names.is_empty() {
        ui.notify("watch: none of these watches files", Role::Warn);
        return;
    }
    let words = format!("watch {} {}", if on { "on" } else { "off" }, short(&names));
    if is_burst(ui, &words) {
        return;
    }
    let said =
        if on { "changes of its files count again" } else { "changes of its files do not count" };
    ui.notify(format!("{}: {said}", short(&names)), Role::Text);
    cmds.push(Cmd::Execute(ControlCommand::Watch(WatchRequest { names, on }), words));
}

pub(super) fn signal(ui: &mut Model, signal: Signal, names: Vec<String>, cmds: &mut Cmds) {
    let names = if names.is_empty() { ui.targets(Action::Signal) } else { names };
    let words = format!("signal {signal} to {}", short(&names));
    ui.notify(words.clone(), Role::Text);
    cmds.push(Cmd::Execute(ControlCommand::Signal(SignalRequest { names, signal }), words));
}

/// The process the cursor is on, whichever of its replicas.
fn process_of(ui: &Model) -> Option<String> {
    match &ui.list.cursor {
        RowId::Replicas(name) => Some(name.clone()),
        RowId::Process(name) => ui.process(name).map(|process| process.process.to_string()),
        RowId::All | RowId::Pool(_) => None,
    }
}

fn scale_by(ui: &mut Model, by: i32, cmds: &mut Cmds) {
    let Some(process) = process_of(ui) else { return };
    let now = match &ui.last_scale {
        // What was ordered counts, also while it has not come about.
        Some((name, number)) if *name == process => *number,
        _ => {
            let all = ui.overview.processes.iter();
            all.filter(|one| one.process == process).count() as u32
        }
    };
    scale_to(ui, Some(process), now.saturating_add_signed(by), cmds);
}

fn scale_to(ui: &mut Model, name: Option<String>, replicas: u32, cmds: &mut Cmds) {
    let Some(process) = name else {
        ui.notify("scale: choose a process first", Role::Warn);
        return;
    };
    ui.last_scale = Some((process.clone(), replicas));
    let words = format!("{process} to {}", counted(replicas, "replica"));
    ui.notify(format!("scaling {words}"), Role::Text);
    cmds.push(Cmd::Execute(
        ControlCommand::Scale(ScaleRequest { process, replicas, no_wait: true }),
        words,
    ));
}
