//! Renders the logs pane.

use jiff::{SignedDuration, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::Border;
use crate::control::wire::Severity;
use crate::spec::{counted, thousands};
use crate::tui::appearance::{put, tint};
use crate::tui::config::TimestampStyle;
use crate::tui::model::layout::PaneArea;
use crate::tui::model::list::RowId;
use crate::tui::model::log_window::{LogItem, LogLine, RowKey, Separator};
use crate::tui::model::logs::scroll::ShownRow;
use crate::tui::model::logs::{LogsPosition, LogsSource};
use crate::tui::model::viewport::{gutter, name_width, stamp_width};
use crate::tui::model::{Model, Pane};
use crate::tui::text::{self, StyledLine};
use crate::tui::theme::Role;

pub(super) fn draw(ui: &Model, pane: PaneArea, buffer: &mut Buffer) {
    border(ui).draw(pane, &ui.look, buffer);
    let size = ui.pane();
    let shown = ui.logs.shown(size);
    if shown.is_empty() && !ui.logs.is_waiting() {
        let words = if ui.logs.filter().is_some() || ui.logs.level().is_some() {
            "no line fits the filter"
        } else if ui.logs.is_cleared() {
            "nothing since it was cleared"
        } else {
            "no output yet"
        };
        put(pane.inside, 0, &Line::from(ui.look.span(words, Role::Dim)), buffer);
    }
    let mut before = None;
    for (at, row) in shown.iter().enumerate() {
        let Some((key, item)) = ui.logs.items().get(row.item) else { break };
        let line = match item {
            LogItem::Line(line) => {
                let last = before.replace(line.time).or_else(|| time_before(ui, row.item));
                of_line(ui, *key, line, *row, last)
            }
            LogItem::Separator(separator) => {
                of_separator(ui, *key, separator, usize::from(pane.inside.width))
            }
        };
        if is_there(ui, *key) {
            tint(pane.inside, at, ui.look.style(Role::Cursor), buffer);
        }
        put(pane.inside, at, &line, buffer);
    }
}

/// Somebody asked for this one and was taken to it; a match is marked in itself.
fn is_there(ui: &Model, key: RowKey) -> bool {
    ui.logs.search.is_none() && ui.logs.landed() == Some(key)
}

/// The time of the line before the first one.
fn time_before(ui: &Model, item: usize) -> Option<Timestamp> {
    let items = ui.logs.items().get(..item)?;
    items.iter().rev().find_map(|(_, item)| item.line()).map(|line| line.time)
}

pub(super) fn title(ui: &Model) -> String {
    let shown = match ui.logs.whom() {
        LogsSource::All => return format!("{} all · merged", ui.look.glyphs.all),
        LogsSource::These(names) => names,
    };
    if ui.list.marks.len() >= 2 {
        let names = shown.iter().take(4).cloned().collect::<Vec<_>>().join(" ");
        return format!("{} marked · {names}", shown.len());
    }
    match &ui.list.cursor {
        RowId::All => format!("{} all but {} muted", ui.look.glyphs.all, ui.list.muted.len()),
        RowId::One(name) => name.clone(),
        RowId::Replicas(name) | RowId::Pool(name) => format!("{name} · merged"),
    }
}

/// `/refused 3 of 214`
fn searched(ui: &Model) -> Option<String> {
    let search = ui.logs.search.as_ref()?;
    let count = search.words(ui.look.glyphs.ellipsis);
    Some(format!("/{} {count}", search.text).trim_end().to_owned())
}

/// What a border would say, where there is none: as much as there is room for, and whether it follows
/// in any case.
pub(super) fn status(ui: &Model, room: usize) -> String {
    let mode = mode(ui);
    let filter = (ui.logs.filter().is_some()).then(|| format!("&{}", ui.logs.filter_text));
    let notes: Vec<String> = searched(ui).into_iter().chain(filter).collect();
    let notes = notes.join("  ");
    let title = title(ui);
    let short = title.split(" · ").next().unwrap_or_default();
    let word = mode.split(" · ").next().unwrap_or_default();
    let all = [
        [title.as_str(), &notes, &mode],
        [short, &notes, &mode],
        ["", &notes, &mode],
        ["", &notes, word],
        ["", "", &mode],
    ];
    let joined = all.map(|parts| {
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
    });
    let fits = joined.into_iter().find(|words| text::width(words) <= room);
    fits.unwrap_or_else(|| word.to_owned())
}

fn border(ui: &Model) -> Border {
    let logs = &ui.logs;
    let mut right: Vec<String> = searched(ui).into_iter().collect();
    right.push(counted(logs.total(), "line"));
    let mut notes = Vec::new();
    if !logs.filter_text.is_empty() && logs.filter().is_some() {
        notes.push(format!("&{}", logs.filter_text));
    }
    if let Some(level) = logs.level() {
        notes.push(format!("level {}", level_word(level)));
    }
    if logs.is_cleared() {
        notes.push("cleared".to_owned());
    }
    if logs.wrap {
        notes.push("wrap".to_owned());
    } else if logs.left > 0 {
        notes.push(format!("column {}", logs.left + 1));
    }
    if logs.is_pretty() {
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
        focused: ui.part == Pane::Logs,
    }
}

/// `PAUSED · 214 new ↓`
pub(super) fn mode(ui: &Model) -> String {
    match (ui.logs.position(), ui.logs.unseen()) {
        (LogsPosition::Follow, _) => "FOLLOW".to_owned(),
        (LogsPosition::Paused { .. }, 0) => "PAUSED".to_owned(),
        (LogsPosition::Paused { .. }, new) => {
            format!("PAUSED · {} new {}", thousands(new), ui.look.glyphs.down)
        }
    }
}

pub(crate) fn level_word(level: Severity) -> &'static str {
    match level {
        Severity::Trace => "trace",
        Severity::Debug => "debug",
        Severity::Info => "info",
        Severity::Warn => "warn",
        Severity::Error => "error",
    }
}

