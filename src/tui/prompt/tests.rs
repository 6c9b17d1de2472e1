use proptest::prelude::*;

use super::*;
use crate::tui::theme::ThemeName;

fn typed(prompt: &mut Prompt, keys: &[&str]) -> Vec<PromptResult> {
    keys.iter().map(|key| prompt.key(key.parse().unwrap())).collect()
}

fn shown(prompt: &Prompt, columns: u16) -> (String, PromptLayout) {
    let area = Rect::new(0, 0, columns, 1);
    let mut buffer = Buffer::empty(area);
    let drawn = prompt.draw(area, &Appearance::new(ThemeName::None, true), &mut buffer);
    (buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect(), drawn)
}

#[test]
fn keys_edit_the_line_as_in_a_shell() {
    let mut prompt = Prompt::new("run: ", false, History::default());
    prompt.edit.set("make all tests");
    typed(&mut prompt, &["ctrl-w", "ctrl-a", "X", "ctrl-e", "backspace", "!"]);
    assert_eq!(prompt.text(), "Xmake all!");
    typed(&mut prompt, &["ctrl-u", "a", "b", "left", "c"]);
    assert_eq!(prompt.text(), "acb");
    assert_eq!(typed(&mut prompt, &["enter"]), [PromptResult::Done]);
    assert_eq!(prompt.text(), "acb");
    assert_eq!(typed(&mut prompt, &["esc"]), [PromptResult::Cancelled]);
}

#[test]
fn nothing_left_to_delete_is_a_way_out() {
    let mut prompt = Prompt::new("/", true, History::default());
    let answers = typed(&mut prompt, &["a", "backspace", "backspace"]);
    assert_eq!(answers, [PromptResult::Changed, PromptResult::Changed, PromptResult::Cancelled]);
}

#[test]
fn the_history_goes_back_and_forth_and_keeps_what_was_typed() {
    let mut history = History::default();
    for line in ["one", "two", "one", "  "] {
        history.add(line);
    }
    assert_eq!(history.last(), Some("one"));
    let mut prompt = Prompt::new(":", false, history);
    typed(&mut prompt, &["d", "up"]);
    assert_eq!(prompt.text(), "one");
    typed(&mut prompt, &["up", "up", "up"]);
    assert_eq!(prompt.text(), "two");
    typed(&mut prompt, &["down", "down", "down"]);
    assert_eq!(prompt.text(), "d");
}

#[test]
fn a_faulty_pattern_is_said_beside_it() {
    let mut prompt = Prompt::new("/", true, History::default());
    typed(&mut prompt, &["("]);
    let (screen, _) = shown(&prompt, 60);
    assert!(screen.starts_with("/(") && screen.contains("unclosed group"), "{screen:?}");
    assert!(screen.contains("Aa smart .* word"), "{screen:?}");
    prompt.toggle(ModeChip::Regex);
    prompt.found = "3/17".into();
    let (screen, drawn) = shown(&prompt, 60);
    assert!(screen.contains("3/17") && !screen.contains("unclosed"), "{screen:?}");
    assert_eq!(drawn.chips.len(), 3);
    assert_eq!(drawn.cursor, Some(Position::new(2, 0)));
    let word = &drawn.chips[2];
    let from = usize::from(word.0.x);
    assert_eq!(&screen[from..from + 4], "word", "a click hits what is drawn");
}

#[test]
fn a_long_line_shows_where_the_cursor_is() {
    let mut prompt = Prompt::new(": ", false, History::default());
    prompt.paste(&"x".repeat(50));
    prompt.paste("END\n");
    let (screen, drawn) = shown(&prompt, 20);
    assert_eq!(screen, format!(": {}END ", "x".repeat(14)));
    assert_eq!(drawn.cursor, Some(Position::new(19, 0)));
}

#[test]
fn what_is_pasted_cannot_run_a_line_or_the_terminal() {
    let mut prompt = Prompt::new(": ", false, History::default());
    prompt.paste("a\nb\x1b[2J\r\n");
    assert_eq!(prompt.text(), "a b [2J");
    prompt.paste(&"y".repeat(LINE_LIMIT * 2));
    assert_eq!(prompt.text().chars().count(), LINE_LIMIT);
}

proptest! {
    #[test]
    fn nothing_panics_at_any_width(text in "\\PC{0,30}", columns in 0_u16..60, chips: bool) {
        let mut prompt = Prompt::new("/", false, History::default());
        prompt.mode = chips.then(PatternMode::default);
        prompt.paste(&text);
        let (screen, drawn) = shown(&prompt, columns);
        prop_assert!(!screen.contains(char::is_control));
        if let Some(cursor) = drawn.cursor {
            prop_assert!(cursor.x < columns);
        }
    }
}
