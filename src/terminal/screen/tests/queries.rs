//! Answers to queries, byte for byte.

use super::{replies, screen};
use crate::terminal::screen::ClipboardKind::{Clipboard, Primary};
use crate::terminal::screen::{Palette, Rgb, Size, TerminalScreen};

/// Query and answer, on a screen of 20×6.
#[rustfmt::skip]
const QUERIES: &[(&str, &str, &str)] = &[
    ("DA1", "\x1b[c", "\x1b[?62;22c"),
    ("DA1 with 0", "\x1b[0c", "\x1b[?62;22c"),
    ("DECID", "\x1bZ", "\x1b[?62;22c"),
    ("DA2", "\x1b[>c", "\x1b[>0;2600;1c"),
    ("DA3", "\x1b[=c", "\x1bP!|00000000\x1b\\"),
    ("DSR", "\x1b[5n", "\x1b[0n"),
    ("CPR", "\x1b[3;7H\x1b[6n", "\x1b[3;7R"),
    ("CPR in the pending column", "01234567890123456789\x1b[6n", "\x1b[1;20R"),
    ("CPR in origin mode", "\x1b[2;5r\x1b[?6h\x1b[2;3H\x1b[6n", "\x1b[2;3R"),
    ("DECXCPR", "\x1b[3;7H\x1b[?6n", "\x1b[?3;7R"),
    ("unknown status", "\x1b[7n\x1b[?15n", ""),
    ("theme", "\x1b[?996n", "\x1b[?997;1n"),
    ("XTVERSION", "\x1b[>q", "\x1bP>|pitcrew 0.1.0\x1b\\"),
    ("XTVERSION with 0", "\x1b[>0q", "\x1bP>|pitcrew 0.1.0\x1b\\"),
    ("DECRQM 1", "\x1b[?1h\x1b[?1$p", "\x1b[?1;1$y"),
    ("DECRQM 7", "\x1b[?7$p", "\x1b[?7;1$y"),
    ("DECRQM 25", "\x1b[?25l\x1b[?25$p", "\x1b[?25;2$y"),
    ("DECRQM 1049", "\x1b[?1049h\x1b[?1049$p", "\x1b[?1049;1$y"),
    ("DECRQM 1006", "\x1b[?1006$p", "\x1b[?1006;2$y"),
    ("DECRQM 2004", "\x1b[?2004h\x1b[?2004$p", "\x1b[?2004;1$y"),
    ("DECRQM 2026", "\x1b[?2026$p\x1b[?2026h\x1b[?2026$p", "\x1b[?2026;2$y\x1b[?2026;1$y"),
    ("DECRQM 2031", "\x1b[?2031$p", "\x1b[?2031;2$y"),
    ("DECRQM of an unknown mode", "\x1b[?2027$p", "\x1b[?2027;0$y"),
    ("DECRQM 4, not private", "\x1b[4h\x1b[4$p", "\x1b[4;1$y"),
    ("DECRQM 20, not private", "\x1b[20$p", "\x1b[20;2$y"),
    ("DECRQM 12, not private", "\x1b[12$p", "\x1b[12;0$y"),
    ("foreground", "\x1b]10;?\x07", "\x1b]10;rgb:e5e5/e5e5/e5e5\x07"),
    ("background, by ST", "\x1b]11;?\x1b\\", "\x1b]11;rgb:0000/0000/0000\x1b\\"),
    ("cursor colour", "\x1b]12;?\x07", "\x1b]12;rgb:e5e5/e5e5/e5e5\x07"),
    ("foreground and background", "\x1b]10;?;?\x07", "\x1b]10;rgb:e5e5/e5e5/e5e5\x07\x1b]11;rgb:0000/0000/0000\x07"),
    ("palette", "\x1b]4;1;?\x07", "\x1b]4;1;rgb:cdcd/0000/0000\x07"),
    ("palette, cube", "\x1b]4;208;?\x07", "\x1b]4;208;rgb:ffff/8787/0000\x07"),
    ("palette, grey", "\x1b]4;255;?\x07", "\x1b]4;255;rgb:eeee/eeee/eeee\x07"),
    ("a colour that was set", "\x1b]11;#102030\x07\x1b]11;?\x07", "\x1b]11;rgb:1010/2020/3030\x07"),
    ("and reset", "\x1b]11;#102030\x07\x1b]111\x07\x1b]11;?\x07", "\x1b]11;rgb:0000/0000/0000\x07"),
    ("kitty flags", "\x1b[?u", "\x1b[?0u"),
    ("kitty flags pushed", "\x1b[>5u\x1b[?u", "\x1b[?5u"),
    ("kitty flags set", "\x1b[=3u\x1b[?u\x1b[=4;2u\x1b[?u\x1b[=1;3u\x1b[?u", "\x1b[?3u\x1b[?7u\x1b[?6u"),
    ("kitty flags popped", "\x1b[=5u\x1b[>1u\x1b[<u\x1b[?u", "\x1b[?5u"),
    ("kitty flags of each screen", "\x1b[>1u\x1b[?1049h\x1b[?u\x1b[>2u\x1b[?1049l\x1b[?u", "\x1b[?0u\x1b[?1u"),
    ("size in cells", "\x1b[18t", "\x1b[8;6;20t"),
    ("size in pixels, not known", "\x1b[14t", ""),
    ("DECRQSS of the cursor", "\x1bP$q q\x1b\\\x1b[5 q\x1bP$q q\x1b\\", "\x1bP1$r2 q\x1b\\\x1bP1$r5 q\x1b\\"),
    ("DECRQSS of something longer", "\x1bP$q qx\x1b\\", "\x1bP0$r\x1b\\"),
    ("DECRQSS", "\x1bP$qm\x1b\\", "\x1bP0$r\x1b\\"),
    ("XTGETTCAP", "\x1bP+q544e\x1b\\", "\x1bP0+r\x1b\\"),
    ("another DCS", "\x1bPq\x1b\\\x1bP1$tx\x1b\\", ""),
    ("reading the clipboard", "\x1b]52;c;?\x07", ""),
    ("kitty graphics", "\x1b_Gi=1,a=q;AAAA\x1b\\", ""),
    ("modifyOtherKeys", "\x1b[?4m\x1b[>4;2m", ""),
    ("several, in order", "\x1b[5n\x1b[>q\x1b[c", "\x1b[0n\x1bP>|pitcrew 0.1.0\x1b\\\x1b[?62;22c"),
];

