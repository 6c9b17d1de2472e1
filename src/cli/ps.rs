//! `ps`: lists every process with its state and its reason.

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use unicode_width::UnicodeWidthStr as _;

use super::style::{BOLD, DIM, OutputStyle, fit, state_colour};
use super::{ExitResult, GlobalOptions, ProgramExit, messages, running_project, stdout};
use crate::control::wire::{ProcessState, ProjectState};
use crate::control::{Control as _, Measure};
use crate::output::safe_name;
use crate::spec::{format_duration, format_size};

#[derive(Debug, Clone, Args)]
pub(super) struct PsArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn ps(global: &GlobalOptions, args: &PsArgs) -> ExitResult {
    let status =
        running_project::request(global, async |client| client.status(Measure::Yes).await)?;
    if args.json {
        stdout::print_json(&status);
    } else {
        stdout::print(&table(&status, OutputStyle::of(global)));
        messages::file_gone(status.file_gone.as_deref());
    }
    Ok(ProgramExit::SUCCESS)
}

struct Cell {
    text: String,
    colour: &'static str,
}

/// A column of the table, except the last one with the reasons.
struct Column {
    head: &'static str,
    is_number: bool,
    /// If the table is too wide, columns with a high number are left out first, those without a
    /// number never.
    omit_order: Option<u8>,
    cell: fn(&ProcessState) -> Option<String>,
}

const fn text(head: &'static str, cell: fn(&ProcessState) -> Option<String>) -> Column {
    Column { head, is_number: false, omit_order: None, cell }
}

const fn number(
    head: &'static str,
    omit_order: u8,
    cell: fn(&ProcessState) -> Option<String>,
) -> Column {
    Column { head, is_number: true, omit_order: Some(omit_order), cell }
}

const COLUMNS: [Column; 8] = [
    text("NAME", |status| Some(safe_name(&status.name).into_owned())),
    text("STATE", |status| Some(status.state.word(status.checked).to_owned())),
    number("PID", 4, |status| Some(status.pid?.to_string())),
    number("RUN", 5, |status| Some(status.run.to_string())),
    number("UPTIME", 1, |status| Some(format_duration(Duration::from_millis(status.uptime_ms?)))),
    number("CPU", 3, |status| Some(format!("{:.1}%", status.cpu_percent?))),
    number("MEM", 2, |status| Some(format_size(status.memory_bytes?))),
    number("PORT", 0, |status| Some(status.port?.to_string())),
];

/// Columns are left out until the reasons have this width.
const REASON_WIDTH: usize = 24;
/// Between two columns.
const GAP: usize = 2;

fn table(status: &ProjectState, style: OutputStyle) -> String {
    let width = |column: &Column| {
        let cells = status.processes.iter().map(|process| cell(column, process).text.width());
        cells.chain([column.head.width()]).max().unwrap_or(0)
    };
    let mut columns: Vec<(&Column, usize)> =
        COLUMNS.iter().map(|column| (column, width(column))).collect();
    let reasons = status.processes.iter().map(|process| process.why.width());
    let reason_width = reasons.max().unwrap_or(0).clamp("WHY".len(), REASON_WIDTH);
    while total_width(&columns) + reason_width > style.width.unwrap_or(usize::MAX) {
        let optional =
            columns.iter().enumerate().filter(|(_, (column, _))| column.omit_order.is_some());
        let Some((index, _)) = optional.max_by_key(|(_, (column, _))| column.omit_order) else {
            break;
        };
        columns.remove(index);
    }
    let room = style.width.map_or(usize::MAX, |width| width.saturating_sub(total_width(&columns)));
    let head =
        columns.iter().map(|(column, _)| Cell { text: column.head.to_owned(), colour: BOLD });
    let mut text = line(&columns, head, &style.paint("WHY", BOLD), style);
    for process in &status.processes {
        let cells = columns.iter().map(|(column, _)| cell(column, process));
        text.push_str(&line(&columns, cells, &fit(&safe_name(&process.why), room), style));
    }
    text
}

/// The width of these columns, with the gap after the last one.
fn total_width(columns: &[(&Column, usize)]) -> usize {
    columns.iter().map(|(_, width)| width + GAP).sum()
}

fn cell(column: &Column, process: &ProcessState) -> Cell {
    match (column.cell)(process) {
        None => Cell { text: "-".to_owned(), colour: DIM },
        Some(text) if column.head == "STATE" => Cell { text, colour: state_colour(process.state) },
        Some(text) => Cell { text, colour: "" },
    }
}

fn line(
    columns: &[(&Column, usize)],
    cells: impl Iterator<Item = Cell>,
    reason: &str,
    style: OutputStyle,
) -> String {
    let mut line = String::new();
    for ((column, width), cell) in columns.iter().zip(cells) {
        let blank = " ".repeat(width.saturating_sub(cell.text.width()));
        let painted = style.paint(&cell.text, cell.colour);
        let (before, after) = if column.is_number { (&*blank, "") } else { ("", &*blank) };
        _ = write!(line, "{before}{painted}{after}{:GAP$}", "");
    }
    line.push_str(reason);
    format!("{}\n", line.trim_end())
}

#[cfg(test)]
mod tests;
