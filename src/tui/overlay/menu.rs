//! Menu: selects one item by arrows, letter or click.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::{OverlayChoice, OverlayReply, moved};
use crate::output::safe_name;
use crate::spec::Signal;
use crate::tui::action::ActionSubject;
use crate::tui::appearance::{Appearance, inside, middle, put, tint, window};
use crate::tui::keys::{Chord, Key};
use crate::tui::text;
use crate::tui::theme::{Role, ThemeName};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Menu {
    title: String,
    items: Vec<MenuItem>,
    cursor: usize,
    /// The theme that comes back when nothing is chosen.
    before: Option<ThemeName>,
}

/// One row of a menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MenuItem {
    /// The letter that chooses it at once.
    pub letter: char,
    pub label: String,
    pub detail: String,
    /// What is done; or why nothing can be.
    pub choice: Result<OverlayChoice, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyChoice {
    Name,
    Command,
    /// The number of the leader of the run.
    Pid,
    Url,
    /// The line that was last taken for an error.
    LastError,
    /// Why it is where it is.
    Why,
    /// Where its log file is.
    LogFile,
    /// What is on the screen of its output.
    Page,
    /// All of its output that is kept.
    Output,
}

impl Menu {
    pub fn new(title: impl Into<String>, items: Vec<MenuItem>) -> Self {
        let safe = |text: String| safe_name(&text).into_owned();
        let safe_item = |item: MenuItem| MenuItem {
            label: safe(item.label),
            detail: safe(item.detail),
            choice: item.choice.map_err(safe),
            ..item
        };
        let items = items.into_iter().map(safe_item).collect();
        Self { title: safe(title.into()), items, cursor: 0, before: None }
    }

    pub(super) fn key(&mut self, chord: Chord) -> OverlayReply {
        let step = match (chord.ctrl, chord.key) {
            (_, Key::Esc) | (true, Key::Char('c')) | (false, Key::Char('q')) => {
                return self.leave();
            }
            (false, Key::Enter) => return self.choose(self.cursor),
            (false, Key::Up | Key::BackTab) | (true, Key::Char('p')) => -1,
            (false, Key::Down | Key::Tab) | (true, Key::Char('n')) => 1,
            (false, Key::Home | Key::PageUp) => isize::MIN,
            (false, Key::End | Key::PageDown) => isize::MAX,
            (false, Key::Char(letter)) if !chord.alt => {
                return match (self.items.iter().position(|item| item.letter == letter), letter) {
                    (Some(at), _) => self.choose(at),
                    (None, 'j') => self.scroll(1),
                    (None, 'k') => self.scroll(-1),
                    _ => OverlayReply::Stay,
                };
            }
            _ => return OverlayReply::Stay,
        };
        self.scroll(step)
    }

    pub(super) fn scroll(&mut self, rows: isize) -> OverlayReply {
        self.cursor = moved(self.cursor, rows, self.items.len());
        match self.items.get(self.cursor).map(|item| &item.choice) {
            Some(Ok(OverlayChoice::Theme(theme))) => OverlayReply::Preview(*theme),
            _ => OverlayReply::Stay,
        }
    }

    pub(super) fn click(&mut self, area: Rect, at: Position) -> OverlayReply {
        let place = self.place(area);
        if !place.contains(at) {
            return self.leave();
        }
        let inside = inside(place);
        let rows = window(self.items.len(), self.cursor, usize::from(inside.height));
        let clicked = rows.start + usize::from(at.y.saturating_sub(inside.y));
        if inside.contains(at) && rows.contains(&clicked) {
            return self.choose(clicked);
        }
        OverlayReply::Stay
    }

    fn leave(&self) -> OverlayReply {
        self.before.map_or(OverlayReply::Close, OverlayReply::Revert)
    }

    /// What cannot be done keeps the menu open, with the cursor on it.
    fn choose(&mut self, at: usize) -> OverlayReply {
        self.cursor = at;
        match self.items.get(at).map(|item| item.choice.clone()) {
            Some(Ok(choice)) => OverlayReply::Chosen(choice),
            _ => OverlayReply::Stay,
        }
    }

    fn place(&self, area: Rect) -> Rect {
        let wide = |item: &MenuItem| {
            let detail = item.choice.as_ref().err().unwrap_or(&item.detail);
            6 + text::width(&item.label).max(12) + 2 + text::width(detail)
        };
        let widest =
            self.items.iter().map(wide).max().unwrap_or(0).max(text::width(&self.title) + 6);
        let width = u16::try_from(widest + 2).unwrap_or(u16::MAX);
        middle(area, width, u16::try_from(self.items.len() + 2).unwrap_or(u16::MAX))
    }

