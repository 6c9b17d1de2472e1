//! Command palette: input of a command with its arguments.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::{OverlayContext, OverlayReply, all_keys, draw_note, motion, moved};
use crate::tui::action::{Action, ActionEntry, Argument, ArgumentKind, TABLE, parse_call};
use crate::tui::appearance::{Appearance, put, skip_rows};
use crate::tui::fuzzy;
use crate::tui::keys::{Chord, Key};
use crate::tui::prompt::{EditResult, LineEditor};
use crate::tui::text;
use crate::tui::theme::Role;

/// Visible rows of actions.
const VISIBLE_ROWS: u16 = 14;

#[derive(Debug, Clone, Default)]
pub struct CommandPalette {
    edit: LineEditor,
    cursor: usize,
    /// Why the latest command could not run.
    error: Option<String>,
}

impl CommandPalette {
    /// Returns the name and the argument in the text.
    fn typed(&self) -> (&str, Option<&str>) {
        let typed = self.edit.text().trim_start();
        match typed.split_once(char::is_whitespace) {
            Some((name, rest)) => (name, Some(rest.trim_start())),
            None => (typed, None),
        }
    }

    /// Returns the actions that match the text, the best first.
    pub(super) fn matches(&self) -> Vec<&'static ActionEntry> {
        let (name, rest) = self.typed();
        if let (Some(_), Ok(action)) = (rest, name.parse::<Action>()) {
            return vec![action.entry()];
        }
        let text = self.edit.text().trim();
        let has_argument = rest.is_some_and(|rest| !rest.is_empty());
        let score = |entry: &ActionEntry| {
            let with_argument = has_argument && entry.takes != ArgumentKind::Nothing;
            let by_text = fuzzy::score(text, entry.name).map(|score| score + 10);
            let by_name = fuzzy::score(name, entry.name).filter(|_| with_argument);
            by_text.max(by_name).or(describes(entry, text).then_some(0))
        };
        let matches = TABLE.iter().filter_map(|entry| Some((score(entry)?, entry)));
        let mut matches: Vec<_> = matches.collect();
        if !text.is_empty() {
            matches.sort_by_key(|(score, _)| -score);
        }
        matches.into_iter().map(|(_, entry)| entry).collect()
    }

    pub(super) fn key(&mut self, chord: Chord, context: OverlayContext<'_>) -> OverlayReply {
        if let Some(rows) = motion(chord) {
            return self.scroll(rows);
        }
        match (chord.ctrl, chord.key) {
            (_, Key::Esc) | (true, Key::Char('c')) => return OverlayReply::Close,
            (false, Key::Backspace) if self.edit.text().is_empty() => return OverlayReply::Close,
            (false, Key::Enter) => return self.run(context),
            (false, Key::Tab) => self.complete(context),
            _ => {
                if self.edit.key(chord) == EditResult::Changed {
                    (self.cursor, self.error) = (0, None);
                }
            }
        }
        OverlayReply::Stay
    }

    pub(super) fn paste(&mut self, pasted: &str) {
        self.edit.paste(pasted);
        (self.cursor, self.error) = (0, None);
    }

    pub(super) fn scroll(&mut self, rows: isize) -> OverlayReply {
        self.cursor = moved(self.cursor, rows, self.matches().len());
        OverlayReply::Stay
    }

    fn run(&mut self, context: OverlayContext<'_>) -> OverlayReply {
        let typed = self.edit.text().trim();
        let Some(entry) = self.matches().get(self.cursor).copied() else {
            // The error suggests the nearest name.
            self.error = parse_call(typed).err().map(|error| error.to_string());
            return OverlayReply::Stay;
        };
        let (name, rest) = self.typed();
        // Words that matched the action by its name or description are not an argument.
        let is_argument = name == entry.name
            || fuzzy::score(typed, entry.name).is_none() && !describes(entry, typed);
        let rest = rest.filter(|_| is_argument).unwrap_or_default();
        let call = match parse_call(&format!("{} {rest}", entry.name)) {
            Ok(call) => call,
            Err(error) => {
                self.error = Some(error.to_string());
                return OverlayReply::Stay;
            }
        };
        match entry.applies(context.facts) {
            // The facts are about the selected process, not about a process in the argument.
            Err(reason) if !names_process(&call.argument) => {
                self.error = Some(format!("{} does not apply: {reason}", entry.name));
                OverlayReply::Stay
            }
            _ => OverlayReply::Run(call),
        }
    }

    /// Completes the name of the selected action, or the last word of its argument.
    fn complete(&mut self, context: OverlayContext<'_>) {
        let Some(entry) = self.matches().get(self.cursor).copied() else { return };
        let (name, rest) = self.typed();
        let Some(rest) = rest.filter(|_| name == entry.name) else {
            let blank = if entry.takes == ArgumentKind::Nothing { "" } else { " " };
            self.edit.set(&format!("{}{blank}", entry.name));
            self.cursor = 0;
            return;
        };
        let start = rest.rfind(char::is_whitespace).map_or(0, |blank| blank + 1);
        let (before, word) = rest.split_at_checked(start).unwrap_or((rest, ""));
        let mut candidates = candidates(entry.takes, context);
        if let Some(found) = candidates.find(|name| name.starts_with(word)) {
            self.edit.set(&format!("{} {before}{found} ", entry.name));
        }
    }

    pub(super) fn draw(
        &self,
        area: Rect,
        look: &Appearance,
        context: OverlayContext<'_>,
        buffer: &mut Buffer,
    ) -> Option<Position> {
        let shown = self.matches();
        let width = area.width.min(92);
        // Position and size are fixed, so that the popup does not move while the user types.
        let height = area.height.min(VISIBLE_ROWS + 4);
        let x = area.x + (area.width - width) / 2;
        let y = area.y + (area.height - height) / 4;
        let inside = look.popup(Rect { x, y, width, height }, "Command", buffer);
        put(inside, 0, &Line::from(look.span(":", Role::Key)), buffer);
        let edit = Rect {
            x: inside.x + 1.min(inside.width),
            width: inside.width.saturating_sub(1),
            height: inside.height.min(1),
            ..inside
        };
        let cursor = self.edit.draw(edit, look, buffer);
        let body = skip_rows(inside, 1);
        let body = Rect { height: body.height.saturating_sub(1), ..body };
        look.draw_rows(body, shown.len(), self.cursor, buffer, |index| {
            let columns = usize::from(body.width);
            let entry = shown.get(index);
            entry
                .map(|entry| row(entry, index == self.cursor, columns, look, context))
                .unwrap_or_default()
        });
        let (note, role) = self.note(shown.get(self.cursor).copied(), look, context);
        draw_note(inside, &note, role, look, buffer);
        cursor
    }

    /// Returns the last row: an error, or the possible arguments of the selected action.
    fn note(
        &self,
        selected: Option<&ActionEntry>,
        look: &Appearance,
        context: OverlayContext<'_>,
    ) -> (String, Role) {
        let entry = match (&self.error, selected) {
            (Some(error), _) => return (error.clone(), Role::Bad),
            (None, None) => return ("no matching command".to_owned(), Role::Warn),
            (None, Some(entry)) => entry,
        };
        let names: Vec<&str> = candidates(entry.takes, context).collect();
        let note = match (names.is_empty(), entry.takes) {
            (false, _) => format!("Tab: {}", names.join(" ")),
            (true, ArgumentKind::Nothing) => String::new(),
            (true, takes) => format!("{} {}", entry.name, look.words(takes.shape())),
        };
        (note, Role::Dim)
    }
}

