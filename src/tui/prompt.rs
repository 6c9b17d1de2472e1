//! Prompt: a line editor for searches, filters and commands.
#![expect(clippy::wildcard_enum_match_arm, reason = "keys: most of them mean nothing")]

#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use tui_input::{Input, InputRequest};

use super::appearance::{Appearance, put};
use super::keys::{Chord, Key};
use super::pattern::{CaseMode, PatternMode};
use super::text;
use super::theme::Role;

/// Capacity of a history.
const HISTORY_LIMIT: usize = 200;
/// Longest line that can be typed or pasted, in characters.
const LINE_LIMIT: usize = 4096;

#[derive(Debug, Clone, Default)]
pub struct LineEditor {
    input: Input,
}

/// The effect of a key on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditResult {
    /// The key does not edit.
    Ignored,
    /// The cursor may have moved.
    Moved,
    /// The text may have changed.
    Changed,
}

impl LineEditor {
    /// Returns an editor with a text and the cursor at its end.
    pub fn new(text: &str) -> Self {
        let mut edit = Self::default();
        edit.paste(text);
        edit
    }

    pub fn text(&self) -> &str {
        self.input.value()
    }

    pub fn key(&mut self, chord: Chord) -> EditResult {
        let Some(request) = request(chord) else { return EditResult::Ignored };
        if matches!(request, InputRequest::InsertChar(_))
            && self.input.value().chars().count() >= LINE_LIMIT
        {
            return EditResult::Moved;
        }
        match self.input.handle(request) {
            Some(change) if change.value => EditResult::Changed,
            _ => EditResult::Moved,
        }
    }

    /// Inserts text; control characters become blanks.
    pub fn paste(&mut self, pasted: &str) {
        let room = LINE_LIMIT.saturating_sub(self.input.value().chars().count());
        for char in pasted.trim_end_matches(['\r', '\n']).chars().take(room) {
            let char = if char.is_control() { ' ' } else { char };
            _ = self.input.handle(InputRequest::InsertChar(char));
        }
    }

    /// Replaces the text; the cursor moves to its end.
    pub fn set(&mut self, text: &str) {
        *self = Self::new(text);
    }

    /// Draws the part around the cursor, and returns the position of the cursor.
    pub fn draw(&self, area: Rect, look: &Appearance, buffer: &mut Buffer) -> Option<Position> {
        let columns = usize::from(area.width);
        let room = columns.checked_sub(1)?;
        let before: String = self.text().chars().take(self.input.cursor()).collect();
        // Combining marks and changes of direction are spelled out.
        let cursor = text::width(&crate::output::safe_name(&before));
        let from = cursor.saturating_sub(room);
        let line =
            text::StyledLine::plain_of(self.text(), look.style(Role::Text)).cut(from, columns);
        put(area, 0, &line, buffer);
        let at = u16::try_from(cursor - from).ok()?;
        (area.height > 0).then(|| Position::new(area.x + at, area.y))
    }
}

/// Returns the edit of a key, as in a shell.
fn request(chord: Chord) -> Option<InputRequest> {
    Some(match (chord.ctrl, chord.alt, chord.key) {
        (false, false, Key::Char(char)) => InputRequest::InsertChar(char),
        (false, false, Key::Left) | (true, false, Key::Char('b')) => InputRequest::GoToPrevChar,
        (false, false, Key::Right) | (true, false, Key::Char('f')) => InputRequest::GoToNextChar,
        (true, false, Key::Left) | (false, true, Key::Char('b') | Key::Left) => {
            InputRequest::GoToPrevWord
        }
        (true, false, Key::Right) | (false, true, Key::Char('f') | Key::Right) => {
            InputRequest::GoToNextWord
        }
        (false, false, Key::Home) | (true, false, Key::Char('a')) => InputRequest::GoToStart,
        (false, false, Key::End) | (true, false, Key::Char('e')) => InputRequest::GoToEnd,
        // Some terminals send ^h for Backspace.
        (false, false, Key::Backspace) | (true, false, Key::Char('h')) => {
            InputRequest::DeletePrevChar
        }
        (false, false, Key::Delete) | (true, false, Key::Char('d')) => InputRequest::DeleteNextChar,
        (true, false, Key::Char('w') | Key::Backspace) | (false, true, Key::Backspace) => {
            InputRequest::DeletePrevWord
        }
        (false, true, Key::Char('d') | Key::Delete) | (true, false, Key::Delete) => {
            InputRequest::DeleteNextWord
        }
        (true, false, Key::Char('u')) => InputRequest::DeleteFromStart,
        (true, false, Key::Char('k')) => InputRequest::DeleteTillEnd,
        (true, false, Key::Char('y')) => InputRequest::Yank,
        _ => return None,
    })
}

