//! The emulator's handler: hands most sequences on to the grid, and does the rest itself.

use alacritty_terminal::index::Line;
use alacritty_terminal::term::TermMode;
use alacritty_terminal::vte::ansi::{
    Attr, CharsetIndex, ClearMode, CursorShape, CursorStyle, Handler, Hyperlink, KeyboardModes,
    KeyboardModesApplyBehavior, LineClearMode, Mode, NamedMode, NamedPrivateMode, PrivateMode, Rgb,
    StandardCharset, TabulationClearMode,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use unicode_width::UnicodeWidthChar;

use super::report::{PRIMARY_ATTRIBUTES, SECONDARY_ATTRIBUTES, setting};
use super::{
    CLIPBOARD_LIMIT, ClipboardKind, ClipboardWrite, EmulatorState, LINK_LIMIT, TITLES_LIMIT,
};
use crate::terminal::screen::style;

/// Handlers that the grid does right.
macro_rules! forward {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {
        $(
            #[inline]
            fn $name(&mut self, $($argument: $kind),*) {
                self.term.$name($($argument),*);
            }
        )*
    };
}

impl Handler for EmulatorState {
    forward! {
        set_cursor_style(style: Option<CursorStyle>);
        set_cursor_shape(shape: CursorShape);
        goto(row: i32, column: usize);
        goto_line(row: i32);
        insert_blank(count: usize);
        move_forward(columns: usize);
        move_backward(columns: usize);
        backspace();
        carriage_return();
        linefeed();
        newline();
        set_horizontal_tabstop();
        scroll_up(rows: usize);
        scroll_down(rows: usize);
        insert_blank_lines(count: usize);
        delete_lines(count: usize);
        erase_chars(count: usize);
        move_backward_tabs(count: u16);
        move_forward_tabs(count: u16);
        save_cursor_position();
        restore_cursor_position();
        clear_line(mode: LineClearMode);
        clear_tabs(mode: TabulationClearMode);
        set_tabs(interval: u16);
        reverse_index();
        terminal_attribute(attribute: Attr);
        set_mode(mode: Mode);
        unset_mode(mode: Mode);
        set_keypad_application_mode();
        unset_keypad_application_mode();
        set_active_charset(index: CharsetIndex);
        configure_charset(index: CharsetIndex, charset: StandardCharset);
        decaln();
    }

    #[inline]
    fn input(&mut self, character: char) {
        // One comparison for what is common; everything below U+0300 has a width.
        if character >= '\u{300}' && character.width() == Some(0) && self.combine(character) {
            return;
        }
        self.term.input(character);
    }

    /// Without a `\t` in the cell, and without wrapping in the last column.
    fn put_tab(&mut self, count: u16) {
        self.term.move_forward_tabs(count);
    }

    fn goto_col(&mut self, column: usize) {
        self.move_to(self.cursor().0, column);
    }

    fn move_up(&mut self, rows: usize) {
        self.move_to(self.row_up(rows), self.cursor().1);
    }

    fn move_down(&mut self, rows: usize) {
        self.move_to(self.row_down(rows), self.cursor().1);
    }

    fn move_up_and_cr(&mut self, rows: usize) {
        self.move_to(self.row_up(rows), 0);
    }

    fn move_down_and_cr(&mut self, rows: usize) {
        self.move_to(self.row_down(rows), 0);
    }

    /// The grid erases before the cursor if `count` goes beyond the end of the row.
    fn delete_chars(&mut self, count: usize) {
        let room = usize::from(self.size.columns()).saturating_sub(self.cursor().1);
        self.term.delete_chars(count.min(room));
    }

    /// The grid leaves the first row as it is if the cursor is in the second.
    fn clear_screen(&mut self, mode: ClearMode) {
        if matches!(mode, ClearMode::Above) && self.cursor().0 == 1 {
            self.term.grid_mut().reset_region(Line(0)..Line(1));
        }
        self.term.clear_screen(mode);
    }

    fn set_scrolling_region(&mut self, top: usize, bottom: Option<usize>) {
        let rows = usize::from(self.size.rows());
        let bottom = bottom.unwrap_or(rows).min(rows);
        // The grid takes a region below the screen.
        if top >= bottom {
            return;
        }
        self.region = (top.saturating_sub(1), bottom);
        self.term.set_scrolling_region(top, Some(bottom));
    }

    fn reset_state(&mut self) {
        self.term.reset_state();
        self.region = (0, usize::from(self.size.rows()));
        self.kitty = Default::default();
        self.titles.clear();
        self.is_updating = false;
        self.wants_theme = false;
        self.set_title_text(None);
    }

    fn bell(&mut self) {
        self.effects.bells = self.effects.bells.saturating_add(1);
    }

    fn set_title(&mut self, title: Option<String>) {
        self.set_title_text(title);
    }

    fn push_title(&mut self) {
        if self.titles.len() >= TITLES_LIMIT {
            self.titles.remove(0);
        }
        self.titles.push(self.title.clone());
    }

    fn pop_title(&mut self) {
        if let Some(title) = self.titles.pop() {
            self.set_title_text(title);
        }
    }

    fn set_color(&mut self, index: usize, color: Rgb) {
        self.color_changes += 1;
        self.term.set_color(index, color);
    }

    fn reset_color(&mut self, index: usize) {
        self.color_changes += 1;
        self.term.reset_color(index);
    }

    fn set_hyperlink(&mut self, link: Option<Hyperlink>) {
        let fits =
            |link: &Hyperlink| link.uri.len() <= LINK_LIMIT && !link.uri.contains(char::is_control);
        let link = link.filter(fits).map(|link| Hyperlink {
            // Without an id the grid makes a new one each time, and equal links differ.
            id: Some(link.id.filter(|id| id.len() <= LINK_LIMIT).unwrap_or_default()),
            uri: link.uri,
        });
        self.term.set_hyperlink(link);
    }

    fn clipboard_store(&mut self, clipboard: u8, base64: &[u8]) {
        let kind = match clipboard {
            b'c' => ClipboardKind::Clipboard,
            b'p' | b's' => ClipboardKind::Primary,
            _ => return,
        };
        if base64.len() > CLIPBOARD_LIMIT.div_ceil(3) * 4 {
            return;
        }
        let Ok(bytes) = BASE64.decode(base64) else { return };
        let Ok(text) = String::from_utf8(bytes) else { return };
        self.effects.clipboard.retain(|write| write.kind != kind);
        self.effects.clipboard.push(ClipboardWrite { kind, text });
    }

    fn set_private_mode(&mut self, mode: PrivateMode) {
        match mode {
            PrivateMode::Named(NamedPrivateMode::SyncUpdate) => self.is_updating = true,
            // 132 columns: xterm does not unless mode 40 allows it. It would clear the screen.
            PrivateMode::Named(NamedPrivateMode::ColumnMode) => {}
            PrivateMode::Unknown(2031) => self.wants_theme = true,
            PrivateMode::Unknown(47 | 1047) => {
                self.term.set_private_mode(NamedPrivateMode::SwapScreenAndSetRestoreCursor.into());
            }
            PrivateMode::Unknown(1048) => self.term.save_cursor_position(),
            PrivateMode::Named(_) | PrivateMode::Unknown(_) => self.term.set_private_mode(mode),
        }
    }

    fn unset_private_mode(&mut self, mode: PrivateMode) {
        match mode {
            PrivateMode::Named(NamedPrivateMode::SyncUpdate) => self.is_updating = false,
            PrivateMode::Named(NamedPrivateMode::ColumnMode) => {}
            PrivateMode::Named(NamedPrivateMode::Origin) => {
                self.term.unset_private_mode(mode);
                // The grid moves the cursor home only when the mode is set.
                self.term.goto(0, 0);
            }
            PrivateMode::Unknown(2031) => self.wants_theme = false,
            PrivateMode::Unknown(47 | 1047) => {
                self.term
                    .unset_private_mode(NamedPrivateMode::SwapScreenAndSetRestoreCursor.into());
            }
            PrivateMode::Unknown(1048) => self.term.restore_cursor_position(),
            PrivateMode::Named(_) | PrivateMode::Unknown(_) => self.term.unset_private_mode(mode),
        }
    }

    fn push_keyboard_mode(&mut self, mode: KeyboardModes) {
        self.kitty().push(mode.bits());
    }

    fn pop_keyboard_modes(&mut self, count: u16) {
        self.kitty().pop(count);
    }

    fn set_keyboard_mode(&mut self, mode: KeyboardModes, behavior: KeyboardModesApplyBehavior) {
        self.kitty().change(mode.bits(), behavior);
    }

    fn identify_terminal(&mut self, intermediate: Option<char>) {
        match intermediate {
            None => self.reply(format_args!("{PRIMARY_ATTRIBUTES}")),
            Some('>') => self.reply(format_args!("{SECONDARY_ATTRIBUTES}")),
            Some('=') => self.reply(format_args!("\x1bP!|00000000\x1b\\")),
            Some(_) => {}
        }
    }

    fn device_status(&mut self, number: usize) {
        match number {
            5 => self.reply(format_args!("\x1b[0n")),
            6 => {
                let (row, column) = self.position();
                self.reply(format_args!("\x1b[{row};{column}R"));
            }
            _ => {}
        }
    }

    fn report_mode(&mut self, mode: Mode) {
        let is_set = match mode {
            Mode::Named(NamedMode::Insert) => Some(self.has(TermMode::INSERT)),
            Mode::Named(NamedMode::LineFeedNewLine) => Some(self.has(TermMode::LINE_FEED_NEW_LINE)),
            Mode::Unknown(_) => None,
        };
        self.reply(format_args!("\x1b[{};{}$y", mode.raw(), setting(is_set)));
    }

    fn report_private_mode(&mut self, mode: PrivateMode) {
        let is_set = match mode {
            PrivateMode::Named(mode) => self.named_mode(mode),
            PrivateMode::Unknown(2031) => Some(self.wants_theme),
            PrivateMode::Unknown(47 | 1047) => Some(self.is_alternate()),
            PrivateMode::Unknown(_) => None,
        };
        self.reply(format_args!("\x1b[?{};{}$y", mode.raw(), setting(is_set)));
    }

    fn report_keyboard_mode(&mut self) {
        let flags = self.kitty_flags();
        self.reply(format_args!("\x1b[?{flags}u"));
    }

    fn dynamic_color_sequence(&mut self, prefix: String, index: usize, terminator: &str) {
        let Some(style::Rgb { red, green, blue }) = self.color(index) else { return };
        self.reply(format_args!(
            "\x1b]{prefix};rgb:{red:02x}{red:02x}/{green:02x}{green:02x}/{blue:02x}{blue:02x}\
             {terminator}"
        ));
    }

    fn text_area_size_pixels(&mut self) {
        let Some((width, height)) = self.cell else { return };
        let width = u32::from(width) * u32::from(self.size.columns());
        let height = u32::from(height) * u32::from(self.size.rows());
        self.reply(format_args!("\x1b[4;{height};{width}t"));
    }

    fn text_area_size_chars(&mut self) {
        let size = self.size;
        self.reply(format_args!("\x1b[8;{};{}t", size.rows(), size.columns()));
    }
}
