//! Prompts at the bottom, and their effect while typing.

use super::{Cmds, copy, progress, search};
use crate::control::wire::{ControlCommand, EnqueueRequest, RunRequest, SendRequest};
use crate::tui::action::Action;
use crate::tui::keys::Chord;
use crate::tui::model::list::RowId;
use crate::tui::model::search::SearchState;
use crate::tui::model::{Model, Pane, PromptKind, Screen};
use crate::tui::msg::{Cmd, OutputAction};
use crate::tui::pattern::{ListFilter, PatternMode};
use crate::tui::prompt::{Prompt, PromptResult};
use crate::tui::theme::Role;

/// Asks for something, unless it was given.
pub(super) fn ask(ui: &mut Model, asks: PromptKind, given: Option<&str>, cmds: &mut Cmds) {
    if let Some(text) = given {
        done(ui, asks, text, PatternMode::default(), cmds);
        return;
    }
    if asks == PromptKind::Search {
        ui.before_search = Some(ui.logs.position());
        // What steps from one match to the next are keys of the logs.
        ui.part = Pane::Logs;
    }
    let (lines, list) = (ui.histories.lines.clone(), ui.histories.list.clone());
    let commands = ui.histories.commands.clone();
    let reading = PatternMode::default();
    let prompt = match asks {
        PromptKind::Search => Prompt::pattern("/", reading, lines),
        PromptKind::FilterLines => Prompt::pattern("&", reading, lines),
        PromptKind::FilterList => Prompt::pattern("list /", reading, list),
        PromptKind::FilterView => {
            let label = match ui.view {
                Screen::Graph => "graph /",
                Screen::Stats => "stats /",
                Screen::Dashboard | Screen::Events | Screen::Details => "events /",
            };
            Prompt::pattern(label, reading, list)
        }
        PromptKind::Marker => Prompt::line("mark: ", list),
        PromptKind::Save => Prompt::line("save to: ", commands),
        PromptKind::Pipe => Prompt::line("pipe to: ", commands),
        PromptKind::Run => match &ui.list.cursor {
            RowId::Pool(_) => Prompt::line("run in this pool: ", commands),
            RowId::All | RowId::Replicas(_) | RowId::One(_) => Prompt::line("run: ", commands),
        },
        PromptKind::Send => Prompt::line("send: ", commands),
    };
    ui.prompt = Some((asks, prompt));
}

pub(super) fn key(ui: &mut Model, chord: Chord, cmds: &mut Cmds) {
    let Some((_, prompt)) = &mut ui.prompt else { return };
    let answer = prompt.key(chord);
    answered(ui, answer, cmds);
}

pub(super) fn paste(ui: &mut Model, text: &str, cmds: &mut Cmds) {
    let Some((_, prompt)) = &mut ui.prompt else { return };
    let answer = prompt.paste(text);
    answered(ui, answer, cmds);
}

pub(super) fn answered(ui: &mut Model, answer: PromptResult, cmds: &mut Cmds) {
    let Some((asks, prompt)) = &ui.prompt else { return };
    let (asks, text) = (*asks, prompt.text().to_owned());
    let reading = prompt.reading.unwrap_or_default();
    match answer {
        PromptResult::Stay => {}
        PromptResult::Changed => typed(ui, asks, &text, reading, cmds),
        PromptResult::Done(text) => {
            ui.prompt = None;
            remember(ui, asks, &text);
            done(ui, asks, &text, reading, cmds);
        }
        PromptResult::Cancelled => {
            ui.prompt = None;
            match asks {
                PromptKind::Search => {
                    search::forget(ui, cmds);
                    if let Some(position) = ui.before_search.take() {
                        ui.logs.go_back(position);
                    }
                }
                PromptKind::FilterLines | PromptKind::FilterList | PromptKind::FilterView => {
                    typed(ui, asks, "", reading, cmds);
                }
                PromptKind::Marker
                | PromptKind::Save
                | PromptKind::Pipe
                | PromptKind::Run
                | PromptKind::Send => {}
            }
        }
    }
}