    pub(super) fn draw(&self, area: Rect, look: &Appearance, buffer: &mut Buffer) {
        let place = self.place(area);
        let inside = look.popup(place, &self.title, buffer);
        let rows = window(self.items.len(), self.cursor, usize::from(inside.height));
        for (at, item) in rows.clone().zip(self.items.get(rows).unwrap_or_default()).enumerate() {
            let (place, item) = item;
            let chosen = place == self.cursor;
            let (role, detail) = match &item.choice {
                Ok(_) => (Role::Text, &item.detail),
                Err(reason) => (Role::Dim, reason),
            };
            if chosen {
                tint(inside, at, look.style(Role::Cursor), buffer);
            }
            let cursor = if chosen { look.glyphs.cursor } else { " " };
            let label = look.pad(&item.label, text::width(&item.label).max(12));
            let line = Line::from(vec![
                look.span(cursor, Role::Focus),
                look.span(item.letter.to_string(), Role::Key),
                look.span("  ", role),
                look.span(label, role),
                look.span("  ", role),
                look.span(look.fit(detail, usize::from(inside.width)), Role::Dim),
            ]);
            put(inside, at, &line, buffer);
        }
    }
}

pub fn signals(whom: &str) -> Menu {
    let all: &[(char, &str, &str)] = &[
        ('h', "HUP", "read the configuration again"),
        ('i', "INT", "as Ctrl-C does"),
        ('t', "TERM", "end, politely"),
        ('1', "USR1", "as the program has it"),
        ('2', "USR2", "as the program has it"),
        ('u', "QUIT", "end, and leave a core"),
        ('s', "STOP", "pause"),
        ('c', "CONT", "go on"),
        ('w', "WINCH", "the window has another size"),
        ('K', "KILL", "end now"),
    ];
    let item = |(letter, name, detail): &(char, &str, &str)| MenuItem {
        letter: *letter,
        label: (*name).to_owned(),
        detail: (*detail).to_owned(),
        choice: name
            .parse::<Signal>()
            .map(OverlayChoice::Signal)
            .map_err(|error| error.to_string()),
    };
    Menu::new(format!("Signal for {whom}"), all.iter().map(item).collect())
}

/// The menu of what can be copied of a process, or of all.
pub fn copies(subject: Option<&ActionSubject>, pid: Option<u32>, log_file: bool) -> Menu {
    let item = |(letter, label, detail, choice): (char, &str, &str, _)| MenuItem {
        letter,
        label: label.to_owned(),
        detail: detail.to_owned(),
        choice,
    };
    let copy = |what| Ok(OverlayChoice::Copy(what));
    let lines = [
        ('e', "last error", "the line of it", copy(CopyChoice::LastError)),
        ('v', "page", "what is visible of it", copy(CopyChoice::Page)),
        ('o', "output", "all that is kept of what is shown", copy(CopyChoice::Output)),
    ];
    let Some(subject) = subject else {
        return Menu::new("Copy of all", lines.into_iter().map(item).collect());
    };
    let or = |there: bool, what: CopyChoice, reason: &str| {
        if there { copy(what) } else { Err(reason.to_owned()) }
    };
    let url = subject.port.map(|port| format!("http://127.0.0.1:{port}"));
    let pid_words = pid.map(|pid| pid.to_string()).unwrap_or_default();
    let one = !subject.several;
    let several = "choose one of them";
    let url_words = url.as_deref().unwrap_or_default();
    let rows = [
        ('n', "name", subject.name.as_str(), copy(CopyChoice::Name)),
        ('c', "command", "as it would be typed", or(one, CopyChoice::Command, several)),
        ('p', "pid", &pid_words, or(pid.is_some(), CopyChoice::Pid, "no live run")),
        ('u', "url", url_words, or(url.is_some(), CopyChoice::Url, "no port")),
        ('w', "why", "why it is where it is", or(one, CopyChoice::Why, several)),
        ('l', "log file", "its path", or(log_file, CopyChoice::LogFile, "no log file")),
    ];
    let items = rows.into_iter().chain(lines).map(item).collect();
    Menu::new(format!("Copy of {}", subject.name), items)
}

/// The menu of themes; each is shown as soon as the cursor is on it.
pub fn themes(now: ThemeName) -> Menu {
    let words = |theme: ThemeName| match theme {
        ThemeName::Dark => "for a dark terminal",
        ThemeName::Light => "for a light terminal",
        ThemeName::Contrast => "strong colours",
        ThemeName::ColourBlind => "blue and orange",
        ThemeName::Terminal => "the sixteen colours of the terminal",
        ThemeName::None => "no colour at all",
    };
    let item = |(theme, letter): (&ThemeName, char)| MenuItem {
        letter,
        label: theme.as_str().to_owned(),
        detail: words(*theme).to_owned(),
        choice: Ok(OverlayChoice::Theme(*theme)),
    };
    let items = ThemeName::ALL.iter().zip('1'..).map(item).collect();
    let cursor = ThemeName::ALL.iter().position(|theme| *theme == now).unwrap_or(0);
    Menu { cursor, before: Some(now), ..Menu::new("Theme", items) }
}
