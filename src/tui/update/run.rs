//! What each action does.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is not done here is handed on, or was checked when it was parsed"
)]

use super::{Wishes, find, logs, orders, prompts, quit, reload};
use crate::tui::action::{Action, Argument, Call};
use crate::tui::msg::{TerminalWish, Wish};
use crate::tui::overlay::{Help, Overlay, Palette, themes};
use crate::tui::pattern::Filter;
use crate::tui::theme::Role;
use crate::tui::ui::list::{Place, RowId};
use crate::tui::ui::{Asks, Part, Ui, View};
use crate::tui::views::details::Details;

pub(super) fn act(ui: &mut Ui, action: Action, wishes: &mut Wishes) {
    call(ui, Call::from(action), wishes);
}

/// Does it, or says why not.
pub(super) fn call(ui: &mut Ui, call: Call, wishes: &mut Wishes) {
    // What is named needs not be chosen.
    let is_named = call.argument != Argument::None;
    if let (false, Err(reason)) = (is_named, call.action.entry().applies(&ui.facts())) {
        ui.say(format!("{}: {reason}", call.action.entry().hint), Role::Warn);
        return;
    }
    if !is_named && orders::asks_first(ui, call.action) {
        return;
    }
    confirmed(ui, call, wishes);
}

/// Does it.
pub(super) fn confirmed(ui: &mut Ui, call: Call, wishes: &mut Wishes) {
    let Call { action, argument } = call;
    if orders::act(ui, action, &argument, wishes)
        || list(ui, action, &argument, wishes)
        || logs::act(ui, action, &argument, wishes)
        || views(ui, action, &argument, wishes)
    {
        return;
    }
    everywhere(ui, action, &argument, wishes);
}

/// A text that came with the action.
pub(super) fn text(argument: &Argument) -> Option<&str> {
    match argument {
        Argument::Text(text) => Some(text),
        Argument::None
        | Argument::Names(_)
        | Argument::Scale { .. }
        | Argument::Theme(_)
        | Argument::Level(_)
        | Argument::Signal { .. } => None,
    }
}

fn list(ui: &mut Ui, action: Action, argument: &Argument, wishes: &mut Wishes) -> bool {
    if ui.view != View::Dashboard {
        return false;
    }
    match action {
        Action::Up => ui.list.step(-1),
        Action::Down => ui.list.step(1),
        Action::First => ui.list.go(0),
        Action::Last => ui.list.go(usize::MAX),
        Action::Open => open(ui),
        Action::Mark => {
            ui.list.mark(&ui.overview);
            ui.list.step(1);
        }
        Action::MarkAll => ui.list.mark_all(&ui.overview),
        Action::Unmark => ui.list.marks.clear(),
        Action::FilterList => prompts::ask(ui, Asks::FilterList, text(argument), wishes),
        Action::Sort => {
            ui.list.sort = ui.list.sort.next();
            ui.list.arrange(&ui.overview);
        }
        Action::SortReverse => {
            ui.list.reversed = !ui.list.reversed;
            ui.list.arrange(&ui.overview);
        }
        Action::HideStopped => {
            ui.list.hides_stopped = !ui.list.hides_stopped;
            ui.list.arrange(&ui.overview);
        }
        Action::Mute => ui.list.mute(&ui.overview),
        Action::RunAdHoc => prompts::ask(ui, Asks::Run, text(argument), wishes),
        _ => return false,
    }
    true
}

/// The logs of it; a group is unfolded first.
fn open(ui: &mut Ui) {
    let is_folded = ui.list.row().is_some_and(|row| row.place == Place::Group { folded: true });
    if is_folded {
        ui.list.fold(&ui.overview);
    } else {
        ui.part = Part::Logs;
    }
}