/// What is seen while it is typed.
fn typed(ui: &mut Model, asks: PromptKind, text: &str, reading: PatternMode, cmds: &mut Cmds) {
    match asks {
        PromptKind::Search => search::search(ui, text, reading, cmds),
        PromptKind::FilterLines => ui.logs.set_filter(text, reading),
        PromptKind::FilterList => {
            if let Ok(filter) = ListFilter::of(text, reading) {
                ui.list.filter = filter;
                text.clone_into(&mut ui.list.filter_text);
                ui.list.arrange(&ui.overview);
            }
        }
        PromptKind::FilterView => {
            if let Ok(filter) = ListFilter::of(text, reading) {
                match ui.view {
                    Screen::Graph | Screen::Stats => (ui.narrowed, ui.row) = (filter, 0),
                    Screen::Dashboard | Screen::Events | Screen::Details => {
                        ui.timeline.filter(filter);
                    }
                }
            }
        }
        PromptKind::Marker
        | PromptKind::Save
        | PromptKind::Pipe
        | PromptKind::Run
        | PromptKind::Send => {}
    }
}

fn remember(ui: &mut Model, asks: PromptKind, text: &str) {
    match asks {
        PromptKind::Search | PromptKind::FilterLines => ui.histories.lines.add(text),
        PromptKind::FilterList | PromptKind::FilterView | PromptKind::Marker => {
            ui.histories.list.add(text);
        }
        PromptKind::Save | PromptKind::Pipe | PromptKind::Run | PromptKind::Send => {
            ui.histories.commands.add(text);
        }
    }
}

fn done(ui: &mut Model, asks: PromptKind, text: &str, reading: PatternMode, cmds: &mut Cmds) {
    match asks {
        PromptKind::Search => {
            (ui.before_search, ui.part) = (None, Pane::Logs);
            search::search(ui, text, reading, cmds);
            let waits = |search: &SearchState| search.current.is_none() && search.going.is_none();
            if ui.logs.search.as_ref().is_some_and(waits) {
                search::next_match(ui, true, cmds);
            }
        }
        PromptKind::FilterLines | PromptKind::FilterList | PromptKind::FilterView => {
            typed(ui, asks, text, reading, cmds);
        }
        PromptKind::Marker => {
            let text = if text.trim().is_empty() { "mark" } else { text.trim() };
            ui.logs.mark(ui.now.wall, text.to_owned());
        }
        PromptKind::Save | PromptKind::Pipe if text.trim().is_empty() => {}
        PromptKind::Save => {
            copy::output(ui, OutputAction::Save(text.trim().to_owned()), cmds);
        }
        PromptKind::Pipe => {
            copy::output(ui, OutputAction::Pipe(text.to_owned()), cmds);
        }
        PromptKind::Run => run(ui, text, cmds),
        PromptKind::Send => send(ui, text.to_owned(), cmds),
    }
}

fn send(ui: &mut Model, text: String, cmds: &mut Cmds) {
    let Some(name) = ui.chosen().map(|one| one.status.name.clone()) else { return };
    let words = format!("send to {name}");
    cmds.push(Cmd::Execute(ControlCommand::Send(SendRequest { name, text }), words));
}

/// A command that runs once: beside the others, or on the row of a pool as a job of that.
fn run(ui: &mut Model, text: &str, cmds: &mut Cmds) {
    if text.trim().is_empty() {
        return;
    }
    let words = format!("run {text}");
    let RowId::Pool(pool) = &ui.list.cursor else {
        progress::begin(ui, Action::RunAdHoc, &[], &words);
        let order = ControlCommand::Run(RunRequest { name: None, command: text.to_owned() });
        cmds.push(Cmd::Execute(order, words));
        return;
    };
    let pool = pool.clone();
    match shlex::split(text) {
        Some(command) if !command.is_empty() => {
            ui.say(format!("queued in {pool}: {text}"), Role::Text);
            let work = EnqueueRequest { pool, name: None, command };
            cmds.push(Cmd::Execute(ControlCommand::Enqueue(work), words));
        }
        Some(_) => {}
        None => ui.say("run: a quote is not closed", Role::Bad),
    }
}
