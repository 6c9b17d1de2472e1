//! What reaches the terminal: the judge of its bytes, the screen that tests read, and that every
//! overlay and view stays within both, whatever is in it.

use crate::common::Project;
use crate::common::screen::{Screen, parser};
use crate::common::strict::Strict;
use crate::common::svg::svg;
use pitcrew::tui::action::ActionFacts;
use pitcrew::tui::appearance::Appearance;
use pitcrew::tui::keymap::Keymap;
use pitcrew::tui::overlay::{
    Dialog, Help, Menu, Overlay, OverlayContext, Palette, signals, themes,
};
use pitcrew::tui::screens::details::{DetailsSheet, DetailsView};
use pitcrew::tui::text::StyledLine;
use pitcrew::tui::theme::ThemeName;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

fn judged(bytes: &[u8]) -> Result<(), String> {
    let mut strict = Strict::new(24, 80);
    strict.feed(bytes)?;
    strict.finish()
}

#[test]
fn the_judge_knows_what_is_ours() {
    let ours: &[&[u8]] = &[
        b"plain text\r\n",
        "grün ● 漢字 e\u{301}".as_bytes(),
        b"\x1b[1;1H\x1b[24;80H\x1b[2J",
        b"\x1b[0m\x1b[1m\x1b[38;5;75;49m\x1b[38;2;1;2;3;48;5;9m\x1b[22m\x1b[m",
        b"\x1b[?1049h\x1b[?25l\x1b[?1004h\x1b[?2004h text \x1b[?2004l\x1b[?1004l\x1b[?1049l\x1b[?25h",
        b"\x1b]52;c;aGk=\x07",
    ];
    for bytes in ours {
        assert_eq!(judged(bytes), Ok(()), "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn the_judge_sees_everything_else() {
    let hostile: &[&[u8]] = &[
        b"\x1bc",
        b"\x1b[H\x1b[6n",
        b"\x1b[3J",
        b"\x1b[25;1H",
        b"\x1b[1;81H",
        b"\x1b[8m",
        b"\x1b[38;5;256m",
        b"\x1b[38;5m",
        b"\x1b[>4;2m",
        b"\x1b[?7l",
        b"\x1b[1A",
        b"\x1b]0;title\x07",
        b"\x1b]52;c;?\x07",
        b"\x1b]52;c;aGk=\x1b\\",
        b"\x1bPq\x1b\\",
        b"\x07",
        b"\x00",
        b"\x7f",
        b"\t",
        b"\x9b2J",
        b"\xc2\x9b2J",
        b"\xff",
        "\u{202e}".as_bytes(),
        b"\x1b[?1049h\r\n",
        b"\x1b[?1049h",
        b"\x1b[?25l",
        b"\x1b[",
        b"\xe2\x97",
        b"\x1b[0000000000000000000000000000000000000000000000000m",
    ];
    for bytes in hostile {
        assert!(judged(bytes).is_err(), "{:?} passed", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_screen_is_read_typed_at_and_resized() {
    let project = Project::empty();
    let mut command = project.command("/bin/sh");
    let script = "stty -echo; printf '\\033[?1049h\\033[?25l\\033[2;3Hready'; read line; \
                  printf '\\033[1;1H\\033[2J%s' \"$(stty size) $line\"; read line; \
                  printf '\\033[?1049l\\033[?25hbye\\n'";
    command.args(["-c", script]);
    let mut screen = Screen::start(command, 10, 40);
    let text = screen.wait("ready");
    assert_eq!(text.lines().nth(1), Some("  ready"));
    assert!(screen.is_on("1049") && !screen.is_on("25"));
    screen.resize(12, 50);
    screen.keys("typed\n");
    screen.wait("12 50 typed");
    screen.keys("\n");
    screen.wait("bye");
    assert!(screen.ended().success());
}

#[test]
#[should_panic(expected = "left behind on the terminal: modes are left on")]
fn a_terminal_that_is_left_in_another_mode_is_seen() {
    let project = Project::empty();
    let mut command = project.command("/bin/sh");
    command.args(["-c", "printf '\\033[?2004h'"]);
    Screen::start(command, 10, 40).ended();
}

#[test]
fn a_screen_becomes_a_picture() {
    let mut screen = parser(3, 20);
    screen.process(
        "a<b>&\x1b[31;1mred\x1b[0m\r\n\x1b[38;5;75;48;5;237mcube\x1b[0m 漢●\x1b[7mturned"
            .as_bytes(),
    );
    let picture = svg(screen.screen());
    for part in ["a&lt;b&gt;&amp;", "#e06c75", "font-weight", "#5fafff", "#3a3a3a", "漢", "turned"]
    {
        assert!(picture.contains(part), "{part} is not in {picture}");
    }
    assert_eq!(picture.matches("<text").count(), picture.matches("</text>").count());
    assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
    assert!(picture.contains("viewBox=\"0 0 184 70\""));
}

/// What a terminal gets when this is drawn.
fn written(size: (u16, u16), draw: impl Fn(Rect, &mut Buffer)) -> (Vec<u8>, Buffer) {
    let area = Rect::new(0, 0, size.0, size.1);
    let viewport = ratatui::TerminalOptions { viewport: ratatui::Viewport::Fixed(area) };
    let mut bytes = Vec::new();
    let mut terminal = Terminal::with_options(CrosstermBackend::new(&mut bytes), viewport).unwrap();
    let buffer = terminal.draw(|frame| draw(area, frame.buffer_mut())).unwrap().buffer.clone();
    // The cursor is shown again when it is dropped.
    drop(terminal);
    (bytes, buffer)
}

/// Rows of the buffer, as far as they have plain characters.
fn rows(buffer: &Buffer) -> Vec<String> {
    let width = usize::from(buffer.area.width).max(1);
    let symbol = |cell: &ratatui::buffer::Cell| cell.symbol().to_owned();
    let row = |row: &[ratatui::buffer::Cell]| row.iter().map(symbol).collect::<String>();
    buffer.content.chunks(width).map(|cells| row(cells).trim_end().to_owned()).collect()
}

fn hostile() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "\x1b[2J",
        "\x1b]0;t\x07",
        "\u{9b}",
        "\r",
        "\n",
        "\t",
        "\u{202e}",
        "a",
        "漢",
        "e\u{301}",
        "\u{200d}",
        "👩",
        "\x1b[31m",
        " ",
        "\u{fe0f}",
        "\0",
    ]);
    prop::collection::vec(parts, 0..20).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn hostile_texts_write_nothing_but_text(
        words in hostile(),
        size in (1_u16..100, 1_u16..40),
        theme in prop::sample::select(ThemeName::ALL),
        keys in prop::collection::vec(prop::sample::select(vec!["down", "tab", "a", "enter"]), 0..4),
    ) {
        let (keymap, facts, names) = (Keymap::default(), ActionFacts::default(), vec![words.clone()]);
        let known = OverlayContext { keymap: &keymap, facts: &facts, names: &names };
        let mut palette = Overlay::Palette(Palette::default());
        palette.paste(&words);
        let mut overlays = [
            palette,
            Overlay::Help(Help::default()),
            Overlay::Menu(signals(&words)),
            Overlay::Menu(themes(theme)),
            Overlay::Menu(Menu::new(words.clone(), Vec::new())),
            Overlay::Dialog(Dialog::notice(words.clone(), vec![words.clone(); 3])),
        ];
        let look = Appearance::new(theme, true);
        let sheet = DetailsSheet {
            name: words.clone(),
            why: words.clone(),
            facts: vec![(words.clone(), words.clone())],
            last_lines: vec![StyledLine::of(words.as_bytes(), true)],
            ..DetailsSheet::default()
        };
        let judge = |draw: &dyn Fn(Rect, &mut Buffer)| {
            let mut strict = Strict::new(size.1, size.0);
            strict.feed(b"\x1b[?1049h").unwrap();
            let (bytes, _) = written(size, draw);
            strict.feed(&bytes)
        };
        for overlay in &mut overlays {
            overlay.paste(&words);
            for key in &keys {
                overlay.key(key.parse().unwrap(), known);
            }
            let judged = judge(&|area, buffer| _ = overlay.draw(area, &look, known, buffer));
            prop_assert_eq!(judged, Ok(()));
        }
        let judged = judge(&|area, buffer| DetailsView::default().draw(&sheet, area, &look, buffer));
        prop_assert_eq!(judged, Ok(()));
    }
}

#[test]
fn a_terminal_shows_what_was_drawn() {
    let (keymap, facts) = (Keymap::default(), ActionFacts::default());
    let known = OverlayContext { keymap: &keymap, facts: &facts, names: &[] };
    for size in [(120, 36), (80, 24), (48, 13), (20, 4)] {
        for overlay in [Overlay::Help(Help::default()), Overlay::Menu(signals("web"))] {
            let look = Appearance::new(ThemeName::Dark, true);
            let (bytes, buffer) =
                written(size, |area, buffer| _ = overlay.draw(area, &look, known, buffer));
            let mut screen = parser(size.1, size.0);
            screen.process(&bytes);
            let shown = screen.screen().rows(0, size.0).map(|row| row.trim_end().to_owned());
            assert_eq!(shown.collect::<Vec<_>>(), rows(&buffer), "{size:?}");
        }
    }
}