fn of_line(
    ui: &Model,
    key: RowKey,
    line: &LogLine,
    row: ShownRow,
    before: Option<Timestamp>,
) -> Line<'static> {
    let look = &ui.look;
    let pane = ui.pane();
    let mut spans: Vec<Span<'static>> = Vec::new();
    if gutter(ui) > 0 {
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
    let shown = marked(ui, key, line);
    let part = if ui.logs.wrap {
        shown.wrap(pane.text).into_iter().nth(row.row).unwrap_or_default()
    } else {
        shown.cut(ui.logs.left, pane.text)
    };
    spans.extend(part.spans);
    Line::from(spans)
}

/// The text with what was found and what is selected in it.
fn marked(ui: &Model, key: RowKey, line: &LogLine) -> StyledLine {
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
        TimestampStyle::Time => {
            time.to_zoned_datetime(ui.zone.clone()).strftime("%H:%M:%S").to_string()
        }
        TimestampStyle::Relative => ago(ui.now.wall.duration_since(time)),
        TimestampStyle::Delta => match before.map(|before| time.duration_since(before)) {
            None => String::new(),
            Some(delta) if delta.as_secs() < 100 => format!("+{:.3}", delta.as_secs_f64().max(0.0)),
            Some(delta) => format!("+{}", ago(delta)),
        },
    }
}

/// `12s`, `3m`, `4h`, `2d`
fn ago(time: SignedDuration) -> String {
    match time.as_secs().max(0) {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..86400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", (seconds / 86400).min(999)),
    }
}

fn of_separator(ui: &Model, key: RowKey, separator: &Separator, columns: usize) -> Line<'static> {
    let look = &ui.look;
    let dash = look.glyphs.dash;
    let words = look.fit(&look.words(&separator.text), columns.saturating_sub(6));
    let rest = columns.saturating_sub(text::width(&words) + 4);
    let role = if separator.is_bad { Role::Bad } else { Role::Separator };
    let line = format!("{dash}{dash} {words} {}", dash.repeat(rest));
    let mut style = look.style(role);
    if ui.selection.is_some_and(|selection| selection.columns(key).is_some()) {
        style = style.patch(look.style(Role::Selection));
    }
    Line::from(Span::styled(line, style))
}
