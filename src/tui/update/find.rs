//! Looking for something in the output: the project looks, and says how far it has come.

use super::Wishes;
use crate::control::wire::{Found, Level, SeekAsked};
use crate::tui::msg::{Looking, Sighting, Wish};
use crate::tui::pattern::Reading;
use crate::tui::theme::Role;
use crate::tui::ui::search::{Going, Search, Seeking, Target};
use crate::tui::ui::window::Key;
use crate::tui::ui::{Asks, Ui};

/// What is typed is looked for from where it was begun, and marked where it is seen.
pub(super) fn search(ui: &mut Ui, text: &str, reading: Reading, wishes: &mut Wishes) {
    match reading.compile(text) {
        Ok(None) => forget(ui, wishes),
        Ok(Some(regex)) => {
            let expression = reading.expression(text);
            let is_same =
                ui.logs.search.as_ref().is_some_and(|search| search.expression == expression);
            if !is_same {
                if let Some(position) = ui.before_search {
                    ui.logs.go_back(position);
                }
                let among = ui.logs.asked_lines();
                ui.logs.search = Some(Search::new(text, regex, expression, among));
                // Who reads the end looks for what has just been; who reads elsewhere reads on.
                let back = ui.logs.is_following();
                ask(ui, Some(Going::Near { back }), wishes);
            }
        }
        // What was right last goes on.
        Err(_) => {}
    }
}

/// To the next match or the one before. Pressed again before it is there, it goes one further.
pub(super) fn next_match(ui: &mut Ui, back: bool, wishes: &mut Wishes) {
    let going = Some(if back { Going::Back } else { Going::Forward });
    match ui.logs.search.as_mut().filter(|search| search.going == going) {
        Some(search) => search.owed += 1,
        None => ask(ui, going, wishes),
    }
}

/// Nothing is searched for any more.
pub(super) fn forget(ui: &mut Ui, wishes: &mut Wishes) {
    if ui.logs.search.take().is_some() {
        wishes.push(Wish::Forget(Looking::Search));
    }
}

/// What was on its way before a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    search: Option<(u64, u32)>,
    seek: Option<Seeking>,
}

/// What is on its way; not what is being typed, which is what is wanted.
pub(super) fn pending(ui: &Ui) -> Pending {
    let is_typed = ui.prompt.as_ref().is_some_and(|(asks, _)| *asks == Asks::Search);
    let search = ui.logs.search.as_ref().filter(|search| search.going.is_some() && !is_typed);
    Pending { search: search.map(|search| (search.question, search.owed)), seek: ui.logs.seeking }
}

/// Whoever has done something else does not want to be taken away from it a moment later.
pub(super) fn stay(ui: &mut Ui, before: Pending, wishes: &mut Wishes) {
    if before.seek.is_some() && ui.logs.seeking == before.seek {
        ui.logs.seeking = None;
        wishes.push(Wish::Forget(Looking::Seek));
    }
    let same = |search: &&mut Search| Some((search.question, search.owed)) == before.search;
    if let Some(search) = ui.logs.search.as_mut().filter(same) {
        search.going = None;
    }
}

/// Other lines are shown: it is counted anew.
pub(super) fn settle(ui: &mut Ui, wishes: &mut Wishes) {
    let among = ui.logs.asked_lines();
    if let Some(search) = ui.logs.search.as_mut().filter(|search| search.among != among) {
        search.among = among;
        let going = search.going;
        ask(ui, going, wishes);
    }
}

fn ask(ui: &mut Ui, going: Option<Going>, wishes: &mut Wishes) {
    let Some(search) = &ui.logs.search else { return };
    let current = search.current.filter(|key| ui.logs.shows(*key, ui.pane()));
    let at = match (going, current) {
        (Some(Going::Forward), Some(key)) => Some(key.seq.saturating_add(1)),
        (_, Some(key)) => Some(key.seq),
        (Some(Going::Back | Going::Near { back: true }), None) => edge(ui, true).map(after_line),
        (_, None) => edge(ui, false).map(|key| key.seq),
    };
    let asked = ui.logs.asked_search(search.expression.clone(), at);
    let question = ui.logs.look();
    if let Some(search) = &mut ui.logs.search {
        search.ask(question, going);
        wishes.push(Wish::Search(question, asked));
    }
}

