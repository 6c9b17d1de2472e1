//! `ps`: lists every process with its state and reason.

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use unicode_width::UnicodeWidthStr as _;

use super::style::{BOLD, DIM, OutputStyle, fit, of_state};
use super::{GlobalOptions, ProgramExit, remote};
use crate::control::wire::{ProcessStatus, Status};
use crate::control::{Control as _, Measure};
use crate::output::safe_name;
use crate::spec::{format_duration, format_size};

#[derive(Debug, Clone, Args)]
pub(super) struct PsArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn ps(global: &GlobalOptions, args: &PsArgs) -> ProgramExit {
    let status = remote::with(global, async |client| client.status(Measure::Yes).await);
    let status = match status {
        Ok(status) => status,
        Err(ending) => return ending,
    };
    if args.json {
        remote::print_json(&status);
    } else {
        remote::print(&table(&status, OutputStyle::of(global)));
        remote::tell_file_gone(status.file_gone.as_deref());
    }
    ProgramExit::GOOD
}

/// What follows the word of a state: `: exit 1 after 8.1s`. A reason that begins with that word goes
/// on from there.
pub(super) fn reason(state: &str, why: &str) -> String {
    match why.strip_prefix(state) {
        Some(rest) if rest.is_empty() || rest.starts_with([':', ' ']) => rest.to_owned(),
        Some(_) | None => format!(": {why}"),
    }
}

/// A cell: what it says, and in which colour.
#[derive(Debug, Clone, Default)]
struct Cell {
    text: String,
    colour: &'static str,
}

/// A column of the table, without that of the reasons, which is the last one.
struct Column {
    head: &'static str,
    /// Numbers stand on the right.
    right: bool,
    /// The higher, the earlier it is left out where there is no room; nothing for never.
    spare: Option<u8>,
    cell: fn(&ProcessStatus) -> Option<String>,
}

const fn column(
    head: &'static str,
    right: bool,
    spare: Option<u8>,
    cell: fn(&ProcessStatus) -> Option<String>,
) -> Column {
    Column { head, right, spare, cell }
}

const COLUMNS: [Column; 8] = [
    column("NAME", false, None, |one| Some(safe_name(&one.name).into_owned())),
    column("STATE", false, None, |one| Some(one.state.word(one.checked).to_owned())),
    column("PID", true, Some(4), |one| Some(one.pid?.to_string())),
    column("RUN", true, Some(5), |one| Some(one.run.to_string())),
    column("UPTIME", true, Some(1), |one| {
        Some(format_duration(Duration::from_millis(one.uptime_ms?)))
    }),
    column("CPU", true, Some(3), |one| Some(format!("{:.1}%", one.cpu_percent?))),
    column("MEM", true, Some(2), |one| Some(format_size(one.memory_bytes?))),
    column("PORT", true, Some(0), |one| Some(one.port?.to_string())),
];

/// The reasons have so much room, or other columns are left out.
const REASON: usize = 24;
/// Between two columns.
const GAP: usize = 2;

fn table(status: &Status, paper: OutputStyle) -> String {
    let width = |column: &Column| {
        let cells = status.processes.iter().map(|one| cell(column, one).text.width());
        cells.chain([column.head.width()]).max().unwrap_or(0)
    };
    let mut columns: Vec<(&Column, usize)> =
        COLUMNS.iter().map(|column| (column, width(column))).collect();
    let reason = status.processes.iter().map(|one| one.why.width()).max().unwrap_or(0);
    let reason = reason.clamp("WHY".len(), REASON);
    while taken(&columns) + reason > paper.width.unwrap_or(usize::MAX) {
        let first = columns.iter().enumerate().filter(|(_, (column, _))| column.spare.is_some());
        let Some((place, _)) = first.max_by_key(|(_, (column, _))| column.spare) else { break };
        columns.remove(place);
    }
    let room = paper.width.map_or(usize::MAX, |width| width.saturating_sub(taken(&columns)));
    let mut text = String::new();
    let head =
        columns.iter().map(|(column, _)| Cell { text: column.head.to_owned(), colour: BOLD });
    line(&columns, head, &paper.paint("WHY", BOLD), paper, &mut text);
    for one in &status.processes {
        let cells = columns.iter().map(|(column, _)| cell(column, one));
        line(&columns, cells, &fit(&safe_name(&one.why), room), paper, &mut text);
    }
    text
}

/// The width of these columns, with the gap after the last one.
fn taken(columns: &[(&Column, usize)]) -> usize {
    columns.iter().map(|(_, width)| width + GAP).sum()
}

fn cell(column: &Column, one: &ProcessStatus) -> Cell {
    let text = (column.cell)(one);
    let colour = match &text {
        None => DIM,
        Some(_) if column.head == "STATE" => of_state(one.state),
        Some(_) => "",
    };
    Cell { text: text.unwrap_or_else(|| "-".to_owned()), colour }
}

fn line(
    columns: &[(&Column, usize)],
    cells: impl Iterator<Item = Cell>,
    reason: &str,
    paper: OutputStyle,
    text: &mut String,
) {
    let mut line = String::new();
    for ((column, width), cell) in columns.iter().zip(cells) {
        let blank = " ".repeat(width.saturating_sub(cell.text.width()));
        let painted = paper.paint(&cell.text, cell.colour);
        let (before, after) = if column.right { (&*blank, "") } else { ("", &*blank) };
        _ = write!(line, "{before}{painted}{after}{:GAP$}", "");
    }
    line.push_str(reason);
    text.push_str(line.trim_end());
    text.push('\n');
}

#[cfg(test)]
mod tests;