fn views(ui: &mut Ui, action: Action, argument: &Argument, wishes: &mut Wishes) -> bool {
    match action {
        Action::Dashboard => ui.view = View::Dashboard,
        Action::Events => {
            ui.view = View::Events;
            ui.timeline.mark_read();
        }
        Action::FilterView => {
            prompts::ask(ui, Asks::FilterView, text(argument), wishes);
        }
        Action::Graph => others(ui, View::Graph),
        Action::Stats => others(ui, View::Stats),
        Action::Details => {
            if let Argument::Names(names) = argument
                && let Some(name) = names.first()
            {
                ui.list.go_to(name, &ui.overview);
            }
            if ui.view != View::Details {
                (ui.details, ui.view) = (Details::default(), View::Details);
            }
        }
        _ if ui.view == View::Details => return details(ui, action),
        _ => return logs::in_view(ui, action, wishes),
    }
    true
}

/// What was filtered in another view is no filter of this one.
fn others(ui: &mut Ui, view: View) {
    if ui.view != view {
        (ui.view, ui.row, ui.narrowed) = (view, 0, Filter::All);
    }
}

/// Tabs and scrolling; Enter leads to the whole output.
fn details(ui: &mut Ui, action: Action) -> bool {
    if action == Action::Open {
        (ui.view, ui.part) = (View::Dashboard, Part::Logs);
        return true;
    }
    let area = crate::tui::ui::layout::areas(ui).view.unwrap_or_default().outside;
    let sheet = crate::tui::view::sheet::sheet(ui);
    let look = ui.look;
    ui.details.act(action, &sheet, area, &look)
}

fn everywhere(ui: &mut Ui, action: Action, argument: &Argument, wishes: &mut Wishes) {
    match action {
        Action::Help => ui.overlay = Some(Overlay::Help(Help::default())),
        Action::Palette => ui.overlay = Some(Overlay::Palette(Palette::default())),
        Action::NextPane | Action::PreviousPane => {
            ui.part = match ui.part {
                Part::List => Part::Logs,
                Part::Logs => Part::List,
            };
        }
        Action::Back => back(ui, wishes),
        Action::Zoom => ui.zoom = !ui.zoom,
        Action::Layout => {
            ui.layout = ui.layout.next();
            ui.say(format!("layout {}", ui.layout.as_str()), Role::Text);
        }
        Action::Theme => match argument {
            Argument::Theme(theme) => super::keys::set_theme(ui, *theme),
            _ => ui.overlay = Some(Overlay::Menu(themes(ui.look.theme.name))),
        },
        Action::Mouse => {
            ui.mouse = !ui.mouse;
            wishes.push(Wish::Terminal(TerminalWish::Mouse(ui.mouse)));
            let said = if ui.mouse { "mouse on" } else { "mouse off: the terminal selects" };
            ui.say(said, Role::Text);
        }
        Action::Suspend => wishes.push(Wish::Terminal(TerminalWish::Suspend)),
        Action::Redraw => wishes.push(Wish::Terminal(TerminalWish::Redraw)),
        Action::Quit => quit::quit(ui, wishes),
        Action::Detach => quit::detach(ui, wishes),
        Action::Interrupt => quit::interrupt(ui, wishes),
        Action::Reload => reload::ask(ui, wishes),
        _ => ui.say(format!("{} does nothing here", action.name()), Role::Dim),
    }
}

/// One level back: selection, search, filter, zoom, view, focus, marks, cleared lines.
fn back(ui: &mut Ui, wishes: &mut Wishes) {
    if ui.selection.take().is_some() {
        return;
    }
    if ui.logs.search.is_some() {
        find::forget(ui, wishes);
    } else if ui.view == View::Events && ui.timeline.is_filtered() {
        ui.timeline.filter(Filter::All);
    } else if matches!(ui.view, View::Graph | View::Stats) && ui.is_narrowed() {
        ui.narrowed = Filter::All;
    } else if ui.view != View::Dashboard {
        ui.view = View::Dashboard;
    } else if ui.logs.filter().is_some() {
        ui.logs.set_filter("", crate::tui::pattern::Reading::default());
    } else if ui.zoom {
        ui.zoom = false;
    } else if ui.part == Part::Logs {
        ui.part = Part::List;
    } else if !ui.list.filter_text.is_empty() {
        ui.list.filter = Filter::All;
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
