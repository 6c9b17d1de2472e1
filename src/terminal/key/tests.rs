//! Golden tables of keys, mouse and paste.

use super::*;

mod pointer;
mod text;

fn modes(kitty: u8) -> InputModes {
    InputModes { kitty: KittyFlags::from_bits(kitty), ..InputModes::default() }
}

fn application() -> InputModes {
    InputModes { application_cursor: true, application_keypad: true, ..InputModes::default() }
}

/// The bytes of a word in these modes, ESC as `^[`.
fn bytes(word: &str, modes: &InputModes) -> String {
    let events = parse_word(word).unwrap();
    let bytes: Vec<u8> = events.iter().flat_map(|event| encode_key(event, modes)).collect();
    shown(&bytes)
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string().replace("\\x1b", "^[")
}

/// Word, then what is sent: legacy, with DECCKM and DECKPAM, kitty flag 1, kitty flags 1 to 16.
#[rustfmt::skip]
const KEYS: &[(&str, [&str; 4])] = &[
    ("a", ["a", "a", "a", "^[[97;;97u"]),
    ("A", ["A", "A", "A", "^[[97:65;2;65u"]),
    ("S-a", ["A", "A", "A", "^[[97:65;2;65u"]),
    ("C-a", ["\\x01", "\\x01", "^[[97;5u", "^[[97;5u"]),
    ("C-A", ["\\x01", "\\x01", "^[[97;6u", "^[[97:65;6u"]),
    ("C-S-a", ["\\x01", "\\x01", "^[[97;6u", "^[[97:65;6u"]),
    ("M-a", ["^[a", "^[a", "^[[97;3u", "^[[97;3u"]),
    ("M-A", ["^[A", "^[A", "^[[97;4u", "^[[97:65;4u"]),
    ("C-M-a", ["^[\\x01", "^[\\x01", "^[[97;7u", "^[[97;7u"]),
    ("C-Space", ["\\x00", "\\x00", "^[[32;5u", "^[[32;5u"]),
    ("M-Space", ["^[ ", "^[ ", "^[[32;3u", "^[[32;3u"]),
    ("Space", [" ", " ", " ", "^[[32;;32u"]),
    ("C-]", ["\\x1d", "\\x1d", "^[[93;5u", "^[[93;5u"]),
    ("C-\\", ["\\x1c", "\\x1c", "^[[92;5u", "^[[92;5u"]),
    ("C-/", ["\\x1f", "\\x1f", "^[[47;5u", "^[[47;5u"]),
    ("C-?", ["\\x7f", "\\x7f", "^[[63;5u", "^[[63;5u"]),
    ("C-2", ["\\x00", "\\x00", "^[[50;5u", "^[[50;5u"]),
    ("C-1", ["1", "1", "^[[49;5u", "^[[49;5u"]),
    ("ü", ["\\xc3\\xbc", "\\xc3\\xbc", "\\xc3\\xbc", "^[[252;;252u"]),
    ("M-ü", ["^[\\xc3\\xbc", "^[\\xc3\\xbc", "^[[252;3u", "^[[252;3u"]),
    ("Enter", ["\\r", "\\r", "\\r", "^[[13u"]),
    ("S-Enter", ["\\r", "\\r", "^[[13;2u", "^[[13;2u"]),
    ("C-Enter", ["\\r", "\\r", "^[[13;5u", "^[[13;5u"]),
    ("M-Enter", ["^[\\r", "^[\\r", "^[[13;3u", "^[[13;3u"]),
    ("Tab", ["\\t", "\\t", "\\t", "^[[9u"]),
    ("S-Tab", ["^[[Z", "^[[Z", "^[[9;2u", "^[[9;2u"]),
    ("BTab", ["^[[Z", "^[[Z", "^[[9;2u", "^[[9;2u"]),
    ("M-Tab", ["^[\\t", "^[\\t", "^[[9;3u", "^[[9;3u"]),
    ("BSpace", ["\\x7f", "\\x7f", "\\x7f", "^[[127u"]),
    ("C-BSpace", ["\\x08", "\\x08", "^[[127;5u", "^[[127;5u"]),
    ("M-BSpace", ["^[\\x7f", "^[\\x7f", "^[[127;3u", "^[[127;3u"]),
    ("Escape", ["^[", "^[", "^[[27u", "^[[27u"]),
    ("M-Escape", ["^[^[", "^[^[", "^[[27;3u", "^[[27;3u"]),
    ("Up", ["^[[A", "^[OA", "^[[A", "^[[A"]),
    ("Down", ["^[[B", "^[OB", "^[[B", "^[[B"]),
    ("Right", ["^[[C", "^[OC", "^[[C", "^[[C"]),
    ("Left", ["^[[D", "^[OD", "^[[D", "^[[D"]),
    ("S-Up", ["^[[1;2A", "^[[1;2A", "^[[1;2A", "^[[1;2A"]),
    ("C-Left", ["^[[1;5D", "^[[1;5D", "^[[1;5D", "^[[1;5D"]),
    ("M-Right", ["^[[1;3C", "^[[1;3C", "^[[1;3C", "^[[1;3C"]),
    ("C-M-S-Down", ["^[[1;8B", "^[[1;8B", "^[[1;8B", "^[[1;8B"]),
    ("Home", ["^[[H", "^[OH", "^[[H", "^[[H"]),
    ("End", ["^[[F", "^[OF", "^[[F", "^[[F"]),
    ("C-Home", ["^[[1;5H", "^[[1;5H", "^[[1;5H", "^[[1;5H"]),
    ("Insert", ["^[[2~", "^[[2~", "^[[2~", "^[[2~"]),
    ("Delete", ["^[[3~", "^[[3~", "^[[3~", "^[[3~"]),
    ("PageUp", ["^[[5~", "^[[5~", "^[[5~", "^[[5~"]),
    ("PageDown", ["^[[6~", "^[[6~", "^[[6~", "^[[6~"]),
    ("S-PageDown", ["^[[6;2~", "^[[6;2~", "^[[6;2~", "^[[6;2~"]),
    ("F1", ["^[OP", "^[OP", "^[[P", "^[[P"]),
    ("F2", ["^[OQ", "^[OQ", "^[[Q", "^[[Q"]),
    ("F3", ["^[OR", "^[OR", "^[[13~", "^[[13~"]),
    ("F4", ["^[OS", "^[OS", "^[[S", "^[[S"]),
    ("S-F1", ["^[[1;2P", "^[[1;2P", "^[[1;2P", "^[[1;2P"]),
    ("F5", ["^[[15~", "^[[15~", "^[[15~", "^[[15~"]),
    ("F6", ["^[[17~", "^[[17~", "^[[17~", "^[[17~"]),
    ("F10", ["^[[21~", "^[[21~", "^[[21~", "^[[21~"]),
    ("F11", ["^[[23~", "^[[23~", "^[[23~", "^[[23~"]),
    ("C-F12", ["^[[24;5~", "^[[24;5~", "^[[24;5~", "^[[24;5~"]),
    ("F13", ["^[[1;2P", "^[[1;2P", "^[[57376u", "^[[57376u"]),
    ("F24", ["^[[24;2~", "^[[24;2~", "^[[57387u", "^[[57387u"]),
    ("F25", ["^[[1;5P", "^[[1;5P", "^[[57388u", "^[[57388u"]),
    ("KP5", ["5", "^[Ou", "5", "^[[57404;;53u"]),
    ("KP0", ["0", "^[Op", "0", "^[[57399;;48u"]),
    ("KP+", ["+", "^[Ok", "+", "^[[57413;;43u"]),
    ("KP.", [".", "^[On", ".", "^[[57409;;46u"]),
    ("KPEnter", ["\\r", "^[OM", "^[[57414u", "^[[57414u"]),
    ("C-KPEnter", ["\\r", "\\r", "^[[57414;5u", "^[[57414;5u"]),
    ("KPLeft", ["^[[D", "^[OD", "^[[57417u", "^[[57417u"]),
    ("KPBegin", ["^[[E", "^[OE", "^[[57427u", "^[[57427u"]),
    ("Kitty57363", ["", "", "^[[57363u", "^[[57363u"]),
    ("Kitty57441", ["", "", "", "^[[57441u"]),
];

