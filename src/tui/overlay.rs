//! Overlays above the screen: help, palette, menus, dialogs. Each has state, keys and drawing; none
//! performs actions itself.

mod dialog;
mod help;
mod menu;
mod palette;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub use dialog::{Dialog, DialogOption, kill_all, quit};
pub use help::Help;
pub use menu::{CopyChoice, Menu, MenuItem, copies, signals, themes};
pub use palette::Palette;

use super::action::{Action, ActionCall, ActionFacts};
use super::appearance::Appearance;
use super::keymap::Keymap;
use super::keys::Chord;
use super::theme::ThemeName;
use crate::spec::Signal;

/// What lies over the screen.
#[derive(Debug, Clone)]
pub enum Overlay {
    Help(Help),
    Palette(Palette),
    Menu(Menu),
    Dialog(Dialog),
}

/// What was chosen in a menu or a dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverlayChoice {
    /// A signal, for what is chosen.
    Signal(Signal),
    Copy(CopyChoice),
    Theme(ThemeName),
    /// Stop everything in order, and leave.
    StopAll,
    /// Kill everything, and leave.
    KillAll,
    /// Leave, and let everything run.
    Detach,
    /// Do what was asked about.
    Go(ActionCall),
    /// Do the difference of a reload.
    Apply,
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverlayReply {
    /// It stays open, and may look different.
    Stay,
    /// It stays open, and the screen is drawn in this theme.
    Preview(ThemeName),
    Close,
    /// It is closed, and this theme is back.
    Revert(ThemeName),
    /// It is closed, and this is run.
    Run(ActionCall),
    /// It is closed, and this was chosen.
    Chosen(OverlayChoice),
}

/// What the overlays look up.
#[derive(Debug, Clone, Copy)]
pub struct OverlayContext<'a> {
    pub keymap: &'a Keymap,
    /// What decides whether an action applies.
    pub facts: &'a ActionFacts,
    /// The names of the processes.
    pub names: &'a [String],
}

impl Overlay {
    pub fn key(&mut self, chord: Chord, known: OverlayContext<'_>) -> OverlayReply {
        match self {
            Self::Help(help) => help.key(chord, known),
            Self::Palette(palette) => palette.key(chord, known),
            Self::Menu(menu) => menu.key(chord),
            Self::Dialog(dialog) => dialog.key(chord),
        }
    }

    pub fn paste(&mut self, pasted: &str) {
        match self {
            Self::Help(help) => help.paste(pasted),
            Self::Palette(palette) => palette.paste(pasted),
            Self::Menu(_) | Self::Dialog(_) => {}
        }
    }

    /// A click; `area` is the whole screen, as it was drawn.
    pub fn click(&mut self, area: Rect, at: Position, known: OverlayContext<'_>) -> OverlayReply {
        match self {
            Self::Help(_) | Self::Palette(_) => OverlayReply::Stay,
            Self::Menu(menu) => menu.click(area, at),
            Self::Dialog(dialog) => dialog.click(area, at, known),
        }
    }

    /// The wheel: so many rows down, or up.
    pub fn scroll(&mut self, rows: isize, known: OverlayContext<'_>) -> OverlayReply {
        match self {
            Self::Help(help) => help.scroll(rows, known),
            Self::Palette(palette) => palette.scroll(rows, known),
            Self::Menu(menu) => menu.scroll(rows),
            Self::Dialog(_) => OverlayReply::Stay,
        }
    }

    /// Draws it over the whole screen; where the cursor is.
    pub fn draw(
        &self,
        area: Rect,
        look: &Appearance,
        known: OverlayContext<'_>,
        buffer: &mut Buffer,
    ) -> Option<Position> {
        match self {
            Self::Help(help) => help.draw(area, look, known, buffer),
            Self::Palette(palette) => palette.draw(area, look, known, buffer),
            Self::Menu(menu) => {
                menu.draw(area, look, buffer);
                None
            }
            Self::Dialog(dialog) => {
                dialog.draw(area, look, buffer);
                None
            }
        }
    }
}

/// Moves a cursor in a list; it stops at the ends.
fn moved(cursor: usize, rows: isize, length: usize) -> usize {
    cursor.saturating_add_signed(rows).min(length.saturating_sub(1))
}

/// All keys of an action as they are shown, without regard to what has the focus.
fn all_keys(keymap: &Keymap, action: Action, unicode: bool) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    for (_, chord) in keymap.all_keys(action) {
        let key = chord.shown(unicode);
        if !shown.contains(&key) {
            shown.push(key);
        }
    }
    shown
}
