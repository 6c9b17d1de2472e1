//! Dialog: a question with a few answers.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::{OverlayChoice, OverlayContext, OverlayReply, moved};
use crate::output::safe_name;
use crate::spec::counted;
use crate::tui::action::ActionCall;
use crate::tui::appearance::{Appearance, inside, middle, put, tint, window};
use crate::tui::keys::{Chord, Key};
use crate::tui::text;
use crate::tui::theme::Role;

/// Columns of a dialog at most.
const WIDEST: u16 = 76;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    title: String,
    /// What is asked, and about whom.
    body: Vec<String>,
    options: Vec<DialogOption>,
    /// What is said below the answers.
    note: String,
    cursor: usize,
    /// What Ctrl-C means here; leaving without it.
    interrupt: Option<OverlayChoice>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialogOption {
    /// The letter that gives it at once.
    pub letter: char,
    pub label: String,
    pub detail: String,
    pub choice: OverlayChoice,
}

impl DialogOption {
    fn new(letter: char, label: &str, detail: &str, choice: OverlayChoice) -> Self {
        Self { letter, label: label.to_owned(), detail: detail.to_owned(), choice }
    }
}

impl Dialog {
    /// A question; the last answer is the one of `Esc`.
    pub fn new(title: impl Into<String>, body: Vec<String>, options: Vec<DialogOption>) -> Self {
        let safe = |text: String| safe_name(&text).into_owned();
        let safe_answer = |answer: DialogOption| DialogOption {
            label: safe(answer.label),
            detail: safe(answer.detail),
            ..answer
        };
        Self {
            title: safe(title.into()),
            body: body.into_iter().map(safe).collect(),
            options: options.into_iter().map(safe_answer).collect(),
            note: String::new(),
            cursor: 0,
            interrupt: None,
        }
    }

    /// Yes or no, about something that is hard to undo. No is where the cursor is.
    pub fn confirm(title: impl Into<String>, body: Vec<String>, go: ActionCall) -> Self {
        let yes = DialogOption::new('y', "yes", "", OverlayChoice::Go(go));
        let no = DialogOption::new('n', "no", "esc", OverlayChoice::Nothing);
        Self { cursor: 1, ..Self::new(title, body, vec![yes, no]) }
    }

    pub fn notice(title: impl Into<String>, body: Vec<String>) -> Self {
        let close = DialogOption::new('o', "close", "esc", OverlayChoice::Nothing);
        Self::new(title, body, vec![close])
    }

    /// What a reload would do, to be applied or not.
    pub fn reload(difference: Vec<String>) -> Self {
        let apply = DialogOption::new('y', "apply", "", OverlayChoice::Apply);
        let leave = DialogOption::new('n', "leave it", "esc", OverlayChoice::Nothing);
        Self::new("Reload", difference, vec![apply, leave])
    }

    pub(super) fn key(&mut self, chord: Chord) -> OverlayReply {
        let length = self.options.len();
        match (chord.ctrl, chord.key) {
            (true, Key::Char('c')) => match &self.interrupt {
                Some(choice) => OverlayReply::Chosen(choice.clone()),
                None => OverlayReply::Close,
            },
            (_, Key::Esc) => OverlayReply::Close,
            (false, Key::Enter) => self.choose(self.cursor),
            (false, Key::Up | Key::Left | Key::BackTab) => self.step(-1),
            (false, Key::Down | Key::Right) => self.step(1),
            (false, Key::Tab) => {
                self.cursor = (self.cursor + 1) % length.max(1);
                OverlayReply::Stay
            }
            (false, Key::Char(letter)) if !chord.alt => {
                let at = self.options.iter().position(|option| option.letter == letter);
                match (at, letter) {
                    (Some(at), _) => self.choose(at),
                    (None, 'h' | 'k') => self.step(-1),
                    (None, 'l' | 'j') => self.step(1),
                    (None, 'q') => OverlayReply::Close,
                    _ => OverlayReply::Stay,
                }
            }
            _ => OverlayReply::Stay,
        }
    }

    fn step(&mut self, rows: isize) -> OverlayReply {
        self.cursor = moved(self.cursor, rows, self.options.len());
        OverlayReply::Stay
    }

    fn choose(&self, at: usize) -> OverlayReply {
        match self.options.get(at).map(|option| &option.choice) {
            Some(OverlayChoice::Nothing) | None => OverlayReply::Close,
            Some(choice) => OverlayReply::Chosen(choice.clone()),
        }
    }

    pub(super) fn click(
        &mut self,
        area: Rect,
        at: Position,
        _: OverlayContext<'_>,
    ) -> OverlayReply {
        let place = self.place(area);
        if !place.contains(at) {
            return OverlayReply::Close;
        }
        let inside = inside(place);
        let row = usize::from(at.y.saturating_sub(inside.y));
        let first = self.first_option(inside);
        let shown = self.shown_options(inside);
        let clicked = row.checked_sub(first).map(|at| shown.start + at);
        let clicked = clicked.filter(|at| shown.contains(at));
        clicked.map_or(OverlayReply::Stay, |at| self.choose(at))
    }

