//! Updates of a search, which the project performs.

use super::Cmds;
use crate::control::wire::{SearchProgress, SeekQuery, Severity};
use crate::tui::model::log_window::RowKey;
use crate::tui::model::search::{JumpTarget, SearchJump, SearchState, SeekRequest};
use crate::tui::model::{Model, PromptKind};
use crate::tui::msg::{Cmd, SeekHit};
use crate::tui::pattern::PatternMode;
use crate::tui::theme::Role;

/// Searches for the typed text from the position where typing began, and highlights visible matches.
pub(super) fn search(ui: &mut Model, text: &str, reading: PatternMode, cmds: &mut Cmds) {
    match reading.compile(text) {
        Ok(None) => forget(ui, cmds),
        Ok(Some(regex)) => {
            let expression = reading.expression(text);
            let is_same =
                ui.logs.search.as_ref().is_some_and(|search| search.expression == expression);
            if !is_same {
                if let Some(position) = ui.before_search {
                    ui.logs.go_back(position);
                }
                let lines = ui.logs.slice_query();
                ui.logs.search = Some(SearchState::new(text, regex, expression, lines));
                // At the end of the log the latest match is of interest; elsewhere the next one.
                let back = ui.logs.is_following();
                ask(ui, Some(SearchJump::Near { back }), cmds);
            }
        }
        // The last valid pattern stays.
        Err(_) => {}
    }
}

/// Goes to the next or previous match; one further if it is called again before a result arrives.
pub(super) fn next_match(ui: &mut Model, back: bool, cmds: &mut Cmds) {
    let jump = Some(if back { SearchJump::Back } else { SearchJump::Forward });
    match ui.logs.search.as_mut().filter(|search| search.jump == jump) {
        Some(search) => search.repeats += 1,
        None => ask(ui, jump, cmds),
    }
}

pub(super) fn forget(ui: &mut Model, cmds: &mut Cmds) {
    if ui.logs.search.take().is_some() {
        cmds.push(Cmd::CancelSearch);
    }
}

/// The pending searches before an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct PendingSearch {
    search: Option<(u64, u32)>,
    seek: Option<SeekRequest>,
}

/// Returns the pending searches, except the search that is being typed.
pub(super) fn pending(ui: &Model) -> PendingSearch {
    let is_typed = ui.prompt.as_ref().is_some_and(|(asks, _)| *asks == PromptKind::Search);
    let search = ui.logs.search.as_ref().filter(|search| search.jump.is_some() && !is_typed);
    PendingSearch {
        search: search.map(|search| (search.question, search.repeats)),
        seek: ui.logs.seeking,
    }
}

/// Cancels jumps that were pending before another action, so that they do not move the view later.
pub(super) fn cancel_jumps(ui: &mut Model, before: PendingSearch, cmds: &mut Cmds) {
    if before.seek.is_some() && ui.logs.seeking == before.seek {
        ui.logs.seeking = None;
        cmds.push(Cmd::CancelSeek);
    }
    let same = |search: &&mut SearchState| Some((search.question, search.repeats)) == before.search;
    if let Some(search) = ui.logs.search.as_mut().filter(same) {
        search.jump = None;
    }
}

/// Restarts the search if other lines are shown.
pub(super) fn settle(ui: &mut Model, cmds: &mut Cmds) {
    let lines = ui.logs.slice_query();
    if let Some(search) = ui.logs.search.as_mut().filter(|search| search.lines != lines) {
        search.lines = lines;
        let jump = search.jump;
        ask(ui, jump, cmds);
    }
}

fn ask(ui: &mut Model, jump: Option<SearchJump>, cmds: &mut Cmds) {
    let Some(search) = &ui.logs.search else { return };
    let current = search.current.filter(|key| ui.logs.shows(*key, ui.logs_area()));
    let at = match (jump, current) {
        (Some(SearchJump::Forward), Some(key)) => Some(key.seq.saturating_add(1)),
        (_, Some(key)) => Some(key.seq),
        (Some(SearchJump::Back | SearchJump::Near { back: true }), None) => {
            edge(ui, true).map(|key| key.after().seq)
        }
        (_, None) => edge(ui, false).map(|key| key.seq),
    };
    let query = ui.logs.search_query(search.expression.clone(), at);
    let question = ui.logs.next_question();
    if let Some(search) = &mut ui.logs.search {
        search.start(question, jump);
        cmds.push(Cmd::Search(question, query));
    }
}

