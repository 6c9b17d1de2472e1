//! Dispatches a key to the topmost receiver: overlay, prompt, then the focused pane.

use super::{Cmds, actions, prompts, quit};
use crate::tui::action::Action;
use crate::tui::keys::Chord;
use crate::tui::model::Model;
use crate::tui::overlay::{Overlay, OverlayChoice, OverlayContext, OverlayReply};
use crate::tui::theme::Role;

pub(super) fn key(ui: &mut Model, chord: Chord, cmds: &mut Cmds) {
    if ui.overlay.is_some() {
        return overlay(ui, cmds, |overlay, known| overlay.key(chord, known));
    }
    if ui.prompt.is_some() {
        return prompts::key(ui, chord, cmds);
    }
    if let Some(action) = ui.config.keymap.action(ui.focus(), chord) {
        actions::act(ui, action, cmds);
    } else {
        let unicode = ui.look.glyphs.unicode;
        ui.say(format!("{} does nothing here; ? helps", chord.shown(unicode)), Role::Dim);
    }
}

pub(super) fn paste(ui: &mut Model, text: &str, cmds: &mut Cmds) {
    if let Some(overlay) = &mut ui.overlay {
        overlay.paste(text);
    } else if ui.prompt.is_some() {
        prompts::paste(ui, text, cmds);
    } else {
        // Never taken for keys.
        ui.say("nothing to paste into; / searches, : runs a command", Role::Dim);
    }
}

/// Hands something to what lies over the screen, and does what it says.
pub(super) fn overlay(
    ui: &mut Model,
    cmds: &mut Cmds,
    hand: impl FnOnce(&mut Overlay, OverlayContext<'_>) -> OverlayReply,
) {
    let Some(mut overlay) = ui.overlay.take() else { return };
    let names = ui.names();
    let facts = ui.facts();
    let known = OverlayContext { keymap: &ui.config.keymap, facts: &facts, names: &names };
    match hand(&mut overlay, known) {
        OverlayReply::Stay => ui.overlay = Some(overlay),
        OverlayReply::Preview(theme) => {
            actions::set_theme(ui, theme);
            ui.overlay = Some(overlay);
        }
        OverlayReply::Close => {}
        OverlayReply::Revert(theme) => actions::set_theme(ui, theme),
        OverlayReply::Run(call) => actions::call(ui, call, cmds),
        OverlayReply::Chosen(choice) => chosen(ui, choice, cmds),
    }
}

fn chosen(ui: &mut Model, choice: OverlayChoice, cmds: &mut Cmds) {
    match choice {
        OverlayChoice::Signal(signal) => super::commands::signal(ui, signal, Vec::new(), cmds),
        OverlayChoice::Copy(what) => super::copy::of_process(ui, what, cmds),
        OverlayChoice::Theme(theme) => actions::set_theme(ui, theme),
        OverlayChoice::StopAll => quit::stop(ui, cmds),
        OverlayChoice::KillAll => quit::kill(ui, cmds),
        OverlayChoice::Detach => actions::act(ui, Action::Detach, cmds),
        OverlayChoice::Go(call) => actions::confirmed(ui, call, cmds),
        OverlayChoice::Apply => super::reload::apply(ui, cmds),
        OverlayChoice::Nothing => {}
    }
}
