//! Renders the process list: one row per process, as many columns as fit.

use std::collections::BTreeSet;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{Border, percent, uptime};
use crate::control::wire::{PoolStatus, ProcessState};
use crate::machine::StateName;
use crate::spec::format_size;
use crate::tui::appearance::{put, tint};
use crate::tui::model::columns::{ListColumns, visible_rows};
use crate::tui::model::layout::PaneArea;
use crate::tui::model::list::{ListRow, RowId, RowPlace, Sort};
use crate::tui::model::terminal::waits_for_input;
use crate::tui::model::{Model, Pane, seconds_left};
use crate::tui::text;
use crate::tui::theme::Role;

/// Whether there is room for resource usage, or the list is sorted by it.
pub(super) fn shows_usage(ui: &Model, pane: PaneArea) -> bool {
    let columns = ListColumns::with_usage(ui, usize::from(pane.inside.width), true);
    columns.cpu > 0 || columns.memory > 0 || matches!(ui.list.sort, Sort::Cpu | Sort::Memory)
}

pub(super) fn draw(ui: &Model, pane: PaneArea, buffer: &mut Buffer) {
    let rows = &ui.list.rows;
    let inside = pane.inside;
    let (head, visible) = visible_rows(ui, inside);
    border(ui, &visible, usize::from(inside.height) < rows.len() + head)
        .draw(pane, &ui.look, buffer);
    let columns = ListColumns::new(ui, usize::from(inside.width));
    if head > 0 {
        put(inside, 0, &heading(ui, columns), buffer);
    }
    for (at, index) in visible.enumerate() {
        let Some(row) = rows.get(index) else { break };
        let is_cursor = index == ui.list.cursor_index;
        if is_cursor {
            tint(inside, at + head, ui.look.style(Role::Cursor), buffer);
        }
        put(inside, at + head, &line(ui, row, is_cursor, columns), buffer);
    }
}

/// The row of the list at this row of the screen.
pub fn row_at(ui: &Model, inside: Rect, y: u16) -> Option<usize> {
    let (head, visible) = visible_rows(ui, inside);
    let at = usize::from(y.checked_sub(inside.y)?).checked_sub(head)?;
    visible.into_iter().nth(at)
}

fn border(ui: &Model, visible: &std::ops::Range<usize>, is_cut: bool) -> Border {
    let list = &ui.list;
    let right = match (list.sort, list.reversed) {
        (Sort::File, false) => String::new(),
        (sort, false) => format!("by {}", sort.as_str()),
        (sort, true) => format!("by {} {}", sort.as_str(), ui.look.glyphs.up),
    };
    let mut notes = Vec::new();
    if !list.filter_text.is_empty() {
        notes.push(format!("/{}", list.filter_text));
    }
    if list.hides_stopped {
        notes.push("stopped hidden".to_owned());
    }
    if !list.marks.is_empty() {
        notes.push(format!("{} marked", list.marks.len()));
    }
    let rows = list.rows.len();
    let below_right = if is_cut {
        format!("{}-{} of {rows}", visible.start + 1, visible.end)
    } else {
        String::new()
    };
    Border {
        title: "Processes".to_owned(),
        right,
        below: notes.join(" · "),
        below_right,
        focused: ui.pane == Pane::List,
    }
}

fn heading(ui: &Model, columns: ListColumns) -> Line<'static> {
    let look = &ui.look;
    let mut text =
        format!("   {}{}", look.pad("NAME", columns.name), look.pad("STATE", columns.state));
    let cells = [
        (columns.up, "UP"),
        (columns.cpu, "CPU"),
        (columns.memory, "MEM"),
        (columns.restarts, look.glyphs.restarts),
        (columns.port, "PORT"),
    ];
    for (width, title) in cells {
        text.push_str(&text::pad_left(title, width, ""));
    }
    Line::from(look.span(text, Role::Dim))
}

fn line(ui: &Model, row: &ListRow, is_cursor: bool, columns: ListColumns) -> Line<'static> {
    let look = &ui.look;
    let members: Vec<&ProcessState> = ui.processes(&row.members).collect();
    let all_are_in = |names: &BTreeSet<String>| {
        row.id != RowId::All
            && !members.is_empty()
            && members.iter().all(|process| names.contains(&*process.name))
    };
    let cursor = if is_cursor { look.glyphs.cursor } else { " " };
    let (mark, mark_role) = if all_are_in(&ui.list.marks) {
        (look.glyphs.mark, Role::Key)
    } else if row.id == RowId::All {
        (" ", Role::Key)
    } else if members.iter().any(|process| waits_for_input(process)) {
        (look.glyphs.waits_for_input, Role::Warn)
    } else if members.iter().any(|process| ui.bells.has_rung(process)) {
        (look.glyphs.bell, Role::Warn)
    } else {
        (" ", Role::Key)
    };
    let (sign, style) = sign(ui, row, &members);
    let name = look.pad(&name(ui, row, members.len()), columns.name.saturating_sub(2));
    let name_role = if all_are_in(&ui.list.muted) { Role::Dim } else { Role::Text };
    let state = look.pad(&state(ui, row, &members, columns.state), columns.state);
    let mut line = Line::from(vec![
        look.span(cursor, Role::Focus),
        look.span(mark, mark_role),
        Span::styled(sign, style),
        look.span(format!(" {name} "), name_role),
        Span::styled(state, style),
    ]);
    let single = members.first().filter(|_| members.len() == 1 && row.id != RowId::All);
    let up = single.and_then(|process| process.uptime_ms).map(|up| uptime(up, ui.age()));
    let cpu = members.iter().filter_map(|process| process.cpu_percent).reduce(|sum, cpu| sum + cpu);
    let memory =
        members.iter().filter_map(|process| process.memory_bytes).reduce(|sum, used| sum + used);
    let restarts: u64 = members.iter().map(|process| u64::from(process.restarts)).sum();
    let port = single.and_then(|process| process.port).map(|port| format!(":{port}"));
    let cells = [
        (columns.up, up),
        (columns.cpu, cpu.map(percent)),
        (columns.memory, memory.map(format_size)),
        (columns.restarts, Some(restarts.to_string())),
        (columns.port, port),
    ];
    for (width, text) in cells {
        line.push_span(text::pad_left(&text.unwrap_or_default(), width, ""));
    }
    line
}