    fn place(&self, area: Rect) -> Rect {
        let option = |option: &DialogOption| {
            8 + text::width(&option.label).max(18) + text::width(&option.detail)
        };
        let lines = self.body.iter().chain([&self.note]).map(|line| text::width(line) + 2);
        let widest = lines.chain(self.options.iter().map(option)).max().unwrap_or(0);
        let width = u16::try_from(widest.max(text::width(&self.title) + 6) + 2).unwrap_or(u16::MAX);
        let note = if self.note.is_empty() { 0 } else { 2 };
        let height = self.body.len() + 1 + self.options.len() + note + 2;
        middle(area, width.min(WIDEST), u16::try_from(height).unwrap_or(u16::MAX))
    }

    /// The row of the first answer: answers are never cut off, what is above them is.
    fn first_option(&self, inside: Rect) -> usize {
        let room = usize::from(inside.height).saturating_sub(self.options.len());
        (self.body.len() + 1).min(room)
    }

    /// The lines above the answers there is room for; that some are missing is said.
    fn shown_body(&self, room: usize) -> Vec<String> {
        if self.body.len() <= room {
            return self.body.clone();
        }
        let shown = room.saturating_sub(1);
        let rest = format!("… {} more lines", self.body.len() - shown);
        self.body.iter().take(shown).cloned().chain([rest]).take(room).collect()
    }

    /// The answers there is room for.
    fn shown_options(&self, inside: Rect) -> std::ops::Range<usize> {
        let room = usize::from(inside.height) - self.first_option(inside);
        window(self.options.len(), self.cursor, room)
    }

    pub(super) fn draw(&self, area: Rect, look: &Appearance, buffer: &mut Buffer) {
        let inside = look.popup(self.place(area), &self.title, buffer);
        let columns = usize::from(inside.width);
        let first = self.first_option(inside);
        for (at, line) in self.shown_body(first).iter().enumerate() {
            let role = match line.get(..2) {
                Some("+ ") => Role::Added,
                Some("- ") => Role::Removed,
                Some("~ ") => Role::Changed,
                _ => Role::Text,
            };
            let line = look.fit(line, columns.saturating_sub(1));
            let line = Line::from(vec![look.span(" ", role), look.span(line, role)]);
            put(inside, at, &line, buffer);
        }
        let shown = self.shown_options(inside);
        let options = self.options.get(shown.clone()).unwrap_or_default();
        for (at, option) in options.iter().enumerate() {
            let chosen = shown.start + at == self.cursor;
            if chosen {
                tint(inside, first + at, look.style(Role::Cursor), buffer);
            }
            let cursor = if chosen { look.glyphs.cursor } else { " " };
            let line = Line::from(vec![
                look.span(cursor, Role::Focus),
                look.span(format!("[{}] ", option.letter), Role::Key),
                look.span(look.pad(&option.label, 18), Role::Text),
                look.span(" ", Role::Text),
                look.span(look.fit(&option.detail, columns), Role::Dim),
            ]);
            put(inside, first + at, &line, buffer);
        }
        if !self.note.is_empty() {
            let at = first + self.options.len() + 1;
            let note = look.fit(&self.note, columns.saturating_sub(1));
            let line = Line::from(vec![look.span(" ", Role::Dim), look.span(note, Role::Dim)]);
            put(inside, at, &line, buffer);
        }
    }
}

/// The question before leaving, where so many run. `stopping`: what it would mean to stop them.
pub fn quit(running: usize, stopping: &str) -> Dialog {
    let said = match running {
        0 => "Nothing is running yet.".to_owned(),
        1 => "1 process is running.".to_owned(),
        _ => format!("{} are running.", counted(running, "process")),
    };
    let options = vec![
        DialogOption::new('y', "stop all and quit", stopping, OverlayChoice::StopAll),
        DialogOption::new(
            'd',
            "detach",
            "leave them running (pitcrew attach)",
            OverlayChoice::Detach,
        ),
        DialogOption::new('n', "stay", "esc", OverlayChoice::Nothing),
    ];
    Dialog {
        note: "^c again: stop all now; ^c a third time: kill everything".to_owned(),
        interrupt: Some(OverlayChoice::StopAll),
        ..Dialog::new("Quit?", vec![said], options)
    }
}

/// While all are being stopped: what a further Ctrl-C would mean.
pub fn kill_all(waiting: Vec<String>) -> Dialog {
    let options = vec![
        DialogOption::new('K', "kill all now", "SIGKILL", OverlayChoice::KillAll),
        DialogOption::new('d', "detach", "leave; the stop goes on", OverlayChoice::Detach),
        DialogOption::new('n', "wait", "esc", OverlayChoice::Nothing),
    ];
    Dialog {
        cursor: 2,
        interrupt: Some(OverlayChoice::KillAll),
        ..Dialog::new("Stopping", waiting, options)
    }
}
