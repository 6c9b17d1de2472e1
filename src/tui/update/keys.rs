//! A key goes to what lies on top: overlay, prompt, then the view that has the focus.

use super::{Wishes, prompts, quit, run};
use crate::tui::action::Action;
use crate::tui::keys::Chord;
use crate::tui::overlay::{Choice, Known, Overlay, Reply};
use crate::tui::theme::{Role, ThemeName};
use crate::tui::ui::Ui;

pub(super) fn key(ui: &mut Ui, chord: Chord, wishes: &mut Wishes) {
    if ui.overlay.is_some() {
        return overlay(ui, wishes, |overlay, known| overlay.key(chord, known));
    }
    if ui.prompt.is_some() {
        return prompts::key(ui, chord, wishes);
    }
    if let Some(action) = ui.config.keymap.action(ui.focus(), chord) {
        run::act(ui, action, wishes);
    } else {
        let unicode = ui.look.glyphs.unicode;
        ui.say(format!("{} does nothing here; ? helps", chord.shown(unicode)), Role::Dim);
    }
}

pub(super) fn paste(ui: &mut Ui, text: &str, wishes: &mut Wishes) {
    if let Some(overlay) = &mut ui.overlay {
        overlay.paste(text);
    } else if ui.prompt.is_some() {
        prompts::paste(ui, text, wishes);
    } else {
        // Never taken for keys.
        ui.say("nothing to paste into; / searches, : runs a command", Role::Dim);
    }
}

/// Hands something to what lies over the screen, and does what it says.
pub(super) fn overlay(
    ui: &mut Ui,
    wishes: &mut Wishes,
    hand: impl FnOnce(&mut Overlay, Known<'_>) -> Reply,
) {
    let Some(mut overlay) = ui.overlay.take() else { return };
    let names = ui.names();
    let facts = ui.facts();
    let known = Known { keymap: &ui.config.keymap, facts: &facts, names: &names };
    match hand(&mut overlay, known) {
        Reply::Stay => ui.overlay = Some(overlay),
        Reply::Preview(theme) => {
            set_theme(ui, theme);
            ui.overlay = Some(overlay);
        }
        Reply::Close => {}
        Reply::Revert(theme) => set_theme(ui, theme),
        Reply::Run(call) => run::call(ui, call, wishes),
        Reply::Chosen(choice) => chosen(ui, choice, wishes),
    }
}

fn chosen(ui: &mut Ui, choice: Choice, wishes: &mut Wishes) {
    match choice {
        Choice::Signal(signal) => super::orders::signal(ui, signal, Vec::new(), wishes),
        Choice::Copy(what) => super::copy::of_process(ui, what, wishes),
        Choice::Theme(theme) => set_theme(ui, theme),
        Choice::StopAll => quit::stop(ui, wishes),
        Choice::KillAll => quit::kill(ui, wishes),
        Choice::Detach => run::act(ui, Action::Detach, wishes),
        Choice::Go(call) => run::confirmed(ui, call, wishes),
        Choice::Apply => super::reload::apply(ui, wishes),
        Choice::Nothing => {}
    }
}

pub(super) fn set_theme(ui: &mut Ui, theme: ThemeName) {
    ui.look = ui.look.themed(theme);
}
