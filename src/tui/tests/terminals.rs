//! Tests of terminals: what is shown, where keys go, and that nobody is trapped.
#![expect(clippy::wildcard_enum_match_arm, reason = "tests")]

use std::fmt::Write as _;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind};
use serde_json::json;

use super::fake::{World, member, with};
use crate::control::wire::{ProcessState, TerminalMessage, ViewerMessage};
use crate::terminal::key::{self, Modifiers};
use crate::terminal::{Rgb, Size, TerminalScreen, Version};
use crate::tui::model::Pane;
use crate::tui::msg::{Cmd, Msg, TerminalEvent};
use crate::tui::terminal::ColorKind;

mod typing;

const SIZES: &[(u16, u16)] = &[(220, 50), (120, 36), (80, 24), (48, 13)];

fn processes() -> Vec<ProcessState> {
    let tty = |id, name, state| with(member(id, name, state), &json!({"tty": true}));
    vec![
        member(1, "db", "ready"),
        tty(2, "vim", "ready"),
        tty(3, "ask", "ready"),
        tty(4, "off", "stopped"),
    ]
}

/// The interface with its cursor on a process with a terminal, and that terminal.
struct Attached {
    world: World,
    screen: TerminalScreen,
}

impl Attached {
    fn new(size: (u16, u16)) -> Self {
        let mut world = World::new(processes(), size);
        for at in 0..100 {
            world.lines.push(("vim".to_owned(), format!("line {at}").into_bytes()));
        }
        world.grow();
        world.settle();
        world.keys("down down");
        if crate::tui::model::layout::areas(&world.ui).terminal.is_none() {
            world.keys("tab");
        }
        let mut attached = Self { world, screen: TerminalScreen::new(Size::default()) };
        attached.serve();
        attached
    }

    /// Draws, answers what the interface asks of the terminal, and returns what it has sent beside that.
    fn serve(&mut self) -> Vec<ViewerMessage> {
        let mut sent = Vec::new();
        loop {
            self.world.tell(Msg::Drawn);
            self.world.settle();
            let orders = std::mem::take(&mut self.world.orders);
            let mut is_answered = false;
            for order in orders {
                let stream = self.world.ui.terminal.stream;
                match order {
                    Cmd::OpenTerminal(number, _) => {
                        is_answered = true;
                        self.world.tell(Msg::Terminal(number, TerminalEvent::Opened));
                    }
                    Cmd::Viewer(ViewerMessage::Take(since)) => {
                        let frame = self.screen.frame(since);
                        if frame.version != since {
                            is_answered = true;
                            let frame = TerminalMessage::Frame(frame);
                            let event = TerminalEvent::Message(frame);
                            self.world.tell(Msg::Terminal(stream, event));
                        }
                    }
                    Cmd::Viewer(ViewerMessage::Size { size, interactive, .. }) => {
                        assert!(interactive);
                        self.screen.resize(size);
                    }
                    Cmd::Viewer(message) => sent.push(message),
                    other => self.world.orders.push(other),
                }
            }
            self.world.settle();
            let is_quiet = !self.world.orders.iter().any(is_of_terminal);
            if !is_answered && is_quiet {
                return sent;
            }
        }
    }

    /// The program draws.
    fn draws(&mut self, bytes: &str) {
        self.screen.advance(bytes.as_bytes());
        let since = self.world.ui.terminal.open.as_ref().unwrap().view.version();
        let frame = TerminalMessage::Frame(self.screen.frame(since));
        self.note(frame);
        self.serve();
    }

    fn note(&mut self, message: TerminalMessage) {
        let stream = self.world.ui.terminal.stream;
        self.world.tell(Msg::Terminal(stream, TerminalEvent::Message(message)));
        self.world.settle();
    }

    fn keys(&mut self, keys: &str) -> Vec<ViewerMessage> {
        self.world.keys(keys);
        self.serve()
    }

    fn shows(&self) -> String {
        self.world.screen()
    }

    fn is_typing(&self) -> bool {
        self.world.ui.is_typing()
    }

    /// What the status line says.
    fn notice(&self) -> String {
        self.world.ui.current_notice().map(|notice| notice.text.clone()).unwrap_or_default()
    }

