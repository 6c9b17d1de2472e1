//! Frames, views, and their forms.

use super::*;

#[test]
fn a_frame_has_what_has_changed() {
    let mut screen = screen(10, 4, "one\r\ntwo");
    let first = screen.frame(Version(0));
    assert!(first.full);
    assert_eq!(first.rows.len(), 4);
    let same = screen.frame(first.version);
    assert_eq!((same.full, same.version, same.rows.len()), (false, first.version, 0));
    screen.advance(b"\x1b[3;1Hthree");
    let second = screen.frame(first.version);
    assert!(second.version > first.version);
    assert_eq!(second.rows.iter().map(|row| row.row).collect::<Vec<_>>(), [2]);
    assert_eq!(second.rows[0].content.text(), "three");
    assert_eq!((second.cursor.row, second.cursor.column), (2, 5));
}

#[test]
fn bytes_that_change_nothing_make_no_new_version() {
    let mut screen = screen(10, 4, "one\r\ntwo");
    let version = screen.version();
    screen.advance(b"\x1b[H\x1b[Kone\r\n\x1b[31m\x1b[0mtwo");
    assert_eq!(screen.version(), version);
    screen.advance(b"\x1b[?25l");
    assert!(screen.version() > version);
    assert_eq!(screen.frame(version).rows, []);
}

#[test]
fn after_a_change_of_size_a_frame_is_full() {
    let mut screen = screen(10, 4, "one");
    let before = screen.version();
    screen.resize(Size::new(12, 4));
    let frame = screen.frame(before);
    assert!(frame.version > before);
    assert_eq!((frame.full, frame.size), (true, Size::new(12, 4)));
    let before = frame.version;
    screen.resize(Size::new(12, 2));
    assert!(screen.frame(before).full);
}

#[test]
fn a_version_of_another_screen_gives_a_full_frame() {
    let mut screen = screen(10, 4, "one");
    assert!(screen.frame(Version(u64::MAX)).full);
}

#[test]
fn runs_say_how_wide_each_cell_is() {
    let mut screen = screen(20, 2, "ab\x1b[1mcd\x1b[0me\u{301}漢字⚠\u{fe0f}x");
    let rows = screen.frame(Version(0)).rows;
    let runs = &rows[0].content.runs;
    let seen: Vec<_> = runs.iter().map(|r| (r.text.as_str(), r.cells, r.wide)).collect();
    let expected = [
        ("ab", 2, false),
        ("cd", 2, false),
        ("e\u{301}", 1, false),
        ("漢字", 2, true),
        ("⚠\u{fe0f}", 1, true),
        ("x", 1, false),
    ];
    assert_eq!(seen, expected);
    assert!(runs[1].style.attributes.contains(Attributes::BOLD));
    assert_eq!(runs.iter().map(CellRun::columns).sum::<u16>(), 12);
}

#[test]
fn blanks_at_the_end_are_left_out_unless_they_are_coloured() {
    let mut screen = screen(10, 3, "ab   \r\n\x1b[41m  \x1b[0m \r\n\x1b[7m \x1b[0m   ");
    let columns: Vec<u16> = screen
        .frame(Version(0))
        .rows
        .iter()
        .map(|row| row.content.runs.iter().map(CellRun::columns).sum())
        .collect();
    assert_eq!(columns, [2, 2, 1]);
}

#[test]
fn colours_that_the_program_changes_are_in_the_cells() {
    let mut screen = screen(10, 2, "\x1b[31mr\x1b[0mn");
    let color = |screen: &mut TerminalScreen, run: usize| {
        let frame = screen.frame(Version(0));
        frame.rows[0].content.runs[run].style.foreground
    };
    assert_eq!(color(&mut screen, 0), Color::Indexed(1));
    let version = screen.version();
    screen.advance(b"\x1b]4;1;#ff8000\x07\x1b]10;#010203\x07");
    assert_eq!(color(&mut screen, 0), Color::Rgb(Rgb::new(0xff, 0x80, 0)));
    assert_eq!(color(&mut screen, 1), Color::Rgb(Rgb::new(1, 2, 3)));
    assert_eq!(screen.frame(version).rows.len(), 2);
    screen.advance(b"\x1b]104\x07\x1b]110\x07");
    assert_eq!(color(&mut screen, 0), Color::Indexed(1));
    assert_eq!(color(&mut screen, 1), Color::Default);
}

#[test]
fn styles_and_links_are_in_the_runs() {
    let bytes = "\x1b[2;3;7;8;9;4:3;58;2;1;2;3;94;48;5;200mx\x1b[0m\
                 \x1b]8;id=1;http://a\x07l\x1b]8;;http://b\x07m\x1b]8;;\x07n";
    let mut screen = screen(10, 2, bytes);
    let runs = screen.frame(Version(0)).rows[0].content.runs.clone();
    let style = runs[0].style;
    assert_eq!(style.foreground, Color::Indexed(12));
    assert_eq!(style.background, Color::Indexed(200));
    assert_eq!(style.underline, Underline::Curly);
    assert_eq!(style.underline_color, Color::Rgb(Rgb::new(1, 2, 3)));
    for (_, attribute, _) in &Attributes::ALL[1..] {
        assert!(style.attributes.contains(*attribute));
    }
    let links: Vec<_> = runs.iter().map(|run| run.link.as_deref()).collect();
    assert_eq!(links, [None, Some("http://a"), Some("http://b"), None]);
}

