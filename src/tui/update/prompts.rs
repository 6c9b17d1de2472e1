//! Prompts at the bottom, and their effect while typing.

use super::{Cmds, copy, progress, search};
use crate::control::wire::{ControlCommand, EnqueueRequest, RunRequest, SendRequest};
use crate::tui::model::list::RowId;
use crate::tui::model::search::SearchState;
use crate::tui::model::{Model, Pane, ProgressKind, PromptKind, RunningCommand, Screen};
use crate::tui::msg::{Cmd, ExportTarget};
use crate::tui::pattern::{ListFilter, PatternMode};
use crate::tui::prompt::{History, Prompt, PromptResult};
use crate::tui::theme::Role;

/// Opens a prompt, or uses the text that is given instead.
pub(super) fn ask(ui: &mut Model, kind: PromptKind, given: Option<&str>, cmds: &mut Cmds) {
    if let Some(text) = given {
        return submit(ui, kind, text, PatternMode::default(), cmds);
    }
    if kind == PromptKind::Search {
        ui.before_search = Some(ui.logs.position);
        // The keys that step through the matches belong to the logs.
        ui.pane = Pane::Logs;
    }
    let history = history(ui, kind).clone();
    let label = match kind {
        PromptKind::Search => "/",
        PromptKind::FilterLines => "&",
        PromptKind::FilterList => "list /",
        PromptKind::FilterView => match ui.screen {
            Screen::Graph => "graph /",
            Screen::Stats => "stats /",
            Screen::Dashboard | Screen::Events | Screen::Details => "events /",
        },
        PromptKind::Marker => "mark: ",
        PromptKind::Save => "save to: ",
        PromptKind::Pipe => "pipe to: ",
        PromptKind::Run if matches!(ui.list.cursor, RowId::Pool(_)) => "run in this pool: ",
        PromptKind::Run => "run: ",
        PromptKind::Send => "send: ",
    };
    let is_pattern = matches!(
        kind,
        PromptKind::Search
            | PromptKind::FilterLines
            | PromptKind::FilterList
            | PromptKind::FilterView
    );
    ui.prompt = Some((kind, Prompt::new(label, is_pattern, history)));
}

pub(super) fn on_result(ui: &mut Model, result: PromptResult, cmds: &mut Cmds) {
    let Some((kind, prompt)) = &ui.prompt else { return };
    let (kind, text) = (*kind, prompt.text().to_owned());
    let mode = prompt.mode.unwrap_or_default();
    match result {
        PromptResult::Stay => {}
        PromptResult::Changed => preview(ui, kind, &text, mode, cmds),
        PromptResult::Done => {
            ui.prompt = None;
            history(ui, kind).add(&text);
            submit(ui, kind, &text, mode, cmds);
        }
        PromptResult::Cancelled => {
            ui.prompt = None;
            if kind == PromptKind::Search {
                search::forget(ui, cmds);
                if let Some(position) = ui.before_search.take() {
                    ui.logs.go_back(position);
                }
            } else {
                preview(ui, kind, "", mode, cmds);
            }
        }
    }
}

/// Shows the effect of a pattern while it is typed. An invalid one has none.
fn preview(ui: &mut Model, kind: PromptKind, text: &str, mode: PatternMode, cmds: &mut Cmds) {
    match kind {
        PromptKind::Search => search::search(ui, text, mode, cmds),
        PromptKind::FilterLines => ui.logs.set_filter(text, mode),
        PromptKind::FilterList => {
            if let Ok(filter) = ListFilter::of(text, mode) {
                ui.list.filter = filter;
                text.clone_into(&mut ui.list.filter_text);
                ui.list.arrange(&ui.overview);
            }
        }
        PromptKind::FilterView => match (ListFilter::of(text, mode), ui.screen) {
            (Ok(filter), Screen::Graph | Screen::Stats) => (ui.row_filter, ui.row) = (filter, 0),
            (Ok(filter), Screen::Dashboard | Screen::Events | Screen::Details) => {
                ui.timeline.filter(filter);
            }
            (Err(_), _) => {}
        },
        PromptKind::Marker
        | PromptKind::Save
        | PromptKind::Pipe
        | PromptKind::Run
        | PromptKind::Send => {}
    }
}

fn history(ui: &mut Model, kind: PromptKind) -> &mut History {
    match kind {
        PromptKind::Search | PromptKind::FilterLines => &mut ui.histories.lines,
        PromptKind::FilterList | PromptKind::FilterView | PromptKind::Marker => {
            &mut ui.histories.list
        }
        PromptKind::Save | PromptKind::Pipe | PromptKind::Run | PromptKind::Send => {
            &mut ui.histories.commands
        }
    }
}

fn submit(ui: &mut Model, kind: PromptKind, text: &str, mode: PatternMode, cmds: &mut Cmds) {
    match kind {
        PromptKind::Search => {
            (ui.before_search, ui.pane) = (None, Pane::Logs);
            search::search(ui, text, mode, cmds);
            let is_idle = |search: &SearchState| search.current.is_none() && search.jump.is_none();
            if ui.logs.search.as_ref().is_some_and(is_idle) {
                search::next_match(ui, true, cmds);
            }
        }
        PromptKind::FilterLines | PromptKind::FilterList | PromptKind::FilterView => {
            preview(ui, kind, text, mode, cmds);
        }
        PromptKind::Marker => {
            let text = if text.trim().is_empty() { "mark" } else { text.trim() };
            ui.logs.mark(ui.now.wall, text.to_owned());
        }
        PromptKind::Save | PromptKind::Pipe if text.trim().is_empty() => {}
        PromptKind::Save => {
            copy::output(ui, ExportTarget::Save(text.trim().to_owned()), cmds);
        }
        PromptKind::Pipe => copy::output(ui, ExportTarget::Pipe(text.to_owned()), cmds),
        PromptKind::Run => run(ui, text, cmds),
        PromptKind::Send => send(ui, text.to_owned(), cmds),
    }
}

fn send(ui: &mut Model, text: String, cmds: &mut Cmds) {
    let Some(name) = ui.cursor_process().map(|process| process.name.to_string()) else { return };
    let ticket = ui.new_ticket(format!("send to {name}"));
    cmds.push(Cmd::Execute(ControlCommand::Send(SendRequest { name, text }), ticket));
}

/// Runs a command once: as an ad-hoc process, or as a job of the pool at the cursor.
fn run(ui: &mut Model, text: &str, cmds: &mut Cmds) {
    if text.trim().is_empty() {
        return;
    }
    let RowId::Pool(pool) = &ui.list.cursor else {
        let ticket = ui.new_ticket(format!("run {text}"));
        let running = RunningCommand {
            number: ticket.number,
            kind: ProgressKind::Run,
            subject: text.to_owned(),
            names: Vec::new(),
        };
        progress::begin(ui, running);
        let command = ControlCommand::Run(RunRequest { name: None, command: text.to_owned() });
        cmds.push(Cmd::Execute(command, ticket));
        return;
    };
    let pool = pool.clone();
    match shlex::split(text) {
        Some(command) if !command.is_empty() => {
            ui.notify(format!("queued in {pool}: {text}"), Role::Text);
            let work = EnqueueRequest { pool, name: None, command };
            let ticket = ui.new_ticket(format!("run {text}"));
            cmds.push(Cmd::Execute(ControlCommand::Enqueue(work), ticket));
        }
        Some(_) => {}
        None => ui.notify("run: a quote is not closed", Role::Bad),
    }
}
