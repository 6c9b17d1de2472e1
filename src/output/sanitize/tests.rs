use proptest::prelude::*;

use super::*;

/// Reports unsafe characters in a text; independent of the code under test.
fn fault(text: &str, styles: StyleMode) -> Option<String> {
    let mut chars = text.chars().peekable();
    let (mut open, mut marks) = (false, 0);
    while let Some(char) = chars.next() {
        if char == '\x1b' && styles == StyleMode::Keep {
            if chars.next() != Some('[') {
                return Some("an escape that is no CSI".into());
            }
            let mut params = String::new();
            while let Some(char) = chars.next_if(|c| matches!(c, '0'..='9' | ';' | ':')) {
                params.push(char);
            }
            if chars.next() != Some('m') {
                return Some("a CSI that is no SGR".into());
            }
            open = !params.chars().all(|char| matches!(char, '0' | ';'));
            continue;
        }
        if char.is_control() && char != '\t' {
            return Some(format!("control {char:?}"));
        }
        if matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            return Some(format!("direction {char:?}"));
        }
        marks = if char.width() == Some(0) { marks + 1 } else { 0 };
        if marks > 8 {
            return Some("a tower of marks".into());
        }
    }
    open.then(|| "a style left open".into())
}

#[test]
fn hostile_sequences_do_nothing() {
    let cases: &[(&[u8], &str)] = &[
        (b"plain\ttext\n", "plain\ttext"),
        (b"plain\r\n", "plain"),
        (b"plain\r\r\n", "plain"),
        (b"", ""),
        (b"\n", ""),
        // Styles stay.
        (b"\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        (b"\x1b[31mred\x1b[m", "\x1b[31mred\x1b[m"),
        (b"\x1b[31mred", "\x1b[31mred\x1b[0m"),
        (b"\x1b[38;5;0mblack", "\x1b[38;5;0mblack\x1b[0m"),
        (b"\x1b[38:2::1:2:3mrgb\x1b[0m", "\x1b[38:2::1:2:3mrgb\x1b[0m"),
        (b"\x1b[>4;2mkeys", "keys"),
        (b"\x1b[?4mkeys", "keys"),
        (b"\x1b[1 mspace", "space"),
        (b"\x1b[1$mdollar", "dollar"),
        // Cursor movement, clearing, scrolling, modes, queries.
        (b"a\x1b[2Jb", "ab"),
        (b"a\x1b[Hb", "ab"),
        (b"a\x1b[10;10Hb", "ab"),
        (b"a\x1b[1Ab", "ab"),
        (b"a\x1b[Kb", "ab"),
        (b"a\x1b[999Sb", "ab"),
        (b"a\x1b[?1049hb", "ab"),
        (b"a\x1b[?25lb", "ab"),
        (b"a\x1b[?1000;1006hb", "ab"),
        (b"a\x1b[?2004hb", "ab"),
        (b"a\x1b[6nb", "ab"),
        (b"a\x1b[cb", "ab"),
        (b"a\x1b[>cb", "ab"),
        (b"a\x1b[21tb", "ab"),
        (b"a\x1b[3;1Rb", "ab"),
        (b"a\x1b[!pb", "ab"),
        (b"a\x1b[4;5rb", "ab"),
        (b"a\x1b[100bb", "ab"),
        (b"a\x1b[", "a"),
        (b"a\x1b[31", "a"),
        (b"a\x1b[3\xc3\xa9b", "a\u{e9}b"),
        // Control strings, with either terminator or none.
        (b"a\x1b]0;title\x07b", "ab"),
        (b"a\x1b]0;title\x1b\\b", "ab"),
        (b"a\x1b]0;title\xc2\x9cb", "ab"),
        (b"a\x1b]0;title\x9cb", "ab"),
        (b"a\x1b]52;c;aGk=\x07b", "ab"),
        (b"a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\b", "alinkb"),
        (b"a\x1b]1337;File=:AAAA\x07b", "ab"),
        (b"a\x1b]11;?\x07b", "ab"),
        (b"a\x1b]0;never ends", "a"),
        (b"a\x1b]0;cut\x18b", "ab"),
        (b"a\x1b]0;cut\x1b[31mb\x1b[0m", "a\x1b[31mb\x1b[0m"),
        (b"a\x1bP+q544e\x1b\\b", "ab"),
        (b"a\x1bP$qm\x1b\\b", "ab"),
        (b"a\x1bPq#0;2;0;0;0#0~~\x1b\\b", "ab"),
        (b"a\x1b_Gf=24;AAAA\x1b\\b", "ab"),
        (b"a\x1b^private\x1b\\b", "ab"),
        (b"a\x1bXstart\x1b\\b", "ab"),
        (b"a\x1bktitle\x1b\\b", "ab"),
        // Other escapes.
        (b"a\x1bcb", "ab"),
        (b"a\x1b7b\x1b8", "ab"),
        (b"a\x1b(0b", "ab"),
        (b"a\x1b#8b", "ab"),
        (b"a\x1b%Gb", "ab"),
        (b"a\x1b\x1b[2Jb", "ab"),
        (b"a\x1b", "a"),
        (b"a\x1bDb\x1bMc", "abc"),
        // 7-bit and 8-bit control characters.
        (b"a\x00\x05\x07\x08\x0b\x0c\x0e\x0f\x11\x13\x7fb", "ab"),
        (b"a\x9b2Jb", "ab"),
        (b"a\xc2\x9b2Jb", "ab"),
        (b"a\xc2\x9b31mb", "ab"),
        (b"a\x9d0;t\x07b", "ab"),
        (b"a\xc2\x90q\xc2\x9cb", "ab"),
        (b"a\x84\x85\xc2\x85b", "ab"),
        // Invalid or misleading text.
        (b"a\xff\xfeb", "a\u{fffd}\u{fffd}b"),
        (b"a\xe2\x9c", "a\u{fffd}"),
        (b"\xf0\x9f\x98\x80", "\u{1f600}"),
        ("a\u{202e}b\u{2066}".as_bytes(), "a<U+202E>b<U+2066>"),
        // Progress lines.
        (b"10%\r20%\r30%\n", "30%"),
        (b"10%\r20%\r", "20%"),
        (b"\x1b[32m10%\r20%", "\x1b[32m20%\x1b[0m"),
        (b"\x1b[32m10%\x1b[0m\r20%", "20%"),
    ];
    assert!(cases.len() >= 60);
    for (input, expected) in cases {
        let shown = safe_line(input, StyleMode::Keep);
        assert_eq!(&shown, expected, "{:?}", String::from_utf8_lossy(input));
        assert_eq!(fault(&shown, StyleMode::Keep), None);
        assert_eq!(fault(&safe_line(input, StyleMode::Drop), StyleMode::Drop), None);
    }
}

#[test]
fn a_string_without_end_hides_four_kilobytes_at_most() {
    let line = [b"\x1b]0;".as_slice(), &vec![b'x'; 10_000], b"END"].concat();
    let shown = safe_line(&line, StyleMode::Keep);
    assert!(shown.ends_with("xEND"));
    assert!(shown.len() >= 10_000 - MAX_STRING, "{}", shown.len());
}

#[test]
fn a_tower_of_marks_is_cut() {
    let line = format!("a{}b", "\u{301}".repeat(100));
    assert_eq!(safe_line(line.as_bytes(), StyleMode::Keep), format!("a{}b", "\u{301}".repeat(8)));
    assert_eq!(safe_name(&line), format!("a{}b", "\u{301}".repeat(8)));
}

#[test]
fn plain_text_is_not_copied() {
    assert!(matches!(safe_line(b"GET / 200\n", StyleMode::Keep), Cow::Borrowed("GET / 200")));
    assert!(matches!(safe_name("web.1"), Cow::Borrowed("web.1")));
}

#[test]
fn a_name_shows_what_is_in_it() {
    let shown = safe_name("w\x1b]0;x\x07\r\n\t\u{9b}\u{202e}é");
    assert_eq!(shown, "w\\x1b]0;x\\x07\\x0d\\x0a\\x09\\x9b<U+202E>é");
}

/// Bytes, many of which have a special meaning.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let telling: &[&[u8]] = &[
        b"\x1b",
        b"[",
        b"]",
        b"P",
        b"m",
        b"0",
        b"3",
        b"1",
        b";",
        b":",
        b"?",
        b"\x07",
        b"\\",
        b"\r",
        b"\n",
        b"\x9b",
        b"\xc2",
        b"\x9d",
        b"\x9c",
        b"\xc2\x9b",
        b"a",
        b"J",
        b" ",
        b"\xe2\x80\xae",
        b"\xcc\x81",
        b"\xff",
        b"k",
        b"(",
        b"\t",
        b"\x1b[31m",
        b"\x1b[m",
    ];
    let part = prop_oneof![
        8 => prop::sample::select(telling).prop_map(<[u8]>::to_vec),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(part, 0..80).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_forbidden_comes_out_and_nothing_changes_the_second_time(line in hostile()) {
        for styles in [StyleMode::Keep, StyleMode::Drop] {
            let once = safe_line(&line, styles);
            prop_assert_eq!(fault(&once, styles), None);
            prop_assert_eq!(&safe_line(once.as_bytes(), styles), &once);
        }
        let name = String::from_utf8_lossy(&line);
        let once = safe_name(&name);
        prop_assert_eq!(fault(&once, StyleMode::Drop), None);
        prop_assert_eq!(&safe_name(&once), &once);
    }

    #[cfg(feature = "tui")]
    #[test]
    fn the_parts_are_the_line(line in hostile()) {
        for styles in [StyleMode::Keep, StyleMode::Drop] {
            let mut text = String::new();
            safe_parts(&line, styles, |part| match part {
                LinePart::Text(part) => text.push_str(part),
                LinePart::Style(params) => text.extend(["\x1b[", params, "m"]),
            });
            let whole = safe_line(&line, styles);
            prop_assert!(whole == text || whole == format!("{text}{RESET}"), "{whole:?} {text:?}");
        }
    }
}
