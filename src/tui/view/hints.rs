//! The last rows: what was said or is typed, and which keys do something here.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use crate::tui::action::{Action, Focus};
use crate::tui::look::{put, row};
use crate::tui::text;
use crate::tui::theme::Role;
use crate::tui::ui::Ui;

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
            Action::Help,
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
            Action::Help,
        ],
        Focus::View => &[Action::Open, Action::FilterView, Action::Dashboard, Action::Help],
        Focus::Details => &[
            Action::NextTab,
            Action::Restart,
            Action::Stop,
            Action::Signal,
            Action::Back,
            Action::Help,
        ],
    }
}

pub(super) fn draw(ui: &Ui, area: Rect, buffer: &mut Buffer) {
    let look = &ui.look;
    let focus = ui.focus();
    let facts = ui.facts();
    let unicode = look.glyphs.unicode;
    let key = |action| ui.config.keymap.hint(focus, action, unicode);
    let quit = key(Action::Quit).map(|key| format!("{key} quit"));
    let right = quit.as_deref().map_or(0, |words| text::width(words) + 2);
    let mut room = usize::from(area.width).saturating_sub(right + 1);
    let mut spans = vec![" ".into()];
    for action in worth(focus) {
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
pub(super) fn notes(ui: &Ui, area: Rect, own: bool, buffer: &mut Buffer) -> Option<Position> {
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
    if own {
        let why = ui.chosen().map(|one| why(one, ui));
        let words = look.fit(&why.unwrap_or_default(), usize::from(area.width).saturating_sub(2));
        put(area, 0, &Line::from(look.span(format!(" {words}"), Role::Dim)), buffer);
    }
    None
}

/// Why the chosen process is where it is.
fn why(one: &crate::control::wire::Member, ui: &Ui) -> String {
    let left = one.until_ms.map(|ms| std::time::Duration::from_millis(ms).saturating_sub(ui.age()));
    let left = left.map(|left| format!(" in {}s", left.as_secs_f64().ceil())).unwrap_or_default();
    format!("{}: {}{left}", one.status.name, one.status.why)
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
