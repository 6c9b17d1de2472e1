//! What sequences do, as xterm has it.

use std::fmt::Write as _;

use super::screen;

/// Name, input, the rows of a screen of 10×5, row and column of the cursor.
type Case = (&'static str, &'static str, &'static [&'static str], (u16, u16));

const FILL: &str = "aaaaaaaaaa\r\nbbbbbbbbbb\r\ncccccccccc\r\ndddddddddd\r\neeeeeeeeee";

#[rustfmt::skip]
const CASES: &[Case] = &[
    // Text and control characters.
    ("text", "hello", &["hello"], (0, 5)),
    ("carriage return and line feed", "ab\r\ncd", &["ab", "cd"], (1, 2)),
    ("line feed keeps the column", "ab\ncd", &["ab", "  cd"], (1, 4)),
    ("backspace", "abc\x08\x08X", &["aXc"], (0, 2)),
    ("backspace stops at column 0", "a\x08\x08\x08b", &["b"], (0, 1)),
    ("backspace in the pending-wrap column", "0123456789\x08X", &["01234567X9"], (0, 9)),
    ("vertical tab and form feed are line feeds", "a\x0bb\x0cc", &["a", " b", "  c"], (2, 3)),
    ("tab", "a\tb", &["a       b"], (0, 9)),
    ("tab stops at the last column", "\t\t\tX", &["         X"], (0, 9)),
    ("tab leaves what it passes", "abcdefghij\r\tX", &["abcdefghXj"], (0, 9)),
    ("nul and delete are nothing", "a\0b\x7fc", &["abc"], (0, 3)),
    // Wrapping.
    ("wraps", "0123456789ab", &["0123456789", "ab"], (1, 2)),
    ("waits in the last column", "0123456789", &["0123456789"], (0, 9)),
    ("no autowrap", "\x1b[?7l0123456789abc", &["012345678c"], (0, 9)),
    ("carriage return in the pending column", "0123456789\rX", &["X123456789"], (0, 1)),
    ("wraps at the bottom", "\x1b[5;1H0123456789ab", &["", "", "", "0123456789", "ab"], (4, 2)),
    // Moving.
    ("CUP", "\x1b[3;4Hx", &["", "", "   x"], (2, 4)),
    ("CUP beyond", "\x1b[99;99Hx", &["", "", "", "", "         x"], (4, 9)),
    ("CUP without numbers", "abc\x1b[Hx", &["xbc"], (0, 1)),
    ("HVP", "\x1b[2;2fx", &["", " x"], (1, 2)),
    ("CUU CUD CUF CUB", "\x1b[3;3H\x1b[A\x1b[2C\x1b[2B\x1b[Dx", &["", "", "", "   x"], (3, 4)),
    ("CUU stops at the top", "\x1b[9Ax", &["x"], (0, 1)),
    ("CUU stops at the top margin", "\x1b[2;4r\x1b[3;1H\x1b[9Ax", &["", "x"], (1, 1)),
    ("CUU above the margin goes to the top", "\x1b[3;4r\x1b[2;1H\x1b[9Ax", &["x"], (0, 1)),
    ("CUD stops at the bottom margin", "\x1b[2;4r\x1b[3;1H\x1b[9Bx", &["", "", "", "x"], (3, 1)),
    ("CUD below the margin goes to the end", "\x1b[2;3r\x1b[4;1H\x1b[9Bx", &["", "", "", "", "x"], (4, 1)),
    ("CNL and CPL", "abc\x1b[2Ex\x1b[1Fy", &["abc", "y", "x"], (1, 1)),
    ("CHA and HPA", "abc\x1b[6Gx\x1b[3`y", &["aby  x"], (0, 3)),
    ("HPR and VPR", "\x1b[3ax\x1b[2ey", &["   x", "", "    y"], (2, 5)),
    ("VPA", "abc\x1b[3dx", &["abc", "", "   x"], (2, 4)),
    ("CHT and CBT", "\x1b[Ix\x1b[2Zy", &["y       x"], (0, 1)),
    ("HTS and TBC", "\x1b[4G\x1bH\r\tx\x1b[3g\r\ty", &["   x     y"], (0, 9)),
    ("save and restore the cursor", "\x1b[2;3H\x1b7\x1b[Hx\x1b8y", &["x", "  y"], (1, 3)),
    ("save and restore, SCO", "\x1b[2;3H\x1b[s\x1b[Hx\x1b[uy", &["x", "  y"], (1, 3)),
    ("save and restore, 1048", "\x1b[2;3H\x1b[?1048h\x1b[Hx\x1b[?1048ly", &["x", "  y"], (1, 3)),
    ("IND, NEL", "a\x1bDb\x1bEc", &["a", " b", "c"], (2, 1)),
    ("RI at the top scrolls", "a\r\nb\x1b[H\x1bMx", &["x", "a", "b"], (0, 1)),
    // Margins.
    ("region scrolls alone", "FILL\x1b[2;4r\x1b[4;1H\nx", &["aaaaaaaaaa", "cccccccccc", "dddddddddd", "x", "eeeeeeeeee"], (3, 1)),
    ("RI scrolls the region", "FILL\x1b[2;4r\x1b[2;1H\x1bMx", &["aaaaaaaaaa", "x", "bbbbbbbbbb", "cccccccccc", "eeeeeeeeee"], (1, 1)),
    ("line feed below the region stays", "FILL\x1b[1;2r\x1b[5;1H\nx", &["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc", "dddddddddd", "xeeeeeeeee"], (4, 1)),
    ("a region upside down is none", "FILL\x1b[4;2r\x1b[5;1H\nx", &["bbbbbbbbbb", "cccccccccc", "dddddddddd", "eeeeeeeeee", "x"], (4, 1)),
    ("a region below the screen is none", "FILL\x1b[7;9r\x1b[5;1H\nx", &["bbbbbbbbbb", "cccccccccc", "dddddddddd", "eeeeeeeeee", "x"], (4, 1)),
    ("SU and SD", "FILL\x1b[2S\x1b[1T", &["", "cccccccccc", "dddddddddd", "eeeeeeeeee", ""], (4, 9)),
    ("origin mode", "\x1b[2;4r\x1b[?6h\x1b[2;2Hx", &["", "", " x"], (2, 2)),
    ("origin mode keeps within", "\x1b[2;4r\x1b[?6h\x1b[9;1Hx", &["", "", "", "x"], (3, 1)),
    ("CHA in origin mode", "\x1b[2;4r\x1b[?6h\x1b[2;2H\x1b[5Gx", &["", "", "    x"], (2, 5)),
    ("CUU in origin mode", "\x1b[2;4r\x1b[?6h\x1b[3;2H\x1b[Ax", &["", "", " x"], (2, 2)),
    ("origin mode off homes", "\x1b[2;4r\x1b[?6h\x1b[?6lx", &["x"], (0, 1)),
    // Erasing, inserting, deleting.
    ("ED 0", "FILL\x1b[2;3H\x1b[J", &["aaaaaaaaaa", "bb"], (1, 2)),
    ("ED 1", "FILL\x1b[3;3H\x1b[1J", &["", "", "   ccccccc", "dddddddddd", "eeeeeeeeee"], (2, 2)),
    ("ED 1 in the second row", "FILL\x1b[2;3H\x1b[1J", &["", "   bbbbbbb", "cccccccccc", "dddddddddd", "eeeeeeeeee"], (1, 2)),
    ("ED 2 keeps the cursor", "FILL\x1b[2;3H\x1b[2Jx", &["", "  x"], (1, 3)),
    ("EL 0", "abcdef\x1b[3G\x1b[K", &["ab"], (0, 2)),
    ("EL 1", "abcdef\x1b[3G\x1b[1K", &["   def"], (0, 2)),
    ("EL 2", "abcdef\x1b[3G\x1b[2K", &[], (0, 2)),
    ("ECH", "abcdef\x1b[2G\x1b[3X", &["a   ef"], (0, 1)),
    ("ECH beyond", "abcdef\x1b[2G\x1b[99X", &["a"], (0, 1)),
    ("ICH", "abcdef\x1b[2G\x1b[2@", &["a  bcdef"], (0, 1)),
    ("ICH pushes out", "0123456789\x1b[2G\x1b[3@", &["0   123456"], (0, 1)),
    ("DCH", "abcdef\x1b[2G\x1b[2P", &["adef"], (0, 1)),
    ("DCH beyond the end keeps what is before", "abcdef\x1b[4G\x1b[99P", &["abc"], (0, 3)),
    ("DCH of more than half", "0123456789\x1b[6G\x1b[4P", &["012349"], (0, 5)),
    ("IL", "FILL\x1b[2;3H\x1b[2L", &["aaaaaaaaaa", "", "", "bbbbbbbbbb", "cccccccccc"], (1, 2)),
    ("IL within the region", "FILL\x1b[2;3r\x1b[2;1H\x1b[L", &["aaaaaaaaaa", "", "bbbbbbbbbb", "dddddddddd", "eeeeeeeeee"], (1, 0)),
    ("DL", "FILL\x1b[2;3H\x1b[2M", &["aaaaaaaaaa", "dddddddddd", "eeeeeeeeee"], (1, 2)),
    ("DL outside of the region is nothing", "FILL\x1b[3;4r\x1b[1;1H\x1b[M", &["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc", "dddddddddd", "eeeeeeeeee"], (0, 0)),
    ("insert mode", "abc\x1b[2G\x1b[4hXY\x1b[4lZ", &["aXYZc"], (0, 4)),
    ("REP", "ab\x1b[3bc", &["abbbbc"], (0, 6)),
    ("DECALN", "\x1b#8", &["EEEEEEEEEE", "EEEEEEEEEE", "EEEEEEEEEE", "EEEEEEEEEE", "EEEEEEEEEE"], (0, 0)),
    // Character sets and Unicode.
    ("line drawing", "\x1b(0lqqk\x1b(Bq", &["┌──┐q"], (0, 5)),
    ("line drawing in G1", "\x1b)0\x0eqx\x0fq", &["─│q"], (0, 3)),
    ("UTF-8", "äöü→", &["äöü→"], (0, 4)),
    ("wide characters", "漢字x", &["漢字x"], (0, 5)),
    ("a wide character does not fit", "012345678漢", &["012345678", "漢"], (1, 2)),
    ("half of a wide character overwritten, left", "漢字\x1b[1Gx", &["x 字"], (0, 1)),
    ("half of a wide character overwritten, right", "漢字\x1b[2Gx", &[" x字"], (0, 2)),
    ("half of a wide character erased", "漢字\x1b[2G\x1b[K", &[], (0, 1)),
    ("half of a wide character erased, left", "漢字\x1b[1G\x1b[X", &["  字"], (0, 0)),
    ("combining", "e\u{301}x", &["e\u{301}x"], (0, 2)),
    ("combining in the pending column", "012345678e\u{301}x", &["012345678e\u{301}", "x"], (1, 1)),
    ("emoji presentation is two wide", "⚠\u{fe0f}x", &["⚠\u{fe0f}x"], (0, 3)),
    ("text presentation is one wide", "⚠x", &["⚠x"], (0, 2)),
    ("presentation of what is wide already", "😀\u{fe0f}x", &["😀\u{fe0f}x"], (0, 3)),
    ("emoji presentation over a wide character", "a漢b\r⚠\u{fe0f}", &["⚠\u{fe0f} b"], (0, 2)),
    ("emoji presentation at the end", "12345678⚠\u{fe0f}x", &["12345678⚠\u{fe0f}", "x"], (1, 1)),
    ("no room for emoji presentation", "123456789⚠\u{fe0f}x", &["123456789⚠\u{fe0f}", "x"], (1, 1)),
    // Strings and sequences that are dropped.
    ("a title is not text", "a\x1b]0;title\x07b\x1b]2;t\x1b\\c", &["abc"], (0, 3)),
    ("DCS is not text", "a\x1bPq#0;1\x1b\\b", &["ab"], (0, 2)),
    ("APC, PM, SOS are not text", "a\x1b_Gx\x1b\\b\x1b^x\x1b\\c\x1bXx\x1b\\d", &["abcd"], (0, 4)),
    ("CAN ends a sequence", "a\x1b[12\x18b", &["ab"], (0, 2)),
    ("ESC starts anew", "a\x1b[12\x1b[2Gb", &["ab"], (0, 2)),
    ("a control character in a sequence", "abc\x1b[2\rGx", &["axc"], (0, 2)),
    ("private sequences", "a\x1b[>4;2mb\x1b[?4mc\x1b[=1ud", &["abcd"], (0, 4)),
    ("132 columns are ignored", "abc\x1b[?3lx\x1b[?3hy", &["abcxy"], (0, 5)),
    // Screens.
    ("alternate screen", "abc\x1b[?1049hxyz", &["   xyz"], (0, 6)),
    ("and back", "abc\x1b[?1049h\x1b[3Hxyz\x1b[?1049ld", &["abcd"], (0, 4)),
    ("alternate screen, 47", "abc\x1b[?47h\x1b[Hxyz\x1b[?47ld", &["abcd"], (0, 4)),
    ("alternate screen, 1047", "abc\x1b[?1047h\x1b[Hxyz\x1b[?1047ld", &["abcd"], (0, 4)),
    ("full reset", "abc\x1b[2;3r\x1b[?6h\x1b[31m\x1bcx", &["x"], (0, 1)),
    ("soft reset", "\x1b[2;3r\x1b[?6h\x1b[4h\x1b[!p\x1b[9Ba\rb", &["", "", "", "", "b"], (4, 1)),
];

#[test]
fn sequences_do_what_xterm_does() {
    let mut wrong = String::new();
    for (name, input, rows, cursor) in CASES {
        let screen = screen(10, 5, input.replace("FILL", FILL));
        let expected = rows.join("\n");
        let expected = expected.trim_end_matches('\n');
        let at = (screen.cursor().row, screen.cursor().column);
        if screen.text() != expected || at != *cursor {
            _ = writeln!(
                wrong,
                "{name}: {:?} at {at:?} instead of {expected:?} at {cursor:?}",
                screen.text()
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(CASES.len() > 42);
}

#[test]
fn names_of_cases_differ() {
    let mut names: Vec<_> = CASES.iter().map(|(name, ..)| name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CASES.len());
}