#[test]
fn a_link_that_is_too_long_is_none() {
    let mut screen = screen(10, 2, format!("\x1b]8;;{}\x07x\x1b]8;;\x07", "u".repeat(2084)));
    assert_eq!(screen.frame(Version(0)).rows[0].content.runs[0].link, None);
}

#[test]
fn the_cursor_and_the_modes_are_told() {
    let screen = screen(10, 2, "ab\x1b[5 q");
    let cursor = screen.cursor();
    assert_eq!((cursor.row, cursor.column, cursor.visible), (0, 2, true));
    assert_eq!((cursor.shape, cursor.blinking), (CursorShape::Bar, true));
    let screen = super::screen(10, 2, "\x1b[?25l\x1b[4 q");
    assert_eq!(screen.cursor().shape, CursorShape::Underline);
    assert!(!screen.cursor().visible);
    let all = super::screen(10, 2, "\x1b[?1049h\x1b[?1004h\x1b[?2004h\x1b[?2026h");
    assert!(all.is_updating());
    let modes = all.modes();
    assert!(modes.alternate_screen && modes.wheel_as_arrows && modes.focus);
    assert!(modes.bracketed_paste && !modes.mouse);
    let mouse = super::screen(10, 2, "\x1b[?1049h\x1b[?1002h\x1b[?1006h").modes();
    assert!(mouse.mouse && !mouse.wheel_as_arrows);
}

#[test]
fn input_modes_follow_the_child() {
    use crate::terminal::key::{MouseEncoding, MouseTracking};
    let modes = screen(10, 2, "\x1b[?1h\x1b=\x1b[20h\x1b[>3u\x1b[?1003h\x1b[?1005h").input_modes();
    assert!(modes.application_cursor && modes.application_keypad && modes.newline);
    assert_eq!(modes.kitty.bits(), 3);
    assert_eq!(modes.mouse, MouseTracking::Motion);
    assert_eq!(modes.mouse_encoding, MouseEncoding::Utf8);
    let modes = screen(10, 2, "\x1b[?1000h\x1b[?1002h\x1b[?1006h\x1b[?1007l\x1b[?1049h");
    let modes = modes.input_modes();
    assert_eq!(modes.mouse, MouseTracking::Drag);
    assert_eq!(modes.mouse_encoding, MouseEncoding::Sgr);
    assert!(!modes.wheel_as_arrows);
}

#[test]
fn a_frame_as_json() {
    let mut screen = screen(10, 2, "a\x1b[1;31mb\x1b[0m\x1b]2;t\x07\x1b[48;2;1;2;3m漢");
    let frame = screen.frame(Version(0));
    let json = serde_json::to_value(&frame).unwrap();
    let expected = serde_json::json!({
        "version": 1,
        "full": true,
        "size": {"columns": 10, "rows": 2},
        "cursor": {"row": 0, "column": 4, "visible": true, "shape": "block", "blinking": false},
        "modes": {
            "alternate_screen": false, "mouse": false, "wheel_as_arrows": false, "focus": false,
            "bracketed_paste": false,
        },
        "title": "t",
        "rows": [
            {"row": 0, "runs": [
                {"text": "a", "cells": 1},
                {"text": "b", "cells": 1, "foreground": 1, "attributes": ["bold"]},
                {"text": "漢", "cells": 1, "wide": true, "background": "#010203"},
            ]},
            {"row": 1, "runs": []},
        ],
    });
    assert_eq!(json, expected);
    assert_eq!(serde_json::from_value::<Frame>(json).unwrap(), frame);
}

#[test]
fn a_snapshot_has_the_text_beside_the_frame() {
    let mut screen = screen(10, 3, "one\r\ntwo");
    let snapshot = screen.snapshot();
    let json = serde_json::to_value(&snapshot).unwrap();
    assert_eq!(json["text"], "one\ntwo");
    assert_eq!(json["size"]["columns"], 10);
    assert_eq!(json["rows"][1]["runs"][0]["text"], "two");
    assert_eq!(serde_json::from_value::<ScreenSnapshot>(json).unwrap(), snapshot);
}

#[test]
fn a_frame_as_bytes() {
    let bytes = "plain\r\n\x1b[1;31mb\x1b[0m\x1b]2;t\x07\x1b[48;2;1;2;3m漢\x1b[0me\u{301}\
                 \x1b]8;;http://a\x07l\x1b]8;;\x07\x1b[1;31mb\x1b[4:3mc";
    let mut screen = screen(30, 4, bytes);
    let frame = screen.frame(Version(0));
    let mut encoded = Vec::new();
    frame.encode(&mut encoded);
    assert_eq!(Frame::decode(&encoded).unwrap(), frame);
    for length in 0..encoded.len() {
        assert!(Frame::decode(&encoded[..length]).is_err());
    }
    encoded.push(0);
    assert_eq!(Frame::decode(&encoded), Err(DecodeError::Invalid));
    encoded[0] = 9;
    assert_eq!(Frame::decode(&encoded), Err(DecodeError::Format));
}

#[test]
fn a_screen_can_be_given_to_another_thread() {
    fn check<T: Send>() {}
    check::<TerminalScreen>();
    check::<Frame>();
}

#[test]
fn text_has_no_blanks_at_the_end() {
    assert_eq!(screen(10, 4, "").text(), "");
    assert_eq!(screen(10, 4, "\r\n a b \r\n").text(), "\n a b");
    assert_eq!(screen(10, 4, "\x1b[41m   ").text(), "");
}
