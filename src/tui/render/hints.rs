//! Renders the last rows: status message, prompt, and key hints.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Line;

use super::{put_right, reason};
use crate::control::wire::ProcessState;
use crate::machine::StateName;
use crate::spec::and_more;
use crate::tui::action::{Action, Focus};
use crate::tui::appearance::{put, row};
use crate::tui::model::{Model, ProgressKind, QuitState, seconds_left};
use crate::tui::text;
use crate::tui::theme::Role;

/// With fewer columns only the key for quitting is always shown.
const NARROW: u16 = 32;

/// Returns the actions to show, the most important first.
fn hinted_actions(focus: Focus) -> &'static [Action] {
    match focus {
        Focus::List => &[
            Action::NextInput,
            Action::Attach,
            Action::Open,
            Action::Start,
            Action::Stop,
            Action::Restart,
            Action::Kill,
            Action::Details,
            Action::Mark,
            Action::FilterList,
            Action::Palette,
        ],
        Focus::Logs => &[
            Action::Search,
            Action::FilterLines,
            Action::Follow,
            Action::PreviousError,
            Action::PreviousRun,
            Action::Wrap,
            Action::Select,
            Action::Restart,
            Action::NextPane,
            Action::Palette,
        ],
        Focus::Terminal => &[
            Action::NextInput,
            Action::Attach,
            Action::PageUp,
            Action::TerminalLog,
            Action::Select,
            Action::Zoom,
            Action::Restart,
            Action::Stop,
            Action::NextPane,
            Action::Palette,
        ],
        Focus::Typing => &[],
        Focus::View => &[Action::Open, Action::FilterView, Action::Dashboard],
        Focus::Details => {
            &[Action::NextTab, Action::Restart, Action::Stop, Action::Signal, Action::Back]
        }
    }
}

/// Returns the actions to show first, during a selection or a search.
fn priority_actions(ui: &Model, focus: Focus) -> &'static [Action] {
    match focus {
        Focus::Logs if ui.selection.is_some() => &[Action::Copy, Action::Back],
        Focus::Terminal if ui.terminal.selection.is_some() => &[Action::Copy, Action::Back],
        Focus::Logs if ui.shown_log().is_some() => {
            &[Action::Bottom, Action::TerminalLog, Action::Back]
        }
        Focus::Logs if ui.logs.search.is_some() => {
            &[Action::NextMatch, Action::PreviousMatch, Action::Back]
        }
        Focus::List
        | Focus::Logs
        | Focus::Terminal
        | Focus::Typing
        | Focus::View
        | Focus::Details => &[],
    }
}

/// Draws where the keys go while the user types into a process.
fn draw_typing(ui: &Model, name: &str, area: Rect, buffer: &mut Buffer) {
    let look = &ui.look;
    let leave = key_label(ui, Action::Leave).unwrap_or_default();
    let keys = [
        (leave.clone(), "leaves".to_owned()),
        (format!("{leave}{leave}"), format!("sends {leave}")),
        ("S-PgUp".to_owned(), "scrolls back".to_owned()),
    ];
    let mut room = usize::from(area.width).saturating_sub(1);
    let mut line = Line::from(" ");
    let [first, second, third] = keys;
    let target = look.fit(&format!("keys go to {name}"), room.saturating_sub(12).max(8));
    let parts = [(String::new(), target), first, second, third];
    for (at, (key, text)) in parts.into_iter().enumerate() {
        let blank = if key.is_empty() { "" } else { " " };
        let width = text::width(&key) + text::width(&text) + blank.len() + 2;
        // The way out is always shown.
        if width > room && at != 1 {
            continue;
        }
        room = room.saturating_sub(width);
        let role = if key.is_empty() { Role::Title } else { Role::Dim };
        line.extend([look.span(key, Role::Key), look.span(format!("{blank}{text}  "), role)]);
    }
    put(area, 0, &line, buffer);
}

