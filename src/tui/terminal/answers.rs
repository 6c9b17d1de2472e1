//! Answers of the terminal to questions about its colours (OSC 10 and 11).
//!
//! crossterm does not know these answers and reports them as keys: `Alt-]`, each character of the text, then
//! `Alt-\` or `Ctrl-G`. The filter puts them together again, so that they never act as keys.
#![expect(clippy::wildcard_enum_match_arm, reason = "few keys can be part of an answer")]

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use crate::terminal::Rgb;

/// Asks for the colour of text and for that behind it.
pub(super) const QUESTIONS: &str = "\x1b]10;?\x1b\\\x1b]11;?\x1b\\";
/// The number of answers to [`QUESTIONS`].
pub(super) const NUMBER: usize = 2;

/// A longer text is no answer: `11;rgb:ffff/ffff/ffff`.
const MAX_LENGTH: usize = 40;

/// Which colour of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorKind {
    Text,
    Background,
}

/// What an event turned out to be.
#[derive(Debug)]
pub(super) enum Filtered {
    /// Input, with the events that were held until now.
    Events(Vec<Event>),
    Color(ColorKind, Rgb),
}

#[derive(Debug, Default)]
pub(super) struct AnswerFilter {
    /// The number of answers that may arrive.
    expected: usize,
    /// The events of an answer that is not complete.
    held: Vec<Event>,
    text: String,
}

impl AnswerFilter {
    pub(super) fn expect(&mut self, answers: usize) {
        self.expected += answers;
    }

    /// Takes an event; returns what is known to be input now.
    pub(super) fn push(&mut self, event: Event) -> Filtered {
        let key = event.as_key_event();
        if self.held.is_empty() {
            let begins = key.is_some_and(|key| is_alt(key, ']')) && self.expected > 0;
            if !begins {
                return Filtered::Events(vec![event]);
            }
            self.held.push(event);
            return Filtered::Events(Vec::new());
        }
        if let Some(character) = key.and_then(text_of)
            && self.text.len() < MAX_LENGTH
        {
            self.text.push(character);
            self.held.push(event);
            return Filtered::Events(Vec::new());
        }
        let text = std::mem::take(&mut self.text);
        let mut held = std::mem::take(&mut self.held);
        if key.is_some_and(ends)
            && let Some((kind, color)) = parse(&text)
        {
            self.expected -= 1;
            return Filtered::Color(kind, color);
        }
        held.push(event);
        Filtered::Events(held)
    }
}

fn is_alt(key: KeyEvent, character: char) -> bool {
    key.code == KeyCode::Char(character) && key.modifiers == KeyModifiers::ALT
}

/// Whether a key is what crossterm makes of the end of an answer.
fn ends(key: KeyEvent) -> bool {
    is_alt(key, '\\') || key.code == KeyCode::Char('g') && key.modifiers == KeyModifiers::CONTROL
}

/// Returns the character of a key that an answer can contain.
fn text_of(key: KeyEvent) -> Option<char> {
    match key.code {
        KeyCode::Char(character @ ('0'..='9' | 'a'..='g' | 'A'..='F' | 'r' | ';' | ':' | '/'))
            if (key.modifiers - KeyModifiers::SHIFT).is_empty() =>
        {
            Some(character)
        }
        _ => None,
    }
}

/// Parses `11;rgb:ffff/ffff/ffff`.
fn parse(text: &str) -> Option<(ColorKind, Rgb)> {
    let (number, color) = text.split_once(";rgb:")?;
    let kind = match number {
        "10" => ColorKind::Text,
        "11" => ColorKind::Background,
        _ => return None,
    };
    let mut parts = color.split('/').map(|part| {
        let value = u32::from_str_radix(part, 16).ok()?;
        let digits = u32::try_from(part.len()).ok().filter(|digits| (1..=4).contains(digits))?;
        u8::try_from(value * 255 / (16_u32.pow(digits) - 1)).ok()
    });
    let mut next = || parts.next().flatten();
    let color = Rgb::new(next()?, next()?, next()?);
    parts.next().is_none().then_some((kind, color))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<Event> {
        let mut keys = Vec::new();
        let mut modifiers = KeyModifiers::NONE;
        for character in text.chars() {
            match character {
                '\x1b' => modifiers = KeyModifiers::ALT,
                '\x07' => keys.push(KeyEvent::new(KeyCode::Char('g'), KeyModifiers::CONTROL)),
                character => {
                    keys.push(KeyEvent::new(KeyCode::Char(character), modifiers));
                    modifiers = KeyModifiers::NONE;
                }
            }
        }
        keys.into_iter().map(Event::Key).collect()
    }

    fn filtered(filter: &mut AnswerFilter, text: &str) -> (Vec<Event>, Vec<(ColorKind, Rgb)>) {
        let (mut events, mut colors) = (Vec::new(), Vec::new());
        for event in keys(text) {
            match filter.push(event) {
                Filtered::Events(input) => events.extend(input),
                Filtered::Color(kind, color) => colors.push((kind, color)),
            }
        }
        (events, colors)
    }

    #[test]
    fn answers_are_colours_and_no_keys() {
        let mut filter = AnswerFilter::default();
        filter.expect(NUMBER);
        let text = "x\x1b]10;rgb:0000/8080/ffff\x1b\\y\x1b]11;rgb:ff/Ff/0\x07z";
        let (events, colors) = filtered(&mut filter, text);
        assert_eq!(events, keys("xyz"));
        let expected = [
            (ColorKind::Text, Rgb::new(0, 128, 255)),
            (ColorKind::Background, Rgb::new(255, 255, 0)),
        ];
        assert_eq!(colors, expected);
    }

    #[test]
    fn keys_that_are_no_answer_are_keys() {
        for (expected, text) in [
            (0, "\x1b]10;rgb:0/0/0\x07"),
            (2, "\x1b]x"),
            (2, "\x1b]12x\x1b]\x1b]s"),
            (2, "\x1b]10;rgb:0/0\x07"),
            (2, "\x1b]10;rgb:00000/0/0\x07"),
        ] {
            let mut filter = AnswerFilter::default();
            filter.expect(expected);
            let (events, colors) = filtered(&mut filter, text);
            assert_eq!((events, colors), (keys(text), Vec::new()), "{text:?}");
        }
        let mut filter = AnswerFilter::default();
        filter.expect(1);
        let long = format!("\x1b]{}", "1".repeat(100));
        let (events, _) = filtered(&mut filter, &long);
        assert!(events.len() > 60, "nothing is held without end");
    }
}
