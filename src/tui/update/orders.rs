//! Orders: what is asked of the project, and what is said of it at once.

use std::time::Duration;

use super::progress::{self, short};
use super::run::text;
use super::{Wishes, copy, logs, prompts};
use crate::control::wire::{Names, Order, Scaled, Sent, Signalled, Started, WatchState, WatchWish};
use crate::spec::Signal;
use crate::tui::action::{Action, Argument, Call, GroupedAction, LogsAction, ProcessAction};
use crate::tui::msg::Wish;
use crate::tui::overlay::{Dialog, Overlay, signals};
use crate::tui::theme::Role;
use crate::tui::ui::list::RowId;
use crate::tui::ui::{Asks, Ui, View};
use crate::tui::views::details::Details;

/// The same order again within this is the same wish: a key held down.
const BURST: Duration = Duration::from_millis(400);
/// Rows of names in a question.
const NAMED: usize = 6;

/// Asks before what is about many and hard to undo, and before anything that is about all.
pub(super) fn asks_first(ui: &mut Ui, action: Action) -> bool {
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
    let meant = ui.addressed(action);
    if !(is_all || ends && meant.len() > 1) {
        return false;
    }
    let number = match meant.len() {
        1 => "1 process:".to_owned(),
        number => format!("{number} processes:"),
    };
    let names = meant.chunks(4).map(|some| some.join(", "));
    let mut body: Vec<String> = std::iter::once(number).chain(names.take(NAMED)).collect();
    if meant.len() > NAMED * 4 {
        body.push(format!("and {} more", meant.len() - NAMED * 4));
    }
    let title = if is_all { format!("{verb} all?") } else { format!("{verb} these?") };
    let call = Call { action, argument: Argument::Names(meant) };
    ui.overlay = Some(Overlay::Dialog(Dialog::confirm(title, body, call)));
    true
}

/// Does what is about the chosen process; false where it has no meaning now.
pub(super) fn process(
    ui: &mut Ui,
    action: ProcessAction,
    argument: &Argument,
    wishes: &mut Wishes,
) -> bool {
    match action {
        ProcessAction::Start => steer(ui, Steering::Start, argument, wishes),
        ProcessAction::Stop => steer(ui, Steering::Stop, argument, wishes),
        ProcessAction::Kill => steer(ui, Steering::Kill, argument, wishes),
        ProcessAction::Restart => steer(ui, Steering::Restart, argument, wishes),
        ProcessAction::RestartTree => steer(ui, Steering::RestartTree, argument, wishes),
        ProcessAction::Signal => {
            if let Argument::Signal { signal: which, names } = argument {
                signal(ui, *which, names.clone(), wishes);
            } else {
                let whom = short(&ui.addressed(Action::Signal));
                ui.overlay = Some(Overlay::Menu(signals(&whom)));
            }
        }
        ProcessAction::ScaleUp => scale_by(ui, 1, wishes),
        ProcessAction::ScaleDown => scale_by(ui, -1, wishes),
        ProcessAction::Scale => {
            if let Argument::Scale { name, replicas } = argument {
                let name = name.clone().or_else(|| process_of(ui));
                scale_to(ui, name, *replicas, wishes);
            }
        }
        ProcessAction::Send => match text(argument) {
            Some(line) => send(ui, line.to_owned(), wishes),
            None => prompts::ask(ui, Asks::Send, None, wishes),
        },
        ProcessAction::Watch => watch(ui, wishes),
        ProcessAction::Attach => {
            ui.say("a terminal cannot be attached to in this version", Role::Warn);
        }
        ProcessAction::Browse => {
            if let Some(port) = ui.chosen().and_then(|one| one.status.port) {
                wishes.push(Wish::Browse(format!("http://127.0.0.1:{port}")));
            }
        }
        ProcessAction::Edit => edit(ui, wishes),
        ProcessAction::Copy if ui.selection.is_none() => copy::menu(ui),
        ProcessAction::Copy => return logs::logs(ui, LogsAction::CopySelection, argument, wishes),
        ProcessAction::Details => details(ui, argument),
    }
    true
}

/// The details of the one that is named, or of the chosen one.
fn details(ui: &mut Ui, argument: &Argument) {
    if let Argument::Names(names) = argument
        && let Some(name) = names.first()
    {
        ui.list.go_to(name, &ui.overview);
    }
    if ui.view != View::Details {
        (ui.details, ui.view) = (Details::default(), View::Details);
    }
}

/// Where it is declared: replicas stand in one place, and the jobs of a pool beside each other.
fn edit(ui: &mut Ui, wishes: &mut Wishes) {
    let members = ui.list.row().map(|row| row.members.as_slice()).unwrap_or_default();
    if let Some(name) = ui.members(members).next().map(|one| one.status.name.clone()) {
        wishes.push(Wish::Edit(name));
    }
}

/// What starts or ends processes.
#[derive(Debug, Clone, Copy)]
enum Steering {
    Start,
    Stop,
    Kill,
    Restart,
    RestartTree,
}

