//! Tests of typing into a terminal.
#![expect(clippy::wildcard_enum_match_arm, reason = "tests")]

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEventKind};
use serde_json::json;

use super::{Attached, leave_key, press, processes, typed};
use crate::control::wire::{TerminalMessage, TerminalNote, ViewerMessage};
use crate::terminal::key::{self, Modifiers};
use crate::tui::msg::{Cmd, Msg, TerminalEvent};
use crate::tui::tests::fake::{World, member, with};

#[test]
fn keys_go_to_the_process_until_the_key_that_leaves() {
    let mut attached = Attached::new((120, 36));
    attached.draws("$ ");
    // The key that starts it is not sent.
    assert_eq!(attached.keys("a"), [ViewerMessage::Focus(true)]);
    assert!(attached.is_typing());
    assert_eq!(attached.keys("q"), [typed('q')]);
    let ctrl_c = press(key::KeyCode::Char('c'), Modifiers::CTRL);
    let event = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    attached.world.tell(Msg::Press(event));
    let sent = attached.serve();
    let encode = |message: &ViewerMessage| match message {
        ViewerMessage::Key(event) => key::encode_key(event, &key::InputModes::default()),
        _ => Vec::new(),
    };
    assert_eq!(sent.iter().map(encode).collect::<Vec<_>>(), [encode(&ctrl_c)]);
    // What crossterm makes of the byte 0x1d.
    attached.world.tell(Msg::Press(KeyEvent::new(KeyCode::Char('5'), KeyModifiers::CONTROL)));
    assert_eq!(attached.serve(), [ViewerMessage::Focus(false)]);
    assert!(!attached.is_typing());
    assert!(attached.notice().contains("keys go to pitcrew"), "{}", attached.notice());
    // And what a terminal with the protocol of kitty reports.
    attached.keys("i");
    attached.world.tell(Msg::Press(KeyEvent::new(KeyCode::Char(']'), KeyModifiers::CONTROL)));
    attached.serve();
    assert!(!attached.is_typing());
    attached.keys("enter");
    assert!(attached.world.ui.list.cursor.name() == "vim");
}

#[test]
fn the_key_that_leaves_is_sent_by_typing_it_twice() {
    let mut attached = Attached::new((120, 36));
    attached.draws("$ ");
    attached.keys("a ctrl-]");
    assert_eq!(attached.keys("ctrl-]"), [ViewerMessage::Focus(true), leave_key()]);
    assert!(attached.is_typing());
    attached.keys("ctrl-]");
    assert_eq!(attached.keys("down up ctrl-]"), [], "only as the next key");
    assert!(!attached.is_typing());
    attached.keys("a ctrl-]");
    attached.world.pass(Duration::from_secs(1));
    assert_eq!(attached.keys("ctrl-]"), [], "only soon after it");
    assert!(!attached.is_typing());
}

#[test]
fn the_key_that_leaves_can_be_set_and_one_always_remains() {
    use crate::tui::config::Config;
    let mut attached = Attached::new((120, 36));
    attached.world.ui.config = Config::parse("", "[keys]\nf12 = 'leave-terminal'").0;
    attached.draws("$ ");
    attached.keys("a");
    assert!(attached.shows().contains("TYPING · F12 leaves"), "{}", attached.shows());
    assert_eq!(attached.keys("ctrl-]"), [leave_key()]);
    attached.keys("f12");
    assert!(!attached.is_typing());
    for text in ["'ctrl-]' = false", "'ctrl-]' = 'reload'"] {
        let (config, warnings) = Config::parse("c", &format!("[keys]\n{text}\n"));
        let warning = "`ctrl-]` is the only key that leaves a terminal, and still does there";
        assert!(warnings.iter().any(|one| one.message == warning), "{warnings:?}");
        attached.world.ui.config = config;
        attached.keys("a ctrl-]");
        assert!(!attached.is_typing(), "{text}");
    }
}

/// What ends the typing.
type End = fn(&mut Attached);

