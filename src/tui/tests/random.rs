//! Random names, lines, keys and sizes in any order: nothing panics, and the guarantees hold.

use proptest::prelude::*;

use serde_json::json;

use super::fake::{World, member, with};
use crate::control::wire::TerminalMessage;
use crate::terminal::{Size, TerminalScreen, Version};
use crate::tui::action::TABLE;
use crate::tui::keys::Chord;
use crate::tui::model::layout::areas;
use crate::tui::msg::{Msg, TerminalEvent};
use crate::tui::update::update;

#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Type(String),
    Lines(Vec<Vec<u8>>),
    Size(u16, u16),
    Settle,
    Members(Vec<(String, usize)>),
    Mouse(u8, u16, u16),
    /// What the program in the terminal that is shown draws.
    Draw(Vec<u8>),
}

const STATES: [&str; 12] = [
    "idle",
    "waiting",
    "queued",
    "starting",
    "ready",
    "unhealthy",
    "stopping",
    "backoff",
    "stopped",
    "succeeded",
    "failed",
    "skipped",
];

fn step() -> impl Strategy<Value = Step> {
    let keys: Vec<String> = TABLE
        .iter()
        .flat_map(|entry| entry.keys.iter().map(|(_, key)| (*key).to_owned()))
        .chain(["enter", "esc", "y", "n", "backspace"].map(str::to_owned))
        .collect();
    let name =
        prop_oneof!["[a-z]{1,8}(\\.[1-9])?", "\\PC{1,30}", Just("漢字\u{1b}[31m👩‍👩‍👧.1".to_owned()),];
    let line = prop_oneof![
        "[ -~]{0,200}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..80),
        Just("x".repeat(3000).into_bytes()),
    ];
    prop_oneof![
        6 => proptest::sample::select(keys).prop_map(Step::Key),
        1 => "\\PC{0,6}".prop_map(Step::Type),
        3 => proptest::collection::vec(line, 1..40).prop_map(Step::Lines),
        1 => (0_u16..200, 0_u16..60).prop_map(|(width, height)| Step::Size(width, height)),
        3 => Just(Step::Settle),
        1 => proptest::collection::vec((name, 0..12_usize), 0..8).prop_map(Step::Members),
        2 => proptest::collection::vec(any::<u8>(), 0..60).prop_map(Step::Draw),
        1 => "(\x1b\\[[0-9;?]{0,6}[a-zA-Z]|[ -~]|\\PC){0,40}".prop_map(|text| Step::Draw(text.into_bytes())),
        2 => (0_u8..6, 0_u16..200, 0_u16..60).prop_map(|(what, x, y)| Step::Mouse(what, x, y)),
    ]
}

fn mouse(what: u8, column: u16, row: u16) -> Msg {
    use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    let kind = match what {
        0 => MouseEventKind::Down(MouseButton::Left),
        1 => MouseEventKind::Drag(MouseButton::Left),
        2 => MouseEventKind::Up(MouseButton::Left),
        3 => MouseEventKind::ScrollUp,
        4 => MouseEventKind::ScrollDown,
        _ => MouseEventKind::Moved,
    };
    Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
}

/// A new frame of the terminal that is shown.
fn draw(world: &mut World, screen: &mut TerminalScreen, bytes: &[u8]) {
    screen.advance(bytes);
    if let Some(size) = world.ui.terminal_size().filter(|_| bytes.len().is_multiple_of(3)) {
        screen.resize(size);
    }
    let stream = world.ui.terminal.stream;
    let frame = TerminalMessage::Frame(screen.frame(Version::default()));
    world.tell(Msg::Terminal(stream, TerminalEvent::Opened));
    world.tell(Msg::Terminal(stream, TerminalEvent::Message(frame)));
    world.tell(Msg::Drawn);
}

/// Whoever types sees it, and gets out by one key.
fn check_typing(world: &World) {
    let Some(typing) = &world.ui.terminal.typing else { return };
    let shown = world.ui.shown_terminal().expect("it is shown");
    assert_eq!(shown.name, typing.name);
    assert!(shown.state.is_alive());
    assert!(areas(&world.ui).terminal.is_some());
    let mut ui = world.ui.clone();
    _ = update(&mut ui, world.ui.now, Msg::Key(Chord::ctrl(']')));
    assert!(!ui.is_typing());
}

fn check(world: &World) {
    check_typing(world);
    let size = (world.ui.size.width, world.ui.size.height);
    let buffer = world.buffer(size);
    // The helper fails where a control character would reach the terminal.
    _ = crate::tui::test_render::text(&buffer);
    let rows = &world.ui.list.rows;
    assert_eq!(rows[world.ui.list.cursor_index].id, world.ui.list.cursor);
    let shown = world.ui.logs.shown(world.ui.logs_area());
    assert!(shown.len() <= world.ui.logs_area().rows);
    let keys: Vec<_> = world.ui.logs.items().iter().map(|(key, _)| *key).collect();
    assert!(keys.is_sorted(), "lines in the order of their numbers");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn anything_goes(steps in proptest::collection::vec(step(), 1..60)) {
        let (mut world, mut screen) = (World::shop((100, 30)), TerminalScreen::new(Size::default()));
        for step in steps {
            match step {
                Step::Draw(bytes) => draw(&mut world, &mut screen, &bytes),
                Step::Key(key) => world.tell(Msg::Key(key.parse().unwrap())),
                Step::Type(text) => for char in text.chars() {
                    world.tell(Msg::Key(Chord::char(char)));
                },
                Step::Lines(lines) => {
                    let name = world.ui.overview.processes.first().map_or("db".to_owned(), |one| one.name.to_string());
                    world.lines.extend(lines.into_iter().map(|line| (name.clone(), line)));
                    world.grow();
                }
                Step::Size(width, height) => world.tell(Msg::Resize((width, height).into())),
                Step::Settle => world.settle(),
                Step::Members(names) => {
                    let members = names.iter().enumerate().map(|(id, (name, state))| {
                        let process = member(id as u64, name, STATES[*state]);
                        with(process, &json!({"tty": name.len() % 3 > 0}))
                    });
                    world.push(members.collect(), Vec::new());
                }
                Step::Mouse(what, x, y) => world.tell(mouse(what, x, y)),
            }
            check(&world);
        }
        world.settle();
        check(&world);
    }

    #[test]
    fn what_is_read_does_not_move(up in 1_usize..150, more in proptest::collection::vec(1_usize..400, 1..5)) {
        let mut world = World::shop((100, 30));
        for _ in 0..up {
            world.keys("K");
        }
        let before = world.visible();
        for lines in more {
            for at in 0..lines {
                world.lines.push(("api".to_owned(), format!("more {at}").into_bytes()));
            }
            world.grow();
            world.settle();
            prop_assert_eq!(&world.visible(), &before);
        }
    }
}
