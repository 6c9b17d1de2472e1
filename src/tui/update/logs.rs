//! Updates of the logs pane: moving, searching and filtering.

use super::search;
use super::{Cmds, copy, prompts, screens};
use crate::control::wire::Severity;
use crate::tui::action::{Argument, LogsAction};
use crate::tui::model::log_window::RowKey;
use crate::tui::model::search::JumpTarget;
use crate::tui::model::selection::{Selection, TextPoint};
use crate::tui::model::{Model, Pane, PromptKind, Screen};
use crate::tui::motion::Motion;
use crate::tui::msg::OutputAction;
use crate::tui::theme::Role;

/// Columns one step to the side is.
const SIDEWAYS: usize = 20;

/// Does what is about the logs; false where it has no meaning now.
pub(super) fn logs(
    ui: &mut Model,
    action: LogsAction,
    argument: &Argument,
    cmds: &mut Cmds,
) -> bool {
    if ui.view != Screen::Dashboard {
        // It has a key everywhere, and is about the logs.
        if action != LogsAction::Search {
            return motion(action).is_some_and(|motion| screens::scroll(ui, motion));
        }
        (ui.view, ui.part) = (Screen::Dashboard, Pane::Logs);
    }
    match action {
        LogsAction::LineUp
        | LogsAction::LineDown
        | LogsAction::HalfUp
        | LogsAction::HalfDown
        | LogsAction::PageUp
        | LogsAction::PageDown => {
            let rows = motion(action).map_or(0, |motion| motion.rows(ui.pane().rows));
            move_by(ui, rows);
        }
        LogsAction::Top => {
            select_to(ui, RowKey::default());
            ui.logs.go_top();
        }
        LogsAction::Bottom => {
            // What comes later is not meant.
            select_to(ui, RowKey::line(ui.logs.next()));
            ui.logs.follow();
        }
        LogsAction::Follow if ui.logs.is_following() => ui.logs.hold(ui.pane()),
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
            ui.logs.stamps = ui.logs.stamps.next();
            ui.say(format!("timestamps {}", ui.logs.stamps.as_str()), Role::Text);
        }
        LogsAction::Wrap => ui.logs.wrap = !ui.logs.wrap,
        LogsAction::ScrollLeft => ui.logs.left = ui.logs.left.saturating_sub(SIDEWAYS),
        LogsAction::ScrollRight => sideways(ui, ui.logs.left + SIDEWAYS),
        LogsAction::LineStart => ui.logs.left = 0,
        LogsAction::LineEnd => sideways(ui, usize::MAX),
        LogsAction::Select => copy::select(ui),
        LogsAction::CopySelection => copy::selected(ui, cmds),
        LogsAction::CopyVisible => copy::visible(ui, cmds),
        LogsAction::ClearView => {
            ui.logs.clear();
            ui.say("cleared; esc shows it again", Role::Text);
        }
        LogsAction::Marker => prompts::ask(ui, PromptKind::Marker, argument.text(), cmds),
        LogsAction::PrettyJson => {
            ui.logs.set_pretty(!ui.logs.is_pretty());
            let said = if ui.logs.is_pretty() { "JSON is laid out" } else { "JSON as it came" };
            ui.say(said, Role::Text);
        }
        LogsAction::Save => prompts::ask(ui, PromptKind::Save, argument.text(), cmds),
        LogsAction::Pipe => prompts::ask(ui, PromptKind::Pipe, argument.text(), cmds),
        LogsAction::Pager => copy::output(ui, OutputAction::Pager, cmds),
    }
    true
}

/// The motion an action is, where it is one.
fn motion(action: LogsAction) -> Option<Motion> {
    match action {
        LogsAction::LineUp => Some(Motion::Up),
        LogsAction::LineDown => Some(Motion::Down),
        LogsAction::HalfUp => Some(Motion::HalfUp),
        LogsAction::HalfDown => Some(Motion::HalfDown),
        LogsAction::PageUp => Some(Motion::PageUp),
        LogsAction::PageDown => Some(Motion::PageDown),
        LogsAction::Top
        | LogsAction::Bottom
        | LogsAction::Follow
        | LogsAction::Search
        | LogsAction::NextMatch
        | LogsAction::PreviousMatch
        | LogsAction::FilterLines
        | LogsAction::NextError
        | LogsAction::PreviousError
        | LogsAction::PreviousRun
        | LogsAction::NextRun
        | LogsAction::Level
        | LogsAction::Timestamps
        | LogsAction::Wrap
        | LogsAction::ScrollLeft
        | LogsAction::ScrollRight
        | LogsAction::LineStart
        | LogsAction::LineEnd
        | LogsAction::Select
        | LogsAction::CopyVisible
        | LogsAction::ClearView
        | LogsAction::Marker
        | LogsAction::PrettyJson
        | LogsAction::Save
        | LogsAction::Pipe
        | LogsAction::Pager
        | LogsAction::CopySelection => None,
    }
}

/// Up and down move what is selected, if something is.
fn line(ui: &mut Model, rows: isize) {
    let pane = ui.pane();
    let Some(selection) = ui.selection.filter(|selection| selection.lines) else {
        ui.logs.scroll(rows, pane);
        return;
    };
    let items = ui.logs.items();
    let at = items.partition_point(|(key, _)| *key < selection.to.key);
    let next = at.saturating_add_signed(rows).min(items.len().saturating_sub(1));
    if let Some((key, _)) = items.get(next) {
        let to = TextPoint { key: *key, column: 0 };
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

fn move_by(ui: &mut Model, rows: isize) {
    if ui.selection.is_some_and(|selection| selection.lines) {
        return line(ui, rows);
    }
    let pane = ui.pane();
    ui.logs.scroll(rows, pane);
}

/// Whole lines are selected up to there, if some are.
fn select_to(ui: &mut Model, key: RowKey) {
    if let Some(selection) = ui.selection.as_mut().filter(|selection| selection.lines) {
        selection.to = TextPoint { key, column: 0 };
    }
}

fn sideways(ui: &mut Model, left: usize) {
    let pane = ui.pane();
    let items = ui.logs.items();
    let rows = ui.logs.shown(pane);
    let lines = rows.iter().filter_map(|row| items.get(row.item)?.1.line());
    let widest = lines.map(|line| line.text.width()).max().unwrap_or(0);
    ui.logs.left = left.min(widest.saturating_sub(pane.text));
}

/// The next lowest level, or the one that was named.
fn level(ui: &mut Model, argument: &Argument) {
    const ALL: [Severity; 4] = [Severity::Debug, Severity::Info, Severity::Warn, Severity::Error];
    let next = match (argument, ui.logs.level()) {
        (Argument::Level(named), _) => ALL
            .into_iter()
            .find(|level| crate::tui::render::logs::level_word(*level) == named.as_str()),
        (_, now) => ALL.into_iter().find(|level| now.is_none_or(|now| *level > now)),
    };
    ui.logs.set_level(next);
    let word = next.map_or("all", crate::tui::render::logs::level_word);
    ui.say(format!("level {word}"), Role::Text);
}
