//! Words, literal text and paste.

use proptest::prelude::*;

use super::*;

#[test]
fn words_are_keys_or_text() {
    let codes = |word: &str| -> Vec<(KeyCode, Modifiers)> {
        parse_word(word).unwrap().into_iter().map(|e| (e.code, e.modifiers)).collect()
    };
    let one = |code, modifiers| vec![(code, modifiers)];
    assert_eq!(codes("C-c"), one(KeyCode::Char('c'), Modifiers::CTRL));
    assert_eq!(codes("^c"), one(KeyCode::Char('c'), Modifiers::CTRL));
    assert_eq!(codes("c-c"), one(KeyCode::Char('c'), Modifiers::CTRL));
    assert_eq!(codes("M-x"), one(KeyCode::Char('x'), Modifiers::ALT));
    assert_eq!(codes("C--"), one(KeyCode::Char('-'), Modifiers::CTRL));
    assert_eq!(codes("enter"), one(KeyCode::Enter, Modifiers::NONE));
    assert_eq!(codes("PPage"), one(KeyCode::PageUp, Modifiers::NONE));
    assert_eq!(codes("S-F5"), one(KeyCode::Function(5), Modifiers::SHIFT));
    assert_eq!(codes("0x41"), one(KeyCode::Char('A'), Modifiers::NONE));
    assert_eq!(codes("-"), one(KeyCode::Char('-'), Modifiers::NONE));
    assert_eq!(codes("^"), one(KeyCode::Char('^'), Modifiers::NONE));
    assert_eq!(codes("hi").len(), 2);
    assert_eq!(codes("F36").len(), 3);
    assert_eq!(codes("F05").len(), 3);
    assert_eq!(codes("s-expression").len(), 12);
    assert_eq!(codes("\"Enter\"").len(), 5);
    assert_eq!(codes("\"\""), []);
    assert_eq!(codes(""), []);
}

#[test]
fn a_slip_in_a_key_is_an_error() {
    let error = parse_word("C-Entr").unwrap_err();
    assert_eq!((error.word.as_str(), error.name.as_str()), ("C-Entr", "Entr"));
    let text = r#"no such key "Entr" in "C-Entr"; to type it as text, write '"C-Entr"'"#;
    assert_eq!(error.to_string(), text);
    assert!(parse_word("\"C-Entr\"").is_ok());
    assert!(key_names().any(|name| name == "Enter"));
}

#[test]
fn text_is_typed_as_it_stands() {
    let bytes = |text: &str, modes: &InputModes| -> Vec<u8> {
        literal(text).iter().flat_map(|event| encode_key(event, modes)).collect()
    };
    assert_eq!(bytes("ls -l\n", &modes(0)), b"ls -l\r");
    assert_eq!(bytes("a\r\nb\tc\x03\x1b\x7f\0\x1d", &modes(0)), b"a\rb\tc\x03\x1b\x7f\0\x1d");
    assert_eq!(bytes("Hé漢", &modes(1)), "Hé漢".as_bytes());
    assert_eq!(shown(&bytes("Hi\n", &modes(9))), "^[[104;2u^[[105u^[[13u");
}

#[test]
fn names_of_keys_are_read_back() {
    for name in key_names() {
        let code: KeyCode = name.parse().unwrap();
        assert_eq!(code.to_string().parse::<KeyCode>().unwrap(), code, "{name}");
    }
    for number in 1..=35 {
        let code = KeyCode::Function(number);
        assert_eq!(code.to_string().parse::<KeyCode>().unwrap(), code);
    }
    assert_eq!("KP7".parse::<KeyCode>().unwrap(), KeyCode::Keypad(Keypad::Digit(7)));
}

#[test]
fn paste_is_bracketed_when_the_child_asks() {
    let bracketed = InputModes { bracketed_paste: true, ..InputModes::default() };
    assert_eq!(encode_paste("a\nb", &bracketed), b"\x1b[200~a\nb\x1b[201~");
    assert_eq!(encode_paste("a\nb\r\nc\rd\te", &modes(0)), b"a\rb\rc\rd\te");
    assert_eq!(encode_paste("a\x1b[201~b", &bracketed), b"\x1b[200~ab\x1b[201~");
    assert_eq!(
        encode_paste("\x1b[20\x1b[201~1~\u{9b}201~x\x03", &bracketed),
        b"\x1b[200~[201~201~x\x1b[201~"
    );
    assert_eq!(encode_paste("rm\x1b[A\x15", &modes(0)), b"rm[A");
}

/// Text of the pieces that brackets end with.
fn hostile() -> impl Strategy<Value = String> {
    "[\x1b\\[201~\u{9b}a\n]{0,40}"
}

proptest! {
    #[test]
    fn pasted_text_cannot_leave_its_brackets(text in hostile()) {
        let modes = InputModes { bracketed_paste: true, ..InputModes::default() };
        let bytes = encode_paste(&text, &modes);
        let body = &bytes[6..bytes.len() - 6];
        prop_assert!(!body.contains(&0x1b));
        prop_assert!(!str::from_utf8(body).unwrap().contains(char::from(0x9b)));
    }

    #[test]
    fn any_word_is_keys_text_or_an_error(word in ".{0,12}", kitty in 0..32u8) {
        if let Ok(events) = parse_word(&word) {
            for event in events {
                for kind in [KeyKind::Press, KeyKind::Repeat, KeyKind::Release] {
                    _ = encode_key(&event.clone().with_kind(kind), &modes(kitty));
                }
            }
        }
    }

    #[test]
    fn quoted_text_is_typed_whole(text in "[^\\pC]{0,30}", kitty in 0..8u8) {
        let events = parse_word(&format!("\"{text}\"")).unwrap();
        let bytes: Vec<u8> = events.iter().flat_map(|e| encode_key(e, &modes(kitty))).collect();
        prop_assert_eq!(String::from_utf8(bytes).unwrap(), text);
    }
}
