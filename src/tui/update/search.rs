//! Updates of a search, which the project performs.

use super::Cmds;
use crate::control::wire::{SearchProgress, SeekQuery, Severity};
use crate::tui::model::log_window::RowKey;
use crate::tui::model::search::{JumpTarget, SearchJump, SearchState, SeekRequest};
use crate::tui::model::{Model, PromptKind};
use crate::tui::msg::{Cmd, SeekHit, SeekTarget};
use crate::tui::pattern::PatternMode;
use crate::tui::theme::Role;

/// What is typed is looked for from where it was begun, and marked where it is seen.
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
                let among = ui.logs.asked_lines();
                ui.logs.search = Some(SearchState::new(text, regex, expression, among));
                // Who reads the end looks for what has just been; who reads elsewhere reads on.
                let back = ui.logs.is_following();
                ask(ui, Some(SearchJump::Near { back }), cmds);
            }
        }
        // What was right last goes on.
        Err(_) => {}
    }
}

/// To the next match or the one before. Pressed again before it is there, it goes one further.
pub(super) fn next_match(ui: &mut Model, back: bool, cmds: &mut Cmds) {
    let going = Some(if back { SearchJump::Back } else { SearchJump::Forward });
    match ui.logs.search.as_mut().filter(|search| search.going == going) {
        Some(search) => search.owed += 1,
        None => ask(ui, going, cmds),
    }
}

/// Nothing is searched for any more.
pub(super) fn forget(ui: &mut Model, cmds: &mut Cmds) {
    if ui.logs.search.take().is_some() {
        cmds.push(Cmd::Forget(SeekTarget::Search));
    }
}

/// What was on its way before a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct PendingSearch {
    search: Option<(u64, u32)>,
    seek: Option<SeekRequest>,
}

/// What is on its way; not what is being typed, which is what is wanted.
pub(super) fn pending(ui: &Model) -> PendingSearch {
    let is_typed = ui.prompt.as_ref().is_some_and(|(asks, _)| *asks == PromptKind::Search);
    let search = ui.logs.search.as_ref().filter(|search| search.going.is_some() && !is_typed);
    PendingSearch {
        search: search.map(|search| (search.question, search.owed)),
        seek: ui.logs.seeking,
    }
}

/// Whoever has done something else does not want to be taken away from it a moment later.
pub(super) fn stay(ui: &mut Model, before: PendingSearch, cmds: &mut Cmds) {
    if before.seek.is_some() && ui.logs.seeking == before.seek {
        ui.logs.seeking = None;
        cmds.push(Cmd::Forget(SeekTarget::Seek));
    }
    let same = |search: &&mut SearchState| Some((search.question, search.owed)) == before.search;
    if let Some(search) = ui.logs.search.as_mut().filter(same) {
        search.going = None;
    }
}

/// Other lines are shown: it is counted anew.
pub(super) fn settle(ui: &mut Model, cmds: &mut Cmds) {
    let among = ui.logs.asked_lines();
    if let Some(search) = ui.logs.search.as_mut().filter(|search| search.among != among) {
        search.among = among;
        let going = search.going;
        ask(ui, going, cmds);
    }
}

fn ask(ui: &mut Model, going: Option<SearchJump>, cmds: &mut Cmds) {
    let Some(search) = &ui.logs.search else { return };
    let current = search.current.filter(|key| ui.logs.shows(*key, ui.pane()));
    let at = match (going, current) {
        (Some(SearchJump::Forward), Some(key)) => Some(key.seq.saturating_add(1)),
        (_, Some(key)) => Some(key.seq),
        (Some(SearchJump::Back | SearchJump::Near { back: true }), None) => {
            edge(ui, true).map(after_line)
        }
        (_, None) => edge(ui, false).map(|key| key.seq),
    };
    let asked = ui.logs.asked_search(search.expression.clone(), at);
    let question = ui.logs.look();
    if let Some(search) = &mut ui.logs.search {
        search.ask(question, going);
        cmds.push(Cmd::Search(question, asked));
    }
}

fn after_line(key: RowKey) -> u64 {
    key.after().seq
}

