//! The views that take the whole screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::list::state_of;
use crate::control::wire::Member;
use crate::machine::StateName;
use crate::spec::Condition;
use crate::tui::ui::{Ui, View};
use crate::tui::views::details::Sheet;
use crate::tui::views::graph::{Edge, Graph, Node};
use crate::tui::views::stats::{self, Usage};

pub(super) fn draw(ui: &Ui, area: Rect, buffer: &mut Buffer) {
    match ui.view {
        View::Dashboard => {}
        View::Events => ui.timeline.draw(area, &ui.look, &ui.zone, buffer),
        View::Graph => graph(ui).draw(area, ui.row, &ui.look, buffer),
        View::Stats => stats::draw(&usages(ui), area, ui.row, &ui.look, buffer),
        View::Details => ui.details.draw(&sheet(ui), area, &ui.look, buffer),
    }
}

/// Rows of the view.
pub fn rows(ui: &Ui) -> usize {
    match ui.view {
        View::Graph => graph(ui).len(),
        View::Stats => ui.overview.processes.len(),
        View::Dashboard | View::Events | View::Details => 0,
    }
}

/// What the cursor of the view is on.
pub fn name(ui: &Ui) -> Option<String> {
    match ui.view {
        View::Graph => graph(ui).name(ui.row).map(str::to_owned),
        View::Stats => ui.overview.processes.get(ui.row).map(|one| one.status.name.clone()),
        View::Dashboard | View::Events | View::Details => None,
    }
}

fn graph(ui: &Ui) -> Graph {
    let all = &ui.overview.processes;
    let node = |one: &Member| {
        let edge = |need: &crate::control::wire::Needed| Edge {
            name: need.name.clone(),
            condition: need.condition.as_str().to_owned(),
            fulfilled: all
                .iter()
                .filter(|on| is_meant(on, &need.name))
                .all(|on| holds(on, need.condition)),
        };
        Node {
            name: one.status.name.clone(),
            state: one.status.state,
            checked: one.status.checked,
            why: if is_plain(one) { String::new() } else { one.status.why.clone() },
            on: one
                .depends_on
                .iter()
                .flat_map(|need| {
                    // A name of several stands for each of them.
                    all.iter()
                        .filter(|on| is_meant(on, &need.name))
                        .map(|on| Edge { name: on.status.name.clone(), ..edge(need) })
                })
                .collect(),
            took: None,
        }
    };
    Graph::new(&all.iter().map(node).collect::<Vec<_>>())
}

fn is_meant(one: &Member, name: &str) -> bool {
    one.status.name == name
        || one.status.process == name
        || one.status.pool.as_deref() == Some(name)
}

/// Nothing needs to be said about it.
fn is_plain(one: &Member) -> bool {
    matches!(one.status.state, StateName::Ready | StateName::Succeeded)
}

fn holds(on: &Member, condition: Condition) -> bool {
    match condition {
        Condition::Started => on.started,
        Condition::Ready => {
            on.status.ready || on.kind == "job" && on.status.state == StateName::Succeeded
        }
        Condition::Succeeded => on.status.state == StateName::Succeeded,
        Condition::Completed => matches!(on.status.state, StateName::Succeeded | StateName::Failed),
    }
}

fn usages(ui: &Ui) -> Vec<Usage> {
    let usage = |one: &Member| Usage {
        name: one.status.name.clone(),
        state: one.status.state,
        checked: one.status.checked,
        processor: one.status.cpu_percent.into_iter().collect(),
        memory: one.status.memory_bytes.map(|bytes| bytes as f64).into_iter().collect(),
        restarts: one.status.restarts,
        lines: None,
    };
    ui.overview.processes.iter().map(usage).collect()
}

/// All about the process the cursor is on.
pub fn sheet(ui: &Ui) -> Sheet {
    let Some(one) = ui.chosen() else {
        return Sheet { name: ui.list.cursor.name().to_owned(), ..Sheet::default() };
    };
    let status = &one.status;
    let mut facts: Vec<(String, String)> = Vec::new();
    let mut fact = |label: &str, words: String| {
        if !words.is_empty() {
            facts.push((label.to_owned(), words));
        }
    };
    fact("state", state_of(one, ui.age()));
    fact("about", one.description.clone().unwrap_or_default());
    fact("pid", status.pid.map(|pid| pid.to_string()).unwrap_or_default());
    fact("run", format!("{}, try {}", status.run, status.attempt));
    fact("restarts", status.restarts.to_string());
    let retries = one.retries.map_or_else(|| "no limit".to_owned(), |all| all.to_string());
    fact("retries", format!("{} of {retries}", one.retry));
    fact("exit code", status.exit_code.map(|code| code.to_string()).unwrap_or_default());
    fact("signal", status.signal.map(|signal| signal.to_string()).unwrap_or_default());
    let needs =
        one.depends_on.iter().map(|need| format!("{} ({})", need.name, need.condition.as_str()));
    fact("depends on", needs.collect::<Vec<_>>().join(", "));
    let by = ui
        .overview
        .processes
        .iter()
        .filter(|other| other.depends_on.iter().any(|need| is_meant(one, &need.name)));
    fact("needed by", by.map(|other| other.status.name.clone()).collect::<Vec<_>>().join(", "));
    fact("port", status.port.map(|port| port.to_string()).unwrap_or_default());
    fact("pool", status.pool.clone().unwrap_or_default());
    fact("watch", one.watch.map(|state| format!("{state:?}").to_lowercase()).unwrap_or_default());
    fact("watch suspended by", one.suspended_by.clone().unwrap_or_default());
    fact("tags", one.tags.join(", "));
    fact("starts by itself", if one.autostart { "yes" } else { "no" }.to_owned());
    let files = one.log_file.iter().map(|path| ("log".to_owned(), path.clone()));
    let of_it = ui.logs.items().iter().filter_map(|(_, item)| item.line());
    let lines: Vec<_> = of_it.filter(|line| *line.name == *status.name).collect();
    let last = lines.len().saturating_sub(5);
    Sheet {
        name: status.name.clone(),
        state: Some(status.state),
        checked: one.status.checked,
        why: status.why.clone(),
        facts,
        files: files.collect(),
        processor: status.cpu_percent.into_iter().collect(),
        memory: status.memory_bytes.map(|bytes| bytes as f64).into_iter().collect(),
        last_lines: lines.iter().skip(last).map(|line| line.text.clone()).collect(),
        ..Sheet::default()
    }
}