#[test]
fn keys_in_each_mode() {
    let all = [modes(0), application(), modes(1), modes(31)];
    for (word, expected) in KEYS {
        let sent = all.map(|modes| bytes(word, &modes));
        assert_eq!(sent.each_ref().map(String::as_str), *expected, "{word}");
    }
}

/// Word and kind, then what is sent with kitty flags 1, 1|2, 1|2|8.
#[rustfmt::skip]
const KINDS: &[(&str, KeyKind, [&str; 3])] = &[
    ("a", KeyKind::Repeat, ["a", "a", "^[[97;1:2u"]),
    ("a", KeyKind::Release, ["", "^[[97;1:3u", "^[[97;1:3u"]),
    ("C-a", KeyKind::Press, ["^[[97;5u", "^[[97;5u", "^[[97;5u"]),
    ("C-a", KeyKind::Repeat, ["^[[97;5u", "^[[97;5:2u", "^[[97;5:2u"]),
    ("C-a", KeyKind::Release, ["", "^[[97;5:3u", "^[[97;5:3u"]),
    ("Up", KeyKind::Repeat, ["^[[A", "^[[1;1:2A", "^[[1;1:2A"]),
    ("Up", KeyKind::Release, ["", "^[[1;1:3A", "^[[1;1:3A"]),
    ("C-PageUp", KeyKind::Release, ["", "^[[5;5:3~", "^[[5;5:3~"]),
    ("Escape", KeyKind::Release, ["", "^[[27;1:3u", "^[[27;1:3u"]),
    ("Enter", KeyKind::Repeat, ["\\r", "\\r", "^[[13;1:2u"]),
    ("Enter", KeyKind::Release, ["", "", "^[[13;1:3u"]),
    ("Tab", KeyKind::Release, ["", "", "^[[9;1:3u"]),
    ("S-Enter", KeyKind::Release, ["", "", "^[[13;2:3u"]),
    ("F1", KeyKind::Release, ["", "^[[1;1:3P", "^[[1;1:3P"]),
];

