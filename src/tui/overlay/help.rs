//! Help: every action with its keys, by group. Typing filters it, and Enter runs the selected
//! action.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::{OverlayContext, OverlayReply, all_keys, draw_note, motion, moved};
use crate::tui::action::{ActionEntry, Group, TABLE};
use crate::tui::appearance::{Appearance, middle, put, skip_rows, tint, window};
use crate::tui::fuzzy;
use crate::tui::keys::{Chord, Key};
use crate::tui::prompt::{EditResult, LineEditor};
use crate::tui::text;
use crate::tui::theme::Role;

/// Width of a column of entries at least.
const ENTRY_WIDTH: usize = 44;
/// Width of the keys.
const KEY_WIDTH: usize = 12;

#[derive(Debug, Clone, Default)]
pub struct Help {
    filter: LineEditor,
    cursor: usize,
}

/// A row of one column.
#[derive(Debug, Clone, Copy)]
enum HelpRow {
    Heading(Group),
    Blank,
    /// An entry, and its index among the entries that match the filter.
    Entry(&'static ActionEntry, usize),
}

impl Help {
    /// The entries that match the filter, by group.
    fn shown(&self, context: OverlayContext<'_>) -> Vec<&'static ActionEntry> {
        let typed = self.filter.text().trim();
        let matches = |entry: &&ActionEntry| {
            // A key is found as it is shown: `^r`.
            all_keys(context.keymap, entry.action, true).iter().any(|key| key == typed)
                || entry.name.contains(typed)
                || entry.description.to_lowercase().contains(&typed.to_lowercase())
                || (typed.len() > 2 && fuzzy::score(typed, entry.name).is_some())
        };
        let by_group = Group::ALL
            .iter()
            .flat_map(|group| TABLE.iter().filter(move |entry| entry.group == *group));
        by_group.filter(|entry| typed.is_empty() || matches(entry)).collect()
    }

    pub(super) fn key(&mut self, chord: Chord, context: OverlayContext<'_>) -> OverlayReply {
        if let Some(rows) = motion(chord) {
            return self.scroll(rows, context);
        }
        match (chord.ctrl, chord.key) {
            (_, Key::Esc) | (true, Key::Char('c')) => return OverlayReply::Close,
            (false, Key::Char('?') | Key::F(1)) if self.filter.text().is_empty() => {
                return OverlayReply::Close;
            }
            (false, Key::Enter) => return self.run(context),
            (false, Key::Home) => return self.scroll(isize::MIN, context),
            (false, Key::End) => return self.scroll(isize::MAX, context),
            _ => {
                if self.filter.key(chord) == EditResult::Changed {
                    self.cursor = 0;
                }
            }
        }
        OverlayReply::Stay
    }

    /// Runs the action at the cursor; if it does not apply, the last row says why.
    fn run(&self, context: OverlayContext<'_>) -> OverlayReply {
        match self.shown(context).get(self.cursor) {
            Some(entry) if entry.applies(context.facts).is_ok() => {
                OverlayReply::Run(entry.action.into())
            }
            _ => OverlayReply::Stay,
        }
    }

    pub(super) fn paste(&mut self, pasted: &str) {
        self.filter.paste(pasted);
        self.cursor = 0;
    }

    pub(super) fn scroll(&mut self, rows: isize, context: OverlayContext<'_>) -> OverlayReply {
        self.cursor = moved(self.cursor, rows, self.shown(context).len());
        OverlayReply::Stay
    }

    pub(super) fn draw(
        &self,
        area: Rect,
        look: &Appearance,
        context: OverlayContext<'_>,
        buffer: &mut Buffer,
    ) -> Option<Position> {
        let shown = self.shown(context);
        let area = middle(area, 116, area.height);
        let title = format!("Help {} {} of {}", look.glyphs.dot, shown.len(), TABLE.len());
        let inside = look.popup(area, &title, buffer);
        let cursor = self.draw_filter(inside, look, buffer);
        let body = skip_rows(inside, 1);
        let body = Rect { height: body.height.saturating_sub(1), ..body };
        let height = usize::from(body.height);
        let rows = rows(&shown);
        let has_columns = usize::from(inside.width) >= 2 * ENTRY_WIDTH && rows.len() > height;
        let (left, right) = if has_columns { halves(&rows) } else { (rows.as_slice(), &[][..]) };
        let half = if has_columns { body.width / 2 } else { body.width };
        // Both columns scroll together.
        let cursor_row = self.row_of(left).or(self.row_of(right)).unwrap_or(0);
        let first = window(left.len().max(right.len()), cursor_row, height).start;
        let areas = [
            Rect { width: half, ..body },
            Rect { x: body.x + half, width: body.width - half, ..body },
        ];
        for (area, rows) in areas.into_iter().zip([left, right]) {
            self.draw_rows(area, rows.get(first..).unwrap_or_default(), look, context, buffer);
        }
        let (note, role) = self.note(&shown, look, context);
        draw_note(inside, &note, role, look, buffer);
        cursor
    }

    fn draw_filter(
        &self,
        inside: Rect,
        look: &Appearance,
        buffer: &mut Buffer,
    ) -> Option<Position> {
        let label = "filter: ";
        put(inside, 0, &Line::from(look.span(label, Role::Dim)), buffer);
        let hint = look.words("↑↓ select · ↵ run · esc close");
        let (label, wide) = (label.len() as u16, text::width(&hint) as u16);
        let mut room = inside.width.saturating_sub(label);
        if room > wide + 20 {
            room -= wide + 1;
            let place = Rect { x: inside.x + label + room + 1, width: wide, ..inside };
            put(place, 0, &Line::from(look.span(hint, Role::Dim)), buffer);
        }
        let line = Rect { x: inside.x + label.min(inside.width), width: room, ..inside };
        self.filter.draw(line, look, buffer)
    }

    fn row_of(&self, rows: &[HelpRow]) -> Option<usize> {
        rows.iter().position(|row| matches!(row, HelpRow::Entry(_, at) if *at == self.cursor))
    }

    fn draw_rows(
        &self,
        area: Rect,
        rows: &[HelpRow],
        look: &Appearance,
        context: OverlayContext<'_>,
        buffer: &mut Buffer,
    ) {
        let columns = usize::from(area.width).saturating_sub(1);
        for (at, row) in rows.iter().take(usize::from(area.height)).enumerate() {
            let line = match row {
                HelpRow::Blank => continue,
                HelpRow::Heading(group) => {
                    Line::from(look.span(look.fit(group.as_str(), columns), Role::Title))
                }
                HelpRow::Entry(entry, index) => {
                    let is_selected = *index == self.cursor;
                    if is_selected {
                        tint(area, at, look.style(Role::Cursor), buffer);
                    }
                    entry_line(entry, columns, is_selected, look, context)
                }
            };
            put(area, at, &line, buffer);
        }
    }

    /// The last row: why the selected action does not apply, or how the palette calls it.
    fn note(
        &self,
        shown: &[&ActionEntry],
        look: &Appearance,
        context: OverlayContext<'_>,
    ) -> (String, Role) {
        let Some(entry) = shown.get(self.cursor) else {
            return ("no matching action".to_owned(), Role::Warn);
        };
        if let Err(reason) = entry.applies(context.facts) {
            return (format!("{} does not apply: {reason}", entry.name), Role::Warn);
        }
        let call = format!(":{} {}", entry.name, look.words(entry.takes.shape()));
        (call.trim_end().to_owned(), Role::Dim)
    }
}

fn entry_line(
    entry: &ActionEntry,
    columns: usize,
    is_selected: bool,
    look: &Appearance,
    context: OverlayContext<'_>,
) -> Line<'static> {
    let keys = all_keys(context.keymap, entry.action, look.glyphs.unicode);
    let keys = if keys.is_empty() { format!(":{}", entry.name) } else { keys.join(" ") };
    let cursor = if is_selected { look.glyphs.cursor } else { " " };
    let key_width = KEY_WIDTH.min(columns / 2);
    // Many keys push the description to the right.
    let keys = look.fit(&keys, (columns / 2).max(key_width));
    let keys = look.pad(&keys, key_width.max(text::width(&keys)));
    let words = look.fit(entry.description, columns.saturating_sub(text::width(&keys) + 2));
    let (key_role, role) = match entry.applies(context.facts) {
        Ok(()) => (Role::Key, Role::Text),
        Err(_) => (Role::Dim, Role::Dim),
    };
    Line::from(vec![
        look.span(cursor, Role::Focus),
        look.span(keys, key_role),
        look.span(format!(" {words}"), role),
    ])
}

fn rows(shown: &[&'static ActionEntry]) -> Vec<HelpRow> {
    let mut rows = Vec::new();
    let mut group = None;
    for (at, entry) in shown.iter().enumerate() {
        if group != Some(entry.group) {
            if group.is_some() {
                rows.push(HelpRow::Blank);
            }
            rows.push(HelpRow::Heading(entry.group));
            group = Some(entry.group);
        }
        rows.push(HelpRow::Entry(entry, at));
    }
    rows
}

/// Splits the rows between two groups as near to the middle as possible, or within a group if that
/// is too far from it.
fn halves(rows: &[HelpRow]) -> (&[HelpRow], &[HelpRow]) {
    let middle = rows.len().div_ceil(2);
    let blank = |at: &usize| matches!(rows.get(*at), Some(HelpRow::Blank));
    let cut = (0..rows.len()).filter(blank).min_by_key(|at| at.abs_diff(middle));
    match cut {
        Some(cut) if cut.abs_diff(middle) <= rows.len() / 6 => {
            (rows.get(..cut).unwrap_or_default(), rows.get(cut + 1..).unwrap_or_default())
        }
        _ => rows.split_at(middle),
    }
}
