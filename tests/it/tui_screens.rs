//! Tests of the test tools for terminals: the validator of written bytes (`common/strict.rs`) and the screen that
//! tests read. Also renders every overlay and view with hostile texts.

use crate::common::Project;
use crate::common::screen::{Screen, parser};
use crate::common::strict::Strict;
use crate::common::svg::svg;
use pitcrew::control::wire::{ProjectState, SliceResponse};
use pitcrew::tui::action::ActionFacts;
use pitcrew::tui::appearance::Appearance;
use pitcrew::tui::config::Config;
use pitcrew::tui::keymap::Keymap;
use pitcrew::tui::model::details::DetailsData;
use pitcrew::tui::model::{ClientRole, Model, Screen as View};
use pitcrew::tui::overlay::{
    CommandPalette, Dialog, Help, Overlay, OverlayContext, signals, themes,
};
use pitcrew::tui::render::view as view_model;
use pitcrew::tui::theme::ThemeName;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::json;

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
        b"\x07",
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
fn written(size: (u16, u16), draw: impl Fn(&mut ratatui::Frame<'_>)) -> (Vec<u8>, Buffer) {
    let area = Rect::new(0, 0, size.0, size.1);
    let viewport = ratatui::TerminalOptions { viewport: ratatui::Viewport::Fixed(area) };
    let mut bytes = Vec::new();
    let mut terminal = Terminal::with_options(CrosstermBackend::new(&mut bytes), viewport).unwrap();
    let buffer = terminal.draw(|frame| draw(frame)).unwrap().buffer.clone();
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

/// A model that shows the details of a process, with this text wherever there can be one.
fn shown_process(text: &str, look: &Appearance, size: (u16, u16)) -> Model {
    let process = json!({
        "id": 1, "name": text, "process": text, "replica": null, "pool": text, "state": "backoff",
        "ready": false, "pid": 4711, "run": 1, "attempt": 1, "restarts": 0,
        "since": "2026-01-02T03:04:05.000Z", "uptime_ms": 1, "exit_code": null, "signal": null,
        "why": text, "port": null, "cpu_percent": 1.0, "memory_bytes": 1, "kind": "process",
        "since_ms": 1, "until": null, "until_ms": 1000, "started": true, "checked": true,
        "killed": false, "cause": null, "error": null, "retry": 0, "retries": 5, "watch": null,
        "suspended_by": null, "autostart": true, "log_file": text, "stdin": false,
        "stop_signal": "TERM", "grace_ms": 10_000, "description": text,
    });
    let details = json!({
        "member": process, "command": [text], "script": text, "cwd": text, "env_inherited": true,
        "env": [{"name": text, "value": text}], "restart": "always",
        "retry": {"attempts": 5, "initial_ms": 1, "max_ms": 1, "factor": 1.0, "jitter": 0.0,
            "reset_after_ms": 1},
        "timeout_ms": null, "idle_timeout_ms": null, "success_exit_codes": [0],
        "shutdown_on": "never", "checks": [], "watch": null, "needed_by": [], "runs": [],
        "stop": {"signal": "TERM", "grace_ms": 1, "command": [text], "strays": "kill"},
        "defined": {"file": text, "line": 1},
    });
    let why = json!({"name": text, "state": "backoff", "why": text, "checked": true,
        "cause": null, "suspended_by": null, "chain": []});
    let line = json!({"seq": 1, "time": "2026-01-02T03:04:05.000Z", "name": text, "run": 1,
        "stream": "out", "text": text, "base64": null, "partial": false});
    let size = ratatui::layout::Size::new(size.0, size.1);
    let mut ui = Model::new(Config::default(), *look, ClientRole::Owner, size);
    ui.await_start(ProjectState {
        project: text.to_owned(),
        processes: vec![serde_json::from_value(process).unwrap()],
        ..ProjectState::default()
    });
    ui.list.go_to(text, &ui.overview);
    ui.screen = View::Details;
    if let Some((name, reveal)) = ui.details_to_fetch() {
        let known = DetailsData {
            name: name.clone(),
            reveal,
            details: serde_json::from_value(details).unwrap(),
            why: serde_json::from_value(why).unwrap(),
            last_lines: SliceResponse {
                partials: vec![serde_json::from_value(line).unwrap()],
                ..SliceResponse::default()
            },
        };
        ui.details_fetch.take(&name, reveal, Some(known));
        assert!(ui.details_data().is_some());
    }
    ui
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
        let mut palette = Overlay::Palette(CommandPalette::default());
        palette.paste(&words);
        let mut overlays = [
            palette,
            Overlay::Help(Help::default()),
            Overlay::Dialog(signals(&words)),
            Overlay::Dialog(themes(theme)),
            Overlay::Dialog(Dialog::new(words.clone(), Vec::new(), Vec::new())),
            Overlay::Dialog(Dialog::notice(words.clone(), vec![words.clone(); 3])),
        ];
        let look = Appearance::new(theme, true);
        let judge = |draw: &dyn Fn(&mut ratatui::Frame<'_>)| {
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
            let judged = judge(&|frame| {
                _ = overlay.draw(frame.area(), &look, known, frame.buffer_mut());
            });
            prop_assert_eq!(judged, Ok(()));
        }
        let mut ui = shown_process(&words, &look, size);
        for view in [View::Details, View::Dashboard, View::Graph, View::Stats] {
            ui.screen = view;
            let judged = judge(&|frame| view_model(&ui, frame));
            prop_assert_eq!(judged, Ok(()));
        }
    }
}

#[test]
fn a_terminal_shows_what_was_drawn() {
    let (keymap, facts) = (Keymap::default(), ActionFacts::default());
    let known = OverlayContext { keymap: &keymap, facts: &facts, names: &[] };
    for size in [(120, 36), (80, 24), (48, 13), (20, 4)] {
        for overlay in [Overlay::Help(Help::default()), Overlay::Dialog(signals("web"))] {
            let look = Appearance::new(ThemeName::Dark, true);
            let (bytes, buffer) = written(size, |frame| {
                _ = overlay.draw(frame.area(), &look, known, frame.buffer_mut());
            });
            let mut screen = parser(size.1, size.0);
            screen.process(&bytes);
            let shown = screen.screen().rows(0, size.0).map(|row| row.trim_end().to_owned());
            assert_eq!(shown.collect::<Vec<_>>(), rows(&buffer), "{size:?}");
        }
    }
}