/// Earlier inputs, the latest last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    lines: Vec<String>,
}

impl History {
    /// Adds a line; an equal one is removed.
    pub fn add(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        self.lines.retain(|old| old != line);
        self.lines.push(line.to_owned());
        let over = self.lines.len().saturating_sub(HISTORY_LIMIT);
        self.lines.drain(..over);
    }

    pub fn last(&self) -> Option<&str> {
        self.lines.last().map(String::as_str)
    }
}

/// The effect of a key on a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptResult {
    /// Nothing, or the cursor moved.
    Stay,
    /// The text or its mode has changed.
    Changed,
    Done,
    Cancelled,
}

/// A switch of the pattern mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModeChip {
    /// The case of letters: `Alt-c`.
    Case,
    /// As a regular expression: `Alt-r`.
    Regex,
    /// Whole words: `Alt-w`.
    Word,
}

/// A line of input.
#[derive(Debug, Clone, Default)]
pub struct Prompt {
    /// The text before the line: `/`, `&`, `run: `.
    pub label: &'static str,
    pub edit: LineEditor,
    /// The mode, if the text is a pattern.
    pub mode: Option<PatternMode>,
    /// The number of matches, shown after the line.
    pub found: String,
    history: History,
    /// The shown line of the history, counted from the end, and the text that was typed before.
    recalled: Option<(usize, String)>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PromptLayout {
    pub cursor: Option<Position>,
    pub chips: Vec<(Rect, ModeChip)>,
}

impl Prompt {
    pub fn new(label: &'static str, is_pattern: bool, history: History) -> Self {
        let mode = is_pattern.then(PatternMode::default);
        Self { label, mode, history, ..Self::default() }
    }

    pub fn text(&self) -> &str {
        self.edit.text()
    }

    /// Returns the error of the pattern; the last valid pattern stays in use.
    pub fn fault(&self) -> Option<String> {
        let typed = self.text().strip_prefix('!').unwrap_or(self.text());
        self.mode?.compile(typed).err().map(|error| error.to_string())
    }

    pub fn key(&mut self, chord: Chord) -> PromptResult {
        if self.mode.is_some() && chord.alt && !chord.ctrl {
            let chip = match chord.key {
                Key::Char('c') => Some(ModeChip::Case),
                Key::Char('r') => Some(ModeChip::Regex),
                Key::Char('w') => Some(ModeChip::Word),
                _ => None,
            };
            if let Some(chip) = chip {
                return self.toggle(chip);
            }
        }
        match (chord.ctrl, chord.key) {
            (false, Key::Esc) | (true, Key::Char('c' | 'g')) => PromptResult::Cancelled,
            (false, Key::Enter) | (true, Key::Char('m' | 'j')) => PromptResult::Done,
            (false, Key::Up) | (true, Key::Char('p')) => self.recall(1),
            (false, Key::Down) | (true, Key::Char('n')) => self.recall(-1),
            // As in less.
            (false, Key::Backspace) if self.text().is_empty() => PromptResult::Cancelled,
            _ => match self.edit.key(chord) {
                EditResult::Changed => {
                    self.recalled = None;
                    PromptResult::Changed
                }
                EditResult::Moved | EditResult::Ignored => PromptResult::Stay,
            },
        }
    }