pub(super) fn draw(ui: &Model, area: Rect, buffer: &mut Buffer) {
    let look = &ui.look;
    let focus = ui.focus();
    if let Some(typing) = &ui.terminal.typing {
        return draw_typing(ui, &typing.name, area, buffer);
    }
    let facts = ui.action_facts();
    let always: &[_] =
        if area.width < NARROW { &[Action::Quit] } else { &[Action::Help, Action::Quit] };
    let hint =
        |action: &Action| Some(format!("{} {}", key_label(ui, *action)?, action.entry().hint));
    let always = always.iter().filter_map(hint).collect::<Vec<_>>().join("  ");
    let reserved = if always.is_empty() { 0 } else { text::width(&always) + 2 };
    let mut room = usize::from(area.width).saturating_sub(reserved + 1);
    let mut line = Line::from(" ");
    for action in priority_actions(ui, focus).iter().chain(hinted_actions(focus)) {
        let entry = action.entry();
        let Some(key) = key_label(ui, *action).filter(|_| entry.applies(&facts).is_ok()) else {
            continue;
        };
        let hint = format!(" {}  ", entry.hint);
        let width = text::width(&key) + text::width(&hint);
        if width <= room {
            room -= width;
            line.extend([look.span(key, Role::Key), look.span(hint, Role::Dim)]);
        }
    }
    put(area, 0, &line, buffer);
    if reserved <= usize::from(area.width) {
        put_right(area, 0, 2, look.span(always, Role::Dim), buffer);
    }
}

/// Draws the prompt, else the status message; returns the position of the cursor. Without a row of
/// their own, they are drawn over the key hints while there is something to show.
pub(super) fn draw_notes(
    ui: &Model,
    area: Rect,
    has_row: bool,
    buffer: &mut Buffer,
) -> Option<Position> {
    if let Some((_, prompt)) = &ui.prompt {
        clear(area, buffer);
        return prompt.draw(area, &ui.look, buffer).cursor;
    }
    let (text, role) = if let Some(note) = ui.current_notice() {
        (note.text.clone(), note.role)
    } else if let Some(text) = progress(ui) {
        (text, Role::Text)
    } else if let Some(problem) = &ui.suspended {
        (problem.clone(), Role::Warn)
    } else if let Some(process) = ui.cursor_process().filter(|_| has_row) {
        (format!("{}: {}", process.name, reason(process, ui)), Role::Dim)
    } else {
        return None;
    };
    clear(area, buffer);
    let text = ui.look.fit(&text, usize::from(area.width).saturating_sub(2));
    put(area, 0, &Line::from(ui.look.span(format!(" {text}"), role)), buffer);
    None
}

/// Returns the progress of the latest command that has not completed.
fn progress(ui: &Model) -> Option<String> {
    if ui.is_ending() {
        return shutdown_progress(ui);
    }
    let command = ui.running_commands.last()?;
    let subject = &command.subject;
    let verb = match command.kind {
        ProgressKind::Run => return Some(format!("starting: {subject}")),
        ProgressKind::Start => "starting",
        ProgressKind::Stop => "stopping",
        ProgressKind::Kill => "killing",
        ProgressKind::Restart => "restarting",
    };
    let members = command.names.iter().filter_map(|name| ui.process(name));
    let until_kill =
        members.filter(|process| is_stopping(process)).filter(|process| !process.killed);
    let slowest = until_kill.max_by_key(|process| process.until_ms);
    let left = slowest.and_then(|process| seconds_left(process, ui.age())).map(|left| {
        let kill = key_label(ui, Action::Kill);
        let kill = kill.map(|key| format!(", press {key} to kill now")).unwrap_or_default();
        format!(": {left} until it is killed{kill}")
    });
    Some(format!("{verb} {subject}{}", left.unwrap_or_default()))
}

/// Returns the progress of the shutdown: the process that it waits for.
fn shutdown_progress(ui: &Model) -> Option<String> {
    let mut stopping = ui.overview.processes.iter().filter(|process| is_stopping(process));
    let first = stopping.next()?;
    let more = and_more(stopping.count() as u64);
    let left = seconds_left(first, ui.age()).filter(|_| !first.killed);
    let left = left.map(|left| format!(", killed in {left}")).unwrap_or_default();
    let kill = key_label(ui, Action::Interrupt).filter(|_| ui.quitting < QuitState::Killing);
    let kill = kill.map(|key| format!("; {key} kills all")).unwrap_or_default();
    Some(format!("stopping all: waiting for {}{more}{left}{kill}", first.name))
}

fn is_stopping(process: &ProcessState) -> bool {
    process.state == StateName::Stopping
}

/// Returns the label of the key of an action.
fn key_label(ui: &Model, action: Action) -> Option<String> {
    ui.config.keymap.hint(ui.focus(), action, ui.look.glyphs.unicode)
}

fn clear(area: Rect, buffer: &mut Buffer) {
    if let Some(row) = row(area, 0) {
        buffer.set_string(row.x, row.y, " ".repeat(usize::from(row.width)), Style::new());
    }
}
