//! Renders the process list: one row per process, as many columns as fit.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::Border;
use crate::control::wire::{PoolStatus, ProcessState};
use crate::machine::StateName;
use crate::spec::format_size;
use crate::tui::appearance::{put, tint};
use crate::tui::model::columns::{ListColumns, visible};
use crate::tui::model::layout::PaneArea;
use crate::tui::model::list::{ListRow, RowId, RowPlace, Sort};
use crate::tui::model::{Model, Pane};
use crate::tui::text;
use crate::tui::theme::Role;

/// Whether there is room for what the processes take, or they are in its order.
pub(super) fn shows_figures(ui: &Model, pane: PaneArea) -> bool {
    let columns = ListColumns::with(ui, usize::from(pane.inside.width), true);
    columns.cpu > 0 || columns.memory > 0 || matches!(ui.list.sort, Sort::Cpu | Sort::Memory)
}

pub(super) fn draw(ui: &Model, pane: PaneArea, buffer: &mut Buffer) {
    let rows = ui.list.rows();
    let inside = pane.inside;
    let (head, visible) = visible(ui, inside);
    border(ui, &visible, usize::from(inside.height) < rows.len() + head)
        .draw(pane, &ui.look, buffer);
    let columns = ListColumns::of(ui, usize::from(inside.width));
    if head > 0 {
        put(inside, 0, &heading(ui, columns), buffer);
    }
    for (at, place) in visible.enumerate() {
        let Some(row) = rows.get(place) else { break };
        if place == ui.list.at() {
            tint(inside, at + head, ui.look.style(Role::Cursor), buffer);
        }
        put(inside, at + head, &line(ui, row, place == ui.list.at(), columns), buffer);
    }
}

/// The row of the list at this row of the screen.
pub fn row_at(ui: &Model, inside: Rect, y: u16) -> Option<usize> {
    let (head, visible) = visible(ui, inside);
    let at = usize::from(y.checked_sub(inside.y)?).checked_sub(head)?;
    visible.into_iter().nth(at)
}

fn border(ui: &Model, visible: &std::ops::Range<usize>, is_cut: bool) -> Border {
    let list = &ui.list;
    let right = match (list.sort, list.reversed) {
        (Sort::File, false) => String::new(),
        (sort, false) => format!("by {}", sort.word()),
        (sort, true) => format!("by {} {}", sort.word(), ui.look.glyphs.up),
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
    let rows = list.rows().len();
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
        focused: ui.part == Pane::List,
    }
}

fn heading(ui: &Model, columns: ListColumns) -> Line<'static> {
    let look = &ui.look;
    let mut words =
        format!("   {}{}", look.pad("NAME", columns.name), look.pad("STATE", columns.state));
    let restarts = look.glyphs.restarts;
    let cells = [
        (columns.up, "UP"),
        (columns.cpu, "CPU"),
        (columns.memory, "MEM"),
        (columns.restarts, restarts),
        (columns.port, "PORT"),
    ];
    for (width, word) in cells.into_iter().filter(|(width, _)| *width > 0) {
        words.push_str(&text::pad_left(word, width, ""));
    }
    Line::from(look.span(words, Role::Dim))
}

fn line(ui: &Model, row: &ListRow, is_cursor: bool, columns: ListColumns) -> Line<'static> {
    let look = &ui.look;
    let members: Vec<&ProcessState> = ui.members(&row.members).collect();
    let cursor = if is_cursor { look.glyphs.cursor } else { " " };
    let is_marked = row.id != RowId::All
        && !members.is_empty()
        && members.iter().all(|one| ui.list.marks.contains(&one.status.name));
    let mark = if is_marked { look.glyphs.mark } else { " " };
    let (sign, style) = sign(ui, row, &members);
    let name = name(ui, row, &members);
    let is_muted = !members.is_empty()
        && row.id != RowId::All
        && members.iter().all(|one| ui.list.muted.contains(&one.status.name));
    let name_style = if is_muted { look.style(Role::Dim) } else { Style::new() };
    let state = look.pad(&state(ui, row, &members, columns.state), columns.state);
    let mut spans = vec![
        look.span(cursor, Role::Focus),
        look.span(mark, Role::Key),
        Span::styled(sign, style),
        Span::styled(format!(" {} ", look.pad(&name, columns.name.saturating_sub(2))), name_style),
        Span::styled(state, style),
    ];
    let mut cell = |width: usize, text: String| {
        if width > 0 {
            spans.push(text::pad_left(&text, width, "").into());
        }
    };
    let one = match members.as_slice() {
        [one] if row.id != RowId::All => Some(one),
        _ => None,
    };
    let up = one.and_then(|one| one.status.uptime_ms);
    cell(columns.up, up.map_or(String::new(), |up| uptime(up, ui.age())));
    let cpu = members.iter().filter_map(|one| one.status.cpu_percent).reduce(|a, b| a + b);
    cell(columns.cpu, cpu.map_or(String::new(), percent));
    let memory = members.iter().filter_map(|one| one.status.memory_bytes).reduce(|a, b| a + b);
    cell(columns.memory, memory.map_or(String::new(), format_size));
    let restarts: u64 = members.iter().map(|one| u64::from(one.status.restarts)).sum();
    cell(columns.restarts, restarts.to_string());
    let port = one.and_then(|one| one.status.port);
    cell(columns.port, port.map_or(String::new(), |port| format!(":{port}")));
    Line::from(spans)
}

