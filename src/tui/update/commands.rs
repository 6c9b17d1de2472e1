//! Updates that send commands to the project.

use std::time::Duration;

use super::progress::{self, short};
use super::{Cmds, copy, logs, prompts, terminal};
use crate::control::wire::{
    ControlCommand, ScaleRequest, SignalRequest, StartRequest, StopRequest, WatchRequest,
    WatchState,
};
use crate::machine::targets::UnknownName;
use crate::spec::{Signal, and_more, counted};
use crate::tui::action::{
    Action, ActionCall, Argument, GroupedAction, LogsAction, NO_SUBJECT, ProcessAction,
};
use crate::tui::model::details::DetailsView;
use crate::tui::model::list::RowId;
use crate::tui::model::{Model, ProgressKind, PromptKind, RunningCommand, Screen};
use crate::tui::msg::Cmd;
use crate::tui::overlay::{Dialog, Overlay, signals};
use crate::tui::theme::Role;

/// The same command again within this time comes from a key that is held down, and is not sent.
const HELD_KEY_INTERVAL: Duration = Duration::from_millis(400);
/// Rows of names in a confirmation, and names in each.
const NAME_ROWS: usize = 6;
const NAMES_PER_ROW: usize = 4;

/// Opens a confirmation before an action on all processes, and before several are stopped or killed;
/// returns whether it is open.
pub(super) fn confirm(ui: &mut Model, action: Action) -> bool {
    let GroupedAction::Process(process) = action.grouped() else { return false };
    let verb = match process {
        ProcessAction::Start => "Start",
        ProcessAction::Stop => "Stop",
        ProcessAction::Kill => "Kill",
        ProcessAction::Restart | ProcessAction::RestartTree => "Restart",
        ProcessAction::Signal
        | ProcessAction::Attach
        | ProcessAction::NextInput
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
    let is_end = matches!(action, Action::Stop | Action::Kill);
    let names = ui.targets(action);
    if !(is_all || is_end && names.len() > 1) {
        return false;
    }
    let number = format!("{}:", counted(names.len(), "process"));
    let rows = names.chunks(NAMES_PER_ROW).map(|row| row.join(", "));
    let mut body: Vec<String> = std::iter::once(number).chain(rows.take(NAME_ROWS)).collect();
    let hidden = names.len().saturating_sub(NAME_ROWS * NAMES_PER_ROW);
    if hidden > 0 {
        body.push(and_more(hidden as u64).trim_start().to_owned());
    }
    let title = if is_all { format!("{verb} all?") } else { format!("{verb} these?") };
    let call = ActionCall { action, argument: Argument::Names(names) };
    ui.overlay = Some(Overlay::Dialog(Dialog::confirm(title, body, call)));
    true
}

/// Handles the actions on the selected processes; returns `false` if the action has no effect now.
pub(super) fn process(
    ui: &mut Model,
    action: ProcessAction,
    argument: &Argument,
    cmds: &mut Cmds,
) -> bool {
    match action {
        ProcessAction::Start => {
            execute(ui, Action::Start, ProgressKind::Start, argument, cmds, |names| {
                ControlCommand::Start(StartRequest { names, ..StartRequest::default() })
            });
        }
        ProcessAction::Stop => {
            execute(ui, Action::Stop, ProgressKind::Stop, argument, cmds, |names| {
                ControlCommand::Stop(StopRequest { names, no_wait: false })
            });
        }
        ProcessAction::Kill => {
            execute(ui, Action::Kill, ProgressKind::Kill, argument, cmds, |names| {
                ControlCommand::Kill(StopRequest { names, no_wait: false })
            });
        }
        ProcessAction::Restart => {
            execute(ui, Action::Restart, ProgressKind::Restart, argument, cmds, |names| {
                ControlCommand::Restart(StartRequest { names, ..StartRequest::default() })
            });
        }
        ProcessAction::RestartTree => {
            execute(ui, Action::RestartTree, ProgressKind::Restart, argument, cmds, |names| {
                let request = StartRequest { names, dependants: true, ..StartRequest::default() };
                ControlCommand::Restart(request)
            });
        }
        ProcessAction::Signal => {
            if let Argument::Signal { signal, names } = argument {
                send_signal(ui, *signal, names.clone(), cmds);
            } else {
                let subject = short(&ui.targets(Action::Signal));
                ui.overlay = Some(Overlay::Dialog(signals(&subject)));
            }
        }
        ProcessAction::ScaleUp => scale_by(ui, 1, cmds),
        ProcessAction::ScaleDown => scale_by(ui, -1, cmds),
        ProcessAction::Scale => {
            if let Argument::Scale { name, replicas } = argument {
                let name = name.clone().or_else(|| selected_process(ui));
                scale_to(ui, name, *replicas, cmds);
            }
        }
        ProcessAction::Send => prompts::ask(ui, PromptKind::Send, argument.text(), cmds),
        ProcessAction::Watch => watch(ui, cmds),
        ProcessAction::Attach => terminal::attach(ui, argument, cmds),
        ProcessAction::NextInput => terminal::next_input(ui),
        ProcessAction::Browse => {
            let url = ui.cursor_process().and_then(|process| process.options.url.clone());
            cmds.extend(url.map(Cmd::Browse));
        }
        ProcessAction::Edit => edit(ui, cmds),
        ProcessAction::Copy if ui.terminal.selection.is_some() => {
            terminal::copy_selection(ui, cmds);
        }
        ProcessAction::Copy if ui.selection.is_none() => copy::menu(ui),
        ProcessAction::Copy => return logs::logs(ui, LogsAction::CopySelection, argument, cmds),
        ProcessAction::Details => details(ui, argument),
    }
    true
}

/// Opens the details of the named process, or of the selected one.
fn details(ui: &mut Model, argument: &Argument) {
    if let Argument::Names(names) = argument
        && let Some(name) = names.first()
        && !ui.list.go_to(name, &ui.overview)
    {
        let processes = ui.overview.processes.iter();
        let known = processes.flat_map(|process| [process.name.as_str(), process.process.as_str()]);
        let known = known.chain(ui.overview.pools.iter().map(|pool| pool.name.as_str()));
        let unknown = UnknownName::new(name, known).to_string();
        ui.notify(unknown, Role::Warn);
        return;
    }
    if ui.screen != Screen::Details {
        (ui.details, ui.screen) = (DetailsView::default(), Screen::Details);
    }
}

/// Edits the declaration of the selected row. Any member will do: replicas have one declaration, and
/// the jobs of a pool are declared next to each other.
fn edit(ui: &mut Model, cmds: &mut Cmds) {
    let members = ui.list.row().map(|row| row.members.as_slice()).unwrap_or_default();
    if let Some(name) = ui.processes(members).next().map(|process| process.name.to_string()) {
        cmds.push(Cmd::Edit(name));
    }
}

/// Sends a command for the processes of the argument, or for those that the action addresses.
fn execute(
    ui: &mut Model,
    action: Action,
    kind: ProgressKind,
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
    let command = command(names.clone());
    if is_burst(ui, &command) {
        return;
    }
    let subject = short(&names);
    let ticket = ui.new_ticket(format!("{} {subject}", action.name()));
    progress::begin(ui, RunningCommand { number: ticket.number, kind, subject, names });
    cmds.push(Cmd::Execute(command, ticket));
}

/// Whether the same command was sent a moment ago. A key that is held down extends the moment.
fn is_burst(ui: &mut Model, command: &ControlCommand) -> bool {
    let now = ui.now.since_start;
    let is_same = |(last, at): &(ControlCommand, Duration)| {
        last == command && now.saturating_sub(*at) < HELD_KEY_INTERVAL
    };
    let is_burst = ui.last_command.as_ref().is_some_and(is_same);
    ui.last_command = Some((command.clone(), now));
    is_burst
}

/// Pauses the watching of files for the selected processes; resumes it if it is paused for all.
fn watch(ui: &mut Model, cmds: &mut Cmds) {
    let targets = ui.target_processes();
    let watched = targets.iter().filter_map(|name| {
        let process = ui.process(name)?;
        Some((process.name.to_string(), process.watch?))
    });
    let (names, states): (Vec<String>, Vec<WatchState>) = watched.unzip();
    let on = !states.contains(&WatchState::On);
    if names.is_empty() {
        ui.notify("watch: no selected process has `watch`", Role::Warn);
        return;
    }
    let subject = short(&names);
    let command = ControlCommand::Watch(WatchRequest { names, on });
    if is_burst(ui, &command) {
        return;
    }
    let effect = if on { "file watching on" } else { "file watching off" };
    ui.notify(format!("{subject}: {effect}"), Role::Text);
    let ticket = ui.new_ticket(format!("watch {} {subject}", if on { "on" } else { "off" }));
    cmds.push(Cmd::Execute(command, ticket));
}

pub(super) fn send_signal(ui: &mut Model, signal: Signal, names: Vec<String>, cmds: &mut Cmds) {
    let names = if names.is_empty() { ui.targets(Action::Signal) } else { names };
    let description = format!("signal {signal} to {}", short(&names));
    ui.notify(description.clone(), Role::Text);
    let ticket = ui.new_ticket(description);
    cmds.push(Cmd::Execute(ControlCommand::Signal(SignalRequest { names, signal }), ticket));
}

/// Returns the declared process of the selected row, which may be one of its replicas.
fn selected_process(ui: &Model) -> Option<String> {
    match &ui.list.cursor {
        RowId::Replicas(name) => Some(name.clone()),
        RowId::Process(name) => ui.process(name).map(|process| process.process.to_string()),
        RowId::All | RowId::Pool(_) => None,
    }
}

fn scale_by(ui: &mut Model, by: i32, cmds: &mut Cmds) {
    let Some(process) = selected_process(ui) else { return };
    let replicas = match &ui.last_scale {
        // The project may still be on its way to the number that was requested last.
        Some((name, number)) if *name == process => *number,
        _ => {
            let members = ui.overview.processes.iter();
            members.filter(|member| member.process == process).count() as u32
        }
    };
    scale_to(ui, Some(process), replicas.saturating_add_signed(by), cmds);
}

fn scale_to(ui: &mut Model, name: Option<String>, replicas: u32, cmds: &mut Cmds) {
    let Some(process) = name else {
        ui.notify(format!("scale: {NO_SUBJECT}"), Role::Warn);
        return;
    };
    ui.last_scale = Some((process.clone(), replicas));
    let change = format!("{process} to {}", counted(replicas, "replica"));
    ui.notify(format!("scaling {change}"), Role::Text);
    let ticket = ui.new_ticket(change);
    let request = ScaleRequest { process, replicas, no_wait: true };
    cmds.push(Cmd::Execute(ControlCommand::Scale(request), ticket));
}