    /// Toggles a part of the pattern mode.
    pub fn toggle(&mut self, chip: ModeChip) -> PromptResult {
        let Some(mode) = &mut self.mode else { return PromptResult::Stay };
        match chip {
            ModeChip::Case => {
                mode.case = match mode.case {
                    CaseMode::Smart => CaseMode::Sensitive,
                    CaseMode::Sensitive => CaseMode::Insensitive,
                    CaseMode::Insensitive => CaseMode::Smart,
                }
            }
            ModeChip::Regex => mode.regex = !mode.regex,
            ModeChip::Word => mode.word = !mode.word,
        }
        PromptResult::Changed
    }

    pub fn paste(&mut self, pasted: &str) -> PromptResult {
        self.edit.paste(pasted);
        PromptResult::Changed
    }

    fn recall(&mut self, step: isize) -> PromptResult {
        let at = self.recalled.as_ref().map_or(0, |(at, _)| *at);
        let Some(next) = at.checked_add_signed(step) else { return PromptResult::Stay };
        let typed = self.recalled.as_ref().map_or(self.text(), |(_, typed)| typed).to_owned();
        if next == 0 {
            self.recalled = None;
            self.edit.set(&typed);
            return PromptResult::Changed;
        }
        let lines = &self.history.lines;
        let Some(line) = lines.len().checked_sub(next).and_then(|at| lines.get(at)).cloned() else {
            return PromptResult::Stay;
        };
        self.recalled = Some((next, typed));
        self.edit.set(&line);
        PromptResult::Changed
    }

    /// Draws the prompt in the first row of an area: label, line, error or count, chips.
    pub fn draw(&self, area: Rect, look: &Appearance, buffer: &mut Buffer) -> PromptLayout {
        let columns = usize::from(area.width);
        let before = look.fit(self.label, columns);
        put(area, 0, &Line::from(look.span(before.clone(), Role::Key)), buffer);
        let taken = text::width(&before);
        let mut drawn = PromptLayout::default();
        let mut right = columns.saturating_sub(taken);
        // The line keeps at least half of the width.
        let chips = self.chips();
        let wide: usize = chips.iter().map(|(_, word, _)| word.len() + 1).sum();
        if wide > 0 && wide * 2 < right {
            right -= wide;
            let mut at = taken + right + 1;
            for (chip, word, on) in &chips {
                let role = if *on { Role::Key } else { Role::Dim };
                let place = Self::part(area, at, word.len());
                put(place, 0, &Line::from(look.span(*word, role)), buffer);
                drawn.chips.push((place, *chip));
                at += word.len() + 1;
            }
        }
        let (note, role) = match self.fault() {
            Some(fault) => (fault, Role::Bad),
            None => (self.found.clone(), Role::Dim),
        };
        if !note.is_empty() {
            let note = look.fit(&note, right / 2);
            let wide = text::width(&note);
            right = right.saturating_sub(wide + 1);
            let place = Self::part(area, taken + right + 1, wide);
            put(place, 0, &Line::from(look.span(note, role)), buffer);
        }
        drawn.cursor = self.edit.draw(Self::part(area, taken, right), look, buffer);
        drawn
    }

    fn part(area: Rect, from: usize, columns: usize) -> Rect {
        let from = u16::try_from(from).unwrap_or(u16::MAX).min(area.width);
        let columns = u16::try_from(columns).unwrap_or(u16::MAX).min(area.width - from);
        Rect { x: area.x + from, width: columns, height: area.height.min(1), ..area }
    }

    fn chips(&self) -> Vec<(ModeChip, &'static str, bool)> {
        let Some(mode) = self.mode else { return Vec::new() };
        let case = match mode.case {
            CaseMode::Smart => ("Aa smart", false),
            CaseMode::Sensitive => ("Aa", true),
            CaseMode::Insensitive => ("aa", true),
        };
        vec![
            (ModeChip::Case, case.0, case.1),
            (ModeChip::Regex, ".*", mode.regex),
            (ModeChip::Word, "word", mode.word),
        ]
    }
}
