//! Dispatches a key to the topmost receiver: overlay, prompt, then the focused pane.

use super::{Cmds, actions, commands, copy, prompts, quit, reload, terminal};
use crate::tui::action::{Action, ActionCall};
use crate::tui::keys::Chord;
use crate::tui::model::Model;
use crate::tui::overlay::{Overlay, OverlayChoice, OverlayContext, OverlayReply};
use crate::tui::theme::Role;

pub(super) fn key(ui: &mut Model, chord: Chord, cmds: &mut Cmds) {
    if ui.is_typing() {
        return terminal::press(ui, chord.to_event(), cmds);
    }
    if terminal::takes_key(ui, chord, cmds) {
        return;
    }
    if ui.overlay.is_some() {
        overlay(ui, cmds, |overlay, context| overlay.key(chord, context));
    } else if let Some((_, prompt)) = &mut ui.prompt {
        let result = prompt.key(chord);
        prompts::on_result(ui, result, cmds);
    } else if let Some(action) = ui.config.keymap.action(ui.focus(), chord) {
        actions::call(ui, action.into(), cmds);
    } else {
        let key = chord.label(ui.look.glyphs.unicode);
        ui.notify(format!("{key} has no action here (? for help)"), Role::Dim);
    }
}

pub(super) fn paste(ui: &mut Model, text: &str, cmds: &mut Cmds) {
    if ui.is_typing() {
        terminal::paste(ui, text, cmds);
    } else if let Some(overlay) = &mut ui.overlay {
        overlay.paste(text);
    } else if let Some((_, prompt)) = &mut ui.prompt {
        let result = prompt.paste(text);
        prompts::on_result(ui, result, cmds);
    } else {
        // Pasted text is never interpreted as keys.
        ui.notify("nothing to paste into; / searches, : runs a command", Role::Dim);
    }
}

/// Passes an event to the overlay, and performs its reply.
pub(super) fn overlay(
    ui: &mut Model,
    cmds: &mut Cmds,
    handle: impl FnOnce(&mut Overlay, OverlayContext<'_>) -> OverlayReply,
) {
    let Some(mut overlay) = ui.overlay.take() else { return };
    let names = ui.process_names();
    let facts = ui.action_facts();
    let context = OverlayContext { keymap: &ui.config.keymap, facts: &facts, names: &names };
    match handle(&mut overlay, context) {
        OverlayReply::Stay => ui.overlay = Some(overlay),
        OverlayReply::Preview(theme) => {
            actions::set_theme(ui, theme);
            ui.overlay = Some(overlay);
        }
        OverlayReply::Close => {}
        OverlayReply::Revert(theme) => actions::set_theme(ui, theme),
        OverlayReply::Run(call) => actions::call(ui, call, cmds),
        OverlayReply::Chosen(choice) => match choice {
            OverlayChoice::Signal(signal) => commands::send_signal(ui, signal, Vec::new(), cmds),
            OverlayChoice::Copy(choice) => copy::of_process(ui, choice, cmds),
            OverlayChoice::Theme(theme) => actions::set_theme(ui, theme),
            OverlayChoice::StopAll => quit::stop(ui, cmds),
            OverlayChoice::KillAll => quit::kill(ui, cmds),
            OverlayChoice::Detach => actions::call(ui, ActionCall::from(Action::Detach), cmds),
            OverlayChoice::Go(call) => actions::perform(ui, call, cmds),
            OverlayChoice::Apply => reload::start(ui, false, cmds),
            OverlayChoice::Nothing => {}
        },
    }
}
