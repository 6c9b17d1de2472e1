//! Command palette: input of a command with its arguments.
#![expect(clippy::wildcard_enum_match_arm, reason = "most arguments are of no interest here")]

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::{OverlayContext, OverlayReply, all_keys, moved};
use crate::tui::action::{Action, ActionEntry, Argument, ArgumentKind, TABLE, parse_call};
use crate::tui::appearance::{Appearance, put, tint, window};
use crate::tui::fuzzy;
use crate::tui::keys::{Chord, Key};
use crate::tui::prompt::{EditResult, LineEditor};
use crate::tui::text;
use crate::tui::theme::Role;

/// Rows of commands at most.
const ROWS: u16 = 14;

#[derive(Debug, Clone, Default)]
pub struct Palette {
    edit: LineEditor,
    cursor: usize,
    /// Why the last one could not be run.
    fault: Option<String>,
}

impl Palette {
    /// With something typed already: `run `.
    pub fn with(text: &str) -> Self {
        Self { edit: LineEditor::new(text), ..Self::default() }
    }

    /// What is typed: the name, and what follows it.
    fn typed(&self) -> (&str, Option<&str>) {
        let typed = self.edit.text().trim_start();
        match typed.split_once(char::is_whitespace) {
            Some((name, rest)) => (name, Some(rest.trim_start())),
            None => (typed, None),
        }
    }

    /// Those that fit, the best first.
    pub(super) fn shown(&self) -> Vec<&'static ActionEntry> {
        let (name, rest) = self.typed();
        if let (Some(_), Ok(action)) = (rest, name.parse::<Action>()) {
            return vec![action.entry()];
        }
        let all = self.edit.text().trim();
        let mut fits: Vec<(i64, usize, &ActionEntry)> = Vec::new();
        for (at, entry) in TABLE.iter().enumerate() {
            let with_rest =
                rest.filter(|rest| !rest.is_empty() && entry.takes != ArgumentKind::Nothing);
            let by_name = fuzzy::score(all, entry.name).map(|score| score + 10);
            let by_first = with_rest.and_then(|_| fuzzy::score(name, entry.name));
            let words = entry.words.to_lowercase().contains(&all.to_lowercase());
            let score = by_name.max(by_first).or(words.then_some(0));
            fits.extend(score.map(|score| (-score, at, entry)));
        }
        if !all.is_empty() {
            fits.sort_by_key(|(score, at, _)| (*score, *at));
        }
        fits.into_iter().map(|(.., entry)| entry).collect()
    }

    pub(super) fn key(&mut self, chord: Chord, known: OverlayContext<'_>) -> OverlayReply {
        let length = self.shown().len();
        match (chord.ctrl, chord.key) {
            (_, Key::Esc) | (true, Key::Char('c')) => return OverlayReply::Close,
            (false, Key::Backspace) if self.edit.text().is_empty() => return OverlayReply::Close,
            (false, Key::Enter) => return self.run(known),
            (false, Key::Tab) => self.complete(known),
            (false, Key::Up | Key::BackTab) | (true, Key::Char('p')) => {
                self.cursor = moved(self.cursor, -1, length);
            }
            (false, Key::Down) | (true, Key::Char('n')) => {
                self.cursor = moved(self.cursor, 1, length);
            }
            (false, Key::PageUp) => self.cursor = moved(self.cursor, -10, length),
            (false, Key::PageDown) => self.cursor = moved(self.cursor, 10, length),
            _ => {
                if self.edit.key(chord) == EditResult::Changed {
                    (self.cursor, self.fault) = (0, None);
                }
            }
        }
        OverlayReply::Stay
    }

    pub(super) fn paste(&mut self, pasted: &str) {
        self.edit.paste(pasted);
        (self.cursor, self.fault) = (0, None);
    }

    pub(super) fn scroll(&mut self, rows: isize, _: OverlayContext<'_>) -> OverlayReply {
        self.cursor = moved(self.cursor, rows, self.shown().len());
        OverlayReply::Stay
    }

    fn run(&mut self, known: OverlayContext<'_>) -> OverlayReply {
        let typed = self.edit.text().trim();
        let Some(entry) = self.shown().get(self.cursor).copied() else {
            // Nothing fits: the nearest name is said.
            self.fault = parse_call(typed).err().map(|error| error.to_string());
            return OverlayReply::Stay;
        };
        let (name, rest) = self.typed();
        // Words that only helped to find it are no argument.
        let is_argument = name == entry.name || fuzzy::score(typed, entry.name).is_none();
        let by_words = entry.words.to_lowercase().contains(&typed.to_lowercase());
        let rest = rest.filter(|_| is_argument && (name == entry.name || !by_words));
        match parse_call(&format!("{} {}", entry.name, rest.unwrap_or_default())) {
            Err(error) => self.fault = Some(error.to_string()),
            Ok(call) => match entry.applies(known.facts) {
                // Whether it applies was asked about what is chosen, not about who is named.
                Err(reason) if !names_someone(&call.argument) => {
                    self.fault = Some(format!("{} does not apply: {reason}", entry.name));
                }
                _ => return OverlayReply::Run(call),
            },
        }
        OverlayReply::Stay
    }

    /// The name of the chosen one, or of the first process that begins like the last word.
    fn complete(&mut self, known: OverlayContext<'_>) {
        let Some(entry) = self.shown().get(self.cursor).copied() else { return };
        let (name, rest) = self.typed();
        let Some(rest) = rest.filter(|_| name == entry.name) else {
            let blank = if entry.takes == ArgumentKind::Nothing { "" } else { " " };
            self.edit.set(&format!("{}{blank}", entry.name));
            self.cursor = 0;
            return;
        };
        let (before, word) = match rest.rsplit_once(char::is_whitespace) {
            Some((before, word)) => (format!("{before} "), word),
            None => (String::new(), rest),
        };
        if let Some(found) = candidates(entry.takes, known).find(|name| name.starts_with(word)) {
            self.edit.set(&format!("{} {before}{found} ", entry.name));
        }
    }

    pub(super) fn draw(
        &self,
        area: Rect,
        look: &Appearance,
        known: OverlayContext<'_>,
        buffer: &mut Buffer,
    ) -> Option<Position> {
        let shown = self.shown();
        let width = area.width.min(92);
        // At a fixed place, however many rows there are: nothing jumps while typing.
        let height = area.height.min(ROWS + 4);
        let top = (area.height - height) / 4;
        let x = area.x + (area.width - width) / 2;
        let area = Rect { x, y: area.y + top, width, height };
        let inside = look.popup(area, "Command", buffer);
        put(inside, 0, &Line::from(look.span(":", Role::Key)), buffer);
        let line = Rect {
            x: inside.x + 1.min(inside.width),
            width: inside.width.saturating_sub(1),
            height: inside.height.min(1),
            ..inside
        };
        let cursor = self.edit.draw(line, look, buffer);
        let below = inside.height.saturating_sub(2);
        let body = Rect { y: inside.y + 1.min(inside.height), height: below, ..inside };
        let rows = window(shown.len(), self.cursor, usize::from(below));
        for (at, place) in rows.enumerate() {
            let Some(entry) = shown.get(place) else { continue };
            let chosen = place == self.cursor;
            if chosen {
                tint(body, at, look.style(Role::Cursor), buffer);
            }
            put(body, at, &row(entry, chosen, usize::from(body.width), look, known), buffer);
        }
        if inside.height >= 3 {
            self.draw_note(inside, &shown, look, known, buffer);
        }
        cursor
    }

    /// The last row: what went wrong, or who can be named.
    fn draw_note(
        &self,
        inside: Rect,
        shown: &[&ActionEntry],
        look: &Appearance,
        known: OverlayContext<'_>,
        buffer: &mut Buffer,
    ) {
        let at = usize::from(inside.height) - 1;
        let columns = usize::from(inside.width);
        let (note, role) = match (&self.fault, shown.get(self.cursor)) {
            (Some(fault), _) => (fault.clone(), Role::Bad),
            (None, None) => ("no command fits".to_owned(), Role::Warn),
            (None, Some(entry)) => {
                let names: Vec<&str> = candidates(entry.takes, known).collect();
                let said = match (names.is_empty(), entry.takes) {
                    (false, _) => format!("Tab: {}", names.join(" ")),
                    (true, ArgumentKind::Nothing) => String::new(),
                    (true, takes) => format!("{} {}", entry.name, look.words(takes.shape())),
                };
                (said, Role::Dim)
            }
        };
        put(inside, at, &Line::from(look.span(look.fit(&note, columns), role)), buffer);
    }
}

