//! Input while keys go to a process: what is sent to it, and what stays here.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "most keys and mouse events have no meaning here"
)]

use std::time::Duration;

use crossterm::event::{
    KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::layout::Position;

use super::super::Cmds;
use super::{end_typing, leave, screen, start_typing};
use crate::control::wire::ViewerMessage;
use crate::terminal::Modes;
use crate::tui::action::{Action, Focus};
use crate::tui::keys::Chord;
use crate::tui::model::terminal::ScreenSelection;
use crate::tui::model::{Model, Pane};
use crate::tui::msg::Cmd;
use crate::tui::terminal::child_input::{key_event, mouse_event};
use crate::tui::theme::Role;

/// The key that leaves is sent if it is typed again within this time.
const TWICE: Duration = Duration::from_secs(1);
/// The longest paste in bytes, as it is sent. The project closes the connection after a longer message.
const MAX_PASTE: usize = 1_000_000;

/// Handles a key while keys go to a process.
pub(in crate::tui::update) fn press(ui: &mut Model, event: KeyEvent, cmds: &mut Cmds) {
    if event.kind != KeyEventKind::Release {
        let action = Chord::from_event(event)
            .and_then(|chord| ui.config.keymap.action(Focus::Typing, chord));
        if action == Some(Action::Leave) {
            return leave(ui, cmds);
        }
        if event.code == KeyCode::PageUp && event.modifiers == KeyModifiers::SHIFT {
            return screen::scroll_back(ui, screen::page(ui), cmds);
        }
    }
    (ui.terminal.selection, ui.terminal.drag_from) = (None, None);
    cmds.extend(key_event(&event).map(|key| Cmd::Viewer(ViewerMessage::Key(key))));
}

/// Handles a key that has another meaning because the user typed into a process just before; returns
/// whether it has.
pub(in crate::tui::update) fn takes_key(ui: &mut Model, chord: Chord, cmds: &mut Cmds) -> bool {
    let now = ui.now.since_start;
    let left = ui.terminal.left.take().filter(|(_, at)| now.saturating_sub(*at) < TWICE);
    let is_interrupt = chord == Chord::ctrl('c');
    if !is_interrupt && ui.terminal.is_stray_key(now) {
        return true;
    }
    let shown = ui.shown_terminal().filter(|process| process.state.is_alive());
    let is_same = shown.is_some_and(|process| left.is_some_and(|(name, _)| process.name == name));
    let is_twice = ui.config.keymap.action(Focus::Typing, chord) == Some(Action::Leave);
    if !is_same || !is_twice || ui.overlay.is_some() || ui.prompt.is_some() {
        return false;
    }
    start_typing(ui, ui.pane, cmds);
    cmds.extend(key_event(&chord.to_event()).map(|key| Cmd::Viewer(ViewerMessage::Key(key))));
    true
}

/// Sends pasted text to the process; the project makes it safe.
pub(in crate::tui::update) fn paste(ui: &mut Model, text: &str, cmds: &mut Cmds) {
    ui.terminal.selection = None;
    let message = ViewerMessage::Paste(text.to_owned());
    let length = serde_json::to_string(&message).map_or(0, |message| message.len());
    if length > MAX_PASTE {
        ui.notify("too long to paste: 1 MB at most", Role::Warn);
    } else {
        cmds.push(Cmd::Viewer(message));
    }
}

/// Passes the focus of the outer terminal on.
pub(in crate::tui::update) fn focus(ui: &Model, has_focus: bool, cmds: &mut Cmds) {
    if ui.is_typing() {
        cmds.push(Cmd::Viewer(ViewerMessage::Focus(has_focus)));
    }
}

/// Handles the mouse on a terminal; returns false if the event has its usual meaning.
pub(in crate::tui::update) fn mouse(
    ui: &mut Model,
    event: MouseEvent,
    at: Position,
    cmds: &mut Cmds,
) -> bool {
    let Some((open, pane)) = ui.visible_terminal() else { return false };
    let modes = open.view.modes();
    // With Shift the mouse selects, whatever the process wants.
    let is_ours = event.modifiers.contains(KeyModifiers::SHIFT);
    if ui.is_typing() {
        let is_held = ui.terminal.is_button_sent;
        if !is_ours && (pane.inside.contains(at) || is_held) && is_wanted(modes, event.kind) {
            send(ui, event, at, cmds);
            return true;
        }
        if matches!(event.kind, MouseEventKind::Down(_)) && !pane.outside.contains(at) {
            _ = end_typing(ui, cmds);
            return false;
        }
    }
    match event.kind {
        MouseEventKind::ScrollUp if pane.outside.contains(at) => {
            let rows = isize::try_from(ui.config.wheel).unwrap_or(1);
            screen::scroll_back(ui, rows, cmds);
        }
        MouseEventKind::ScrollDown if pane.outside.contains(at) => {}
        MouseEventKind::Down(MouseButton::Left) if pane.outside.contains(at) => {
            ui.pane = Pane::Logs;
            ui.terminal.selection = None;
            ui.terminal.drag_from = ui.screen_point(at);
        }
        MouseEventKind::Drag(MouseButton::Left) if ui.terminal.drag_from.is_some() => drag(ui, at),
        MouseEventKind::Up(MouseButton::Left) if ui.terminal.drag_from.is_some() => {
            ui.terminal.drag_from = None;
            screen::copy_selection(ui, cmds);
        }
        _ => return false,
    }
    true
}

fn is_wanted(modes: Modes, kind: MouseEventKind) -> bool {
    let is_wheel = matches!(kind, MouseEventKind::ScrollUp | MouseEventKind::ScrollDown);
    modes.mouse || modes.wheel_as_arrows && is_wheel
}

/// Sends an event to the process, at the nearest cell of its screen.
fn send(ui: &mut Model, event: MouseEvent, at: Position, cmds: &mut Cmds) {
    match event.kind {
        MouseEventKind::Down(_) => ui.terminal.is_button_sent = true,
        MouseEventKind::Up(_) => ui.terminal.is_button_sent = false,
        _ => {}
    }
    let Some(point) = ui.nearest_screen_point(at) else { return };
    let mut event = mouse_event(event, (0, 0));
    (event.column, event.row) = (point.column, point.row);
    cmds.push(Cmd::Viewer(ViewerMessage::Mouse(event)));
}

fn drag(ui: &mut Model, at: Position) {
    if let (Some(from), Some(to)) = (ui.terminal.drag_from, ui.nearest_screen_point(at)) {
        ui.terminal.selection = Some(ScreenSelection { from, to, is_whole_rows: false });
    }
}