#[test]
fn typing_ends_with_a_sentence_when_nobody_is_there_to_read_it() {
    let cases: [(&str, End); 6] = [
        ("vim has ended", |attached| {
            attached.state(|vim| {
                *vim = with(member(2, "vim", "stopped"), &json!({"tty": true}));
            });
        }),
        ("vim was restarted", |attached| attached.state(|vim| vim.record.run = 2)),
        ("vim is no longer part of the project", |attached| {
            attached.world.push(vec![member(1, "db", "ready")], Vec::new());
        }),
        ("the connection to the terminal has ended", |attached| {
            let stream = attached.world.ui.terminal.stream;
            let lost = "the connection to the terminal has ended".to_owned();
            attached.world.tell(Msg::Terminal(stream, TerminalEvent::Lost(lost)));
        }),
        ("vim is not shown", |attached| attached.world.tell(Msg::Resize((10, 2).into()))),
        ("the project is stopping", |attached| attached.world.tell(Msg::QuitSignal)),
    ];
    for (reason, end) in cases {
        let mut attached = Attached::new((120, 36));
        attached.draws("$ ");
        attached.keys("a");
        attached.world.orders.clear();
        end(&mut attached);
        attached.world.settle();
        assert!(!attached.is_typing(), "{reason}");
        assert!(attached.world.orders.contains(&Cmd::SetTyping(false)), "{reason}");
        if reason != "the project is stopping" {
            assert_eq!(attached.notice(), format!("{reason}: keys go to pitcrew again"));
        }
        // What the user goes on typing is no command.
        attached.world.orders.clear();
        attached.world.keys("x s X");
        assert!(attached.world.ui.overlay.is_none(), "{reason}");
        assert_eq!(
            attached.world.orders.iter().filter(|one| matches!(one, Cmd::Execute(..))).count(),
            0
        );
        attached.world.pass(Duration::from_secs(1));
        attached.world.keys("?");
        assert!(attached.world.ui.overlay.is_some(), "{reason}");
    }
}

#[test]
fn the_mouse_goes_to_a_process_that_wants_it_unless_shift_is_held() {
    let mut attached = Attached::new((120, 36));
    attached.draws("one two three\x1b[?1000h\x1b[?1006h");
    let (x, y) = attached.origin();
    let left = MouseButton::Left;
    let down = MouseEventKind::Down(left);
    assert_eq!(attached.mouse(down, x + 2, y, false), [], "not before the user types into it");
    attached.mouse(MouseEventKind::Up(left), x + 2, y, false);
    attached.keys("a");
    let sent = attached.mouse(down, x + 2, y, false);
    let press = key::MouseEvent {
        action: key::MouseAction::Press(key::MouseButton::Left),
        column: 2,
        row: 0,
        modifiers: Modifiers::NONE,
    };
    assert_eq!(sent, [ViewerMessage::Mouse(press)]);
    // A button that is held stays the process's, also outside of the pane.
    let sent = attached.mouse(MouseEventKind::Up(left), 0, 0, false);
    let release = key::MouseAction::Release(key::MouseButton::Left);
    let release = key::MouseEvent { action: release, column: 0, ..press };
    assert_eq!(sent, [ViewerMessage::Mouse(release)]);
    attached.world.orders.clear();
    for (kind, at) in [(down, 4), (MouseEventKind::Drag(left), 6), (MouseEventKind::Up(left), 6)] {
        assert_eq!(attached.mouse(kind, x + at, y, true), []);
    }
    assert!(attached.world.orders.contains(&Cmd::Copy("two".to_owned())));
    assert!(attached.is_typing());
    // A click somewhere else leaves.
    attached.mouse(down, 2, y + 1, false);
    assert!(!attached.is_typing());
}

#[test]
fn pasted_text_and_the_focus_are_events_too() {
    let mut attached = Attached::new((120, 36));
    attached.draws("$ ");
    attached.world.tell(Msg::Focus(false));
    assert_eq!(attached.serve(), [], "nobody types into it");
    attached.keys("a");
    attached.world.tell(Msg::Paste("rm\n".to_owned()));
    attached.world.tell(Msg::Focus(false));
    let sent = attached.serve();
    assert_eq!(sent, [ViewerMessage::Paste("rm\n".to_owned()), ViewerMessage::Focus(false)]);
    attached.world.tell(Msg::Paste("x".repeat(2 << 20)));
    assert_eq!(attached.serve(), []);
    assert!(attached.notice().starts_with("too long to paste"), "{}", attached.notice());
}

