//! The screens that take the whole terminal: events, graph, stats and details.

use super::run::text;
use super::{Wishes, find, prompts};
use crate::tui::action::{Argument, ViewsAction};
use crate::tui::motion::Motion;
use crate::tui::pattern::Filter;
use crate::tui::ui::search::Target;
use crate::tui::ui::{Asks, Part, Ui, View, layout};
use crate::tui::view::{others, sheet};

/// Does what is about screens; false where it has no meaning now.
pub(super) fn screens(
    ui: &mut Ui,
    action: ViewsAction,
    argument: &Argument,
    wishes: &mut Wishes,
) -> bool {
    let is_details = ui.view == View::Details;
    match action {
        ViewsAction::Dashboard => ui.view = View::Dashboard,
        ViewsAction::Events => {
            ui.view = View::Events;
            ui.timeline.mark_read();
        }
        ViewsAction::Graph => show(ui, View::Graph),
        ViewsAction::Stats => show(ui, View::Stats),
        ViewsAction::FilterView => prompts::ask(ui, Asks::FilterView, text(argument), wishes),
        ViewsAction::NextTab if is_details => ui.details.turn(false),
        ViewsAction::PreviousTab if is_details => ui.details.turn(true),
        ViewsAction::ShowEnv if is_details => ui.details.toggle_values(),
        ViewsAction::NextTab | ViewsAction::PreviousTab | ViewsAction::ShowEnv => return false,
    }
    true
}

/// A filter belongs to the screen it was made on.
fn show(ui: &mut Ui, view: View) {
    if ui.view != view {
        (ui.view, ui.row, ui.narrowed) = (view, 0, Filter::All);
    }
}

/// Moves in the screen; false on the dashboard, which is none of these.
pub(super) fn scroll(ui: &mut Ui, motion: Motion) -> bool {
    let page = usize::from(ui.size.height).saturating_sub(5).max(1);
    match ui.view {
        View::Dashboard => return false,
        View::Events => ui.timeline.step(motion.rows(page)),
        View::Graph | View::Stats => {
            let last = others::rows(ui).saturating_sub(1);
            ui.row = motion.apply(ui.row, last, page);
        }
        View::Details => {
            let area = layout::areas(ui).view.unwrap_or_default().outside;
            let sheet = sheet::sheet(ui);
            let look = ui.look;
            ui.details.scroll(motion, &sheet, area, &look);
        }
    }
    true
}

/// Leads from a screen to the logs of what the cursor is on, at its place.
pub(super) fn open(ui: &mut Ui, wishes: &mut Wishes) {
    let told = ui.timeline.chosen().cloned().filter(|_| ui.view == View::Events);
    let name = match ui.view {
        View::Events => told.as_ref().and_then(|told| told.name.clone()),
        View::Graph | View::Stats => others::name(ui),
        View::Dashboard | View::Details => None,
    };
    let is_details = ui.view == View::Details;
    (ui.view, ui.part) = (View::Dashboard, Part::Logs);
    if is_details {
        return;
    }
    if let Some(name) = name {
        ui.list.go_to(&name, &ui.overview);
    }
    ui.choose_logs();
    if let Some(told) = told {
        find::seek(ui, Target::Event(told.seq), true, wishes);
    }
}
