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
mod terminal;

use crossterm::event::{KeyEventKind, MouseEventKind};

use super::clock::ClockReading;
use super::keys::Chord;
use super::model::layout;
use super::model::{ConnectionState, Model};
use super::msg::{Cmd, ExitReason, Msg};
use super::theme::Role;
use crate::control::{ControlError, ControlErrorKind, Measure};

pub(crate) type Cmds = Vec<Cmd>;

/// Updates the model by a message, and returns the commands to perform.
pub fn update(ui: &mut Model, now: ClockReading, msg: Msg) -> Cmds {
    ui.now = now;
    let mut cmds = Cmds::new();
    match msg {
        Msg::Tick => {}
        Msg::Key(chord) => key(ui, chord, &mut cmds),
        Msg::Press(event) if ui.is_typing() => terminal::press(ui, event, &mut cmds),
        Msg::Press(event) => {
            let chord = Chord::from_event(event);
            if let Some(chord) = chord.filter(|_| event.kind != KeyEventKind::Release) {
                key(ui, chord, &mut cmds);
            }
        }
        Msg::Focus(has_focus) => terminal::focus(ui, has_focus, &mut cmds),
        Msg::Color(kind, color) => terminal::color(ui, kind, color),
        Msg::Drawn => terminal::drawn(ui, &mut cmds),
        Msg::Terminal(stream, event) => terminal::on_event(ui, stream, event, &mut cmds),
        Msg::Paste(text) => keys::paste(ui, &text, &mut cmds),
        Msg::Mouse(event) => {
            let pending = search::pending(ui);
            mouse::mouse(ui, event, &mut cmds);
            if !matches!(event.kind, MouseEventKind::Moved) {
                search::cancel_jumps(ui, pending, &mut cmds);
            }
        }
        Msg::Resize(size) => ui.size = size,
        Msg::State(update) => {
            let is_first =
                ui.connection == ConnectionState::Starting || ui.overview.project.is_empty();
            ui.overview.apply(*update);
            ui.updated_at = ui.now.since_start;
            ui.connection = ConnectionState::Connected;
            ui.suspended = None;
            ui.list.arrange(&ui.overview);
            ui.usage.push(&ui.overview, ui.updated_at);
            quit::close_outdated_dialog(ui);
            terminal::state_changed(ui, is_first, &mut cmds);
        }
        Msg::Events(events) => {
            for event in &events {
                ui.timeline.push(event);
                ui.ready_times.push(event);
            }
        }
        Msg::Progress(query, progress) => {
            if ui.logs.follows(&query) {
                ui.logs.set_progress(&progress);
            }
        }
        Msg::Rows(generation, from, Ok(response)) => {
            let area = ui.logs_area();
            ui.logs.take(generation, from, response, area);
        }
        Msg::Rows(generation, _, Err(problem)) => {
            ui.logs.give_up(generation);
            show_error(ui, &problem);
        }
        Msg::SearchProgress(question, progress) => {
            search::progressed(ui, question, progress, &mut cmds);
        }
        Msg::Details(name, reveal, details) => {
            ui.details_fetch.take(&name, reveal, details.map(|details| *details));
        }
        Msg::SeekDone(hit) => search::seek_done(ui, hit, &mut cmds),
        Msg::CommandDone(ticket, result) => progress::done(ui, &ticket, result),
        Msg::Reloaded(result) => reload::done(ui, result),
        Msg::Notice(Ok(text)) => ui.notify(text, Role::Text),
        Msg::Notice(Err(text)) => ui.notify(text, Role::Bad),
        Msg::Perform(Cmd::Reload { dry_run }) => reload::start(ui, dry_run, &mut cmds),
        Msg::Perform(cmd) => cmds.push(cmd),
        Msg::Disconnected(problem) => disconnected(ui, &problem, &mut cmds),
        Msg::Suspended(problem) => {
            ui.suspended = problem.map(|problem| problem.message);
            if let Some(problem) = ui.suspended.clone() {
                terminal::stop_typing(ui, &problem, &mut cmds);
            }
        }
        Msg::QuitSignal => {
            terminal::stop_typing(ui, "the project is stopping", &mut cmds);
            quit::on_signal(ui);
        }
    }
    settle(ui, &mut cmds);
    cmds
}

fn key(ui: &mut Model, chord: Chord, cmds: &mut Cmds) {
    let pending = search::pending(ui);
    keys::key(ui, chord, cmds);
    search::cancel_jumps(ui, pending, cmds);
}

/// Requests the data that the changed model needs.
fn settle(ui: &mut Model, cmds: &mut Cmds) {
    ui.select_logs();
    terminal::settle(ui, cmds);
    search::settle(ui, cmds);
    cmds.extend(ui.logs.changed_progress_query().map(Cmd::FollowProgress));
    cmds.extend(ui.details_to_fetch().map(|(name, reveal)| Cmd::FetchDetails(name, reveal)));
    let measure = if super::render::shows_usage(ui) { Measure::Yes } else { Measure::No };
    if measure != ui.measure {
        ui.measure = measure;
        cmds.push(Cmd::Measure(measure));
    }
    if layout::areas(ui).logs.is_some()
        && let Some(query) = ui.logs.next_query(ui.logs_area().rows.max(1))
    {
        cmds.push(Cmd::FetchRows(query));
    }
}

/// Shows an error, unless it only says that the project has ended.
fn show_error(ui: &mut Model, problem: &ControlError) {
    if !matches!(problem.error, ControlErrorKind::Ended | ControlErrorKind::NotRunning) {
        ui.notify(problem.message.clone(), Role::Bad);
    }
}

fn disconnected(ui: &mut Model, problem: &ControlError, cmds: &mut Cmds) {
    ui.connection = ConnectionState::Lost;
    terminal::stop_typing(ui, "the connection to the project is lost", cmds);
    if ui.is_ending()
        || matches!(
            problem.error,
            ControlErrorKind::Ended | ControlErrorKind::NotRunning | ControlErrorKind::Version
        )
    {
        cmds.push(Cmd::Leave(ExitReason::Ended));
    } else {
        ui.notify(problem.message.clone(), Role::Bad);
    }
}

/// Returns the commands of a new model.
pub fn begin(ui: &mut Model) -> Cmds {
    let mut cmds = Cmds::new();
    settle(ui, &mut cmds);
    cmds
}
