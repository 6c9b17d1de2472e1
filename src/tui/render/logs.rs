//! Renders the logs pane.

use jiff::{SignedDuration, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::{Border, clock, placeholder};
use crate::control::wire::Severity;
use crate::spec::{counted, format_age, thousands};
use crate::tui::action::{Action, Focus};
use crate::tui::appearance::{put, tint};
use crate::tui::config::TimestampStyle;
use crate::tui::model::layout::PaneArea;
use crate::tui::model::list::RowId;
use crate::tui::model::log_window::{LogItem, LogLine, RowKey, Separator};
use crate::tui::model::logs::scroll::ShownRow;
use crate::tui::model::logs::{LogsPosition, LogsSource};
use crate::tui::model::viewport::{gutter_width, name_width, stamp_width};
use crate::tui::model::{Model, Pane};
use crate::tui::text::{self, StyledLine};
use crate::tui::theme::Role;

pub(super) fn draw(ui: &Model, pane: PaneArea, buffer: &mut Buffer) {
    border(ui).draw(pane, &ui.look, buffer);
    let rows = ui.logs.shown(ui.logs_area());
    if rows.is_empty() && !ui.logs.is_loading() {
        let text = if ui.logs.filter.is_some() || ui.logs.level.is_some() {
            "no line matches the filter"
        } else if ui.logs.is_cleared() {
            "no output since it was cleared"
        } else {
            "no output yet"
        };
        placeholder(pane.inside, text, &ui.look, buffer);
    }
    let mut last_time = None;
    for (at, row) in rows.iter().enumerate() {
        let Some((key, item)) = ui.logs.items().get(row.item) else { break };
        let line = match item {
            LogItem::Line(line) => {
                let before = last_time.replace(line.time).or_else(|| time_before(ui, row.item));
                log_line(ui, *key, line, *row, before)
            }
            LogItem::Separator(separator) => {
                separator_line(ui, *key, separator, usize::from(pane.inside.width))
            }
        };
        // The target of a jump; a match of a search is highlighted itself.
        if ui.logs.search.is_none() && ui.logs.last_jump == Some(*key) {
            tint(pane.inside, at, ui.look.style(Role::Cursor), buffer);
        }
        put(pane.inside, at, &line, buffer);
    }
}

/// The time of the last line before an item.
fn time_before(ui: &Model, item: usize) -> Option<Timestamp> {
    let items = ui.logs.items().get(..item)?;
    items.iter().rev().find_map(|(_, item)| item.line()).map(|line| line.time)
}

fn title(ui: &Model) -> String {
    let names = match &ui.logs.source {
        LogsSource::All => return "All processes".to_owned(),
        LogsSource::Names(names) => names,
    };
    if ui.list.marks.len() >= 2 {
        let first = names.iter().take(4).cloned().collect::<Vec<_>>().join(" ");
        return format!("{} marked · {first}", names.len());
    }
    match &ui.list.cursor {
        RowId::All => format!("All processes · {} muted", ui.list.muted.len()),
        RowId::Process(name) => name.clone(),
        RowId::Replicas(name) | RowId::Pool(name) => format!("{name} · merged"),
    }
}

/// `/refused 3 of 214`
fn search_status(ui: &Model) -> Option<String> {
    let search = ui.logs.search.as_ref()?;
    let count = search.words(ui.look.glyphs.ellipsis);
    Some(format!("/{} {count}", search.text).trim_end().to_owned())
}

fn filter_status(ui: &Model) -> Option<String> {
    ui.logs.filter.as_ref().map(|_| format!("&{}", ui.logs.filter_text))
}

/// The status of logs without a border: as much as fits, but always the mode.
pub(super) fn status(ui: &Model, room: usize) -> String {
    let (title, mode) = (title(ui), mode(ui));
    let notes: Vec<String> = search_status(ui).into_iter().chain(filter_status(ui)).collect();
    let notes = notes.join("  ");
    let first_part = |text: &str| text.split(" · ").next().unwrap_or_default().to_owned();
    let (short_title, short_mode) = (first_part(&title), first_part(&mode));
    let candidates = [
        [title.as_str(), &notes, &mode],
        [&short_title, &notes, &mode],
        ["", &notes, &mode],
        ["", &notes, &short_mode],
        ["", "", &mode],
    ];
    let joined = candidates.map(|parts| {
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
    });
    let fits = joined.into_iter().find(|status| text::width(status) <= room);
    fits.unwrap_or(short_mode)
}

fn border(ui: &Model) -> Border {
    let logs = &ui.logs;
    let lines = counted(logs.line_count, "line");
    let right: Vec<String> = search_status(ui).into_iter().chain([lines]).collect();
    let mut notes: Vec<String> = filter_status(ui).into_iter().collect();
    notes.extend(logs.level.map(|level| format!("level {}", level.as_str())));
    if logs.is_cleared() {
        notes.push("cleared".to_owned());
    }
    if logs.wrap {
        notes.push("wrap".to_owned());
    } else if logs.left > 0 {
        notes.push(format!("column {}", logs.left + 1));
    }
    if logs.pretty {
        notes.push("json".to_owned());
    }
    if logs.stamps != TimestampStyle::Time {
        notes.push(format!("ts {}", logs.stamps.as_str()));
    }
    Border {
        title: title(ui),
        right: right.join(" · "),
        below: mode(ui),
        below_right: notes.join(" · "),
        focused: ui.pane == Pane::Logs,
    }
}

/// `PAUSED · 214 new ↓`
fn mode(ui: &Model) -> String {
    if let Some(log) = ui.shown_log().filter(|log| log.is_scrollback) {
        let key = ui.config.keymap.hint(Focus::Logs, Action::Bottom, ui.look.glyphs.unicode);
        let key = key.unwrap_or_else(|| "Esc".to_owned());
        let back = if log.typing_from.is_some() { "types again" } else { "returns" };
        return format!("SCROLLED BACK · {key} {back}");
    }
    match (ui.logs.position, ui.logs.unseen) {
        (LogsPosition::Follow, _) => "FOLLOW".to_owned(),
        (LogsPosition::Paused { .. }, 0) => "PAUSED".to_owned(),
        (LogsPosition::Paused { .. }, new) => {
            format!("PAUSED · {} new {}", thousands(new), ui.look.glyphs.down)
        }
    }
}

fn log_line(
    ui: &Model,
    key: RowKey,
    line: &LogLine,
    row: ShownRow,
    before: Option<Timestamp>,
) -> Line<'static> {
    let look = &ui.look;
    let pane = ui.logs_area();
    let mut spans: Vec<Span<'static>> = Vec::new();
    if gutter_width(ui) > 0 {
        let width = stamp_width(ui.logs.stamps);
        if width > 0 {
            let stamp = if row.row == 0 { stamp(ui, line.time, before) } else { String::new() };
            spans.push(look.span(text::pad_left(&stamp, width, ""), Role::Dim));
            spans.push(" ".into());
        }
        let names = name_width(ui);
        if names > 0 {
            let name = if row.row == 0 { &*line.name } else { "" };
            let style = look.theme.process(&line.name);
            spans.push(Span::styled(look.pad(name, names), style));
            spans.push(look.span(format!(" {} ", look.glyphs.gutter), Role::Dim));
        }
    }
    let text = highlighted(ui, key, line);
    let part = if ui.logs.wrap {
        text.wrap(pane.text).into_iter().nth(row.row).unwrap_or_default()
    } else {
        text.cut(ui.logs.left, pane.text)
    };
    spans.extend(part.spans);
    Line::from(spans)
}

