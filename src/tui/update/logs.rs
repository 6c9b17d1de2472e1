//! Moving in the logs, searching and picking out.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is not done here is handed on, or was checked when it was parsed"
)]

use super::find;
use super::run::text;
use super::{Wishes, copy, prompts};
use crate::control::wire::Level;
use crate::tui::action::{Action, Argument};
use crate::tui::msg::Use;
use crate::tui::theme::Role;
use crate::tui::ui::search::Target;
use crate::tui::ui::select::{Point, Selection};
use crate::tui::ui::window::Key;
use crate::tui::ui::{Asks, Part, Ui, View};

/// Columns one step to the side is.
const SIDEWAYS: usize = 20;

/// Does what is about the logs; false for everything else.
pub(super) fn act(ui: &mut Ui, action: Action, argument: &Argument, wishes: &mut Wishes) -> bool {
    if ui.view != View::Dashboard {
        // It has a key everywhere, and is about the logs.
        if action != Action::Search {
            return false;
        }
        (ui.view, ui.part) = (View::Dashboard, Part::Logs);
    }
    let pane = ui.pane();
    let far = isize::try_from(pane.rows.saturating_sub(1).max(1)).unwrap_or(isize::MAX);
    match action {
        Action::LineUp => line(ui, -1),
        Action::LineDown => line(ui, 1),
        Action::HalfUp => move_by(ui, -(far / 2).max(1)),
        Action::HalfDown => move_by(ui, (far / 2).max(1)),
        Action::PageUp => move_by(ui, -far),
        Action::PageDown => move_by(ui, far),
        Action::Top => {
            select_to(ui, Key::default());
            ui.logs.go_top();
        }
        Action::Bottom => {
            // What comes later is not meant.
            select_to(ui, Key::line(ui.logs.next()));
            ui.logs.follow();
        }
        Action::Follow => {
            if ui.logs.is_following() {
                ui.logs.hold(pane);
            } else {
                ui.logs.follow();
            }
        }
        Action::Search => prompts::ask(ui, Asks::Search, text(argument), wishes),
        Action::NextMatch => find::next_match(ui, false, wishes),
        Action::PreviousMatch => find::next_match(ui, true, wishes),
        Action::FilterLines => prompts::ask(ui, Asks::FilterLines, text(argument), wishes),
        Action::NextError => find::seek(ui, Target::Error, false, wishes),
        Action::PreviousError => find::seek(ui, Target::Error, true, wishes),
        Action::NextRun => find::seek(ui, Target::Run, false, wishes),
        Action::PreviousRun => find::seek(ui, Target::Run, true, wishes),
        _ => return shown(ui, action, argument, wishes),
    }
    true
}

/// How lines are shown, and what is done with them.
fn shown(ui: &mut Ui, action: Action, argument: &Argument, wishes: &mut Wishes) -> bool {
    match action {
        Action::Level => level(ui, argument),
        Action::Timestamps => {
            ui.logs.stamps = ui.logs.stamps.next();
            ui.say(format!("timestamps {}", ui.logs.stamps.as_str()), Role::Text);
        }
        Action::Wrap => ui.logs.wrap = !ui.logs.wrap,
        Action::ScrollLeft => ui.logs.left = ui.logs.left.saturating_sub(SIDEWAYS),
        Action::ScrollRight => sideways(ui, ui.logs.left + SIDEWAYS),
        Action::LineStart => ui.logs.left = 0,
        Action::LineEnd => sideways(ui, usize::MAX),
        Action::Select => copy::select(ui),
        Action::Copy | Action::CopySelection => copy::selected(ui, wishes),
        Action::CopyVisible => copy::visible(ui, wishes),
        Action::ClearView => {
            ui.logs.clear();
            ui.say("cleared; esc shows it again", Role::Text);
        }
        Action::Marker => prompts::ask(ui, Asks::Marker, text(argument), wishes),
        Action::PrettyJson => {
            ui.logs.set_pretty(!ui.logs.is_pretty());
            let said = if ui.logs.is_pretty() { "JSON is laid out" } else { "JSON as it came" };
            ui.say(said, Role::Text);
        }
        Action::Save => prompts::ask(ui, Asks::Save, text(argument), wishes),
        Action::Pipe => prompts::ask(ui, Asks::Pipe, text(argument), wishes),
        Action::Pager => copy::output(ui, Use::Pager, wishes),
        _ => return false,
    }
    true
}