#[test]
fn queries_are_answered() {
    for (name, query, answer) in QUERIES {
        assert_eq!(replies(query), *answer, "{name}");
    }
}

#[test]
fn a_query_in_pieces_is_answered_when_it_is_whole() {
    for (name, query, answer) in QUERIES {
        let mut screen = screen(20, 6, "");
        let mut replies = Vec::new();
        for byte in query.as_bytes() {
            replies.extend(screen.advance(&[*byte]).replies);
        }
        assert_eq!(String::from_utf8(replies).unwrap(), *answer, "{name}");
    }
}

#[test]
fn the_size_in_pixels_is_answered_once_it_is_known() {
    let mut screen = TerminalScreen::new(Size::new(20, 6));
    screen.set_cell_size(Some((9, 18)));
    assert_eq!(screen.advance(b"\x1b[14t").replies, b"\x1b[4;108;180t");
    screen.set_cell_size(Some((u16::MAX, u16::MAX)));
    assert_eq!(screen.advance(b"\x1b[14t").replies, b"\x1b[4;393210;1310700t");
}

#[test]
fn colours_of_the_viewer_are_answered_and_told_if_wanted() {
    let mut screen = TerminalScreen::new(Size::default());
    let light = Palette {
        foreground: Rgb::new(1, 2, 3),
        background: Rgb::new(0xff, 0xfe, 0xfd),
        ..Palette::default()
    };
    assert_eq!(screen.set_palette(light.clone()), b"");
    let asked = screen.advance(b"\x1b]10;?\x07\x1b]11;?\x07\x1b[?996n").replies;
    let expected = "\x1b]10;rgb:0101/0202/0303\x07\x1b]11;rgb:ffff/fefe/fdfd\x07\x1b[?997;2n";
    assert_eq!(String::from_utf8(asked).unwrap(), expected);
    screen.advance(b"\x1b[?2031h");
    assert_eq!(screen.set_palette(light), b"");
    assert_eq!(screen.set_palette(Palette::default()), b"\x1b[?997;1n");
}

#[test]
fn titles_are_kept_clean_and_short() {
    let mut screen = TerminalScreen::new(Size::default());
    assert!(screen.advance(b"\x1b]2;one\x07").title_changed);
    assert_eq!(screen.title(), Some("one"));
    assert!(!screen.advance(b"\x1b]2;one\x07").title_changed);
    screen.advance(b"\x1b[22t\x1b]0;two\x1b\\");
    assert_eq!(screen.title(), Some("two"));
    screen.advance(b"\x1b[23t");
    assert_eq!(screen.title(), Some("one"));
    screen.advance("\x1b]2;a\u{9b}b\u{200b}\x07".as_bytes());
    assert_eq!(screen.title(), Some("ab\u{200b}"));
    screen.advance(format!("\x1b]2;{}\x07", "ä".repeat(1000)).as_bytes());
    assert_eq!(screen.title().map(str::len), Some(256));
    assert!(screen.advance(b"\x1b]2;\x07").title_changed);
    assert_eq!(screen.title(), None);
}

#[test]
fn bells_and_clipboard_writes_are_reported() {
    let mut screen = TerminalScreen::new(Size::default());
    let advance =
        screen.advance(b"\x07a\x07\x1b]52;c;aGk=\x07\x1b]52;c;eW8=\x07\x1b]52;p;eA==\x07");
    assert_eq!(advance.bells, 2);
    let writes: Vec<_> = advance.clipboard.iter().map(|w| (w.kind, w.text.as_str())).collect();
    assert_eq!(writes, [(Clipboard, "yo"), (Primary, "x")]);
    let most = "QUFB".repeat((100 << 10) / 3);
    assert_eq!(screen.advance(format!("\x1b]52;c;{most}\x07").as_bytes()).clipboard.len(), 1);
    let more = "QUFB".repeat((100 << 10) / 3 + 2);
    assert_eq!(screen.advance(format!("\x1b]52;c;{more}\x07").as_bytes()).clipboard.len(), 0);
}
