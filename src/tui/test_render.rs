//! Test helper: renders a screen as text, in all supported sizes and appearances.

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::appearance::Appearance;
use super::theme::ThemeName;

/// The sizes that every screen is drawn at.
pub(super) const SIZES: &[(u16, u16)] = &[(120, 36), (80, 24), (48, 13), (20, 4)];

pub(super) fn drawn(
    size: (u16, u16),
    look: &Appearance,
    draw: &dyn Fn(Rect, &Appearance, &mut Buffer),
) -> Buffer {
    let area = Rect::new(0, 0, size.0, size.1);
    let mut buffer = Buffer::empty(area);
    draw(area, look, &mut buffer);
    buffer
}

/// All sizes, then ASCII, then the styles of the dark and the light theme.
pub(super) fn everywhere(draw: &dyn Fn(Rect, &Appearance, &mut Buffer)) -> String {
    let mut all = String::new();
    let plain = Appearance::new(ThemeName::None, true);
    for size in SIZES {
        _ = writeln!(all, "== {}x{}", size.0, size.1);
        all.push_str(&text(&drawn(*size, &plain, draw)));
    }
    let ascii = Appearance::new(ThemeName::None, false);
    let buffer = drawn((80, 24), &ascii, draw);
    let text = text(&buffer);
    assert!(text.is_ascii(), "not ASCII:\n{text}");
    _ = write!(all, "== ascii 80x24\n{text}");
    for theme in [ThemeName::None, ThemeName::Dark, ThemeName::Light] {
        let buffer = drawn((48, 13), &Appearance::new(theme, true), draw);
        _ = write!(all, "== styles {} 48x13\n{}", theme.as_str(), styles(&buffer));
    }
    all
}

/// The text alone, without blanks at the ends of rows.
pub(super) fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut row = String::new();
        let mut x = buffer.area.left();
        while x < buffer.area.right() {
            let symbol = buffer[(x, y)].symbol();
            assert!(!symbol.contains(char::is_control), "{symbol:?} at {x},{y}");
            row.push_str(symbol);
            // The second cell of a wide character is not shown.
            x += u16::try_from(super::text::width(symbol)).unwrap().max(1);
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// Where which style is: `3: 2-14 fg75 bold`.
fn styles(buffer: &Buffer) -> String {
    let mut all = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut runs: Vec<(u16, u16, String)> = Vec::new();
        for x in buffer.area.left()..buffer.area.right() {
            let style = named(buffer[(x, y)].style());
            match runs.last_mut() {
                Some((_, end, same)) if *same == style && *end + 1 == x => *end = x,
                _ => runs.push((x, x, style)),
            }
        }
        runs.retain(|(.., style)| !style.is_empty());
        let shown: Vec<String> =
            runs.iter().map(|(from, to, style)| format!("{from}-{to} {style}")).collect();
        if !shown.is_empty() {
            _ = writeln!(all, "{y}: {}", shown.join(", "));
        }
    }
    all
}

fn named(style: Style) -> String {
    let colour = |colour: Option<Color>| match colour {
        None | Some(Color::Reset) => None,
        Some(Color::Indexed(index)) => Some(index.to_string()),
        Some(other) => Some(other.to_string()),
    };
    let mut words = Vec::new();
    words.extend(colour(style.fg).map(|colour| format!("fg{colour}")));
    words.extend(colour(style.bg).map(|colour| format!("bg{colour}")));
    let modifiers = [
        (Modifier::BOLD, "bold"),
        (Modifier::DIM, "dim"),
        (Modifier::REVERSED, "reversed"),
        (Modifier::UNDERLINED, "underlined"),
    ];
    let set = modifiers.iter().filter(|(modifier, _)| style.add_modifier.contains(*modifier));
    words.extend(set.map(|(_, word)| (*word).to_owned()));
    words.join("+")
}
