//! Updates of the terminal pane: opening terminals, typing into them, and what comes from them.

mod input;
mod screen;

pub(super) use input::{focus, mouse, paste, press, takes_key};
pub(super) use screen::{copy_selection, logs_action, return_to_screen};

use super::Cmds;
use crate::control::wire::{TerminalMessage, TerminalNote, ViewerMessage};
use crate::output::safe_name;
use crate::terminal::{Rgb, Version};
use crate::tui::action::{Action, Argument, Focus, TerminalAction};
use crate::tui::model::terminal::{OpenTerminal, ShownLog, StreamState, Typing, waits_for_input};
use crate::tui::model::{Model, Pane, Screen};
use crate::tui::msg::{Cmd, TerminalEvent};
use crate::tui::terminal::ColorKind;
use crate::tui::theme::Role;

/// The longest text, in bytes, that a process may put into the clipboard.
const MAX_CLIPBOARD: usize = 100 << 10;

/// Performs an action of the terminal; returns whether it has an effect now.
pub(super) fn actions(ui: &mut Model, action: TerminalAction, cmds: &mut Cmds) -> bool {
    match action {
        TerminalAction::Leave => {
            let is_typing = ui.is_typing();
            leave(ui, cmds);
            is_typing
        }
        TerminalAction::TerminalLog => {
            ui.screen = Screen::Dashboard;
            if ui.shown_log().is_some() {
                return_to_screen(ui, cmds);
            } else if let Some(name) = ui.shown_terminal().map(|process| process.name.to_string()) {
                ui.terminal.log = Some(ShownLog { name, is_scrollback: false, typing_from: None });
            } else {
                return false;
            }
            true
        }
    }
}

/// Types into the terminal of the named process, or of the one at the cursor.
pub(super) fn attach(ui: &mut Model, argument: &Argument, cmds: &mut Cmds) {
    if let Argument::Names(names) = argument
        && let Some(name) = names.first()
    {
        ui.list.marks.clear();
        ui.list.go_to(name, &ui.overview);
        let entry = Action::Attach.entry();
        if let Err(reason) = entry.applies(&ui.action_facts()) {
            ui.notify(format!("{}: {reason}", entry.hint), Role::Warn);
            return;
        }
    }
    start_typing(ui, ui.pane, cmds);
}

/// Lets keys go to the process at the cursor. Afterwards the focus returns to the pane `from`.
pub(super) fn start_typing(ui: &mut Model, from: Pane, cmds: &mut Cmds) {
    let Some(process) = ui.terminal_process() else { return };
    let typing = Typing { name: process.name.to_string(), run: process.run, from };
    (ui.screen, ui.pane) = (Screen::Dashboard, Pane::Logs);
    ui.notice = None;
    ui.terminal.log = None;
    ui.terminal.selection = None;
    if ui.terminal.is_open(&typing.name) {
        cmds.push(Cmd::Viewer(ViewerMessage::Focus(true)));
    }
    ui.terminal.typing = Some(typing);
    cmds.push(Cmd::SetTyping(true));
}

/// Lets keys go to the interface again, without a message.
fn end_typing(ui: &mut Model, cmds: &mut Cmds) -> Option<Typing> {
    let typing = ui.terminal.typing.take()?;
    ui.terminal.is_button_sent = false;
    if !ui.zoom && crate::tui::model::layout::areas(ui).list.is_some() {
        ui.pane = typing.from;
    }
    cmds.push(Cmd::SetTyping(false));
    if ui.terminal.is_open(&typing.name) {
        cmds.push(Cmd::Viewer(ViewerMessage::Focus(false)));
    }
    Some(typing)
}

/// Lets keys go to the interface again, because the user said so.
fn leave(ui: &mut Model, cmds: &mut Cmds) {
    let Some(Typing { name, .. }) = end_typing(ui, cmds) else { return };
    let unicode = ui.look.glyphs.unicode;
    let key = |focus, action| ui.config.keymap.hint(focus, action, unicode).unwrap_or_default();
    let leave = key(Focus::Typing, Action::Leave);
    let attach = key(Focus::Terminal, Action::Attach);
    let subject = safe_name(&name);
    let text =
        format!("keys go to pitcrew; {attach} types into {subject}, {leave} sends {leave} to it");
    ui.notify(text, Role::Text);
    ui.terminal.left = Some((name, ui.now.since_start));
}