/// Whether the description of an action contains a text.
fn describes(entry: &ActionEntry, text: &str) -> bool {
    entry.description.to_lowercase().contains(&text.to_lowercase())
}

fn names_process(argument: &Argument) -> bool {
    match argument {
        Argument::Names(_) | Argument::Scale { name: Some(_), .. } => true,
        Argument::Signal { names, .. } => !names.is_empty(),
        Argument::None
        | Argument::Scale { name: None, .. }
        | Argument::Theme(_)
        | Argument::Level(_)
        | Argument::Text(_) => false,
    }
}

/// Returns the completions of an argument.
fn candidates(takes: ArgumentKind, context: OverlayContext<'_>) -> impl Iterator<Item = &str> {
    let processes = matches!(
        takes,
        ArgumentKind::Name | ArgumentKind::Names | ArgumentKind::Scale | ArgumentKind::Signal
    );
    let names = if processes { context.names } else { &[] };
    takes.words().into_iter().chain(names.iter().map(String::as_str))
}

fn row(
    entry: &ActionEntry,
    is_selected: bool,
    columns: usize,
    look: &Appearance,
    context: OverlayContext<'_>,
) -> Line<'static> {
    let (role, description) = match entry.applies(context.facts) {
        Ok(()) => (Role::Text, entry.description.to_owned()),
        Err(reason) => (Role::Dim, format!("{} ({reason})", entry.description)),
    };
    let keys = all_keys(context.keymap, entry.action, look.glyphs.unicode).join(" ");
    let key_columns = if columns >= 40 { 12.min(text::width(&keys) + 1) } else { 0 };
    let cursor = if is_selected { look.glyphs.cursor } else { " " };
    let name = look.pad(entry.name, 18.min(columns.saturating_sub(2)));
    let room = columns.saturating_sub(text::width(&name) + key_columns + 3);
    Line::from(vec![
        look.span(cursor, Role::Focus),
        look.span(format!("{name} "), role),
        look.span(look.pad(&description, room), Role::Dim),
        look.span(" ", role),
        look.span(look.fit(&keys, key_columns), Role::Key),
    ])
}
