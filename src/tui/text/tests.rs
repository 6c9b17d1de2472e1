use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use super::*;

fn styles(bytes: &[u8]) -> Vec<(String, Style)> {
    StyledLine::of(bytes, true).pieces
}

#[test]
fn styles_of_a_child_become_styles_of_cells() {
    let plain = Style::new();
    let cases: &[(&[u8], Style)] = &[
        (b"\x1b[31mx", plain.fg(Color::Red)),
        (b"\x1b[97mx", plain.fg(Color::White)),
        (b"\x1b[44mx", plain.bg(Color::Blue)),
        (b"\x1b[103mx", plain.bg(Color::LightYellow)),
        (b"\x1b[1;4;38;5;208mx", {
            plain.fg(Color::Indexed(208)).add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
        }),
        (b"\x1b[38;2;1;2;3mx", plain.fg(Color::Rgb(1, 2, 3))),
        (b"\x1b[38:2::1:2:3mx", plain.fg(Color::Rgb(1, 2, 3))),
        (b"\x1b[48:2:1:2:3mx", plain.bg(Color::Rgb(1, 2, 3))),
        (b"\x1b[38:5:7mx", plain.fg(Color::Indexed(7))),
        (b"\x1b[4:3mx", plain.add_modifier(Modifier::UNDERLINED)),
        (b"\x1b[4m\x1b[4:0mx", plain),
        (b"\x1b[31m\x1b[39mx", plain),
        (b"\x1b[1m\x1b[22mx", plain),
        (b"\x1b[31;0mx", plain),
        (b"\x1b[31mx\x1b[m", plain.fg(Color::Red)),
        // Out of range, cut off, unknown, hidden.
        (b"\x1b[38;5;999mx", plain),
        (b"\x1b[38;5mx", plain),
        (b"\x1b[38;9;1mx", plain.add_modifier(Modifier::BOLD)),
        (b"\x1b[58;5;1mx", plain),
        (b"\x1b[999mx", plain),
        (b"\x1b[8mx", plain),
    ];
    for (bytes, style) in cases {
        let shown = String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(styles(bytes), [("x".to_owned(), *style)], "{shown:?}");
    }
    assert_eq!(StyledLine::of(b"\x1b[31mx", false).pieces, [("x".to_owned(), plain)]);
}

#[test]
fn tabs_progress_and_wide_characters() {
    assert_eq!(StyledLine::of(b"a\tb", true).plain(), "a       b");
    assert_eq!(StyledLine::of("漢\tb".as_bytes(), true).plain(), "漢      b");
    assert_eq!(StyledLine::of(b"1234567\tb\tc", true).plain(), "1234567 b       c");
    assert_eq!(StyledLine::of(b"10%\r20%\n", true).plain(), "20%");
    assert_eq!(StyledLine::of("e\u{301}漢x".as_bytes(), true).width(), 4);
    assert_eq!(copied(b"a\tb\x1b[31mc\n"), "a\tbc");
}

