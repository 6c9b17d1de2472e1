//! The output for the log: what comes while the primary screen is active.

use super::*;

/// The log, with marks, for these chunks.
fn log(chunks: &[&str]) -> String {
    let mut screen = TerminalScreen::new(Size::default());
    let mut log = Vec::new();
    for chunk in chunks {
        for segment in screen.advance(chunk.as_bytes()).segments {
            match segment {
                Segment::Held(bytes) => log.extend(bytes),
                Segment::Output(range) => log.extend(&chunk.as_bytes()[range]),
                Segment::AlternateEntered => log.extend(b"<"),
                Segment::AlternateLeft => log.extend(b">"),
            }
        }
    }
    log.extend(screen.finish());
    String::from_utf8(log).unwrap()
}

#[test]
fn output_is_byte_exact() {
    let text = "one\r\ntwo \x1b[31mred\x1b[0m\x1b]0;t\x07\x1b[?25l\x1b[?2004h\x1b[K\x1b(0";
    assert_eq!(log(&[text]), text);
    for at in 0..text.len() {
        assert_eq!(log(&[&text[..at], &text[at..]]), text);
    }
}

#[test]
fn what_a_full_screen_program_draws_is_no_output() {
    let text = "$ vim\r\n\x1b[?1049h\x1b[Hdrawn\x1b[?25lmore\x1b[?1049l$ \x1b[?25h";
    assert_eq!(log(&[text]), "$ vim\r\n<>$ \x1b[?25h");
    assert_eq!(log(&["a\x1b[?1049;25hb", "c\x1b[?1049;25ld"]), "a<>d");
    assert_eq!(log(&["a\x1b[?47hb\x1b[?47lc\x1b[?1047hd\x1b[?1047le"]), "a<>c<>e");
}

#[test]
fn the_switch_is_left_out_for_every_cut() {
    let text = "ab\x1b[?25;1049hdrawn\x1b[?1049lcd\x1b[?1049hagain\x1bcef\x1b[";
    let expected = "ab<>cd<>ef\x1b[";
    for first in 0..text.len() {
        for second in first..text.len() {
            let chunks = [&text[..first], &text[first..second], &text[second..]];
            assert_eq!(log(&chunks), expected, "{chunks:?}");
        }
    }
}

#[test]
fn switching_to_the_screen_that_is_shown_is_output() {
    assert_eq!(log(&["a\x1b[?1049lb"]), "a\x1b[?1049lb");
    assert_eq!(log(&["a\x1b[?1049h\x1b[?1049hb\x1b[?1049lc"]), "a<>c");
}

#[test]
fn an_unfinished_sequence_is_kept_back_and_comes_out_whole() {
    let mut screen = TerminalScreen::new(Size::default());
    assert_eq!(screen.advance(b"ab\x1b[?1").segments, [Segment::Output(0..2)]);
    assert_eq!(screen.advance(b"0").segments, []);
    let segments = screen.advance(b"5hc").segments;
    assert_eq!(segments, [Segment::Held(b"\x1b[?10".to_vec()), Segment::Output(0..3)]);
    assert_eq!(screen.finish(), b"");
    screen.advance(b"\x1b");
    assert_eq!(screen.finish(), b"\x1b");
}

#[test]
fn a_long_or_odd_sequence_is_not_kept_back() {
    let long = format!("a\x1b[?{}", "1000;".repeat(8));
    let mut screen = TerminalScreen::new(Size::default());
    assert_eq!(screen.advance(long.as_bytes()).segments, [Segment::Output(0..long.len())]);
    // It still switches, and what has been given out cannot be taken back.
    assert_eq!(log(&[&long, "1049hb"]), format!("{long}1049h<"));
    assert_eq!(log(&["a\x1b[?10\n49hb\x1b[?1049lc"]), "a\x1b[?10\n49h<>c");
}

#[test]
fn a_string_without_an_end_is_cut_and_what_follows_it_is_drawn() {
    let mut screen = TerminalScreen::new(Size::new(20, 2));
    screen.advance(b"a\x1b]2;");
    for _ in 0..100 {
        screen.advance(&[b'x'; 10_000]);
    }
    screen.advance(b"\x07b\x1b]2;title\x07c");
    assert_eq!(screen.text(), "abc");
    assert_eq!(screen.title(), Some("title"));
    let long = format!("a\x1b]2;{}\x1b\\b", "x".repeat(1_000_000));
    let mut screen = TerminalScreen::new(Size::new(20, 2));
    let segments = screen.advance(long.as_bytes()).segments;
    assert_eq!(segments, [Segment::Output(0..long.len())]);
    assert_eq!(screen.text(), "ab");
}

#[test]
fn repeating_without_end_costs_no_more_than_a_screen() {
    let mut screen = TerminalScreen::new(Size::new(4, 2));
    screen.advance("x\x1b[65535b".repeat(100).as_bytes());
    // 65,536 × 100 of them, which ends a row.
    assert_eq!(screen.text(), "xxxx\nxxxx");
    // 23 of them, the last of which is the last of its row.
    let screen = super::screen(4, 2, "ab\x1b[20b\x1b[2bc");
    assert_eq!(screen.text(), "bbbb\nc");
    // 3 in the last row.
    let screen = super::screen(4, 2, "ab\x1b[21bc");
    assert_eq!(screen.text(), "bbbb\nbbbc");
}
