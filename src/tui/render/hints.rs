//! Renders the last rows: status message, prompt, and key hints.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use crate::machine::StateName;
use crate::tui::action::{Action, Focus};
use crate::tui::appearance::{put, row};
use crate::tui::model::{Model, QuitState};
use crate::tui::text;
use crate::tui::theme::Role;

/// With fewer columns than these there is room for one key beside the others.
const NARROW: u16 = 32;

/// What is worth a place, by what has the focus, the first first.
fn worth(focus: Focus) -> &'static [Action] {
    match focus {
        Focus::List => &[
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
        Focus::View => &[Action::Open, Action::FilterView, Action::Dashboard],
        Focus::Details => {
            &[Action::NextTab, Action::Restart, Action::Stop, Action::Signal, Action::Back]
        }
    }
}

/// What is worth a place before that, while something is selected or searched for.
fn urgent(ui: &Model, focus: Focus) -> &'static [Action] {
    match focus {
        Focus::Logs if ui.selection.is_some() => &[Action::Copy, Action::Back],
        Focus::Logs if ui.logs.search.is_some() => {
            &[Action::NextMatch, Action::PreviousMatch, Action::Back]
        }
        Focus::List | Focus::Logs | Focus::View | Focus::Details => &[],
    }
}

pub(super) fn draw(ui: &Model, area: Rect, buffer: &mut Buffer) {
    let look = &ui.look;
    let focus = ui.focus();
    let facts = ui.facts();
    let unicode = look.glyphs.unicode;
    let key = |action| ui.config.keymap.hint(focus, action, unicode);
    // Whatever else there is no room for.
    let always =
        if area.width < NARROW { &[Action::Quit][..] } else { &[Action::Help, Action::Quit] };
    let words = |action: &Action| Some(format!("{} {}", key(*action)?, action.entry().hint));
    let always = always.iter().filter_map(words).collect::<Vec<_>>().join("  ");
    let quit = (!always.is_empty()).then_some(always);
    let right = quit.as_deref().map_or(0, |words| text::width(words) + 2);
    let mut room = usize::from(area.width).saturating_sub(right + 1);
    let mut spans = vec![" ".into()];
    for action in urgent(ui, focus).iter().chain(worth(focus)) {
        if action.entry().applies(&facts).is_err() {
            continue;
        }
        let Some(key) = key(*action) else { continue };
        let word = action.entry().hint;
        let wide = text::width(&key) + 1 + text::width(word) + 2;
        if wide > room {
            continue;
        }
        room -= wide;
        spans.extend([look.span(key, Role::Key), look.span(format!(" {word}  "), Role::Dim)]);
    }
    put(area, 0, &Line::from(spans), buffer);
    if let (Some(words), Some(x)) = (quit, area.right().checked_sub(right as u16)) {
        let at = Rect { x, width: area.right() - x, ..area };
        put(at, 0, &Line::from(look.span(words, Role::Dim)), buffer);
    }
}

/// What is typed, else what was said; where the cursor is. Without a row of its own it is drawn over
/// the keys while there is something to show.
pub(super) fn notes(ui: &Model, area: Rect, own: bool, buffer: &mut Buffer) -> Option<Position> {
    let look = &ui.look;
    if let Some((_, prompt)) = &ui.prompt {
        blank(area, buffer);
        return prompt.draw(area, look, buffer).cursor;
    }
    if let Some(note) = ui.said() {
        blank(area, buffer);
        let words = look.fit(&note.text, usize::from(area.width).saturating_sub(2));
        put(area, 0, &Line::from(look.span(format!(" {words}"), note.role)), buffer);
        return None;
    }
    if let Some(words) = progress(ui) {
        blank(area, buffer);
        let words = look.fit(&words, usize::from(area.width).saturating_sub(2));
        put(area, 0, &Line::from(look.span(format!(" {words}"), Role::Text)), buffer);
        return None;
    }
    if own {
        let why = ui.chosen().map(|one| format!("{}: {}", one.status.name, why(one, ui)));
        let words = look.fit(&why.unwrap_or_default(), usize::from(area.width).saturating_sub(2));
        put(area, 0, &Line::from(look.span(format!(" {words}"), Role::Dim)), buffer);
    }
    None
}

/// The order that was given last and is not done: how far it has come.
fn progress(ui: &Model) -> Option<String> {
    if ui.is_ending() {
        return ending(ui);
    }
    let order = ui.pursuits.last()?;
    let doing = match order.words.split_once(' ') {
        Some(("start", _)) => "starting",
        Some(("stop", _)) => "stopping",
        Some(("kill", _)) => "killing",
        Some(("run", _)) => return Some(format!("starting: {}", order.words.get(4..)?)),
        _ => "restarting",
    };
    let whom = order.words.split_once(' ').map_or("", |(_, whom)| whom);
    let stopping = order.names.iter().filter_map(|name| ui.member(name));
    let stopping = stopping.filter(|one| one.status.state == StateName::Stopping && !one.killed);
    let left = stopping.filter_map(|one| one.until_ms).max();
    let kill = ui.config.keymap.hint(ui.focus(), Action::Kill, ui.look.glyphs.unicode);
    let left = left.map(|ms| {
        let left = Duration::from_millis(ms).saturating_sub(ui.age());
        let now = kill.map(|key| format!(", press {key} to kill now")).unwrap_or_default();
        format!(": {}s until it is killed{now}", left.as_secs_f64().ceil())
    });
    Some(format!("{doing} {whom}{}", left.unwrap_or_default()))
}

/// The project ends: whom that waits for.
fn ending(ui: &Model) -> Option<String> {
    let stopping = ui.overview.processes.iter();
    let mut stopping = stopping.filter(|one| one.status.state == StateName::Stopping);
    let first = stopping.next()?;
    let more = stopping.count();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let left = first.until_ms.filter(|_| !first.killed).map(|ms| {
        let left = Duration::from_millis(ms).saturating_sub(ui.age());
        format!(", killed in {}s", left.as_secs_f64().ceil())
    });
    let kill = ui.config.keymap.hint(ui.focus(), Action::Interrupt, ui.look.glyphs.unicode);
    let kill = kill.filter(|_| ui.leaving < QuitState::Killing);
    let kill = kill.map(|key| format!("; {key} kills all")).unwrap_or_default();
    let left = left.unwrap_or_default();
    Some(format!("stopping all: waiting for {}{more}{left}{kill}", first.status.name))
}

/// Why the chosen process is where it is.
pub(super) fn why(one: &crate::control::wire::ProcessState, ui: &Model) -> String {
    let left = one.until_ms.map(|ms| Duration::from_millis(ms).saturating_sub(ui.age()));
    let left = left.map(|left| format!(" in {}s", left.as_secs_f64().ceil())).unwrap_or_default();
    format!("{}{left}", one.status.why)
}

fn blank(area: Rect, buffer: &mut Buffer) {
    if let Some(row) = row(area, 0) {
        buffer.set_string(
            row.x,
            row.y,
            " ".repeat(usize::from(row.width)),
            ratatui::style::Style::new(),
        );
    }
}