#[test]
fn a_wide_character_is_not_cut_in_two() {
    let text = StyledLine::of("a漢b".as_bytes(), true);
    assert_eq!(text.cut(0, 2).to_string(), "a");
    assert_eq!(text.cut(1, 2).to_string(), "漢");
    assert_eq!(text.cut(2, 2).to_string(), " b");
    let rows = |text: &StyledLine, columns| {
        text.wrap(columns).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(rows(&text, 2), ["a", "漢", "b"]);
    assert_eq!(rows(&text, 1), ["a", "\u{fffd}", "b"]);
    assert_eq!(rows(&text, 0), ["a", "\u{fffd}", "b"]);
    assert_eq!(rows(&StyledLine::of(b"", true), 4), [""]);
}

#[test]
fn our_own_texts_are_broken_at_blanks() {
    let rows = |text: &str, columns| {
        let text = StyledLine::plain_of(text, Style::new());
        text.wrap_words(columns).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(rows("given back after 30s", 11), ["given back", "after 30s"]);
    assert_eq!(rows("given back", 5), ["given", "back"]);
    assert_eq!(rows("given back", 10), ["given back"]);
    assert_eq!(rows("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
    assert_eq!(rows("", 4), [""]);
}

#[test]
fn a_match_is_shown_over_the_style_of_the_child() {
    let over = Style::new().bg(Color::Yellow);
    let red = Style::new().fg(Color::Red);
    let text = StyledLine::of(b"ab\x1b[31mcd\x1b[0mef", true).highlighted(&(1..3), over);
    let expected = [
        ("a", Style::new()),
        ("b", over),
        ("c", red.patch(over)),
        ("d", red),
        ("ef", Style::new()),
    ];
    assert_eq!(text.pieces, expected.map(|(text, style)| (text.to_owned(), style)));
}

#[test]
fn a_name_is_cut_to_its_column() {
    assert_eq!(fit("worker", 6, "…"), "worker");
    assert_eq!(fit("worker", 5, "…"), "work…");
    assert_eq!(fit("漢字漢字", 5, "…"), "漢字…");
    assert_eq!(fit("worker", 1, "…"), "…");
    assert_eq!(fit("worker", 0, "…"), "");
    assert_eq!(fit("a\x1b[2Jb", 20, "…"), "a\\x1b[2Jb");
    assert_eq!((pad("db", 4, "…"), pad_left("db", 4, "…")), ("db  ".into(), "  db".into()));
}

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let parts: &[&[u8]] = &[
        b"\x1b[31m",
        b"\x1b[1;4m",
        b"\x1b[m",
        b"\x1b[38:2::1:2:3m",
        b"\x1b",
        b"[",
        b"]0;x\x07",
        b"\x1b[2J",
        b"\t",
        b"\r",
        b"a",
        b" ",
        b"\xc2\x9b",
        b"\xe2\x80\x8d",
        b"\xef\xb8\x8f",
        b"\xcc\x81",
        b"\xe6\xbc\xa2",
        b"\xf0\x9f\x91\xa9",
        b"\xf0\x9f\x91\xa8",
        b"\xef\xbe\x9e",
        b"\xf0\x9f\x87\xa9",
        b"\xe1\x84\x80",
        b"\xe1\x85\xa1",
        b"\xff",
        b"m",
        b"\x00",
        b"\n",
        b"\xe2\x80\xae",
        b"\xe2\x80\x8b",
    ];
    let part = prop_oneof![
        6 => prop::sample::select(parts).prop_map(<[u8]>::to_vec),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

/// Draws a line, and returns the number of columns used.
fn draw(line: &Line<'_>, columns: u16) -> usize {
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns, 1));
    usize::from(buffer.set_line(0, 0, line, columns).0)
}

proptest! {
    #[test]
    fn no_control_byte_ever_gets_through(bytes in hostile(), coloured: bool, columns in 0_usize..30) {
        let text = StyledLine::of(&bytes, coloured);
        prop_assert!(!text.plain().contains(char::is_control), "{:?}", text.plain());
        let copied = copied(&bytes);
        prop_assert!(!copied.contains(|char: char| char.is_control() && char != '\t'));
        let name = fit(&String::from_utf8_lossy(&bytes), columns, "…");
        prop_assert!(!name.contains(char::is_control));
        prop_assert!(width(&name) <= columns);
    }

    #[test]
    fn widths_are_those_of_the_buffer(bytes in hostile(), from in 0_usize..40, columns in 0_u16..40) {
        let text = StyledLine::of(&bytes, true);
        let all = text.cut(0, usize::MAX);
        prop_assert_eq!(draw(&all, 4000), text.width());
        let cut = text.cut(from, usize::from(columns));
        prop_assert!(cut.width() <= usize::from(columns));
        prop_assert_eq!(draw(&cut, 4000), text_width(&cut));
        let rows = text.wrap(usize::from(columns));
        prop_assert_eq!(rows.len(), text.rows(usize::from(columns)));
        for row in &rows {
            prop_assert!(text_width(row) <= usize::from(columns.max(1)));
        }
        for row in text.wrap_words(usize::from(columns)) {
            prop_assert!(text_width(&row) <= usize::from(columns.max(1)));
        }
        if text.graphemes().all(|(_, wide, _)| wide <= usize::from(columns)) {
            let joined: String = rows.iter().map(ToString::to_string).collect();
            prop_assert_eq!(joined, text.plain());
        }
    }

    #[test]
    fn a_highlight_changes_no_text(bytes in hostile(), start in 0_usize..80, length in 0_usize..80) {
        let text = StyledLine::of(&bytes, true);
        let range = start..start + length;
        prop_assert_eq!(text.clone().highlighted(&range, Style::new().bg(Color::Red)).plain(), text.plain());
    }
}

fn text_width(line: &Line<'_>) -> usize {
    line.spans.iter().map(|span| width(&span.content)).sum()
}