fn after_line(key: Key) -> u64 {
    key.after().seq
}

/// What is shown first, or last.
fn edge(ui: &Ui, last: bool) -> Option<Key> {
    let shown = ui.logs.shown(ui.pane());
    let row = if last { shown.last() } else { shown.first() };
    row.and_then(|row| ui.logs.items().get(row.item)).map(|(key, _)| *key)
}

/// A search has come so far.
pub(super) fn found(ui: &mut Ui, question: u64, found: Found, wishes: &mut Wishes) {
    let is_typed = ui.prompt.as_ref().is_some_and(|(asks, _)| *asks == Asks::Search);
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
        ask(ui, going, wishes);
        if let Some(search) = &mut ui.logs.search {
            search.owed = owed;
        }
    }
}

/// Looks from where somebody went last, else from what is seen.
pub(super) fn seek(ui: &mut Ui, target: Target, back: bool, wishes: &mut Wishes) {
    let same = |seeking: &&mut Seeking| (seeking.target, seeking.back) == (target, back);
    if let Some(seeking) = ui.logs.seeking.as_mut().filter(same) {
        // One further, once it is there.
        seeking.owed += 1;
        return;
    }
    let landed = ui.logs.landed().filter(|key| ui.logs.shows(*key, ui.pane()));
    // What is seen counts too, unless somebody is there already.
    let from = match (landed, back) {
        (Some(key), _) => Some(key),
        (None, true) => edge(ui, true).map(Key::after),
        (None, false) => edge(ui, false).map(Key::before),
    };
    let lines = ui.logs.asked_seek();
    let (names, cleared) = (lines.names.clone(), lines.cleared.clone());
    let runs = SeekAsked { names, cleared, ..SeekAsked::default() };
    let from = from.map(Key::place);
    let asked = match target {
        Target::Error => SeekAsked { level: Some(Level::Error), from, back, ..lines },
        Target::Run => SeekAsked { run: true, from, back, ..runs },
        Target::Event(event) => SeekAsked { event: Some(event), back, ..runs },
    };
    let question = ui.logs.look();
    ui.logs.seeking = Some(Seeking { question, target, back, owed: 0 });
    wishes.push(Wish::Seek(question, asked));
}

/// It was found, or is nowhere.
pub(super) fn sought(ui: &mut Ui, sighting: Sighting, wishes: &mut Wishes) {
    let is_asked = |seeking: &Seeking| seeking.question == sighting.question;
    if !ui.logs.seeking.as_ref().is_some_and(is_asked) {
        return;
    }
    let seeking = ui.logs.seeking.take();
    let Some(place) = sighting.place else {
        let nowhere = match seeking.map(|seeking| seeking.target) {
            Some(Target::Error) => "no line that is kept is an error",
            Some(Target::Run) => "no start of a run is kept",
            Some(Target::Event(_)) | None => "what was printed then is not kept any more",
        };
        ui.say(nowhere, Role::Warn);
        return;
    };
    land(ui, place, sighting.wrapped);
    if let Some(Seeking { target, back, owed, .. }) = seeking.filter(|seeking| seeking.owed > 0) {
        seek(ui, target, back, wishes);
        if let Some(seeking) = &mut ui.logs.seeking {
            seeking.owed = owed - 1;
        }
    }
}

fn land(ui: &mut Ui, place: Key, wrapped: bool) {
    if wrapped {
        ui.say("from the other end", Role::Dim);
    }
    let pane = ui.pane();
    ui.logs.land(place, pane);
}