fn sign(ui: &Model, row: &ListRow, members: &[&ProcessState]) -> (&'static str, Style) {
    let look = &ui.look;
    let worst = members.iter().map(|one| one.status.state).min_by_key(|state| weight(*state));
    let style = worst.map_or(Style::new(), |state| look.theme.state(state));
    match (&row.id, row.place) {
        (RowId::All, _) => (look.glyphs.all, Style::new()),
        (_, RowPlace::Group { folded: true }) => (look.glyphs.folded, style),
        (_, RowPlace::Group { folded: false }) => (look.glyphs.unfolded, style),
        (_, RowPlace::Top | RowPlace::Member { .. }) => match members.first() {
            Some(one) => (look.glyphs.state(one.status.state, one.status.checked), style),
            None => (" ", style),
        },
    }
}

/// What decides the colour of several: what is worst.
fn weight(state: StateName) -> u8 {
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

fn name(ui: &Model, row: &ListRow, members: &[&ProcessState]) -> String {
    let glyphs = &ui.look.glyphs;
    match (&row.id, row.place) {
        (RowId::One(name), RowPlace::Member { last }) => {
            let branch = if last { glyphs.last_branch } else { glyphs.branch };
            format!("{branch} {name}")
        }
        (id, _) => id.label(members.len()),
    }
}

/// The word of the contract, and what counts, in as many columns.
fn state(ui: &Model, row: &ListRow, members: &[&ProcessState], room: usize) -> String {
    if let (RowId::One(_), [one]) = (&row.id, members) {
        return state_of(one, ui.age());
    }
    let number = |state: StateName| members.iter().filter(|one| one.status.state == state).count();
    if let RowId::Pool(name) = &row.id
        && let Some(pool) =
            ui.overview.pools.iter().find(|pool| pool.name.as_str() == name.as_str())
    {
        return pool_words(pool, room);
    }
    let ready = number(StateName::Ready) + number(StateName::Succeeded);
    format!("{ready}/{} ready", members.len())
}

/// What of a pool there is room for: `2/2 run, 3 queued` or `2/2 +3 queued`.
fn pool_words(pool: &PoolStatus, room: usize) -> String {
    let slots = format!("{}/{}", pool.running, pool.slots);
    let queued = pool.queued;
    let words = match (pool.paused, queued) {
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
    let fits = words.iter().find(|words| words.len() <= room);
    fits.or(words.last()).cloned().unwrap_or_default()
}

/// `backoff 8s`: state, and the seconds that are left where something counts.
pub(super) fn state_of(one: &ProcessState, age: Duration) -> String {
    let word = one.status.state.word(one.status.checked);
    let left = one.until_ms.map(|ms| Duration::from_millis(ms).saturating_sub(age));
    match (one.status.state, left) {
        (StateName::Backoff | StateName::Stopping, Some(left)) => {
            format!("{word} {}s", left.as_secs_f64().ceil())
        }
        (StateName::Failed | StateName::Succeeded, _) => match one.status.exit_code {
            Some(code) => format!("{word} ({code})"),
            None => word.to_owned(),
        },
        (StateName::Ready, _) if one.retry > 0 => word.to_owned(),
        _ => word.to_owned(),
    }
}

/// `<1m`, then minutes, hours, days.
pub(super) fn uptime(ms: u64, age: Duration) -> String {
    let minutes = (Duration::from_millis(ms) + age).as_secs() / 60;
    match minutes {
        0 => "<1m".to_owned(),
        1..60 => format!("{minutes}m"),
        60..1440 => format!("{}h", minutes / 60),
        _ => format!("{}d", minutes / 1440),
    }
}

/// `7%`
pub(super) fn percent(share: f64) -> String {
    format!("{share:.0}%")
}