/// Lets keys go to the interface again, because the process cannot get them any more.
pub(super) fn stop_typing(ui: &mut Model, reason: &str, cmds: &mut Cmds) {
    if end_typing(ui, cmds).is_some() {
        ui.notify(format!("{reason}: keys go to pitcrew again"), Role::Warn);
        ui.terminal.expect_stray_keys(ui.now.since_start);
    }
}

/// Moves the cursor to the next process that waits for input.
pub(super) fn next_input(ui: &mut Model) {
    let processes = &ui.overview.processes;
    let current = ui.cursor_process().map(|process| process.id);
    let at = processes.iter().position(|process| Some(process.id) == current);
    let (before, after) = processes.split_at(at.map_or(0, |at| at + 1));
    let next = after.iter().chain(before).find(|process| waits_for_input(process));
    let Some(next) = next else { return };
    let (name, tty, stdin) = (next.name.to_string(), next.options.tty, next.options.stdin);
    ui.list.marks.clear();
    ui.list.go_to(&name, &ui.overview);
    ui.screen = Screen::Dashboard;
    ui.terminal.log = None;
    let attach = ui.config.keymap.hint(Focus::List, Action::Attach, ui.look.glyphs.unicode);
    let how = match attach {
        Some(key) if tty => format!("; {key} types into it"),
        _ if stdin => "; `:send` sends it a line".to_owned(),
        _ => String::new(),
    };
    ui.notify(format!("{} waits for input{how}", safe_name(&name)), Role::Text);
}

/// Handles what comes from a terminal.
pub(super) fn on_event(ui: &mut Model, stream: u64, event: TerminalEvent, cmds: &mut Cmds) {
    if stream != ui.terminal.stream {
        return;
    }
    let is_typing = ui.is_typing();
    let Some(open) = &mut ui.terminal.open else { return };
    match event {
        TerminalEvent::Opened => {
            (open.stream, open.is_taking) = (StreamState::Live, true);
            (open.sent_size, open.colored_run) = (None, None);
            send_size(ui, cmds);
            if is_typing {
                cmds.push(Cmd::Viewer(ViewerMessage::Focus(true)));
            }
            // Another engine counts its versions anew.
            cmds.push(Cmd::Viewer(ViewerMessage::Take(Version::default())));
        }
        TerminalEvent::Message(TerminalMessage::Frame(frame)) => {
            open.is_taking = false;
            open.view.apply(frame);
        }
        TerminalEvent::Message(TerminalMessage::Note(TerminalNote::Clipboard {
            primary,
            text,
        })) => {
            // Only a process that the user types into may change the clipboard.
            if is_typing && ui.config.clipboard && text.len() <= MAX_CLIPBOARD {
                cmds.push(if primary { Cmd::SelectPrimary(text) } else { Cmd::Copy(text) });
            }
        }
        TerminalEvent::Message(TerminalMessage::Note(TerminalNote::Refused(reason))) => {
            // That the focus left a process that has ended is no news.
            if is_typing {
                let text = format!("{} {}", safe_name(&open.name), safe_name(&reason));
                ui.notify(text, Role::Warn);
            }
        }
        TerminalEvent::Lost(reason) => {
            open.is_taking = false;
            open.stream = StreamState::Lost(safe_name(&reason).into_owned());
            stop_typing(ui, &reason, cmds);
        }
    }
}

/// Notes a colour of the outer terminal, which programs can ask for.
pub(super) fn color(ui: &mut Model, kind: ColorKind, color: Rgb) {
    match kind {
        ColorKind::Text => ui.terminal.colors.0 = Some(color),
        ColorKind::Background => ui.terminal.colors.1 = Some(color),
    }
    if let Some(open) = &mut ui.terminal.open {
        open.colored_run = None;
    }
}

/// Sends the colours of the outer terminal to a run that does not know them.
fn send_palette(ui: &mut Model, cmds: &mut Cmds) {
    let run = ui.shown_terminal().filter(|process| process.state.is_alive()).map(|it| it.run);
    let Some(palette) = ui.terminal.palette().filter(|_| run.is_some()) else { return };
    let open = ui.terminal.open.as_mut().filter(|open| open.stream == StreamState::Live);
    if let Some(open) = open.filter(|open| open.colored_run != run) {
        open.colored_run = run;
        cmds.push(Cmd::Viewer(ViewerMessage::Palette(palette)));
    }
}

