//! From a message to the next model, and to what is to be done. Touches nothing.

mod copy;
mod find;
mod keys;
mod logs;
mod mouse;
mod orders;
mod progress;
mod prompts;
mod quit;
mod reload;
mod run;
mod screens;

use crossterm::event::MouseEventKind;

use super::msg::{Leave, Msg, Timed, Wish};
use super::theme::Role;
use super::ui::layout;
use super::ui::{Link, Ui};
use crate::control::wire::Phase;
use crate::control::{Kind, Measure, Problem};

/// Wishes that come up.
pub(crate) type Wishes = Vec<Wish>;

/// What a message makes of the model, and what is to be done.
pub fn update(ui: &mut Ui, timed: Timed) -> Wishes {
    ui.now = timed.now;
    let mut wishes = Wishes::new();
    match timed.msg {
        Msg::Time => {}
        Msg::Key(chord) => {
            let pending = find::pending(ui);
            keys::key(ui, chord, &mut wishes);
            find::stay(ui, pending, &mut wishes);
        }
        Msg::Paste(text) => keys::paste(ui, &text, &mut wishes),
        Msg::Mouse(event) => {
            let pending = find::pending(ui);
            mouse::mouse(ui, event, &mut wishes);
            if !matches!(event.kind, MouseEventKind::Moved) {
                find::stay(ui, pending, &mut wishes);
            }
        }
        Msg::Resize(size) => ui.size = size,
        Msg::Pushed(pushed) => {
            ui.overview.apply(*pushed);
            ui.seen = ui.now.since_start;
            ui.link = Link::There;
            ui.list.arrange(&ui.overview);
            ui.measured.push(&ui.overview, ui.seen);
            quit::looked(ui, &mut wishes);
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
        Msg::Found(question, found) => find::found(ui, question, found, &mut wishes),
        Msg::Known(name, reveal, known) => {
            ui.inquiry.take(&name, reveal, known.map(|known| *known));
        }
        Msg::Sought(sighting) => find::sought(ui, sighting, &mut wishes),
        Msg::Done(what, result) => progress::done(ui, &what, result),
        Msg::Reloaded(result) => reload::read(ui, result),
        Msg::Said(Ok(text)) => ui.say(text, Role::Text),
        Msg::Said(Err(text)) => ui.say(text, Role::Bad),
        Msg::Do(Wish::Reload { dry_run: true }) => reload::ask(ui, &mut wishes),
        Msg::Do(wish) => wishes.push(wish),
        Msg::Lost(problem) => lost(ui, &problem, &mut wishes),
        Msg::Ending => quit::signal(ui),
    }
    settle(ui, &mut wishes);
    wishes
}

/// What follows from the new model, whatever made it so.
fn settle(ui: &mut Ui, wishes: &mut Wishes) {
    ui.choose_logs();
    find::settle(ui, wishes);
    wishes.extend(ui.logs.following().map(Wish::Follow));
    wishes.extend(ui.inquire().map(|(name, reveal)| Wish::Inquire(name, reveal)));
    let measure = if super::view::shows_figures(ui) { Measure::Yes } else { Measure::No };
    if measure != ui.measure {
        ui.measure = measure;
        wishes.push(Wish::Measure(measure));
    }
    if layout::areas(ui).logs.is_some()
        && let Some(ask) = ui.logs.wanted(ui.pane().rows.max(1))
    {
        wishes.push(Wish::Slice(ask));
    }
}

/// Says what went wrong.
fn complain(ui: &mut Ui, problem: &Problem) {
    if matches!(problem.error, Kind::Ended | Kind::NotRunning) {
        return;
    }
    ui.say(problem.message.clone(), Role::Bad);
}

fn lost(ui: &mut Ui, problem: &Problem, wishes: &mut Wishes) {
    ui.link = Link::Lost;
    let is_over = ui.overview.phase != Phase::Up || ui.leaving > super::ui::Leaving::No;
    if is_over || matches!(problem.error, Kind::Ended | Kind::NotRunning | Kind::Version) {
        wishes.push(Wish::Leave(Leave::Ended));
        return;
    }
    ui.say(problem.message.clone(), Role::Bad);
}

/// What the model wants when it is shown for the first time.
pub fn begin(ui: &mut Ui) -> Wishes {
    let mut wishes = Wishes::new();
    settle(ui, &mut wishes);
    wishes
}
