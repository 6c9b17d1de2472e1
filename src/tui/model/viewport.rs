//! Widths of the columns before the text of the logs, and the time until a visible row of the list
//! changes.

use std::time::Duration;

use super::Model;
use super::columns::visible_rows;
use super::layout::areas;
use super::logs::LogsSource;
use crate::control::wire::ProcessState;
use crate::machine::StateName;
use crate::tui::config::TimestampStyle;
use crate::tui::text;

/// The most columns of a name before a line.
const MAX_NAME_WIDTH: usize = 12;

pub(in crate::tui) fn stamp_width(stamps: TimestampStyle) -> usize {
    match stamps {
        TimestampStyle::Off => 0,
        TimestampStyle::Time => 8,
        TimestampStyle::Relative => 4,
        TimestampStyle::Delta => 7,
    }
}

/// Returns the columns of the names; 0 if all lines are of one process.
pub(in crate::tui) fn name_width(ui: &Model) -> usize {
    let is_single = matches!(&ui.logs.source, LogsSource::Names(names) if names.len() == 1);
    if is_single {
        return 0;
    }
    let is_shown = |name: &str| match &ui.logs.source {
        LogsSource::All => true,
        LogsSource::Names(names) => names.contains(name),
    };
    let names = ui.overview.processes.iter().map(|process| process.name.as_str());
    names.filter(|name| is_shown(name)).map(text::width).max().unwrap_or(0).clamp(1, MAX_NAME_WIDTH)
}

/// Returns the columns before the text of a line.
pub(in crate::tui) fn gutter_width(ui: &Model) -> usize {
    // A small screen, whose panes have no border, has room for the text only.
    if areas(ui).logs.is_some_and(|pane| !pane.has_border()) {
        return 0;
    }
    let stamps = stamp_width(ui.logs.stamps);
    let names = name_width(ui);
    stamps + usize::from(stamps > 0) + names + if names > 0 { 3 } else { 0 }
}

/// Returns the time until a number in a visible row changes without an event.
pub(super) fn list_changes_in(ui: &Model) -> Option<Duration> {
    let areas = areas(ui);
    let visible = areas.list.map(|pane| visible_rows(ui, pane.inside).1).unwrap_or_default();
    let rows = ui.list.rows.get(visible).unwrap_or_default();
    let members =
        rows.iter().flat_map(|row| ui.processes(&row.members).take(1)).chain(ui.cursor_process());
    let ending = ui
        .overview
        .processes
        .iter()
        .filter(|process| ui.is_ending() && process.state == StateName::Stopping);
    let members = members.chain(ending.take(1));
    let commanded = ui.running_commands.last().into_iter().flat_map(|command| &command.names);
    let members = members.chain(commanded.filter_map(|name| ui.process(name)));
    let age = ui.age();
    let changes_in = |process: &ProcessState| {
        let countdown = process.until_ms.map(|ms| {
            let left = Duration::from_millis(ms).saturating_sub(age);
            match left.subsec_nanos() {
                0 if left.is_zero() => left,
                // The displayed second has just begun.
                0 => Duration::from_secs(1),
                nanos => Duration::from_nanos(u64::from(nanos)),
            }
        });
        let minute = process.uptime_ms.map(|ms| {
            let up = Duration::from_millis(ms) + age;
            Duration::from_secs(60 - up.as_secs() % 60)
        });
        countdown.filter(|left| !left.is_zero()).into_iter().chain(minute).min()
    };
    members.filter_map(changes_in).min()
}