/// Requests the next frame after the last one was drawn.
pub(super) fn drawn(ui: &mut Model, cmds: &mut Cmds) {
    // The selected text stays where it is.
    let is_frozen = ui.terminal.selection.is_some() || ui.terminal.drag_from.is_some();
    let is_visible = ui.visible_terminal().is_some();
    let Some(open) = ui.terminal.open.as_mut().filter(|_| is_visible && !is_frozen) else { return };
    if open.stream == StreamState::Live && !open.is_taking {
        open.is_taking = true;
        cmds.push(Cmd::Viewer(ViewerMessage::Take(open.view.version())));
    }
}

/// Handles a new state of the project.
pub(super) fn state_changed(ui: &mut Model, is_first: bool, cmds: &mut Cmds) {
    if ui.bells.update(&ui.overview, is_first, ui.now.since_start) {
        cmds.push(Cmd::Bell);
    }
    if !ui.overview.project.is_empty()
        && let Some(name) = ui.terminal.attach_to.take()
    {
        open_alone(ui, &name, cmds);
    }
    let Some(Typing { name, run, .. }) = ui.terminal.typing.clone() else { return };
    let reason = match ui.process(&name) {
        None => format!("{} is no longer part of the project", safe_name(&name)),
        Some(process) if process.run != run => format!("{} was restarted", safe_name(&name)),
        Some(process) if !process.state.is_alive() => format!("{} has ended", safe_name(&name)),
        Some(_) => return,
    };
    stop_typing(ui, &reason, cmds);
}

/// Shows nothing but the terminal of a process, and types into it: `attach NAME`.
fn open_alone(ui: &mut Model, name: &str, cmds: &mut Cmds) {
    if ui.process(name).is_none() {
        ui.notify(format!("there is no process {}", safe_name(name)), Role::Warn);
        return;
    }
    ui.zoom = true;
    ui.pane = Pane::Logs;
    attach(ui, &Argument::Names(vec![name.to_owned()]), cmds);
}

/// Opens, resizes and closes terminals as the model shows them.
pub(super) fn settle(ui: &mut Model, cmds: &mut Cmds) {
    screen::settle(ui, cmds);
    let shown = ui.shown_terminal().filter(|_| super::layout::areas(ui).terminal.is_some());
    let shown = shown.map(|process| (process.id, process.name.to_string()));
    if let Some(typing) = ui.terminal.typing.clone() {
        let is_shown = shown.as_ref().is_some_and(|(_, name)| *name == typing.name);
        if !is_shown {
            stop_typing(ui, &format!("{} is not shown", safe_name(&typing.name)), cmds);
        } else if ui.overlay.is_some() || ui.prompt.is_some() {
            _ = end_typing(ui, cmds);
        }
    }
    let Some((id, name)) = shown else {
        if ui.terminal.open.take().is_some() {
            ui.terminal.stream += 1;
            (ui.terminal.selection, ui.terminal.drag_from) = (None, None);
            cmds.push(Cmd::CloseTerminal);
        }
        return;
    };
    ui.bells.look_at(id);
    if ui.terminal.is_open(&name) {
        send_size(ui, cmds);
        send_palette(ui, cmds);
    } else {
        ui.terminal.stream += 1;
        (ui.terminal.selection, ui.terminal.drag_from) = (None, None);
        ui.terminal.open = Some(OpenTerminal { name: name.clone(), ..OpenTerminal::default() });
        cmds.push(Cmd::OpenTerminal(ui.terminal.stream, name));
    }
}

/// Sends the size of the pane, if the project has another one.
fn send_size(ui: &mut Model, cmds: &mut Cmds) {
    let size = ui.terminal_size();
    let Some(open) = ui.terminal.open.as_mut() else { return };
    if let Some(size) = size
        && open.stream == StreamState::Live
        && open.sent_size != Some(size)
    {
        open.sent_size = Some(size);
        let size = ViewerMessage::Size { size, cell: None, interactive: true };
        cmds.push(Cmd::Viewer(size));
    }
}
