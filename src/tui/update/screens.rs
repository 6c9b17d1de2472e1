//! Updates of the full screens: events, graph, stats and details.

use super::{Cmds, prompts, search};
use crate::tui::action::{Argument, ViewsAction};
use crate::tui::model::search::JumpTarget;
use crate::tui::model::{Model, Pane, PromptKind, Screen, layout};
use crate::tui::motion::Motion;
use crate::tui::pattern::ListFilter;
use crate::tui::render::{details, full_screens};

/// Does what is about screens; false where it has no meaning now.
pub(super) fn screens(
    ui: &mut Model,
    action: ViewsAction,
    argument: &Argument,
    cmds: &mut Cmds,
) -> bool {
    let is_details = ui.view == Screen::Details;
    match action {
        ViewsAction::Dashboard => ui.view = Screen::Dashboard,
        ViewsAction::Events => {
            ui.view = Screen::Events;
            ui.timeline.mark_read();
        }
        ViewsAction::Graph => show(ui, Screen::Graph),
        ViewsAction::Stats => show(ui, Screen::Stats),
        ViewsAction::FilterView => prompts::ask(ui, PromptKind::FilterView, argument.text(), cmds),
        ViewsAction::NextTab if is_details => ui.details.turn(false),
        ViewsAction::PreviousTab if is_details => ui.details.turn(true),
        ViewsAction::ShowEnv if is_details => ui.details.toggle_values(),
        ViewsAction::NextTab | ViewsAction::PreviousTab | ViewsAction::ShowEnv => return false,
    }
    true
}

/// A filter belongs to the screen it was made on.
fn show(ui: &mut Model, view: Screen) {
    if ui.view != view {
        (ui.view, ui.row, ui.narrowed) = (view, 0, ListFilter::All);
    }
}

/// Moves in the screen; false on the dashboard, which is none of these.
pub(super) fn scroll(ui: &mut Model, motion: Motion) -> bool {
    let page = usize::from(ui.size.height).saturating_sub(5).max(1);
    match ui.view {
        Screen::Dashboard => return false,
        Screen::Events => ui.timeline.step(motion.rows(page)),
        Screen::Graph | Screen::Stats => {
            let last = full_screens::rows(ui).saturating_sub(1);
            ui.row = motion.apply(ui.row, last, page);
        }
        Screen::Details => {
            let area = layout::areas(ui).view.unwrap_or_default().outside;
            let sheet = details::sheet(ui);
            let look = ui.look;
            ui.details.scroll(motion, &sheet, area, &look);
        }
    }
    true
}

/// Leads from a screen to the logs of what the cursor is on, at its place.
pub(super) fn open(ui: &mut Model, cmds: &mut Cmds) {
    let told = ui.timeline.chosen().cloned().filter(|_| ui.view == Screen::Events);
    let name = match ui.view {
        Screen::Events => told.as_ref().and_then(|told| told.name.clone()),
        Screen::Graph | Screen::Stats => full_screens::name(ui),
        Screen::Dashboard | Screen::Details => None,
    };
    let is_details = ui.view == Screen::Details;
    (ui.view, ui.part) = (Screen::Dashboard, Pane::Logs);
    if is_details {
        return;
    }
    if let Some(name) = name {
        ui.list.go_to(&name, &ui.overview);
    }
    ui.choose_logs();
    if let Some(told) = told {
        search::seek(ui, JumpTarget::Event(told.seq), true, cmds);
    }
}
