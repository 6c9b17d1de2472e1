//! Columns before the text of the logs, and when a visible row of the list changes next.

use std::time::Duration;

use super::Model;
use super::columns::visible;
use super::layout::areas;
use super::logs::LogsSource;
use crate::control::wire::ProcessState;
use crate::machine::StateName;
use crate::tui::config::TimestampStyle;
use crate::tui::text;

/// A name takes no more before a line.
const LONGEST_NAME: usize = 12;

pub(in crate::tui) fn stamp_width(stamps: TimestampStyle) -> usize {
    match stamps {
        TimestampStyle::Off => 0,
        TimestampStyle::Time => 8,
        TimestampStyle::Relative => 4,
        TimestampStyle::Delta => 7,
    }
}

/// Columns of the names: none where all lines are of one.
pub(in crate::tui) fn name_width(ui: &Model) -> usize {
    let is_one = matches!(&ui.logs.source, LogsSource::Names(names) if names.len() == 1);
    if is_one {
        return 0;
    }
    let shown = |name: &str| match &ui.logs.source {
        LogsSource::All => true,
        LogsSource::Names(names) => names.contains(name),
    };
    let names = ui.overview.processes.iter().map(|one| one.name.as_str());
    names.filter(|name| shown(name)).map(text::width).max().unwrap_or(0).clamp(1, LONGEST_NAME)
}

/// Columns before the text of a line.
pub(in crate::tui) fn gutter(ui: &Model) -> usize {
    // A small screen has room for nothing but text.
    if areas(ui).logs.is_some_and(|pane| !pane.has_border()) {
        return 0;
    }
    let stamps = stamp_width(ui.logs.stamps);
    let names = name_width(ui);
    stamps + usize::from(stamps > 0) + names + if names > 0 { 3 } else { 0 }
}

/// How long until a figure of the rows that are shown changes by itself.
pub(super) fn list_changes_in(ui: &Model) -> Option<Duration> {
    let areas = areas(ui);
    let shown = areas.list.map(|pane| visible(ui, pane.inside).1).unwrap_or_default();
    let rows = ui.list.rows.get(shown).unwrap_or_default();
    let members =
        rows.iter().flat_map(|row| ui.processes(&row.members).take(1)).chain(ui.cursor_process());
    let ending = ui
        .overview
        .processes
        .iter()
        .filter(|one| ui.is_ending() && one.state == StateName::Stopping);
    let members = members.chain(ending.take(1));
    let ordered = ui.running_commands.last().into_iter().flat_map(|one| &one.names);
    let members = members.chain(ordered.filter_map(|name| ui.process(name)));
    let age = ui.age();
    let of = |one: &ProcessState| {
        let counts = one.until_ms.map(|ms| {
            let left = Duration::from_millis(ms).saturating_sub(age);
            match left.subsec_nanos() {
                0 if left.is_zero() => left,
                // The second that is shown has just begun.
                0 => Duration::from_secs(1),
                nanos => Duration::from_nanos(u64::from(nanos)),
            }
        });
        let minute = one.uptime_ms.map(|ms| {
            let up = Duration::from_millis(ms) + age;
            Duration::from_secs(60 - up.as_secs() % 60)
        });
        counts.filter(|left| !left.is_zero()).into_iter().chain(minute).min()
    };
    members.filter_map(of).min()
}
