//! Faults of `alacritty_terminal` 0.26.0 that are mended here. A test that fails after an update
//! says that the crate is right now, and the mending can go.

use alacritty_terminal::Term;
use alacritty_terminal::event::VoidListener;
use alacritty_terminal::grid::Dimensions;
use alacritty_terminal::index::{Column, Line};
use alacritty_terminal::term::Config;
use alacritty_terminal::term::cell::Flags;
use alacritty_terminal::vte::ansi::Processor;

use super::*;

struct Cells(usize, usize);

impl Dimensions for Cells {
    fn total_lines(&self) -> usize {
        self.1
    }
    fn screen_lines(&self) -> usize {
        self.1
    }
    fn columns(&self) -> usize {
        self.0
    }
}

/// The crate's own screen of 10×5.
fn bare(bytes: &str) -> Term<VoidListener> {
    let config = Config { scrolling_history: 0, kitty_keyboard: true, ..Config::default() };
    let mut term = Term::new(config, &Cells(10, 5), VoidListener);
    Processor::<alacritty_terminal::vte::ansi::StdSyncHandler>::new()
        .advance(&mut term, bytes.as_bytes());
    term
}

fn cell(term: &Term<VoidListener>, row: i32, column: usize) -> char {
    term.grid()[Line(row)][Column(column)].c
}

#[test]
fn the_crate_moves_up_through_the_top_margin() {
    assert_eq!(cell(&bare("\x1b[2;4r\x1b[3;1H\x1b[9Ax"), 0, 0), 'x');
}

#[test]
fn the_crate_adds_the_origin_again_when_the_cursor_moves() {
    assert_eq!(cell(&bare("\x1b[2;4r\x1b[?6h\x1b[1;2H\x1b[5Gx"), 2, 4), 'x');
}

#[test]
fn the_crate_does_not_erase_the_first_row_from_the_second() {
    assert_eq!(cell(&bare("abc\r\nd\x1b[1J"), 0, 0), 'a');
}

#[test]
fn the_crate_deletes_before_the_cursor() {
    assert_eq!(cell(&bare("abcdef\x1b[4G\x1b[99P"), 0, 0), ' ');
}

#[test]
fn the_crate_leaves_a_tab_in_the_cell() {
    assert_eq!(cell(&bare("a\tb"), 0, 1), '\t');
}

#[test]
fn the_crate_takes_emoji_presentation_for_one_column() {
    let term = bare("⚠\u{fe0f}");
    assert!(!term.grid()[Line(0)][Column(0)].flags.contains(Flags::WIDE_CHAR));
}

#[test]
fn the_crate_loses_a_character_after_one_that_comes_in_pieces() {
    let text = "äx─".as_bytes();
    let mut term = bare("");
    let mut parser = Processor::<alacritty_terminal::vte::ansi::StdSyncHandler>::new();
    parser.advance(&mut term, &text[..1]);
    parser.advance(&mut term, &text[1..]);
    assert_eq!(cell(&term, 0, 1), '─');
    for cut in 0..text.len() {
        let mut screen = screen(10, 5, &text[..cut]);
        screen.advance(&text[cut..]);
        assert_eq!(screen.text(), "äx─");
    }
}

#[test]
fn invalid_text_is_replaced_the_same_for_every_cut() {
    let bytes = b"a\xe0\x80b\xf0\x90\x80\x1b[1mc\xffd\xc3\xe2\x94e\xf0\x9f\x98\x80f\xe2\x94";
    let whole = screen(30, 2, bytes).text();
    assert_eq!(whole, "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}\u{fffd}e😀f");
    for first in 0..bytes.len() {
        for second in first..bytes.len() {
            let mut screen = screen(30, 2, &bytes[..first]);
            screen.advance(&bytes[first..second]);
            screen.advance(&bytes[second..]);
            assert_eq!(screen.text(), whole);
        }
    }
}

#[test]
fn the_crate_clears_the_screen_for_132_columns() {
    assert_eq!(cell(&bare("abc\x1b[?3l"), 0, 0), ' ');
}

#[test]
fn the_crate_panics_at_many_keyboard_modes_and_a_screen_does_not() {
    let bytes = "\x1b[>1u".repeat(5000);
    let bytes = bytes.as_str();
    assert!(catch_unwind(|| drop(bare(bytes))).is_err());
    let screen = screen(10, 5, bytes);
    assert_eq!(screen.failures(), 0);
    assert_eq!(screen.input_modes().kitty.bits(), 1);
}

/// In a build that checks for overflow.
#[test]
fn the_crate_panics_at_a_long_colour_and_costs_that_screen_only() {
    let bytes = format!("abc\x1b]4;1;#{}\x07def", "0".repeat(60));
    let mut screen = TerminalScreen::new(Size::new(10, 5));
    let advance = screen.advance(bytes.as_bytes());
    if cfg!(debug_assertions) {
        assert!(advance.failed);
        assert_eq!(screen.failures(), 1);
        assert_eq!(advance.segments, [Segment::Output(0..bytes.len())]);
    }
    screen.advance(b"\x1bcgoes on");
    assert_eq!(screen.text(), "goes on");
}

#[test]
fn a_panic_in_the_emulator_leaves_a_blank_screen_and_loses_no_output() {
    let mut screen = TerminalScreen::new(Size::new(10, 2));
    screen.advance(b"\x1b[?1049hfull\x1b[?25");
    let before = screen.version();
    screen.fails_next = true;
    let advance = screen.advance(b"text");
    assert!(advance.failed);
    assert_eq!(advance.segments, [Segment::AlternateLeft, Segment::Output(0..4)]);
    assert_eq!((screen.text().as_str(), screen.is_alternate()), ("", false));
    assert!(screen.version() > before);
    screen.advance(b"more");
    assert_eq!(screen.text(), "more");
}

#[test]
fn endless_combining_characters_are_bounded() {
    let screen = screen(10, 5, format!("e{}x", "\u{301}".repeat(100_000)));
    assert_eq!(screen.text().chars().count(), 18);
}

#[test]
fn growing_keeps_no_spare_rows() {
    // Text on both screens, a saved cursor, and the size of the crate's allocation.
    let mut screen = screen(10, 5, "abc\x1b7def\r\nsecond");
    screen.resize(Size::new(10, 8));
    screen.advance(b"\x1b8X");
    assert_eq!(screen.text(), "abcXef\nsecond");
    screen.advance(b"\x1b[?1049h\x1b[Hfull");
    screen.resize(Size::new(12, 10));
    assert_eq!(screen.text(), "full");
    screen.advance(b"\x1b[?1049l!");
    assert_eq!(screen.text(), "abcX!f\nsecond");
}