#[test]
fn only_a_process_that_is_typed_into_writes_to_the_clipboard() {
    let mut attached = Attached::new((120, 36));
    attached.draws("$ ");
    let note =
        |primary| TerminalMessage::Note(TerminalNote::Clipboard { primary, text: "x".into() });
    attached.note(note(false));
    assert!(!attached.world.orders.iter().any(|order| matches!(order, Cmd::Copy(_))));
    attached.keys("a");
    attached.note(note(false));
    assert!(attached.world.orders.contains(&Cmd::Copy("x".to_owned())));
    attached.note(note(true));
    assert!(attached.world.orders.contains(&Cmd::SelectPrimary("x".to_owned())));
    attached.world.orders.clear();
    attached.world.ui.config.clipboard = false;
    attached.note(note(false));
    assert_eq!(attached.world.orders, []);
}

#[test]
fn a_name_opens_its_terminal_alone_and_types_into_it() {
    for (name, expected) in [("vim", true), ("off", false), ("nobody", false)] {
        let mut world = World::new(Vec::new(), (120, 36));
        world.ui.overview = crate::control::wire::ProjectState::default();
        world.ui.terminal.attach_to = Some(name.to_owned());
        world.push(processes(), Vec::new());
        world.settle();
        assert_eq!(world.ui.is_typing(), expected, "{name}");
        if name != "nobody" {
            assert!(world.ui.zoom, "{name}");
            assert_eq!(world.ui.list.cursor.name(), name);
        }
    }
}

#[test]
fn the_palette_types_into_a_process_by_its_name() {
    let mut attached = Attached::new((120, 36));
    attached.keys("home :");
    attached.world.typed("attach ask");
    attached.keys("enter");
    assert!(attached.is_typing());
    assert_eq!(attached.world.ui.list.cursor.name(), "ask");
    attached.keys("ctrl-] up up :");
    attached.world.typed("attach db");
    attached.keys("enter");
    assert!(!attached.is_typing());
    assert_eq!(attached.notice(), "type: db has no terminal (tty = false)");
}
#[test]
fn scrolling_back_shows_the_log_and_types_to_nobody() {
    let mut attached = Attached::new((120, 36));
    attached.draws("$ ");
    attached.keys("a");
    let event = KeyEvent::new(KeyCode::PageUp, KeyModifiers::SHIFT);
    attached.world.tell(Msg::Press(event));
    assert_eq!(attached.serve(), [ViewerMessage::Focus(false)]);
    assert!(!attached.is_typing());
    let screen = attached.shows();
    assert!(screen.contains("SCROLLED BACK · G types again"), "{screen}");
    assert!(!attached.world.visible().iter().any(|line| line == "line 99"));
    assert_eq!(attached.keys("w"), [], "that wraps lines");
    assert_eq!(attached.keys("G"), [ViewerMessage::Focus(true)]);
    assert!(attached.is_typing());
    // By the wheel, and back by Escape or by the wheel.
    for keys in ["esc", "G"] {
        let (x, y) = attached.origin();
        attached.mouse(MouseEventKind::ScrollUp, x + 3, y + 3, false);
        assert!(!attached.is_typing());
        attached.keys(keys);
        assert!(attached.is_typing(), "{keys}");
    }
    let (x, y) = attached.origin();
    attached.mouse(MouseEventKind::ScrollUp, x + 3, y + 3, false);
    attached.mouse(MouseEventKind::ScrollDown, x + 3, y + 3, false);
    assert!(attached.is_typing());
    // Without typing it returns to the screen alone.
    attached.keys("ctrl-] down up pageup");
    assert!(attached.shows().contains("SCROLLED BACK · G returns"), "{}", attached.shows());
    attached.keys("G");
    assert!(!attached.is_typing());
    assert!(attached.shows().contains("LIVE · "), "{}", attached.shows());
}
