//! Updates of the full screens: events, graph, stats and details.

use super::{Cmds, prompts, search};
use crate::tui::action::{Argument, ViewsAction};
use crate::tui::model::search::JumpTarget;
use crate::tui::model::{Model, Pane, PromptKind, Screen, layout};
use crate::tui::motion::Motion;
use crate::tui::pattern::ListFilter;
use crate::tui::render::{details, screens as render};

/// Performs an action of the full screens; returns whether it has an effect now.
pub(super) fn screens(
    ui: &mut Model,
    action: ViewsAction,
    argument: &Argument,
    cmds: &mut Cmds,
) -> bool {
    let is_details = ui.screen == Screen::Details;
    match action {
        ViewsAction::Dashboard => ui.screen = Screen::Dashboard,
        ViewsAction::Events => {
            ui.screen = Screen::Events;
            ui.timeline.mark_read();
        }
        ViewsAction::Graph => show(ui, Screen::Graph),
        ViewsAction::Stats => show(ui, Screen::Stats),
        ViewsAction::FilterView => prompts::ask(ui, PromptKind::FilterView, argument.text(), cmds),
        ViewsAction::NextTab if is_details => ui.details.next_tab(false),
        ViewsAction::PreviousTab if is_details => ui.details.next_tab(true),
        ViewsAction::ShowEnv if is_details => ui.details.toggle_values(),
        ViewsAction::NextTab | ViewsAction::PreviousTab | ViewsAction::ShowEnv => return false,
    }
    true
}

/// Shows a screen; the filter of the previous one does not apply to it.
fn show(ui: &mut Model, view: Screen) {
    if ui.screen != view {
        (ui.screen, ui.row, ui.row_filter) = (view, 0, ListFilter::All);
    }
}

/// Moves the cursor of the screen; on the dashboard that of the list.
pub(super) fn scroll(ui: &mut Model, motion: Motion) {
    let page = usize::from(ui.size.height).saturating_sub(5).max(1);
    match ui.screen {
        Screen::Dashboard => ui.list.step(motion.rows(page)),
        Screen::Events => ui.timeline.step(motion.rows(page)),
        Screen::Graph | Screen::Stats => {
            let last = render::rows(ui).saturating_sub(1);
            ui.row = motion.apply(ui.row, last, page);
        }
        Screen::Details => {
            let area = layout::areas(ui).view.unwrap_or_default().outside;
            let (rows, page) = details::rows(ui, area);
            let last = rows.saturating_sub(page);
            ui.details.above = motion.apply(ui.details.above.min(last), last, page);
        }
    }
}

/// Shows the logs of the process at the cursor of a screen, at the time of the event.
pub(super) fn open(ui: &mut Model, cmds: &mut Cmds) {
    let event = ui.timeline.chosen().cloned().filter(|_| ui.screen == Screen::Events);
    let name = match ui.screen {
        Screen::Events => event.as_ref().and_then(|event| event.name.clone()),
        Screen::Graph | Screen::Stats => render::name(ui),
        Screen::Dashboard | Screen::Details => None,
    };
    let is_details = ui.screen == Screen::Details;
    (ui.screen, ui.pane) = (Screen::Dashboard, Pane::Logs);
    if is_details {
        return;
    }
    if let Some(name) = name {
        ui.list.go_to(&name, &ui.overview);
    }
    ui.select_logs();
    if let Some(event) = event {
        search::seek(ui, JumpTarget::Event(event.seq), true, cmds);
    }
}
