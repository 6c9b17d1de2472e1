//! Dialog: a question or a menu, answered by arrows, letter or click.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::{OverlayChoice, OverlayReply, motion, moved};
use crate::output::safe_name;
use crate::tui::action::ActionCall;
use crate::tui::appearance::{Appearance, inside, middle, put, skip_rows, window};
use crate::tui::keys::{Chord, Key};
use crate::tui::text;
use crate::tui::theme::{Role, ThemeName};

/// Columns of a dialog at most.
const MAX_WIDTH: usize = 76;
/// Columns of the labels at least.
const MIN_LABEL: usize = 12;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dialog {
    pub(super) title: String,
    /// Text above the options.
    pub(super) body: Vec<String>,
    pub(super) options: Vec<DialogOption>,
    /// Text below the options.
    pub(super) note: String,
    pub(super) cursor: usize,
    /// The choice of Ctrl-C; `None` closes the dialog.
    pub(super) interrupt: Option<OverlayChoice>,
    /// The theme that is restored if nothing is chosen.
    pub(super) previous_theme: Option<ThemeName>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialogOption {
    /// The letter that chooses it immediately.
    pub letter: char,
    pub label: String,
    pub detail: String,
    /// The choice, or the reason why it is not possible.
    pub choice: Result<OverlayChoice, String>,
}

impl DialogOption {
    pub(super) fn new(letter: char, label: &str, detail: &str, choice: OverlayChoice) -> Self {
        Self { letter, label: label.to_owned(), detail: detail.to_owned(), choice: Ok(choice) }
    }
}

impl Dialog {
    pub fn new(title: impl Into<String>, body: Vec<String>, options: Vec<DialogOption>) -> Self {
        let safe = |text: String| safe_name(&text).into_owned();
        let safe_option = |option: DialogOption| DialogOption {
            label: safe(option.label),
            detail: safe(option.detail),
            choice: option.choice.map_err(safe),
            ..option
        };
        Self {
            title: safe(title.into()),
            body: body.into_iter().map(safe).collect(),
            options: options.into_iter().map(safe_option).collect(),
            ..Self::default()
        }
    }

    /// A yes-or-no question about something that is hard to undo; the cursor is on no.
    pub fn confirm(title: impl Into<String>, body: Vec<String>, go: ActionCall) -> Self {
        let yes = DialogOption::new('y', "yes", "", OverlayChoice::Go(go));
        let no = DialogOption::new('n', "no", "esc", OverlayChoice::Nothing);
        Self { cursor: 1, ..Self::new(title, body, vec![yes, no]) }
    }

    pub fn notice(title: impl Into<String>, body: Vec<String>) -> Self {
        let close = DialogOption::new('o', "close", "esc", OverlayChoice::Nothing);
        Self::new(title, body, vec![close])
    }

    /// The changes of a reload, to be applied or not.
    pub fn reload(difference: Vec<String>) -> Self {
        let apply = DialogOption::new('y', "apply", "", OverlayChoice::Apply);
        let cancel = DialogOption::new('n', "cancel", "esc", OverlayChoice::Nothing);
        Self::new("Reload", difference, vec![apply, cancel])
    }

    pub(super) fn key(&mut self, chord: Chord) -> OverlayReply {
        if let Some(rows) = motion(chord) {
            return self.scroll(rows);
        }
        match (chord.ctrl, chord.key) {
            (true, Key::Char('c')) => match &self.interrupt {
                Some(choice) => OverlayReply::Chosen(choice.clone()),
                None => self.close(),
            },
            (_, Key::Esc) => self.close(),
            (false, Key::Enter) => self.choose(self.cursor),
            (false, Key::Left) => self.scroll(-1),
            (false, Key::Right) => self.scroll(1),
            (false, Key::Home) => self.scroll(isize::MIN),
            (false, Key::End) => self.scroll(isize::MAX),
            (false, Key::Tab) => self.select((self.cursor + 1) % self.options.len().max(1)),
            (false, Key::Char(letter)) if !chord.alt => {
                let option = self.options.iter().position(|option| option.letter == letter);
                match (option, letter) {
                    (Some(index), _) => self.choose(index),
                    (None, 'h' | 'k') => self.scroll(-1),
                    (None, 'l' | 'j') => self.scroll(1),
                    (None, 'q') => self.close(),
                    _ => OverlayReply::Stay,
                }
            }
            _ => OverlayReply::Stay,
        }
    }

    pub(super) fn scroll(&mut self, rows: isize) -> OverlayReply {
        self.select(moved(self.cursor, rows, self.options.len()))
    }

    fn select(&mut self, index: usize) -> OverlayReply {
        self.cursor = index;
        match self.options.get(index).map(|option| &option.choice) {
            Some(Ok(OverlayChoice::Theme(theme))) => OverlayReply::Preview(*theme),
            _ => OverlayReply::Stay,
        }
    }

    fn close(&self) -> OverlayReply {
        self.previous_theme.map_or(OverlayReply::Close, OverlayReply::Revert)
    }

    /// An option that is not possible keeps the dialog open, with the cursor on it.
    fn choose(&mut self, index: usize) -> OverlayReply {
        self.cursor = index;
        match self.options.get(index).map(|option| option.choice.clone()) {
            Some(Ok(OverlayChoice::Nothing)) | None => self.close(),
            Some(Ok(choice)) => OverlayReply::Chosen(choice),
            Some(Err(_)) => OverlayReply::Stay,
        }
    }

    pub(super) fn click(&mut self, area: Rect, at: Position) -> OverlayReply {
        let popup = self.popup(area);
        if !popup.contains(at) {
            return self.close();
        }
        let list = self.option_list(inside(popup));
        let visible = window(self.options.len(), self.cursor, usize::from(list.height));
        let clicked = visible.start + usize::from(at.y.saturating_sub(list.y));
        if list.contains(at) && visible.contains(&clicked) {
            self.choose(clicked)
        } else {
            OverlayReply::Stay
        }
    }

    fn popup(&self, area: Rect) -> Rect {
        let detail = |option: &DialogOption| {
            text::width(option.choice.as_ref().err().unwrap_or(&option.detail))
        };
        let option = self.label_width() + 8 + self.options.iter().map(detail).max().unwrap_or(0);
        let lines = self.body.iter().chain([&self.note]).map(|line| text::width(line) + 2);
        let widest = lines.chain([option, text::width(&self.title) + 6]).max().unwrap_or(0);
        let note = if self.note.is_empty() { 0 } else { 2 };
        let height = self.body_rows() + self.options.len() + note + 2;
        let clamp = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
        middle(area, clamp((widest + 2).min(MAX_WIDTH)), clamp(height))
    }

    fn label_width(&self) -> usize {
        let labels = self.options.iter().map(|option| text::width(&option.label));
        labels.max().unwrap_or(0).max(MIN_LABEL)
    }

    /// Rows of the body and the blank one after it.
    fn body_rows(&self) -> usize {
        if self.body.is_empty() { 0 } else { self.body.len() + 1 }
    }

    /// The area of the options and the note: the body is cut before they are.
    fn option_list(&self, inside: Rect) -> Rect {
        let room = usize::from(inside.height).saturating_sub(self.options.len());
        skip_rows(inside, self.body_rows().min(room) as u16)
    }

    /// The lines of the body that fit, with a note if some do not.
    fn visible_body(&self, rows: usize) -> Vec<String> {
        if self.body.len() <= rows {
            return self.body.clone();
        }
        let visible = rows.saturating_sub(1);
        let rest = format!("… {} more lines", self.body.len() - visible);
        self.body.iter().take(visible).cloned().chain([rest]).take(rows).collect()
    }

    pub(super) fn draw(&self, area: Rect, look: &Appearance, buffer: &mut Buffer) {
        let inside = look.popup(self.popup(area), &self.title, buffer);
        let columns = usize::from(inside.width);
        let list = self.option_list(inside);
        let mut draw_text = |row: usize, text: &str, role: Role| {
            let text = look.fit(text, columns.saturating_sub(1));
            put(inside, row, &Line::from(look.span(format!(" {text}"), role)), buffer);
        };
        let body = self.visible_body(usize::from(list.y - inside.y));
        for (row, line) in body.iter().enumerate() {
            let role = match line.get(..2) {
                Some("+ ") => Role::Added,
                Some("- ") => Role::Removed,
                Some("~ ") => Role::Changed,
                _ => Role::Text,
            };
            draw_text(row, line, role);
        }
        if !self.note.is_empty() {
            let row = usize::from(list.y - inside.y) + self.options.len() + 1;
            draw_text(row, &self.note, Role::Dim);
        }
        let labels = self.label_width();
        look.draw_rows(list, self.options.len(), self.cursor, buffer, |index| {
            let Some(option) = self.options.get(index) else { return Line::default() };
            let (role, detail) = match &option.choice {
                Ok(_) => (Role::Text, &option.detail),
                Err(reason) => (Role::Dim, reason),
            };
            let cursor = if index == self.cursor { look.glyphs.cursor } else { " " };
            Line::from(vec![
                look.span(cursor, Role::Focus),
                look.span(format!("[{}] ", option.letter), Role::Key),
                look.span(format!("{}  ", look.pad(&option.label, labels)), role),
                look.span(look.fit(detail, columns), Role::Dim),
            ])
        });
    }
}