/// What is shown first, or last.
fn edge(ui: &Model, last: bool) -> Option<RowKey> {
    let shown = ui.logs.shown(ui.pane());
    let row = if last { shown.last() } else { shown.first() };
    row.and_then(|row| ui.logs.items().get(row.item)).map(|(key, _)| *key)
}

/// A search has come so far.
pub(super) fn found(ui: &mut Model, question: u64, found: SearchProgress, cmds: &mut Cmds) {
    let is_typed = ui.prompt.as_ref().is_some_and(|(asks, _)| *asks == PromptKind::Search);
    let Some(search) = ui.logs.search.as_mut().filter(|search| search.question == question) else {
        return;
    };
    let going = search.going;
    let to = search.take(found);
    let words = search.words(ui.look.glyphs.ellipsis);
    let is_vain = search.is_vain();
    if let (Some((_, prompt)), true) = (&mut ui.prompt, is_typed) {
        prompt.found = words;
    } else if is_vain && going.is_some() {
        ui.say("nothing found", Role::Warn);
    }
    let Some((place, wrapped)) = to else { return };
    land(ui, place, wrapped);
    if let Some(search) = ui.logs.search.as_mut().filter(|search| search.owed > 0) {
        let owed = search.owed - 1;
        ask(ui, going, cmds);
        if let Some(search) = &mut ui.logs.search {
            search.owed = owed;
        }
    }
}

/// Looks from where somebody went last, else from what is seen.
pub(super) fn seek(ui: &mut Model, target: JumpTarget, back: bool, cmds: &mut Cmds) {
    let same = |seeking: &&mut SeekRequest| (seeking.target, seeking.back) == (target, back);
    if let Some(seeking) = ui.logs.seeking.as_mut().filter(same) {
        // One further, once it is there.
        seeking.owed += 1;
        return;
    }
    let landed = ui.logs.landed().filter(|key| ui.logs.shows(*key, ui.pane()));
    // What is seen counts too, unless somebody is there already.
    let from = match (landed, back) {
        (Some(key), _) => Some(key),
        (None, true) => edge(ui, true).map(RowKey::after),
        (None, false) => edge(ui, false).map(RowKey::before),
    };
    let lines = ui.logs.asked_seek();
    let (names, cleared) = (lines.names.clone(), lines.cleared.clone());
    let runs = SeekQuery { names, cleared, ..SeekQuery::default() };
    let from = from.map(RowKey::place);
    let asked = match target {
        JumpTarget::Error => SeekQuery { level: Some(Severity::Error), from, back, ..lines },
        JumpTarget::Run => SeekQuery { run: true, from, back, ..runs },
        JumpTarget::Event(event) => SeekQuery { event: Some(event), back, ..runs },
    };
    let question = ui.logs.look();
    ui.logs.seeking = Some(SeekRequest { question, target, back, owed: 0 });
    cmds.push(Cmd::Seek(question, asked));
}

/// It was found, or is nowhere.
pub(super) fn sought(ui: &mut Model, sighting: SeekHit, cmds: &mut Cmds) {
    let is_asked = |seeking: &SeekRequest| seeking.question == sighting.question;
    if !ui.logs.seeking.as_ref().is_some_and(is_asked) {
        return;
    }
    let seeking = ui.logs.seeking.take();
    let Some(place) = sighting.place else {
        let nowhere = match seeking.map(|seeking| seeking.target) {
            Some(JumpTarget::Error) => "no line that is kept is an error",
            Some(JumpTarget::Run) => "no start of a run is kept",
            Some(JumpTarget::Event(_)) | None => "what was printed then is not kept any more",
        };
        ui.say(nowhere, Role::Warn);
        return;
    };
    land(ui, place, sighting.wrapped);
    if let Some(SeekRequest { target, back, owed, .. }) = seeking.filter(|seeking| seeking.owed > 0)
    {
        seek(ui, target, back, cmds);
        if let Some(seeking) = &mut ui.logs.seeking {
            seeking.owed = owed - 1;
        }
    }
}

fn land(ui: &mut Model, place: RowKey, wrapped: bool) {
    if wrapped {
        ui.say("from the other end", Role::Dim);
    }
    let pane = ui.pane();
    ui.logs.land(place, pane);
}
