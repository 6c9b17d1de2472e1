//! Help: every action with its keys, by group. Typing filters it, and Enter runs the selected
//! action.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::{OverlayContext, OverlayReply, all_keys, moved};
use crate::tui::action::{ActionEntry, Group, TABLE};
use crate::tui::appearance::{Appearance, middle, put, tint, window};
use crate::tui::fuzzy;
use crate::tui::keys::{Chord, Key};
use crate::tui::prompt::{EditResult, LineEditor};
use crate::tui::text;
use crate::tui::theme::Role;

/// Columns of one column of entries at least.
const COLUMN: usize = 44;
/// Columns of the keys.
const KEYS: usize = 12;

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
    /// The entry, and its place among those that are shown.
    Entry(&'static ActionEntry, usize),
}

impl Help {
    /// Those that are shown, in order.
    fn shown(&self, known: OverlayContext<'_>) -> Vec<&'static ActionEntry> {
        let typed = self.filter.text().trim();
        let fits = |entry: &&ActionEntry| {
            let keys = all_keys(known.keymap, entry.action, true);
            // A key is found as it is shown: `^r`.
            keys.iter().any(|key| key == typed)
                || entry.name.contains(typed)
                || entry.words.to_lowercase().contains(&typed.to_lowercase())
                || (typed.len() > 2 && fuzzy::score(typed, entry.name).is_some())
        };
        let by_group = Group::ALL
            .iter()
            .flat_map(|group| TABLE.iter().filter(move |entry| entry.group == *group));
        by_group.filter(|entry| typed.is_empty() || fits(entry)).collect()
    }

    pub(super) fn key(&mut self, chord: Chord, known: OverlayContext<'_>) -> OverlayReply {
        let length = self.shown(known).len();
        let page = 10;
        match (chord.ctrl, chord.key) {
            (_, Key::Esc) | (true, Key::Char('c')) => return OverlayReply::Close,
            (false, Key::Char('?') | Key::F(1)) if self.filter.text().is_empty() => {
                return OverlayReply::Close;
            }
            (false, Key::Enter) => return self.run(known),
            (false, Key::Up) | (true, Key::Char('p')) => {
                self.cursor = moved(self.cursor, -1, length);
            }
            (false, Key::Down) | (true, Key::Char('n')) => {
                self.cursor = moved(self.cursor, 1, length);
            }
            (false, Key::PageUp) => self.cursor = moved(self.cursor, -page, length),
            (false, Key::PageDown) => self.cursor = moved(self.cursor, page, length),
            (false, Key::Home) => self.cursor = 0,
            (false, Key::End) => self.cursor = length.saturating_sub(1),
            _ => {
                if self.filter.key(chord) == EditResult::Changed {
                    self.cursor = 0;
                }
            }
        }
        OverlayReply::Stay
    }

    /// Runs what the cursor is on; where it does not apply, help stays and says why.
    fn run(&self, known: OverlayContext<'_>) -> OverlayReply {
        match self.shown(known).get(self.cursor) {
            Some(entry) if entry.applies(known.facts).is_ok() => {
                OverlayReply::Run(entry.action.into())
            }
            _ => OverlayReply::Stay,
        }
    }

    pub(super) fn paste(&mut self, pasted: &str) {
        self.filter.paste(pasted);
        self.cursor = 0;
    }

    pub(super) fn scroll(&mut self, rows: isize, known: OverlayContext<'_>) -> OverlayReply {
        self.cursor = moved(self.cursor, rows, self.shown(known).len());
        OverlayReply::Stay
    }

    pub(super) fn draw(
        &self,
        area: Rect,
        look: &Appearance,
        known: OverlayContext<'_>,
        buffer: &mut Buffer,
    ) -> Option<Position> {
        let shown = self.shown(known);
        let area = middle(area, 116, area.height);
        let title = format!("Help {} {} of {}", look.glyphs.dot, shown.len(), TABLE.len());
        let inside = look.popup(area, &title, buffer);
        let columns = usize::from(inside.width);
        let cursor = self.draw_filter(inside, look, buffer);
        // Filter, reason, and at least one row between them.
        let height = usize::from(inside.height).saturating_sub(2);
        let body = Rect { y: inside.y + 1.min(inside.height), height: height as u16, ..inside };
        let rows = rows(&shown);
        if columns >= 2 * COLUMN && rows.len() > height {
            let (left, right) = halves(&rows);
            let half = inside.width / 2;
            let areas = [
                Rect { width: half, ..body },
                Rect { x: body.x + half, width: body.width - half, ..body },
            ];
            // Both columns move together.
            let at = self.row_of(left).or(self.row_of(right)).unwrap_or(0);
            let first = window(left.len().max(right.len()), at, height).start;
            for (area, rows) in areas.into_iter().zip([left, right]) {
                self.draw_rows(area, rows.get(first..).unwrap_or_default(), look, known, buffer);
            }
        } else {
            let first = window(rows.len(), self.row_of(&rows).unwrap_or(0), height).start;
            self.draw_rows(body, rows.get(first..).unwrap_or_default(), look, known, buffer);
        }
        if inside.height >= 3 {
            self.draw_reason(inside, &shown, look, known, buffer);
        }
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
        let hint = look.words("↑↓ select · ↵ run it · esc close");
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
        known: OverlayContext<'_>,
        buffer: &mut Buffer,
    ) {
        let columns = usize::from(area.width).saturating_sub(1);
        for (at, row) in rows.iter().take(usize::from(area.height)).enumerate() {
            let line = match row {
                HelpRow::Blank => continue,
                HelpRow::Heading(group) => {
                    Line::from(look.span(look.fit(group.title(), columns), Role::Title))
                }
                HelpRow::Entry(entry, place) => {
                    let role = match entry.applies(known.facts) {
                        Ok(()) => Role::Text,
                        Err(_) => Role::Dim,
                    };
                    let chosen = *place == self.cursor;
                    let line = entry_line(entry, columns, role, chosen, look, known);
                    if chosen {
                        tint(area, at, look.style(Role::Cursor), buffer);
                    }
                    line
                }
            };
            put(area, at, &line, buffer);
        }
    }

    /// The last row: why the chosen one does not apply, or what it can be called by.
    fn draw_reason(
        &self,
        inside: Rect,
        shown: &[&ActionEntry],
        look: &Appearance,
        known: OverlayContext<'_>,
        buffer: &mut Buffer,
    ) {
        let at = usize::from(inside.height) - 1;
        let columns = usize::from(inside.width);
        let chosen = shown.get(self.cursor).map(|entry| (entry, entry.applies(known.facts)));
        let (words, role) = match chosen {
            None => ("nothing is called so".to_owned(), Role::Warn),
            Some((entry, Err(reason))) => {
                (format!("{} does not apply: {reason}", entry.name), Role::Warn)
            }
            Some((entry, Ok(()))) => {
                let call = format!(":{} {}", entry.name, look.words(entry.takes.shape()));
                (call.trim_end().to_owned(), Role::Dim)
            }
        };
        put(inside, at, &Line::from(look.span(look.fit(&words, columns), role)), buffer);
    }
}

fn entry_line(
    entry: &ActionEntry,
    columns: usize,
    role: Role,
    chosen: bool,
    look: &Appearance,
    known: OverlayContext<'_>,
) -> Line<'static> {
    let keys = all_keys(known.keymap, entry.action, look.glyphs.unicode);
    let keys = if keys.is_empty() { format!(":{}", entry.name) } else { keys.join(" ") };
    let keyed = KEYS.min(columns / 2);
    let cursor = if chosen { look.glyphs.cursor } else { " " };
    // A name with many keys pushes its words to the right.
    let keys = look.fit(&keys, (columns / 2).max(keyed));
    let keys = look.pad(&keys, keyed.max(text::width(&keys)));
    let taken = text::width(&keys) + 2;
    let words = look.fit(entry.words, columns.saturating_sub(taken));
    let key_role = if role == Role::Dim { Role::Dim } else { Role::Key };
    Line::from(vec![
        look.span(cursor, Role::Focus),
        look.span(keys, key_role),
        look.span(" ", role),
        look.span(words, role),
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

/// Cut between two groups, as near to the middle as can be; within one where that is far off.
fn halves(rows: &[HelpRow]) -> (&[HelpRow], &[HelpRow]) {
    let middle = rows.len().div_ceil(2);
    let blank = |at: &usize| matches!(rows.get(*at), Some(HelpRow::Blank));
    let cut = (0..rows.len()).filter(blank).min_by_key(|at| at.abs_diff(middle));
    match cut {
        Some(cut) if cut.abs_diff(middle) <= rows.len() / 6 => {
            let (left, right) = rows.split_at(cut);
            (left, right.get(1..).unwrap_or_default())
        }
        _ => rows.split_at(middle),
    }
}
