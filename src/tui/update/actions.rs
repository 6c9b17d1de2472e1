//! The effect of each action.

use super::{Cmds, commands, logs, prompts, quit, reload, screens, search};
use crate::tui::action::{Action, ActionCall, Argument, GlobalAction, GroupedAction, ListAction};
use crate::tui::model::list::{RowId, RowPlace};
use crate::tui::model::{Model, Pane, PromptKind, Screen};
use crate::tui::motion::Motion;
use crate::tui::msg::{Cmd, TerminalCmd};
use crate::tui::overlay::{Help, Overlay, Palette, themes};
use crate::tui::pattern::ListFilter;
use crate::tui::theme::{Role, ThemeName};

pub(super) fn act(ui: &mut Model, action: Action, cmds: &mut Cmds) {
    call(ui, ActionCall::from(action), cmds);
}

/// Does it, or says why not.
pub(super) fn call(ui: &mut Model, call: ActionCall, cmds: &mut Cmds) {
    // What is named needs not be chosen.
    let is_named = call.argument != Argument::None;
    if let (false, Err(reason)) = (is_named, call.action.entry().applies(&ui.facts())) {
        ui.say(format!("{}: {reason}", call.action.entry().hint), Role::Warn);
        return;
    }
    if !is_named && commands::asks_first(ui, call.action) {
        return;
    }
    confirmed(ui, call, cmds);
}

/// Does it.
pub(super) fn confirmed(ui: &mut Model, call: ActionCall, cmds: &mut Cmds) {
    let ActionCall { action, argument } = call;
    let is_done = match action.grouped() {
        GroupedAction::Process(action) => commands::process(ui, action, &argument, cmds),
        GroupedAction::List(action) => list(ui, action, &argument, cmds),
        GroupedAction::Logs(action) => logs::logs(ui, action, &argument, cmds),
        GroupedAction::Views(action) => screens::screens(ui, action, &argument, cmds),
        GroupedAction::Global(action) => {
            global(ui, action, &argument, cmds);
            true
        }
    };
    if !is_done {
        ui.say(format!("{} does nothing here", action.name()), Role::Dim);
    }
}

/// Does what is about the list, or moves in the screen that is there instead; false where it has no
/// meaning now.
fn list(ui: &mut Model, action: ListAction, argument: &Argument, cmds: &mut Cmds) -> bool {
    if ui.view != Screen::Dashboard {
        return match action {
            ListAction::Up => screens::scroll(ui, Motion::Up),
            ListAction::Down => screens::scroll(ui, Motion::Down),
            ListAction::First => screens::scroll(ui, Motion::First),
            ListAction::Last => screens::scroll(ui, Motion::Last),
            ListAction::Open => {
                screens::open(ui, cmds);
                true
            }
            ListAction::Mark
            | ListAction::MarkAll
            | ListAction::Unmark
            | ListAction::FilterList
            | ListAction::Sort
            | ListAction::SortReverse
            | ListAction::HideStopped
            | ListAction::Mute
            | ListAction::RunAdHoc => false,
        };
    }
    match action {
        ListAction::Up => ui.list.step(-1),
        ListAction::Down => ui.list.step(1),
        ListAction::First => ui.list.go(0),
        ListAction::Last => ui.list.go(usize::MAX),
        ListAction::Open => open(ui),
        ListAction::Mark => {
            ui.list.mark(&ui.overview);
            ui.list.step(1);
        }
        ListAction::MarkAll => ui.list.mark_all(&ui.overview),
        ListAction::Unmark => ui.list.marks.clear(),
        ListAction::FilterList => prompts::ask(ui, PromptKind::FilterList, argument.text(), cmds),
        ListAction::Sort => {
            ui.list.sort = ui.list.sort.next();
            ui.list.arrange(&ui.overview);
        }
        ListAction::SortReverse => {
            ui.list.reversed = !ui.list.reversed;
            ui.list.arrange(&ui.overview);
        }
        ListAction::HideStopped => {
            ui.list.hides_stopped = !ui.list.hides_stopped;
            ui.list.arrange(&ui.overview);
        }
        ListAction::Mute => ui.list.mute(&ui.overview),
        ListAction::RunAdHoc => prompts::ask(ui, PromptKind::Run, argument.text(), cmds),
    }
    true
}