/// The text of a line with matches and selection highlighted.
fn highlighted(ui: &Model, key: RowKey, line: &LogLine) -> StyledLine {
    let look = &ui.look;
    let mut shown = line.text.clone();
    if !look.theme.coloured() {
        shown = StyledLine::plain_of(&shown.plain(), Style::new());
    }
    match line.level {
        Some(Severity::Error) => shown = shown.on(look.style(Role::Bad)),
        Some(Severity::Warn) => shown = shown.on(look.style(Role::Warn)),
        Some(Severity::Debug | Severity::Trace) => {
            shown = shown.on(Style::new().add_modifier(Modifier::DIM));
        }
        Some(Severity::Info) | None => {}
    }
    if let Some(search) = &ui.logs.search {
        let role = if search.current == Some(key) { Role::CurrentMatch } else { Role::Match };
        let plain = shown.plain();
        for found in search.regex.find_iter(&plain).filter(|found| !found.is_empty()).take(100) {
            shown = shown.highlighted(&found.range(), look.style(role));
        }
    }
    if let Some((from, to)) = ui.selection.and_then(|selection| selection.columns(key)) {
        let plain = shown.plain();
        let byte = |column: usize| text::byte_at(&plain, column);
        shown = shown.highlighted(&(byte(from)..byte(to)), look.style(Role::Selection));
    }
    shown
}

fn stamp(ui: &Model, time: Timestamp, before: Option<Timestamp>) -> String {
    match ui.logs.stamps {
        TimestampStyle::Off => String::new(),
        TimestampStyle::Time => clock(ui, time),
        TimestampStyle::Relative => ago(ui.now.wall.duration_since(time)),
        TimestampStyle::Delta => match before.map(|before| time.duration_since(before)) {
            None => String::new(),
            Some(delta) if delta.as_secs() < 100 => format!("+{:.3}", delta.as_secs_f64().max(0.0)),
            Some(delta) => format!("+{}", ago(delta)),
        },
    }
}

/// An age; 0 for a time in the future.
fn ago(time: SignedDuration) -> String {
    format_age(time.try_into().unwrap_or_default())
}

fn separator_line(ui: &Model, key: RowKey, separator: &Separator, columns: usize) -> Line<'static> {
    let look = &ui.look;
    let dash = look.glyphs.dash;
    let text = look.fit(&look.words(&separator.text), columns.saturating_sub(6));
    let rest = columns.saturating_sub(text::width(&text) + 4);
    let role = if separator.is_bad { Role::Bad } else { Role::Separator };
    let line = format!("{dash}{dash} {text} {}", dash.repeat(rest));
    let mut style = look.style(role);
    if ui.selection.is_some_and(|selection| selection.columns(key).is_some()) {
        style = style.patch(look.style(Role::Selection));
    }
    Line::from(Span::styled(line, style))
}