#[test]
fn repeats_and_releases() {
    for (word, kind, expected) in KINDS {
        let event = parse_word(word).unwrap()[0].clone().with_kind(*kind);
        let sent = [1, 3, 11].map(|kitty| shown(&encode_key(&event, &modes(kitty))));
        assert_eq!(sent.each_ref().map(String::as_str), *expected, "{word} {kind:?}");
    }
}

#[test]
fn without_the_flag_a_repeat_is_a_press_and_a_release_is_nothing() {
    let event = |kind| KeyEvent::new(KeyCode::Up, Modifiers::NONE).with_kind(kind);
    assert_eq!(encode_key(&event(KeyKind::Repeat), &modes(0)), b"\x1b[A");
    assert_eq!(encode_key(&event(KeyKind::Release), &modes(0)), b"");
}

#[test]
fn event_kinds_without_escape_codes_leave_presses_as_they_were() {
    assert_eq!(bytes("C-a", &modes(2)), "\\x01");
    assert_eq!(bytes("Escape", &modes(2)), "^[");
    assert_eq!(bytes("S-Tab", &modes(2)), "^[[Z");
    let repeat = parse_word("C-a").unwrap()[0].clone().with_kind(KeyKind::Repeat);
    assert_eq!(shown(&encode_key(&repeat, &modes(2))), "^[[97;5:2u");
}

#[test]
fn alternates_alone_change_nothing() {
    assert_eq!(bytes("C-a", &modes(4)), "\\x01");
    assert_eq!(bytes("Up", &modes(4)), "^[[A");
}

#[test]
fn other_characters_of_a_key_are_sent_where_they_are_known() {
    let mut event = KeyEvent::new(KeyCode::Char('я'), Modifiers::CTRL);
    event.base = Some('z');
    assert_eq!(shown(&encode_key(&event, &modes(5))), "^[[1103::122;5u");
    event.modifiers = Modifiers::CTRL.with(Modifiers::SHIFT);
    assert_eq!(shown(&encode_key(&event, &modes(5))), "^[[1103:1071:122;6u");
    let mut event = KeyEvent::new(KeyCode::Char('1'), Modifiers::SHIFT);
    event.shifted = Some('!');
    assert_eq!(shown(&encode_key(&event, &modes(1))), "!");
    assert_eq!(shown(&encode_key(&event, &modes(29))), "^[[49:33;2;33u");
}

#[test]
fn text_that_the_terminal_has_sent_goes_first() {
    let mut event = KeyEvent::new(KeyCode::Char('o'), Modifiers::ALT);
    event.text = Some("ø".to_owned());
    assert_eq!(encode_key(&event, &modes(0)), "ø".as_bytes());
    assert_eq!(encode_key(&event, &modes(1)), "ø".as_bytes());
    assert_eq!(shown(&encode_key(&event, &modes(25))), "^[[111;3;248u");
}

#[test]
fn locks_do_not_keep_plain_keys_from_being_plain() {
    let locks = Modifiers::NUM_LOCK.with(Modifiers::CAPS_LOCK);
    let enter = KeyEvent::new(KeyCode::Enter, locks);
    assert_eq!(encode_key(&enter, &modes(1)), b"\r");
    assert_eq!(shown(&encode_key(&enter, &modes(9))), "^[[13;193u");
    let control = KeyEvent::new(KeyCode::Char('c'), locks.with(Modifiers::CTRL));
    assert_eq!(shown(&encode_key(&control, &modes(1))), "^[[99;5u");
    assert_eq!(shown(&encode_key(&control, &modes(0))), "\\x03");
}

#[test]
fn enter_follows_newline_mode() {
    let modes = InputModes { newline: true, ..InputModes::default() };
    assert_eq!(bytes("Enter", &modes), "\\r\\n");
}

#[test]
fn events_as_json() {
    let event = KeyEvent::new(KeyCode::Function(5), Modifiers::CTRL).with_kind(KeyKind::Release);
    let json = serde_json::json!({"code": "F5", "modifiers": 4, "kind": "release"});
    assert_eq!(serde_json::to_value(&event).unwrap(), json);
    assert_eq!(serde_json::from_value::<KeyEvent>(json).unwrap(), event);
    let short: KeyEvent = serde_json::from_str(r#"{"code":"a"}"#).unwrap();
    assert_eq!(short, KeyEvent::new(KeyCode::Char('a'), Modifiers::NONE));
    assert!(serde_json::from_str::<KeyEvent>(r#"{"code":"Entr"}"#).is_err());
}
