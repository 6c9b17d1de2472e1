//! What is typed at the bottom, and what it does while it is typed.

use super::{Wishes, copy, find, orders, progress};
use crate::control::wire::{AdHoc, Order, Work};
use crate::tui::action::Action;
use crate::tui::keys::Chord;
use crate::tui::msg::{Use, Wish};
use crate::tui::pattern::{Filter, Reading};
use crate::tui::prompt::{Answer, Prompt};
use crate::tui::theme::Role;
use crate::tui::ui::list::RowId;
use crate::tui::ui::search::Search;
use crate::tui::ui::{Asks, Part, Ui, View};

/// Asks for something, unless it was given.
pub(super) fn ask(ui: &mut Ui, asks: Asks, given: Option<&str>, wishes: &mut Wishes) {
    if let Some(text) = given {
        done(ui, asks, text, Reading::default(), wishes);
        return;
    }
    if asks == Asks::Search {
        ui.before_search = Some(ui.logs.position());
        // What steps from one match to the next are keys of the logs.
        ui.part = Part::Logs;
    }
    let (lines, list) = (ui.histories.lines.clone(), ui.histories.list.clone());
    let commands = ui.histories.commands.clone();
    let reading = Reading::default();
    let prompt = match asks {
        Asks::Search => Prompt::pattern("/", reading, lines),
        Asks::FilterLines => Prompt::pattern("&", reading, lines),
        Asks::FilterList => Prompt::pattern("list /", reading, list),
        Asks::FilterView => {
            let label = match ui.view {
                View::Graph => "graph /",
                View::Stats => "stats /",
                View::Dashboard | View::Events | View::Details => "events /",
            };
            Prompt::pattern(label, reading, list)
        }
        Asks::Marker => Prompt::line("mark: ", list),
        Asks::Save => Prompt::line("save to: ", commands),
        Asks::Pipe => Prompt::line("pipe to: ", commands),
        Asks::Run => match &ui.list.cursor {
            RowId::Pool(_) => Prompt::line("run in this pool: ", commands),
            RowId::All | RowId::Replicas(_) | RowId::One(_) => Prompt::line("run: ", commands),
        },
        Asks::Send => Prompt::line("send: ", commands),
    };
    ui.prompt = Some((asks, prompt));
}

pub(super) fn key(ui: &mut Ui, chord: Chord, wishes: &mut Wishes) {
    let Some((_, prompt)) = &mut ui.prompt else { return };
    let answer = prompt.key(chord);
    answered(ui, answer, wishes);
}

pub(super) fn paste(ui: &mut Ui, text: &str, wishes: &mut Wishes) {
    let Some((_, prompt)) = &mut ui.prompt else { return };
    let answer = prompt.paste(text);
    answered(ui, answer, wishes);
}

pub(super) fn answered(ui: &mut Ui, answer: Answer, wishes: &mut Wishes) {
    let Some((asks, prompt)) = &ui.prompt else { return };
    let (asks, text) = (*asks, prompt.text().to_owned());
    let reading = prompt.reading.unwrap_or_default();
    match answer {
        Answer::Stay => {}
        Answer::Changed => typed(ui, asks, &text, reading, wishes),
        Answer::Done(text) => {
            ui.prompt = None;
            remember(ui, asks, &text);
            done(ui, asks, &text, reading, wishes);
        }
        Answer::Cancelled => {
            ui.prompt = None;
            match asks {
                Asks::Search => {
                    find::forget(ui, wishes);
                    if let Some(position) = ui.before_search.take() {
                        ui.logs.go_back(position);
                    }
                }
                Asks::FilterLines | Asks::FilterList | Asks::FilterView => {
                    typed(ui, asks, "", reading, wishes);
                }
                Asks::Marker | Asks::Save | Asks::Pipe | Asks::Run | Asks::Send => {}
            }
        }
    }
}

/// What is seen while it is typed.
fn typed(ui: &mut Ui, asks: Asks, text: &str, reading: Reading, wishes: &mut Wishes) {
    match asks {
        Asks::Search => find::search(ui, text, reading, wishes),
        Asks::FilterLines => ui.logs.set_filter(text, reading),
        Asks::FilterList => {
            if let Ok(filter) = Filter::of(text, reading) {
                ui.list.filter = filter;
                text.clone_into(&mut ui.list.filter_text);
                ui.list.arrange(&ui.overview);
            }
        }
        Asks::FilterView => {
            if let Ok(filter) = Filter::of(text, reading) {
                match ui.view {
                    View::Graph | View::Stats => (ui.narrowed, ui.row) = (filter, 0),
                    View::Dashboard | View::Events | View::Details => ui.timeline.filter(filter),
                }
            }
        }
        Asks::Marker | Asks::Save | Asks::Pipe | Asks::Run | Asks::Send => {}
    }
}

fn remember(ui: &mut Ui, asks: Asks, text: &str) {
    match asks {
        Asks::Search | Asks::FilterLines => ui.histories.lines.add(text),
        Asks::FilterList | Asks::FilterView | Asks::Marker => ui.histories.list.add(text),
        Asks::Save | Asks::Pipe | Asks::Run | Asks::Send => ui.histories.commands.add(text),
    }
}

fn done(ui: &mut Ui, asks: Asks, text: &str, reading: Reading, wishes: &mut Wishes) {
    match asks {
        Asks::Search => {
            (ui.before_search, ui.part) = (None, Part::Logs);
            find::search(ui, text, reading, wishes);
            let waits = |search: &Search| search.current.is_none() && search.going.is_none();
            if ui.logs.search.as_ref().is_some_and(waits) {
                find::next_match(ui, true, wishes);
            }
        }
        Asks::FilterLines | Asks::FilterList | Asks::FilterView => {
            typed(ui, asks, text, reading, wishes);
        }
        Asks::Marker => {
            let text = if text.trim().is_empty() { "mark" } else { text.trim() };
            ui.logs.mark(ui.now.wall, text.to_owned());
        }
        Asks::Save | Asks::Pipe if text.trim().is_empty() => {}
        Asks::Save => {
            copy::output(ui, Use::Save(text.trim().to_owned()), wishes);
        }
        Asks::Pipe => {
            copy::output(ui, Use::Pipe(text.to_owned()), wishes);
        }
        Asks::Run => run(ui, text, wishes),
        Asks::Send => orders::send(ui, text.to_owned(), wishes),
    }
}

/// A command that runs once: beside the others, or on the row of a pool as a job of that.
fn run(ui: &mut Ui, text: &str, wishes: &mut Wishes) {
    if text.trim().is_empty() {
        return;
    }
    let words = format!("run {text}");
    let RowId::Pool(pool) = &ui.list.cursor else {
        progress::begin(ui, Action::RunAdHoc, &[], &words);
        let order = Order::Run(AdHoc { name: None, command: text.to_owned() });
        wishes.push(Wish::Order(order, words));
        return;
    };
    let pool = pool.clone();
    match shlex::split(text) {
        Some(command) if !command.is_empty() => {
            ui.say(format!("queued in {pool}: {text}"), Role::Text);
            let work = Work { pool, name: None, command };
            wishes.push(Wish::Order(Order::Enqueue(work), words));
        }
        Some(_) => {}
        None => ui.say("run: a quote is not closed", Role::Bad),
    }
}
