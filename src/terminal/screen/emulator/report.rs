//! Answers to queries.

use std::fmt;
use std::io::Write as _;

use alacritty_terminal::term::TermMode;
use alacritty_terminal::vte::ansi::{CursorShape, NamedColor, NamedPrivateMode};

use super::EmulatorState;
use crate::terminal::screen::style::Rgb;

/// What a program can learn by `CSI > q`.
const VERSION: &str = concat!("pitcrew ", env!("CARGO_PKG_VERSION"));
/// VT220 with colours.
pub(super) const PRIMARY_ATTRIBUTES: &str = "\x1b[?62;22c";
/// What alacritty 0.26 answers; programs that look at it (vim) know it.
pub(super) const SECONDARY_ATTRIBUTES: &str = "\x1b[>0;2600;1c";

impl EmulatorState {
    pub(super) fn reply(&mut self, text: fmt::Arguments<'_>) {
        // Writing to memory does not fail.
        _ = self.effects.replies.write_fmt(text);
    }

    /// The cursor's row and column from 1, as origin mode counts them.
    pub(super) fn position(&self) -> (usize, usize) {
        let (row, column) = self.cursor();
        let offset = if self.has(TermMode::ORIGIN) { self.region.0 } else { 0 };
        (row.saturating_sub(offset) + 1, column + 1)
    }

    pub(in crate::terminal::screen) fn report_private_status(&mut self, number: u16) {
        match number {
            6 => {
                let (row, column) = self.position();
                self.reply(format_args!("\x1b[?{row};{column}R"));
            }
            996 => self.report_theme(),
            _ => {}
        }
    }

    pub(super) fn report_theme(&mut self) {
        let kind = if self.palette.background.is_dark() { 1 } else { 2 };
        self.reply(format_args!("\x1b[?997;{kind}n"));
    }

    pub(in crate::terminal::screen) fn report_version(&mut self) {
        self.reply(format_args!("\x1bP>|{VERSION}\x1b\\"));
    }

    /// Answers as xterm does. vim 9.0 takes the answer that the setting is not known for typed keys.
    pub(in crate::terminal::screen) fn report_cursor_style(&mut self) {
        let style = self.term.cursor_style();
        let steady = match style.shape {
            CursorShape::Block | CursorShape::HollowBlock | CursorShape::Hidden => 2,
            CursorShape::Underline => 4,
            CursorShape::Beam => 6,
        };
        let number = steady - u8::from(style.blinking);
        self.reply(format_args!("\x1bP1$r{number} q\x1b\\"));
    }

    /// Says that a setting (`$`) or capability (`+`) is not known, so that the program need not
    /// wait for an answer.
    pub(in crate::terminal::screen) fn report_unknown(&mut self, kind: char) {
        self.reply(format_args!("\x1bP0{kind}r\x1b\\"));
    }

    pub(super) fn named_mode(&self, mode: NamedPrivateMode) -> Option<bool> {
        let flag = match mode {
            NamedPrivateMode::CursorKeys => TermMode::APP_CURSOR,
            NamedPrivateMode::Origin => TermMode::ORIGIN,
            NamedPrivateMode::LineWrap => TermMode::LINE_WRAP,
            NamedPrivateMode::ShowCursor => TermMode::SHOW_CURSOR,
            NamedPrivateMode::ReportMouseClicks => TermMode::MOUSE_REPORT_CLICK,
            NamedPrivateMode::ReportCellMouseMotion => TermMode::MOUSE_DRAG,
            NamedPrivateMode::ReportAllMouseMotion => TermMode::MOUSE_MOTION,
            NamedPrivateMode::ReportFocusInOut => TermMode::FOCUS_IN_OUT,
            NamedPrivateMode::Utf8Mouse => TermMode::UTF8_MOUSE,
            NamedPrivateMode::SgrMouse => TermMode::SGR_MOUSE,
            NamedPrivateMode::AlternateScroll => TermMode::ALTERNATE_SCROLL,
            NamedPrivateMode::UrgencyHints => TermMode::URGENCY_HINTS,
            NamedPrivateMode::SwapScreenAndSetRestoreCursor => TermMode::ALT_SCREEN,
            NamedPrivateMode::BracketedPaste => TermMode::BRACKETED_PASTE,
            NamedPrivateMode::BlinkingCursor => return Some(self.term.cursor_style().blinking),
            NamedPrivateMode::SyncUpdate => return Some(self.is_updating),
            NamedPrivateMode::ColumnMode => return None,
        };
        Some(self.has(flag))
    }

    /// The colour that the program has set, or the viewer's.
    pub(super) fn color(&self, index: usize) -> Option<Rgb> {
        if index <= NamedColor::Cursor as usize
            && let Some(set) = self.term.colors()[index]
        {
            return Some(Rgb::new(set.r, set.g, set.b));
        }
        let palette = &self.palette;
        match u8::try_from(index) {
            Ok(index) => Some(palette.indexed(index)),
            Err(_) if index == NamedColor::Foreground as usize => Some(palette.foreground),
            Err(_) if index == NamedColor::Background as usize => Some(palette.background),
            Err(_) if index == NamedColor::Cursor as usize => Some(palette.cursor),
            Err(_) => None,
        }
    }
}

/// The answer of DECRQM: 0 not known, 1 set, 2 reset.
pub(super) fn setting(is_set: Option<bool>) -> u8 {
    match is_set {
        None => 0,
        Some(true) => 1,
        Some(false) => 2,
    }
}