/// Returns the first or last visible row.
fn edge(ui: &Model, last: bool) -> Option<RowKey> {
    let shown = ui.logs.shown(ui.logs_area());
    let row = if last { shown.last() } else { shown.first() };
    row.and_then(|row| ui.logs.items().get(row.item)).map(|(key, _)| *key)
}

/// Handles the progress of a search.
pub(super) fn progressed(ui: &mut Model, question: u64, progress: SearchProgress, cmds: &mut Cmds) {
    let is_typed = ui.prompt.as_ref().is_some_and(|(asks, _)| *asks == PromptKind::Search);
    let Some(search) = ui.logs.search.as_mut().filter(|search| search.question == question) else {
        return;
    };
    let jump = search.jump;
    let target = search.take(progress);
    let words = search.words(ui.look.glyphs.ellipsis);
    let has_no_match = search.has_no_match();
    if let (Some((_, prompt)), true) = (&mut ui.prompt, is_typed) {
        prompt.found = words;
    } else if has_no_match && jump.is_some() {
        ui.notify("no match", Role::Warn);
    }
    let Some((place, wrapped)) = target else { return };
    jump_to(ui, place, wrapped);
    if let Some(search) = ui.logs.search.as_mut().filter(|search| search.repeats > 0) {
        let repeats = search.repeats - 1;
        ask(ui, jump, cmds);
        if let Some(search) = &mut ui.logs.search {
            search.repeats = repeats;
        }
    }
}

/// Seeks from the last jump if that is visible, else from the visible rows.
pub(super) fn seek(ui: &mut Model, target: JumpTarget, back: bool, cmds: &mut Cmds) {
    let same = |seeking: &&mut SeekRequest| (seeking.target, seeking.back) == (target, back);
    if let Some(seeking) = ui.logs.seeking.as_mut().filter(same) {
        seeking.repeats += 1;
        return;
    }
    let last_jump = ui.logs.last_jump.filter(|key| ui.logs.shows(*key, ui.logs_area()));
    // Visible rows count too, unless the last jump led to one of them.
    let from = match (last_jump, back) {
        (Some(key), _) => Some(key),
        (None, true) => edge(ui, true).map(RowKey::after),
        (None, false) => edge(ui, false).map(RowKey::before),
    };
    let lines = ui.logs.seek_query();
    let (names, cleared) = (lines.names.clone(), lines.cleared.clone());
    let runs = SeekQuery { names, cleared, ..SeekQuery::default() };
    let from = from.map(RowKey::to_query);
    let query = match target {
        JumpTarget::Error => SeekQuery { level: Some(Severity::Error), from, back, ..lines },
        JumpTarget::Run => SeekQuery { run: true, from, back, ..runs },
        JumpTarget::Event(event) => SeekQuery { event: Some(event), back, ..runs },
    };
    let question = ui.logs.next_question();
    ui.logs.seeking = Some(SeekRequest { question, target, back, repeats: 0 });
    cmds.push(Cmd::Seek(question, query));
}

/// Handles the result of a seek.
pub(super) fn seek_done(ui: &mut Model, hit: SeekHit, cmds: &mut Cmds) {
    let is_current = |seeking: &mut SeekRequest| seeking.question == hit.question;
    let Some(SeekRequest { target, back, repeats, .. }) = ui.logs.seeking.take_if(is_current)
    else {
        return;
    };
    let Some(place) = hit.place else {
        let text = match target {
            JumpTarget::Error => "no error line found",
            JumpTarget::Run => "no run start found",
            JumpTarget::Event(_) => "that output is no longer stored",
        };
        return ui.notify(text, Role::Warn);
    };
    jump_to(ui, place, hit.wrapped);
    if repeats > 0 {
        seek(ui, target, back, cmds);
        if let Some(seeking) = &mut ui.logs.seeking {
            seeking.repeats = repeats - 1;
        }
    }
}

fn jump_to(ui: &mut Model, place: RowKey, wrapped: bool) {
    if wrapped {
        ui.notify("search wrapped", Role::Dim);
    }
    let area = ui.logs_area();
    ui.logs.jump_to_hit(place, area);
}