/// The logs of it; a group is unfolded first.
fn open(ui: &mut Model) {
    let is_folded = ui.list.row().is_some_and(|row| row.place == RowPlace::Group { folded: true });
    if is_folded {
        ui.list.fold(&ui.overview);
    } else {
        ui.part = Pane::Logs;
    }
}

fn global(ui: &mut Model, action: GlobalAction, argument: &Argument, cmds: &mut Cmds) {
    match action {
        GlobalAction::Help => ui.overlay = Some(Overlay::Help(Help::default())),
        GlobalAction::Palette => ui.overlay = Some(Overlay::Palette(Palette::default())),
        GlobalAction::NextPane | GlobalAction::PreviousPane => {
            ui.part = match ui.part {
                Pane::List => Pane::Logs,
                Pane::Logs => Pane::List,
            };
        }
        GlobalAction::Back => back(ui, cmds),
        GlobalAction::Zoom => ui.zoom = !ui.zoom,
        GlobalAction::Layout => {
            ui.layout = ui.layout.next();
            ui.say(format!("layout {}", ui.layout.as_str()), Role::Text);
        }
        GlobalAction::Theme => {
            if let Argument::Theme(theme) = argument {
                set_theme(ui, *theme);
            } else {
                ui.overlay = Some(Overlay::Menu(themes(ui.look.theme.name)));
            }
        }
        GlobalAction::Mouse => {
            ui.mouse = !ui.mouse;
            cmds.push(Cmd::Terminal(TerminalCmd::Mouse(ui.mouse)));
            let said = if ui.mouse { "mouse on" } else { "mouse off: the terminal selects" };
            ui.say(said, Role::Text);
        }
        GlobalAction::Suspend => cmds.push(Cmd::Terminal(TerminalCmd::Suspend)),
        GlobalAction::Redraw => cmds.push(Cmd::Terminal(TerminalCmd::Redraw)),
        GlobalAction::Quit => quit::quit(ui, cmds),
        GlobalAction::Detach => quit::detach(ui, cmds),
        GlobalAction::Interrupt => quit::interrupt(ui, cmds),
        GlobalAction::Reload => reload::ask(ui, cmds),
    }
}

pub(super) fn set_theme(ui: &mut Model, theme: ThemeName) {
    ui.look = ui.look.themed(theme);
}

/// One level back: selection, search, filter, zoom, view, focus, marks, cleared lines.
fn back(ui: &mut Model, cmds: &mut Cmds) {
    if ui.selection.take().is_some() {
        return;
    }
    if ui.logs.search.is_some() {
        search::forget(ui, cmds);
    } else if ui.view == Screen::Events && ui.timeline.is_filtered() {
        ui.timeline.filter(ListFilter::All);
    } else if matches!(ui.view, Screen::Graph | Screen::Stats) && ui.is_narrowed() {
        ui.narrowed = ListFilter::All;
    } else if ui.view != Screen::Dashboard {
        ui.view = Screen::Dashboard;
    } else if ui.logs.filter().is_some() {
        ui.logs.set_filter("", crate::tui::pattern::PatternMode::default());
    } else if ui.zoom {
        ui.zoom = false;
    } else if ui.part == Pane::Logs {
        ui.part = Pane::List;
    } else if !ui.list.filter_text.is_empty() {
        ui.list.filter = ListFilter::All;
        ui.list.filter_text.clear();
        ui.list.arrange(&ui.overview);
    } else if !ui.list.marks.is_empty() {
        ui.list.marks.clear();
    } else if ui.logs.unclear() {
        ui.say("what was cleared is shown again", Role::Text);
    } else if ui.list.cursor != RowId::All {
        ui.list.go(0);
    }
}
