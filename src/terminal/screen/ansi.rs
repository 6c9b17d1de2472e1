//! Rows as text with escape sequences for colours and styles.

use std::fmt::Write as _;

use super::frame::Row;
use super::style::{Attributes, Color, Rgb, Style};

/// Rows, one a line; blank ones at the end are left out.
pub(super) fn render(rows: impl Iterator<Item = Row>) -> String {
    let mut text = String::new();
    let mut shown = 0;
    for (index, row) in rows.enumerate() {
        if index > 0 {
            text.push('\n');
        }
        for run in &row.runs {
            if let Some(link) = &run.link {
                _ = write!(text, "\x1b]8;;{link}\x1b\\");
            }
            let is_styled = !run.style.is_default();
            if is_styled {
                text.push_str(&sgr(&run.style));
            }
            text.push_str(&run.text);
            if is_styled {
                text.push_str("\x1b[0m");
            }
            if run.link.is_some() {
                text.push_str("\x1b]8;;\x1b\\");
            }
        }
        if !row.runs.is_empty() {
            shown = text.len();
        }
    }
    text.truncate(shown);
    text
}

/// The sequence that sets a style, from the default one.
fn sgr(style: &Style) -> String {
    let mut text = String::from("\x1b[0");
    for (_, attribute, number) in Attributes::ALL {
        if style.attributes.contains(attribute) {
            _ = write!(text, ";{number}");
        }
    }
    match style.underline.number() {
        0 => {}
        1 => text.push_str(";4"),
        number => _ = write!(text, ";4:{number}"),
    }
    color(&mut text, style.foreground, 30);
    color(&mut text, style.background, 40);
    color(&mut text, style.underline_color, 50);
    text.push('m');
    text
}

/// `base` is 30 for text, 40 for what is behind it, 50 for the underline, which has long forms only.
fn color(text: &mut String, color: Color, base: u16) {
    _ = match color {
        Color::Default => Ok(()),
        Color::Indexed(index) if index < 8 && base < 50 => {
            write!(text, ";{}", base + u16::from(index))
        }
        Color::Indexed(index) if index < 16 && base < 50 => {
            write!(text, ";{}", base + 52 + u16::from(index))
        }
        Color::Indexed(index) => write!(text, ";{};5;{index}", base + 8),
        Color::Rgb(Rgb { red, green, blue }) => {
            write!(text, ";{};2;{red};{green};{blue}", base + 8)
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::terminal::screen::{Size, TerminalScreen};

    fn ansi(bytes: &str) -> String {
        let mut screen = TerminalScreen::new(Size::new(20, 3));
        screen.advance(bytes.as_bytes());
        screen.ansi()
    }

    #[test]
    fn plain_text_has_no_sequences() {
        assert_eq!(ansi("one\r\n\r\nthree"), "one\n\nthree");
        assert_eq!(ansi("one\r\n"), "one");
        assert_eq!(ansi(""), "");
    }

    #[test]
    fn colours_and_styles_come_back() {
        assert_eq!(ansi("\x1b[1;31mx"), "\x1b[0;1;31mx\x1b[0m");
        assert_eq!(ansi("\x1b[94;105mx"), "\x1b[0;94;105mx\x1b[0m");
        assert_eq!(ansi("\x1b[38;5;200mx"), "\x1b[0;38;5;200mx\x1b[0m");
        assert_eq!(ansi("\x1b[48;2;1;2;3mx"), "\x1b[0;48;2;1;2;3mx\x1b[0m");
        assert_eq!(ansi("\x1b[4:3;58;5;1mx"), "\x1b[0;4:3;58;5;1mx\x1b[0m");
    }

    #[test]
    fn a_screen_shown_by_its_ansi_text_shows_the_same() {
        let bytes = "a\x1b[7mb\x1b[0;3;4mc\x1b[0m 漢\x1b[42m   \x1b[0m\r\n\x1b]8;;http://x\x07l\x1b]8;;\x07";
        let mut first = TerminalScreen::new(Size::new(20, 3));
        first.advance(bytes.as_bytes());
        let mut second = TerminalScreen::new(Size::new(20, 3));
        second.advance(first.ansi().replace('\n', "\r\n").as_bytes());
        let rows =
            |screen: &mut TerminalScreen| screen.frame(crate::terminal::screen::Version(0)).rows;
        assert_eq!(rows(&mut first), rows(&mut second));
    }
}