fn sign(ui: &Model, row: &ListRow, members: &[&ProcessState]) -> (&'static str, Style) {
    let look = &ui.look;
    let worst = members.iter().map(|process| process.state).min_by_key(|state| urgency(*state));
    let style = worst.map_or(Style::new(), |state| look.theme.state(state));
    match (&row.id, row.place) {
        (RowId::All, _) => (look.glyphs.all, Style::new()),
        (_, RowPlace::Group { folded: true }) => (look.glyphs.folded, style),
        (_, RowPlace::Group { folded: false }) => (look.glyphs.unfolded, style),
        (_, RowPlace::Top | RowPlace::Member { .. }) => (
            members
                .first()
                .map_or(" ", |process| look.glyphs.state(process.state, process.checked)),
            style,
        ),
    }
}

/// The order in which states of several processes decide the colour of their row.
fn urgency(state: StateName) -> u8 {
    match state {
        StateName::Failed => 0,
        StateName::Unhealthy | StateName::Backoff => 1,
        StateName::Stopping | StateName::Starting => 2,
        StateName::Waiting | StateName::Queued => 3,
        StateName::Ready => 4,
        StateName::Skipped | StateName::Stopped => 5,
        StateName::Succeeded => 6,
        StateName::Idle => 7,
    }
}

fn name(ui: &Model, row: &ListRow, members: usize) -> String {
    let glyphs = &ui.look.glyphs;
    match (&row.id, row.place) {
        (RowId::Process(name), RowPlace::Member { last }) => {
            let branch = if last { glyphs.last_branch } else { glyphs.branch };
            format!("{branch} {name}")
        }
        (id, _) => id.label(members),
    }
}

/// The state of a process, or a summary of several processes that fits the width.
fn state(ui: &Model, row: &ListRow, members: &[&ProcessState], room: usize) -> String {
    if let (RowId::Process(_), [process]) = (&row.id, members) {
        return state_of(process, ui.age());
    }
    if let RowId::Pool(name) = &row.id
        && let Some(pool) = ui.overview.pools.iter().find(|pool| pool.name.as_str() == name)
    {
        return pool_summary(pool, members, room);
    }
    let is_ready = |process: &&&ProcessState| process.state.is_settled();
    format!("{}/{} ready", members.iter().filter(is_ready).count(), members.len())
}

/// The longest summary of a pool that fits: `2/2 run, 3 queued` or `2/2 +3 queued`; of a pool whose
/// jobs have all ended `3/4 succeeded`.
fn pool_summary(pool: &PoolStatus, jobs: &[&ProcessState], room: usize) -> String {
    let slots = format!("{}/{}", pool.running, pool.slots);
    let queued = pool.queued;
    let succeeded = jobs.iter().filter(|job| job.state == StateName::Succeeded).count();
    let has_result = succeeded > 0 || jobs.iter().any(|job| job.state == StateName::Failed);
    let summaries = match (pool.paused, queued) {
        (false, 0) if has_result && jobs.iter().all(|job| job.state.is_at_rest()) => {
            let result = format!("{succeeded}/{}", jobs.len());
            vec![format!("{result} succeeded"), format!("{result} ok")]
        }
        (true, 0) => vec![format!("{slots} run, paused"), "paused".to_owned()],
        (true, _) => vec![
            format!("{slots} run, {queued} queued, paused"),
            format!("paused, {queued} queued"),
            format!("paused +{queued}"),
        ],
        (false, 0) => vec![format!("{slots} running"), format!("{slots} run")],
        (false, _) => vec![
            format!("{slots} run, {queued} queued"),
            format!("{slots} +{queued} queued"),
            format!("{slots} +{queued}"),
        ],
    };
    let fits = summaries.iter().find(|summary| summary.len() <= room);
    fits.or(summaries.last()).cloned().unwrap_or_default()
}

/// `backoff 8s`: the state, with the seconds left or the exit code.
pub(super) fn state_of(process: &ProcessState, age: Duration) -> String {
    let word = process.state.word(process.checked);
    let detail = match process.state {
        StateName::Backoff | StateName::Stopping => {
            seconds_left(process, age).map(|left| format!(" {left}"))
        }
        StateName::Failed | StateName::Succeeded => {
            process.exit_code.map(|code| format!(" ({code})"))
        }
        StateName::Idle
        | StateName::Waiting
        | StateName::Queued
        | StateName::Starting
        | StateName::Ready
        | StateName::Unhealthy
        | StateName::Stopped
        | StateName::Skipped => None,
    };
    format!("{word}{}", detail.unwrap_or_default())
}