fn names_someone(argument: &Argument) -> bool {
    match argument {
        Argument::Names(_) | Argument::Scale { name: Some(_), .. } => true,
        Argument::Signal { names, .. } => !names.is_empty(),
        _ => false,
    }
}

/// What can follow a name.
fn candidates(takes: ArgumentKind, known: OverlayContext<'_>) -> impl Iterator<Item = &str> {
    let fixed: &[&str] = match takes {
        ArgumentKind::Level => &["all", "debug", "info", "warn", "error"],
        ArgumentKind::Theme => &["dark", "light", "contrast", "colour-blind", "terminal", "none"],
        ArgumentKind::Signal => {
            &["HUP", "INT", "TERM", "USR1", "USR2", "QUIT", "KILL", "STOP", "CONT"]
        }
        _ => &[],
    };
    let processes = matches!(
        takes,
        ArgumentKind::Name | ArgumentKind::Names | ArgumentKind::Scale | ArgumentKind::Signal
    );
    let names = if processes { known.names } else { &[] };
    fixed.iter().copied().chain(names.iter().map(String::as_str))
}

fn row(
    entry: &ActionEntry,
    chosen: bool,
    columns: usize,
    look: &Appearance,
    known: OverlayContext<'_>,
) -> Line<'static> {
    let reason = entry.applies(known.facts).err();
    let role = if reason.is_some() { Role::Dim } else { Role::Text };
    let keys = all_keys(known.keymap, entry.action, look.glyphs.unicode).join(" ");
    let keyed = if columns >= 40 { 12.min(text::width(&keys) + 1) } else { 0 };
    let cursor = if chosen { look.glyphs.cursor } else { " " };
    let name = look.pad(entry.name, 18.min(columns.saturating_sub(2)));
    let said = match reason {
        Some(reason) => format!("{} ({reason})", entry.words),
        None => entry.words.to_owned(),
    };
    let room = columns.saturating_sub(text::width(&name) + keyed + 3);
    Line::from(vec![
        look.span(cursor, Role::Focus),
        look.span(name, role),
        look.span(" ", role),
        look.span(look.pad(&said, room), Role::Dim),
        look.span(" ", role),
        look.span(look.fit(&keys, keyed), Role::Key),
    ])
}
