//! Overlays above the screen: help, palette, dialogs and menus. Each has state, keys and drawing;
//! none performs actions itself.

mod dialog;
mod help;
mod menus;
mod palette;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

pub use dialog::{Dialog, DialogOption};
pub use help::Help;
pub use menus::{CopyChoice, copies, kill_all, quit, signals, themes};
pub use palette::CommandPalette;

use super::action::{Action, ActionCall, ActionFacts};
use super::appearance::{Appearance, put};
use super::keymap::Keymap;
use super::keys::{Chord, Key};
use super::theme::{Role, ThemeName};
use crate::spec::Signal;

#[derive(Debug, Clone)]
pub enum Overlay {
    Help(Help),
    Palette(CommandPalette),
    Dialog(Dialog),
}

/// The choice that the user made in a dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverlayChoice {
    /// Sends a signal to the selected processes.
    Signal(Signal),
    Copy(CopyChoice),
    Theme(ThemeName),
    /// Stops everything in order, then quits.
    StopAll,
    /// Kills everything, then quits.
    KillAll,
    /// Quits and lets everything run.
    Detach,
    /// Performs the action that was to be confirmed.
    Go(ActionCall),
    /// Applies the changes of a reload.
    Apply,
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverlayReply {
    /// The overlay stays open.
    Stay,
    /// The overlay stays open, and the screen is drawn in this theme.
    Preview(ThemeName),
    Close,
    /// The overlay closes, and the screen is drawn in this theme again.
    Revert(ThemeName),
    /// The overlay closes, and this action runs.
    Run(ActionCall),
    /// The overlay closes, and this choice was made.
    Chosen(OverlayChoice),
}

/// The part of the model that overlays read.
#[derive(Debug, Clone, Copy)]
pub struct OverlayContext<'a> {
    pub keymap: &'a Keymap,
    /// The facts that decide whether an action applies.
    pub facts: &'a ActionFacts,
    /// The names of the processes.
    pub names: &'a [String],
}

impl Overlay {
    pub fn key(&mut self, chord: Chord, context: OverlayContext<'_>) -> OverlayReply {
        match self {
            Self::Help(help) => help.key(chord, context),
            Self::Palette(palette) => palette.key(chord, context),
            Self::Dialog(dialog) => dialog.key(chord),
        }
    }

    pub fn paste(&mut self, pasted: &str) {
        match self {
            Self::Help(help) => help.paste(pasted),
            Self::Palette(palette) => palette.paste(pasted),
            Self::Dialog(_) => {}
        }
    }

    /// Handles a click at a position of the whole screen, `area`.
    pub fn click(&mut self, area: Rect, at: Position, _: OverlayContext<'_>) -> OverlayReply {
        match self {
            Self::Help(_) | Self::Palette(_) => OverlayReply::Stay,
            Self::Dialog(dialog) => dialog.click(area, at),
        }
    }

    /// Handles the mouse wheel: moves rows down, or up.
    pub fn scroll(&mut self, rows: isize, context: OverlayContext<'_>) -> OverlayReply {
        match self {
            Self::Help(help) => help.scroll(rows, context),
            Self::Palette(palette) => palette.scroll(rows),
            Self::Dialog(dialog) => dialog.scroll(rows),
        }
    }

    /// Draws it over the whole screen; returns the position of the cursor.
    pub fn draw(
        &self,
        area: Rect,
        look: &Appearance,
        context: OverlayContext<'_>,
        buffer: &mut Buffer,
    ) -> Option<Position> {
        match self {
            Self::Help(help) => help.draw(area, look, context, buffer),
            Self::Palette(palette) => palette.draw(area, look, context, buffer),
            Self::Dialog(dialog) => {
                dialog.draw(area, look, buffer);
                None
            }
        }
    }
}

/// The rows that a key moves the cursor of a list by; `None` for all other keys.
fn motion(chord: Chord) -> Option<isize> {
    match (chord.ctrl, chord.key) {
        (false, Key::Up | Key::BackTab) | (true, Key::Char('p')) => Some(-1),
        (false, Key::Down) | (true, Key::Char('n')) => Some(1),
        (false, Key::PageUp) => Some(-10),
        (false, Key::PageDown) => Some(10),
        _ => None,
    }
}

/// Moves a cursor in a list; it stops at the ends.
fn moved(cursor: usize, rows: isize, length: usize) -> usize {
    cursor.saturating_add_signed(rows).min(length.saturating_sub(1))
}

/// Draws a note in the last row, if there is room for it and a list.
fn draw_note(inside: Rect, note: &str, role: Role, look: &Appearance, buffer: &mut Buffer) {
    if let Some(row) = inside.height.checked_sub(1).filter(|row| *row >= 2) {
        let note = look.fit(note, usize::from(inside.width));
        put(inside, usize::from(row), &Line::from(look.span(note, role)), buffer);
    }
}

/// All keys of an action as they are shown, whatever has the focus.
fn all_keys(keymap: &Keymap, action: Action, unicode: bool) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    for (_, chord) in keymap.all_keys(action) {
        let key = chord.label(unicode);
        if !shown.contains(&key) {
            shown.push(key);
        }
    }
    shown
}
