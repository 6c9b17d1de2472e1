//! Update function: turns a message into changes of the model and a list of commands. Pure.

mod actions;
mod commands;
mod copy;
mod keys;
mod logs;
mod mouse;
mod progress;
mod prompts;
mod quit;
mod reload;
mod screens;
mod search;

use crossterm::event::MouseEventKind;

use super::model::layout;
use super::model::{ConnectionState, Model};
use super::msg::{Cmd, Msg, QuitMode, TimedMsg};
use super::theme::Role;
use crate::control::wire::PhaseName;
use crate::control::{ControlError, ControlErrorKind, Measure};

pub(crate) type Cmds = Vec<Cmd>;

/// What a message makes of the model, and what is to be done.
pub fn update(ui: &mut Model, timed: TimedMsg) -> Cmds {
    ui.now = timed.now;
    let mut cmds = Cmds::new();
    match timed.msg {
        Msg::Time => {}
        Msg::Key(chord) => {
            let pending = search::pending(ui);
            keys::key(ui, chord, &mut cmds);
            search::stay(ui, pending, &mut cmds);
        }
        Msg::Paste(text) => keys::paste(ui, &text, &mut cmds),
        Msg::Mouse(event) => {
            let pending = search::pending(ui);
            mouse::mouse(ui, event, &mut cmds);
            if !matches!(event.kind, MouseEventKind::Moved) {
                search::stay(ui, pending, &mut cmds);
            }
        }
        Msg::Resize(size) => ui.size = size,
        Msg::Pushed(pushed) => {
            ui.overview.apply(*pushed);
            ui.seen = ui.now.since_start;
            ui.link = ConnectionState::There;
            ui.list.arrange(&ui.overview);
            ui.measured.push(&ui.overview, ui.seen);
            quit::looked(ui, &mut cmds);
        }
        Msg::Events(events) => {
            for event in &events {
                ui.timeline.push(event);
                ui.took.push(event);
            }
        }
        Msg::Grown(whose, grown) => {
            if ui.logs.is_told_of(&whose) {
                ui.logs.grown(&grown);
            }
        }
        Msg::Sliced(generation, from, Ok(given)) => {
            let pane = ui.pane();
            ui.logs.take(generation, from, given, pane);
        }
        Msg::Sliced(generation, _, Err(problem)) => {
            ui.logs.give_up(generation);
            complain(ui, &problem);
        }
        Msg::Found(question, found) => search::found(ui, question, found, &mut cmds),
        Msg::Known(name, reveal, known) => {
            ui.inquiry.take(&name, reveal, known.map(|known| *known));
        }
        Msg::Sought(sighting) => search::sought(ui, sighting, &mut cmds),
        Msg::Done(what, result) => progress::done(ui, &what, result),
        Msg::Reloaded(result) => reload::read(ui, result),
        Msg::Said(Ok(text)) => ui.say(text, Role::Text),
        Msg::Said(Err(text)) => ui.say(text, Role::Bad),
        Msg::Do(Cmd::Reload { dry_run: true }) => reload::ask(ui, &mut cmds),
        Msg::Do(wish) => cmds.push(wish),
        Msg::Lost(problem) => lost(ui, &problem, &mut cmds),
        Msg::Ending => quit::signal(ui),
    }
    settle(ui, &mut cmds);
    cmds
}

/// What follows from the new model, whatever made it so.
fn settle(ui: &mut Model, cmds: &mut Cmds) {
    ui.choose_logs();
    search::settle(ui, cmds);
    cmds.extend(ui.logs.following().map(Cmd::Follow));
    cmds.extend(ui.inquire().map(|(name, reveal)| Cmd::Inquire(name, reveal)));
    let measure = if super::render::shows_figures(ui) { Measure::Yes } else { Measure::No };
    if measure != ui.measure {
        ui.measure = measure;
        cmds.push(Cmd::Measure(measure));
    }
    if layout::areas(ui).logs.is_some()
        && let Some(ask) = ui.logs.wanted(ui.pane().rows.max(1))
    {
        cmds.push(Cmd::Slice(ask));
    }
}

fn complain(ui: &mut Model, problem: &ControlError) {
    if matches!(problem.error, ControlErrorKind::Ended | ControlErrorKind::NotRunning) {
        return;
    }
    ui.say(problem.message.clone(), Role::Bad);
}

fn lost(ui: &mut Model, problem: &ControlError, cmds: &mut Cmds) {
    ui.link = ConnectionState::Lost;
    let is_over = ui.overview.phase != PhaseName::Up || ui.leaving > super::model::QuitState::No;
    if is_over
        || matches!(
            problem.error,
            ControlErrorKind::Ended | ControlErrorKind::NotRunning | ControlErrorKind::Version
        )
    {
        cmds.push(Cmd::Leave(QuitMode::Ended));
        return;
    }
    ui.say(problem.message.clone(), Role::Bad);
}

/// What the model wants when it is shown for the first time.
pub fn begin(ui: &mut Model) -> Cmds {
    let mut cmds = Cmds::new();
    settle(ui, &mut cmds);
    cmds
}