/// Up and down move what is selected, if something is.
fn line(ui: &mut Ui, rows: isize) {
    let pane = ui.pane();
    let Some(selection) = ui.selection.filter(|selection| selection.lines) else {
        ui.logs.scroll(rows, pane);
        return;
    };
    let items = ui.logs.items();
    let at = items.partition_point(|(key, _)| *key < selection.to.key);
    let next = at.saturating_add_signed(rows).min(items.len().saturating_sub(1));
    if let Some((key, _)) = items.get(next) {
        let to = Point { key: *key, column: 0 };
        ui.selection = Some(Selection { to, ..selection });
    }
    let shown = ui.logs.shown(pane);
    let is_above = shown.first().is_some_and(|first| next < first.item);
    let is_below = shown.last().is_some_and(|last| next > last.item);
    let out = match (shown.first(), shown.last()) {
        (Some(first), _) if is_above => -isize::try_from(first.item - next).unwrap_or(isize::MAX),
        (_, Some(last)) if is_below => isize::try_from(next - last.item).unwrap_or(isize::MAX),
        _ => 0,
    };
    if out != 0 {
        ui.logs.scroll(out, pane);
    }
}

fn move_by(ui: &mut Ui, rows: isize) {
    if ui.selection.is_some_and(|selection| selection.lines) {
        return line(ui, rows);
    }
    let pane = ui.pane();
    ui.logs.scroll(rows, pane);
}

/// Whole lines are selected up to there, if some are.
fn select_to(ui: &mut Ui, key: Key) {
    if let Some(selection) = ui.selection.as_mut().filter(|selection| selection.lines) {
        selection.to = Point { key, column: 0 };
    }
}

fn sideways(ui: &mut Ui, left: usize) {
    let pane = ui.pane();
    let items = ui.logs.items();
    let rows = ui.logs.shown(pane);
    let lines = rows.iter().filter_map(|row| items.get(row.item)?.1.line());
    let widest = lines.map(|line| line.text.width()).max().unwrap_or(0);
    ui.logs.left = left.min(widest.saturating_sub(pane.text));
}

/// The next lowest level, or the one that was named.
fn level(ui: &mut Ui, argument: &Argument) {
    const ALL: [Level; 4] = [Level::Debug, Level::Info, Level::Warn, Level::Error];
    let next = match (argument, ui.logs.level()) {
        (Argument::Level(named), _) => ALL
            .into_iter()
            .find(|level| crate::tui::view::logs::level_word(*level) == named.as_str()),
        (_, now) => ALL.into_iter().find(|level| now.is_none_or(|now| *level > now)),
    };
    ui.logs.set_level(next);
    let word = next.map_or("all", crate::tui::view::logs::level_word);
    ui.say(format!("level {word}"), Role::Text);
}

/// Moving in the views that are neither list nor logs.
pub(super) fn in_view(ui: &mut Ui, action: Action, wishes: &mut Wishes) -> bool {
    let page = usize::from(ui.size.height).saturating_sub(5).max(1);
    let far = isize::try_from(page).unwrap_or(isize::MAX);
    let rows = match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::HalfUp => -(far / 2).max(1),
        Action::HalfDown => (far / 2).max(1),
        Action::PageUp => -far,
        Action::PageDown => far,
        Action::First => isize::MIN / 2,
        Action::Last => isize::MAX / 2,
        Action::Open => {
            open(ui, wishes);
            return true;
        }
        _ => return false,
    };
    match ui.view {
        View::Events => ui.timeline.step(rows),
        View::Graph | View::Stats => {
            let last = crate::tui::view::others::rows(ui).saturating_sub(1);
            ui.row = ui.row.saturating_add_signed(rows).min(last);
        }
        View::Dashboard | View::Details => return false,
    }
    true
}

/// Goes to the place in the logs of what the cursor is on.
fn open(ui: &mut Ui, wishes: &mut Wishes) {
    let told = ui.timeline.chosen().cloned();
    let name = match ui.view {
        View::Events => told.as_ref().and_then(|told| told.name.clone()),
        View::Graph | View::Stats => crate::tui::view::others::name(ui),
        View::Dashboard | View::Details => return,
    };
    let event = (ui.view == View::Events).then_some(told).flatten().map(|told| told.seq);
    if let Some(name) = name {
        ui.list.go_to(&name, &ui.overview);
    }
    ui.view = View::Dashboard;
    ui.part = Part::Logs;
    ui.choose_logs();
    if let Some(event) = event {
        find::seek(ui, Target::Event(event), true, wishes);
    }
}
