//! Updates of the logs pane: moving, searching and filtering.

use super::search;
use super::{Cmds, copy, prompts, screens, terminal};
use crate::control::wire::Severity;
use crate::tui::action::{Argument, LogsAction};
use crate::tui::config::TimestampStyle;
use crate::tui::cycle::next_choice;
use crate::tui::model::log_window::RowKey;
use crate::tui::model::search::JumpTarget;
use crate::tui::model::selection::{Selection, TextPoint};
use crate::tui::model::{Model, Pane, PromptKind, Screen};
use crate::tui::motion::Motion;
use crate::tui::msg::ExportTarget;
use crate::tui::theme::Role;

/// Columns of a horizontal scroll.
const COLUMNS: usize = 20;

/// Performs an action of the logs, or scrolls in a full screen; returns whether it has an effect there.
pub(super) fn logs(
    ui: &mut Model,
    action: LogsAction,
    argument: &Argument,
    cmds: &mut Cmds,
) -> bool {
    use LogsAction::{HalfDown, HalfUp, LineDown, LineUp, PageDown, PageUp};
    let scrolls = matches!(action, LineUp | LineDown | HalfUp | HalfDown | PageUp | PageDown);
    if ui.screen != Screen::Dashboard && !scrolls {
        // The search has a key on every screen, and shows the logs.
        if action != LogsAction::Search {
            return false;
        }
        (ui.screen, ui.pane) = (Screen::Dashboard, Pane::Logs);
    }
    if let Some(has_effect) = terminal::logs_action(ui, action, cmds) {
        return has_effect;
    }
    match action {
        LineUp => scroll(ui, Motion::Up),
        LineDown => scroll(ui, Motion::Down),
        HalfUp => scroll(ui, Motion::HalfUp),
        HalfDown => scroll(ui, Motion::HalfDown),
        PageUp => scroll(ui, Motion::PageUp),
        PageDown => scroll(ui, Motion::PageDown),
        LogsAction::Top => {
            select_to(ui, RowKey::default());
            ui.logs.jump(RowKey::default());
        }
        LogsAction::Bottom => {
            // Later lines are not part of the selection.
            select_to(ui, RowKey::line(ui.logs.next_seq));
            ui.logs.follow();
        }
        LogsAction::Follow if ui.logs.is_following() => ui.logs.hold(ui.logs_area()),
        LogsAction::Follow => ui.logs.follow(),
        LogsAction::Search => prompts::ask(ui, PromptKind::Search, argument.text(), cmds),
        LogsAction::NextMatch => search::next_match(ui, false, cmds),
        LogsAction::PreviousMatch => search::next_match(ui, true, cmds),
        LogsAction::FilterLines => {
            prompts::ask(ui, PromptKind::FilterLines, argument.text(), cmds);
        }
        LogsAction::NextError => search::seek(ui, JumpTarget::Error, false, cmds),
        LogsAction::PreviousError => search::seek(ui, JumpTarget::Error, true, cmds),
        LogsAction::NextRun => search::seek(ui, JumpTarget::Run, false, cmds),
        LogsAction::PreviousRun => search::seek(ui, JumpTarget::Run, true, cmds),
        LogsAction::Level => level(ui, argument),
        LogsAction::Timestamps => {
            ui.logs.stamps = next_choice(TimestampStyle::ALL, ui.logs.stamps);
            ui.notify(format!("timestamps {}", ui.logs.stamps.as_str()), Role::Text);
        }
        LogsAction::Wrap => ui.logs.wrap = !ui.logs.wrap,
        LogsAction::ScrollLeft => ui.logs.left = ui.logs.left.saturating_sub(COLUMNS),
        LogsAction::ScrollRight => scroll_columns(ui, ui.logs.left + COLUMNS),
        LogsAction::LineStart => ui.logs.left = 0,
        LogsAction::LineEnd => scroll_columns(ui, usize::MAX),
        LogsAction::Select => copy::select(ui),
        LogsAction::CopySelection => copy::selected(ui, cmds),
        LogsAction::CopyVisible => copy::visible(ui, cmds),
        LogsAction::ClearView => {
            ui.logs.clear();
            ui.notify("cleared; esc shows it again", Role::Text);
        }
        LogsAction::Marker => prompts::ask(ui, PromptKind::Marker, argument.text(), cmds),
        LogsAction::PrettyJson => {
            ui.logs.set_pretty(!ui.logs.pretty);
            let text = if ui.logs.pretty { "JSON formatted" } else { "raw JSON" };
            ui.notify(text, Role::Text);
        }
        LogsAction::Save => prompts::ask(ui, PromptKind::Save, argument.text(), cmds),
        LogsAction::Pipe => prompts::ask(ui, PromptKind::Pipe, argument.text(), cmds),
        LogsAction::Pager => copy::output(ui, ExportTarget::Pager, cmds),
    }
    true
}

/// Scrolls the logs, or moves in a full screen.
fn scroll(ui: &mut Model, motion: Motion) {
    if ui.screen != Screen::Dashboard {
        return screens::scroll(ui, motion);
    }
    let area = ui.logs_area();
    let rows = motion.rows(area.rows);
    match ui.selection.filter(|selection| selection.is_whole_lines) {
        Some(selection) => extend_selection(ui, selection, rows),
        None => ui.logs.scroll(rows, area),
    }
}

/// Moves the end of a selection of whole lines, and keeps it visible.
fn extend_selection(ui: &mut Model, selection: Selection, rows: isize) {
    let area = ui.logs_area();
    let items = ui.logs.items();
    let at = items.partition_point(|(key, _)| *key < selection.to.key);
    let next = at.saturating_add_signed(rows).min(items.len().saturating_sub(1));
    if let Some((key, _)) = items.get(next) {
        let to = TextPoint { key: *key, column: 0 };
        ui.selection = Some(Selection { to, ..selection });
    }
    let shown = ui.logs.shown(area);
    let distance = |from: usize, to: usize| isize::try_from(from - to).unwrap_or(isize::MAX);
    match (shown.first(), shown.last()) {
        (Some(first), _) if next < first.item => {
            ui.logs.scroll(-distance(first.item, next), area);
        }
        (_, Some(last)) if next > last.item => ui.logs.scroll(distance(next, last.item), area),
        _ => {}
    }
}

/// Extends a selection of whole lines to a row.
fn select_to(ui: &mut Model, key: RowKey) {
    if let Some(selection) = ui.selection.as_mut().filter(|selection| selection.is_whole_lines) {
        selection.to = TextPoint { key, column: 0 };
    }
}

fn scroll_columns(ui: &mut Model, left: usize) {
    let pane = ui.logs_area();
    let items = ui.logs.items();
    let rows = ui.logs.shown(pane);
    let lines = rows.iter().filter_map(|row| items.get(row.item)?.1.line());
    let widest = lines.map(|line| line.text.width()).max().unwrap_or(0);
    ui.logs.left = left.min(widest.saturating_sub(pane.text));
}

/// Sets the lowest level to the argument, or to the next one.
fn level(ui: &mut Model, argument: &Argument) {
    let next = match (argument, ui.logs.level) {
        (Argument::Level(level), _) => *level,
        (_, None) => Some(Severity::Debug),
        (_, Some(current)) => Severity::ALL.iter().copied().find(|level| *level > current),
    };
    ui.logs.set_level(next);
    ui.notify(format!("level {}", next.map_or("all", Severity::as_str)), Role::Text);
}