    fn mouse(
        &mut self,
        kind: MouseEventKind,
        column: u16,
        row: u16,
        shift: bool,
    ) -> Vec<ViewerMessage> {
        let modifiers = if shift { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
        self.world.tell(Msg::Mouse(MouseEvent { kind, column, row, modifiers }));
        self.world.settle();
        self.serve()
    }

    /// The place of the first cell of the screen.
    fn origin(&self) -> (u16, u16) {
        let inside = crate::tui::model::layout::areas(&self.world.ui).terminal.unwrap().inside;
        (inside.x, inside.y)
    }

    fn state(&mut self, change: impl Fn(&mut ProcessState)) {
        let mut processes = processes();
        processes.iter_mut().filter(|process| process.name == "vim").for_each(change);
        self.world.push(processes, Vec::new());
        self.world.settle();
    }
}

fn is_of_terminal(order: &Cmd) -> bool {
    matches!(order, Cmd::OpenTerminal(..) | Cmd::Viewer(_))
}

fn press(code: key::KeyCode, modifiers: Modifiers) -> ViewerMessage {
    ViewerMessage::Key(key::KeyEvent::new(code, modifiers))
}

/// What is sent when this character is typed.
fn typed(character: char) -> ViewerMessage {
    let event = KeyEvent::new(KeyCode::Char(character), KeyModifiers::NONE);
    ViewerMessage::Key(crate::tui::terminal::child_input::key_event(&event).unwrap())
}

fn leave_key() -> ViewerMessage {
    let event = KeyEvent::new(KeyCode::Char(']'), KeyModifiers::CONTROL);
    ViewerMessage::Key(crate::tui::terminal::child_input::key_event(&event).unwrap())
}

const PICTURE: &str = "\x1b]0;vim notes.txt\x07\x1b[?1049h\x1b[1mNotes\x1b[0m\r\n\
    \x1b[31mred\x1b[0m \x1b[4munder\x1b[0m 日本 e\u{301} \x1b[7mbar\x1b[0m\r\n~\r\n~";

fn everywhere(prepare: impl Fn(&mut Attached)) -> String {
    let mut all = String::new();
    for size in SIZES {
        let mut attached = Attached::new(*size);
        prepare(&mut attached);
        _ = write!(all, "== {}x{}\n{}", size.0, size.1, attached.shows());
    }
    all
}

#[test]
fn a_terminal_takes_the_place_of_the_logs() {
    insta::assert_snapshot!(everywhere(|attached| attached.draws(PICTURE)));
}

#[test]
fn typing_says_where_the_keys_go() {
    insta::assert_snapshot!(everywhere(|attached| {
        attached.draws(PICTURE);
        attached.keys("a");
    }));
}

#[test]
fn one_terminal_alone_has_no_border() {
    insta::assert_snapshot!(everywhere(|attached| {
        attached.world.ui.pane = Pane::Logs;
        attached.keys("z");
        attached.draws(PICTURE);
        attached.keys("a");
    }));
}

#[test]
fn what_waits_for_input_is_marked_and_counted() {
    let mut world = World::new(processes(), (100, 24));
    let mut processes = processes();
    for process in &mut processes {
        process.record.waiting_for_input = process.name == "ask";
        if process.name == "ask" {
            process.why = "waits for input: “Port 3000 is taken, use another? (Y/n)”".to_owned();
        }
    }
    world.push(processes, Vec::new());
    world.settle();
    let screen = world.screen();
    assert!(screen.contains("? 1 waiting for input"), "{screen}");
    assert!(
        screen.lines().any(|line| line.contains("?◆ ask") || line.contains("?● ask")),
        "{screen}"
    );
    world.keys("I");
    assert_eq!(world.ui.list.cursor.name(), "ask");
    let screen = world.screen();
    assert!(screen.contains("ask waits for input; a types into it"), "{screen}");
    world.pass(Duration::from_secs(5));
    assert!(world.screen().contains("use another? (Y/n)"), "{}", world.screen());
}

#[test]
fn the_view_stays_open_over_a_restart() {
    let mut attached = Attached::new((120, 36));
    attached.draws("before");
    attached.state(|vim| vim.record.run = 2);
    let orders = std::mem::take(&mut attached.world.orders);
    assert!(
        !orders.iter().any(|order| matches!(order, Cmd::OpenTerminal(..) | Cmd::CloseTerminal))
    );
    attached.draws("\x1b[2J\x1b[Hafter");
    assert!(attached.shows().contains("after"));
}

#[test]
fn nothing_is_taken_when_nobody_looks_and_one_frame_at_a_time() {
    let mut attached = Attached::new((120, 36));
    attached.draws("one");
    // A frame is under way; the program draws on and nothing more is asked for.
    attached.world.tell(Msg::Drawn);
    attached.world.tell(Msg::Drawn);
    attached.world.settle();
    assert_eq!(attached.world.orders, []);
    attached.keys("2");
    assert_eq!(std::mem::take(&mut attached.world.orders), [Cmd::CloseTerminal]);
    let late = TerminalMessage::Frame(attached.screen.frame(Version::default()));
    let stream = attached.world.ui.terminal.stream;
    attached.world.tell(Msg::Terminal(stream - 1, TerminalEvent::Message(late)));
    assert!(attached.world.ui.terminal.open.is_none());
    attached.keys("1");
    assert!(attached.shows().contains("one"), "{}", attached.shows());
    // Another process, and one without a terminal.
    attached.world.keys("down");
    let opened = |order: &Cmd| matches!(order, Cmd::OpenTerminal(_, name) if name == "ask");
    assert!(attached.world.orders.iter().any(opened), "{:?}", attached.world.orders);
    attached.world.keys("up up");
    assert!(attached.world.orders.contains(&Cmd::CloseTerminal));
}

#[test]
fn a_lost_connection_gets_the_whole_screen_and_the_size_again() {
    let mut attached = Attached::new((120, 36));
    attached.draws("one");
    let stream = attached.world.ui.terminal.stream;
    let lost = TerminalEvent::Lost("gone".to_owned());
    attached.world.tell(Msg::Terminal(stream, lost));
    attached.world.settle();
    assert!(attached.shows().contains("NOT CONNECTED"), "{}", attached.shows());
    assert!(attached.shows().contains("one"), "the last screen stays");
    attached.screen = TerminalScreen::new(Size::default());
    attached.screen.advance(b"two");
    attached.world.tell(Msg::Terminal(stream, TerminalEvent::Opened));
    attached.serve();
    assert!(attached.shows().contains("two") && !attached.shows().contains("one"));
    assert_eq!(attached.screen.size(), attached.world.ui.terminal_size().unwrap());
}

#[test]
fn without_output_there_is_nothing_to_scroll_back_to() {
    let mut attached = Attached::new((120, 36));
    attached.world.keys("down");
    attached.serve();
    attached.keys("tab pageup");
    assert!(attached.shows().contains("LIVE · "), "{}", attached.shows());
    assert_eq!(attached.notice(), "there is no output to scroll back to");
}

#[test]
fn the_log_of_a_terminal_is_one_key_away() {
    let mut attached = Attached::new((120, 36));
    attached.draws("picture");
    attached.keys("V");
    let screen = attached.shows();
    assert!(screen.contains("line 99") && !screen.contains("picture"), "{screen}");
    attached.keys("V");
    assert!(attached.shows().contains("picture"));
    // What needs lines shows them.
    attached.keys("tab /");
    attached.world.typed("line 5");
    attached.keys("enter");
    assert!(attached.shows().contains("line 5"));
    attached.keys("esc esc");
    assert!(attached.shows().contains("picture"), "{}", attached.shows());
}

#[test]
fn a_selection_by_keyboard_holds_the_screen_still() {
    let mut attached = Attached::new((120, 36));
    attached.draws("one\r\ntwo\r\nthree");
    attached.keys("tab v up");
    assert!(attached.shows().contains("SELECT"));
    attached.world.orders.clear();
    attached.world.tell(Msg::Drawn);
    assert!(attached.world.orders.is_empty());
    attached.keys("y");
    assert!(attached.world.orders.contains(&Cmd::Copy("two\nthree\n".to_owned())));
    attached.keys("v");
    attached.keys("esc");
    assert!(attached.world.ui.terminal.selection.is_none());
    attached.world.orders.clear();
    attached.keys("c");
    assert!(attached.world.orders.contains(&Cmd::Copy("one\ntwo\nthree\n".to_owned())));
}

#[test]
fn a_bell_is_a_mark_until_it_is_looked_at_and_rings_once_a_second() {
    let mut world = World::new(processes(), (120, 36));
    let rings = |world: &mut World| {
        let orders = std::mem::take(&mut world.orders);
        orders.iter().filter(|order| **order == Cmd::Bell).count()
    };
    let bells = |count: u64| {
        let mut processes = processes();
        processes[1].record.bells = count;
        processes
    };
    world.push(bells(1), Vec::new());
    world.settle();
    assert_eq!(rings(&mut world), 1);
    assert!(world.screen().contains("♪"), "{}", world.screen());
    world.push(bells(3), Vec::new());
    world.settle();
    assert_eq!(rings(&mut world), 0, "within a second");
    world.pass(Duration::from_secs(2));
    world.push(bells(4), Vec::new());
    world.settle();
    assert_eq!(rings(&mut world), 1);
    world.keys("down down");
    assert!(!world.screen().contains("♪"), "{}", world.screen());
}

#[test]
fn each_run_learns_the_colours_of_the_outer_terminal_once() {
    let mut attached = Attached::new((120, 36));
    attached.draws("$ ");
    let colors = [ColorKind::Text, ColorKind::Background];
    for (kind, color) in colors.into_iter().zip([Rgb::new(0, 0, 0), Rgb::new(255, 250, 240)]) {
        attached.world.tell(Msg::Color(kind, color));
    }
    let sent = attached.serve();
    let [ViewerMessage::Palette(palette)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(
        (palette.foreground, palette.background),
        (Rgb::new(0, 0, 0), Rgb::new(255, 250, 240))
    );
    assert_eq!(attached.serve(), []);
    attached.state(|vim| vim.record.run = 2);
    assert!(matches!(attached.serve().as_slice(), [ViewerMessage::Palette(_)]));
}
