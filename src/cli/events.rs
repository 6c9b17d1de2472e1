//! `events`: prints the events of the project, as a table on a terminal, as JSON lines elsewhere.

use std::io::IsTerminal as _;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr as _;

use super::style::{BOLD, DIM, OutputStyle, state_colour};
use super::value_parsers::number;
use super::{ExitResult, GlobalOptions, ProgramExit, messages, running_project, stdout};
use crate::control::wire::EventItem;
use crate::control::{Client, Control as _, ControlResult, Measure};
use crate::machine::{Event, EventText};
use crate::output::safe_name;

/// The width of the column EVENT.
const EVENT_WIDTH: usize = 36;
/// The name of the project in the table.
const PROJECT: &str = "project";
/// Longer names push the rest of their row to the right.
const MAX_NAME_WIDTH: usize = 24;

#[derive(Debug, Clone, Args)]
pub(super) struct EventsArgs {
    /// Follow new events
    #[arg(short, long)]
    follow: bool,
    /// Only events with a higher sequence number
    #[arg(long, default_value_t = 0, value_parser = number::<u64>, value_name = "SEQ")]
    after: u64,
    /// Print JSON lines, even on a terminal
    #[arg(long)]
    json: bool,
}

pub(super) fn events(global: &GlobalOptions, args: &EventsArgs) -> ExitResult {
    let style = OutputStyle::of(global);
    running_project::request(global, async |client| print(&client, args, style).await)?;
    Ok(ProgramExit::SUCCESS)
}

async fn print(client: &Client, args: &EventsArgs, style: OutputStyle) -> ControlResult<()> {
    let mut table = None;
    if !args.json && std::io::stdout().is_terminal() {
        let status = client.status(Measure::No).await?;
        let widths = status.processes.iter().map(|process| process.name.width());
        let name_width = widths.max().unwrap_or(0).clamp(PROJECT.len(), MAX_NAME_WIDTH);
        let (zone, today) = (TimeZone::system(), Timestamp::now());
        let table = table.insert(EventTable { style, zone, today, name_width });
        stdout::print(&table.head());
    }
    let mut batches = client.events(args.after, args.follow).await?;
    while let Some(batch) = batches.next().await {
        for item in batch? {
            match item {
                EventItem::Event { event, .. } => {
                    let line = match &table {
                        Some(table) => table.row(&event),
                        None => format!("{event}\n"),
                    };
                    if !stdout::write(line.as_bytes()) {
                        return Ok(());
                    }
                }
                EventItem::Missed { from, to } => {
                    messages::note(&format!("events {from} to {to} are no longer stored"));
                }
            }
        }
    }
    Ok(())
}

struct EventTable {
    style: OutputStyle,
    zone: TimeZone,
    /// Events of another day show their date.
    today: Timestamp,
    name_width: usize,
}

impl EventTable {
    fn head(&self) -> String {
        self.line([("TIME", BOLD), ("NAME", BOLD), ("EVENT", BOLD), ("CAUSE", BOLD)])
    }

    /// The row of an event; an event of an unknown kind stays JSON.
    fn row(&self, event: &str) -> String {
        let Ok(parsed) = serde_json::from_str::<Event>(event) else {
            return format!("{}\n", safe_name(event));
        };
        let text = EventText::of(&parsed);
        let time = self.time(text.time);
        let name = safe_name(text.name.as_deref().unwrap_or(PROJECT));
        let (what, why) = (safe_name(&text.what), safe_name(&text.why));
        let colour = text.state.map_or("", state_colour);
        self.line([(&time, DIM), (&name, BOLD), (&what, colour), (&why, DIM)])
    }

    /// Formats cells, each a text with its colour.
    fn line(&self, cells: [(&str, &str); 4]) -> String {
        let widths = [self.time(self.today).len(), self.name_width, EVENT_WIDTH, 0];
        let cells = cells.into_iter().zip(widths);
        let cells: Vec<String> =
            cells.map(|((text, colour), width)| self.style.pad(text, width, colour)).collect();
        format!("{}\n", cells.join("  ").trim_end())
    }

    fn time(&self, time: Timestamp) -> String {
        let (time, today) = (
            time.to_zoned_datetime(self.zone.clone()),
            self.today.to_zoned_datetime(self.zone.clone()),
        );
        let is_today = time.date() == today.date();
        time.strftime(if is_today { "%H:%M:%S%.3f" } else { "%m-%d %H:%M:%S" }).to_string()
    }
}

#[cfg(test)]
mod tests;
