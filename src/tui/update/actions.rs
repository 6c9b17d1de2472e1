//! The effect of each action.

use super::{Cmds, commands, logs, prompts, quit, reload, screens, search, terminal};
use crate::tui::action::{ActionCall, Argument, GlobalAction, GroupedAction, ListAction};
use crate::tui::config::PaneLayout;
use crate::tui::cycle::next_choice;
use crate::tui::model::list::{RowId, RowPlace};
use crate::tui::model::{Model, Pane, PromptKind, Screen};
use crate::tui::motion::Motion;
use crate::tui::msg::{Cmd, ExitReason};
use crate::tui::overlay::{CommandPalette, Help, Overlay, themes};
use crate::tui::pattern::{ListFilter, PatternMode};
use crate::tui::theme::{Role, ThemeName};

/// Performs an action, or says why it does not apply.
pub(super) fn call(ui: &mut Model, call: ActionCall, cmds: &mut Cmds) {
    // An argument stands in for the row at the cursor.
    if call.argument == Argument::None {
        if let Err(reason) = call.action.entry().applies(&ui.action_facts()) {
            ui.notify(format!("{}: {reason}", call.action.entry().hint), Role::Warn);
            return;
        }
        if commands::confirm(ui, call.action) {
            return;
        }
    }
    perform(ui, call, cmds);
}

/// Performs an action without any check.
pub(super) fn perform(ui: &mut Model, call: ActionCall, cmds: &mut Cmds) {
    let ActionCall { action, argument } = call;
    let has_effect = match action.grouped() {
        GroupedAction::Process(action) => commands::process(ui, action, &argument, cmds),
        GroupedAction::List(action) => list(ui, action, &argument, cmds),
        GroupedAction::Logs(action) => logs::logs(ui, action, &argument, cmds),
        GroupedAction::Terminal(action) => terminal::actions(ui, action, cmds),
        GroupedAction::Views(action) => screens::screens(ui, action, &argument, cmds),
        GroupedAction::Global(action) => {
            global(ui, action, &argument, cmds);
            true
        }
    };
    if !has_effect {
        ui.notify(format!("{} has no effect here", action.name()), Role::Dim);
    }
}

/// Performs an action of the list, or moves in a full screen; returns whether it has an effect there.
fn list(ui: &mut Model, action: ListAction, argument: &Argument, cmds: &mut Cmds) -> bool {
    use ListAction as A;
    let works_on_screens = matches!(action, A::Up | A::Down | A::First | A::Last | A::Open);
    if ui.screen != Screen::Dashboard && !works_on_screens {
        return false;
    }
    match action {
        A::Up => screens::scroll(ui, Motion::Up),
        A::Down => screens::scroll(ui, Motion::Down),
        A::First => screens::scroll(ui, Motion::First),
        A::Last => screens::scroll(ui, Motion::Last),
        A::Open if ui.screen != Screen::Dashboard => screens::open(ui, cmds),
        A::Open => open(ui),
        A::Mark => {
            ui.list.mark(&ui.overview);
            ui.list.step(1);
        }
        A::MarkAll => ui.list.mark_all(&ui.overview),
        A::Unmark => ui.list.marks.clear(),
        A::FilterList => prompts::ask(ui, PromptKind::FilterList, argument.text(), cmds),
        A::Sort => ui.list.sort_by_next(),
        A::SortReverse => ui.list.reversed = !ui.list.reversed,
        A::HideStopped => ui.list.hides_stopped = !ui.list.hides_stopped,
        A::Mute => ui.list.mute(&ui.overview),
        A::RunAdHoc => prompts::ask(ui, PromptKind::Run, argument.text(), cmds),
    }
    ui.list.arrange(&ui.overview);
    true
}

/// Focuses the logs; a folded group is unfolded first.
fn open(ui: &mut Model) {
    let is_folded = ui.list.row().is_some_and(|row| row.place == RowPlace::Group { folded: true });
    if is_folded {
        ui.list.fold(&ui.overview);
    } else {
        ui.pane = Pane::Logs;
    }
}

fn global(ui: &mut Model, action: GlobalAction, argument: &Argument, cmds: &mut Cmds) {
    match action {
        GlobalAction::Help => ui.overlay = Some(Overlay::Help(Help::default())),
        GlobalAction::Palette => ui.overlay = Some(Overlay::Palette(CommandPalette::default())),
        GlobalAction::NextPane | GlobalAction::PreviousPane => {
            ui.pane = match ui.pane {
                Pane::List => Pane::Logs,
                Pane::Logs => Pane::List,
            };
        }
        GlobalAction::Back => back(ui, cmds),
        GlobalAction::Zoom => ui.zoom = !ui.zoom,
        GlobalAction::Layout => {
            ui.layout = next_choice(PaneLayout::ALL, ui.layout);
            ui.notify(format!("layout {}", ui.layout.as_str()), Role::Text);
        }
        GlobalAction::Theme => {
            if let Argument::Theme(theme) = argument {
                set_theme(ui, *theme);
            } else {
                ui.overlay = Some(Overlay::Dialog(themes(ui.look.theme.name)));
            }
        }
        GlobalAction::Mouse => {
            ui.mouse = !ui.mouse;
            cmds.push(Cmd::SetMouse(ui.mouse));
            let text = if ui.mouse { "mouse on" } else { "mouse off (select with the terminal)" };
            ui.notify(text, Role::Text);
        }
        GlobalAction::Suspend => cmds.push(Cmd::Suspend),
        GlobalAction::Redraw => cmds.push(Cmd::Redraw),
        GlobalAction::Quit => quit::quit(ui, cmds),
        GlobalAction::Detach => cmds.push(Cmd::Leave(ExitReason::Detached)),
        GlobalAction::Interrupt => quit::interrupt(ui, cmds),
        GlobalAction::Reload => reload::start(ui, true, cmds),
    }
}

pub(super) fn set_theme(ui: &mut Model, theme: ThemeName) {
    ui.look = ui.look.themed(theme);
}

/// Goes one level back: selection, search, filter, zoom, screen, focus, marks, cleared lines.
fn back(ui: &mut Model, cmds: &mut Cmds) {
    if ui.selection.take().is_some() || ui.terminal.selection.take().is_some() {
        return;
    }
    if ui.logs.search.is_some() {
        search::forget(ui, cmds);
    } else if ui.screen == Screen::Events && ui.timeline.is_filtered() {
        ui.timeline.filter(ListFilter::All);
    } else if matches!(ui.screen, Screen::Graph | Screen::Stats) && ui.has_row_filter() {
        ui.row_filter = ListFilter::All;
    } else if ui.screen != Screen::Dashboard {
        ui.screen = Screen::Dashboard;
    } else if ui.logs.filter.is_some() {
        ui.logs.set_filter("", PatternMode::default());
    } else if ui.shown_log().is_some() {
        terminal::return_to_screen(ui, cmds);
    } else if ui.zoom {
        ui.zoom = false;
    } else if ui.pane == Pane::Logs {
        ui.pane = Pane::List;
    } else if !ui.list.filter_text.is_empty() {
        ui.list.filter = ListFilter::All;
        ui.list.filter_text.clear();
        ui.list.arrange(&ui.overview);
    } else if !ui.list.marks.is_empty() {
        ui.list.marks.clear();
    } else if ui.logs.unclear() {
        ui.notify("cleared lines shown again", Role::Text);
    } else if ui.list.cursor != RowId::All {
        ui.list.go(0);
    }
}