fn steer(ui: &mut Ui, how: Steering, argument: &Argument, wishes: &mut Wishes) {
    let action = match how {
        Steering::Start => Action::Start,
        Steering::Stop => Action::Stop,
        Steering::Kill => Action::Kill,
        Steering::Restart => Action::Restart,
        Steering::RestartTree => Action::RestartTree,
    };
    let names = match argument {
        Argument::Names(names) => names.clone(),
        Argument::None
        | Argument::Text(_)
        | Argument::Scale { .. }
        | Argument::Theme(_)
        | Argument::Level(_)
        | Argument::Signal { .. } => ui.addressed(action),
    };
    let words = format!("{} {}", action.name(), short(&names));
    if is_burst(ui, &words) {
        return;
    }
    progress::begin(ui, action, &names, &words);
    let order = match how {
        Steering::Start => Order::Start(Started { names, ..Started::default() }),
        Steering::Stop => Order::Stop(Names { names, no_wait: false }),
        Steering::Kill => Order::Kill(Names { names, no_wait: false }),
        Steering::Restart => Order::Restart(Started { names, ..Started::default() }),
        Steering::RestartTree => {
            Order::Restart(Started { names, dependants: true, ..Started::default() })
        }
    };
    wishes.push(Wish::Order(order, words));
}

/// Whether the same was ordered a moment ago. A key that is held down renews the moment.
fn is_burst(ui: &mut Ui, words: &str) -> bool {
    let now = ui.now.since_start;
    let same = |(last, at): &(String, Duration)| last == words && now.saturating_sub(*at) < BURST;
    let is_burst = ui.last_order.as_ref().is_some_and(same);
    ui.last_order = Some((words.to_owned(), now));
    is_burst
}

/// Whether changes of their files count: where one of them counts, none does afterwards.
fn watch(ui: &mut Ui, wishes: &mut Wishes) {
    let meant = ui.meant();
    let watched = |name: &String| {
        let one = ui.member(name)?;
        Some((one.status.name.clone(), one.watch?))
    };
    let all: Vec<(String, WatchState)> = meant.iter().filter_map(watched).collect();
    let on = !all.iter().any(|(_, state)| *state == WatchState::On);
    let names: Vec<String> = all.into_iter().map(|(name, _)| name).collect();
    if names.is_empty() {
        ui.say("watch: none of these watches files", Role::Warn);
        return;
    }
    let words = format!("watch {} {}", if on { "on" } else { "off" }, short(&names));
    if is_burst(ui, &words) {
        return;
    }
    let said =
        if on { "changes of its files count again" } else { "changes of its files do not count" };
    ui.say(format!("{}: {said}", short(&names)), Role::Text);
    wishes.push(Wish::Order(Order::Watch(WatchWish { names, on }), words));
}

pub(super) fn signal(ui: &mut Ui, signal: Signal, names: Vec<String>, wishes: &mut Wishes) {
    let names = if names.is_empty() { ui.addressed(Action::Signal) } else { names };
    let words = format!("signal {signal} to {}", short(&names));
    ui.say(words.clone(), Role::Text);
    wishes.push(Wish::Order(Order::Signal(Signalled { names, signal }), words));
}

/// The process the cursor is on, whichever of its replicas.
fn process_of(ui: &Ui) -> Option<String> {
    match &ui.list.cursor {
        RowId::Replicas(name) => Some(name.clone()),
        RowId::One(name) => ui.member(name).map(|one| one.status.process.clone()),
        RowId::All | RowId::Pool(_) => None,
    }
}

fn scale_by(ui: &mut Ui, by: i32, wishes: &mut Wishes) {
    let Some(process) = process_of(ui) else { return };
    let now = match &ui.last_scale {
        // What was ordered counts, also while it has not come about.
        Some((name, number)) if *name == process => *number,
        _ => {
            let all = ui.overview.processes.iter();
            all.filter(|one| one.status.process == process).count() as u32
        }
    };
    scale_to(ui, Some(process), now.saturating_add_signed(by), wishes);
}

fn scale_to(ui: &mut Ui, name: Option<String>, replicas: u32, wishes: &mut Wishes) {
    let Some(process) = name else {
        ui.say("scale: choose a process first", Role::Warn);
        return;
    };
    ui.last_scale = Some((process.clone(), replicas));
    let plural = if replicas == 1 { "replica" } else { "replicas" };
    let words = format!("{process} to {replicas} {plural}");
    ui.say(format!("scaling {words}"), Role::Text);
    wishes.push(Wish::Order(Order::Scale(Scaled { process, replicas, no_wait: true }), words));
}

pub(super) fn send(ui: &mut Ui, text: String, wishes: &mut Wishes) {
    let Some(name) = ui.chosen().map(|one| one.status.name.clone()) else { return };
    wishes.push(Wish::Send(Sent { name, text }));
}
