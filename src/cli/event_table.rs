//! `events`: a table on a terminal, JSON lines elsewhere.

use std::io::IsTerminal as _;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr as _;

use super::style::{BOLD, DIM, OutputStyle, of_state};
use super::{GlobalOptions, ProgramExit, remote};
use crate::control::wire::EventItem;
use crate::control::{Client, Control as _, ControlError, Measure};
use crate::machine::{Event, EventText};
use crate::output::safe_name;

/// What happened has so much room before the cause.
const EVENT: usize = 36;
/// The name of the project in the table.
const PROJECT: &str = "project";
/// Longer names push the rest of their row to the right.
const LONGEST_NAME: usize = 24;

#[derive(Debug, Clone, Args)]
pub(super) struct EventsArgs {
    /// Follow new events
    #[arg(short, long)]
    follow: bool,
    /// Only events with a higher sequence number
    #[arg(long, default_value_t = 0, value_name = "SEQ")]
    after: u64,
    /// Print JSON lines, even on a terminal
    #[arg(long)]
    json: bool,
}

pub(super) fn events(global: &GlobalOptions, args: &EventsArgs) -> ProgramExit {
    let paper = OutputStyle::of(global);
    match remote::with(global, async |client| show(&client, args, paper).await) {
        Ok(()) => ProgramExit::GOOD,
        Err(ending) => ending,
    }
}

async fn show(client: &Client, args: &EventsArgs, paper: OutputStyle) -> Result<(), ControlError> {
    let mut table = None;
    if !args.json && std::io::stdout().is_terminal() {
        let status = client.status(Measure::No).await?;
        let names = status.processes.iter().map(|one| one.name.width());
        let name = names.max().unwrap_or(0).clamp(PROJECT.len(), LONGEST_NAME);
        let made = EventTable { paper, zone: TimeZone::system(), today: Timestamp::now(), name };
        remote::print(&made.head());
        table = Some(made);
    }
    let mut events = client.events(args.after, args.follow).await?;
    while let Some(told) = events.next().await {
        for one in told? {
            let written = match one {
                EventItem::Event { event, .. } => {
                    let line = match &table {
                        Some(table) => table.row(&event),
                        None => format!("{event}\n"),
                    };
                    remote::write(line.as_bytes())
                }
                EventItem::Missed { from, to } => {
                    remote::remark(&format!("events {from} to {to} are not kept any more"));
                    true
                }
            };
            if !written {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Events for people.
struct EventTable {
    paper: OutputStyle,
    zone: TimeZone,
    /// Events of another day show their date.
    today: Timestamp,
    /// The width of the names.
    name: usize,
}

impl EventTable {
    fn head(&self) -> String {
        let head = self.columns("TIME", "NAME", "EVENT", "CAUSE");
        format!("{}\n", self.paper.paint(&head, BOLD))
    }

    /// One event; as it came when it is of a kind that is not known here.
    fn row(&self, event: &str) -> String {
        let Ok(known) = serde_json::from_str::<Event>(event) else {
            return format!("{}\n", safe_name(event));
        };
        let known = EventText::of(&known);
        let name = safe_name(known.name.as_deref().unwrap_or(PROJECT));
        let (what, why) = (safe_name(&known.what), safe_name(&known.why));
        let time = self.time(known.time);
        let row = self.columns(&time, &name, &what, &why);
        let row = row.trim_end();
        if !self.paper.colour {
            return format!("{row}\n");
        }
        let (time_end, name_end) = (time.len(), time.len() + 2 + name.len());
        let rest = row.get(name_end..).unwrap_or_default();
        let (what, why) = rest.split_at_checked(rest.len() - why.len()).unwrap_or((rest, ""));
        let paint = |text: &str, colour| self.paper.paint(text, colour);
        format!(
            "{}{}{}{}\n",
            paint(row.get(..time_end).unwrap_or_default(), DIM),
            paint(row.get(time_end..name_end).unwrap_or_default(), BOLD),
            paint(what, known.state.map_or("", of_state)),
            paint(why, DIM)
        )
    }

    fn columns(&self, time: &str, name: &str, event: &str, cause: &str) -> String {
        let gap = |text: &str, width: usize| " ".repeat(width.saturating_sub(text.width()) + 2);
        let width = self.time(self.today).len();
        format!(
            "{time}{}{name}{}{event}{}{cause}",
            gap(time, width),
            gap(name, self.name),
            gap(event, EVENT)
        )
    }

    fn time(&self, time: Timestamp) -> String {
        let (time, today) = (
            time.to_zoned_datetime(self.zone.clone()),
            self.today.to_zoned_datetime(self.zone.clone()),
        );
        let form = if time.date() == today.date() { "%H:%M:%S%.3f" } else { "%m-%d %H:%M:%S" };
        time.strftime(form).to_string()
    }
}

/// The columns of an event after its time.
#[cfg(test)]
pub(super) fn words_of(event: &Event) -> Vec<String> {
    let paper = OutputStyle { colour: false, width: None };
    let table = EventTable { paper, zone: TimeZone::UTC, today: Timestamp::UNIX_EPOCH, name: 7 };
    let row = table.row(&serde_json::to_string(event).unwrap());
    row.trim_end()
        .split("  ")
        .filter(|text| !text.is_empty())
        .map(str::trim)
        .map(str::to_owned)
        .skip(1)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(colour: bool) -> EventTable {
        let paper = OutputStyle { colour, width: None };
        let today = "2026-01-02T12:00:00Z".parse().unwrap();
        EventTable { paper, zone: TimeZone::UTC, today, name: 7 }
    }

    const EVENTS: &[(&str, &str)] = &[
        (
            r#"{"seq":1,"time":"2026-01-02T03:04:05.678Z","event":"process_started","name":"api","process":"api","run":3,"attempt":1,"pid":47,"cause":{"kind":"file_changed","path":"src/main.rs"}}"#,
            "03:04:05.678  api      started, pid 47, run 3                src/main.rs changed",
        ),
        (
            r#"{"seq":2,"time":"2026-01-02T03:04:05.700Z","event":"process_queued","name":"b.1","process":"b.1","run":0,"attempt":1,"pool":"b","cause":{"kind":"start"}}"#,
            "03:04:05.700  b.1      waits for a slot of b                 project start",
        ),
        (
            r#"{"seq":3,"time":"2026-01-02T03:04:05.700Z","event":"process_stopping","name":"api","process":"api","run":3,"attempt":1,"signal":"TERM","cause":{"kind":"user"}}"#,
            "03:04:05.700  api      is stopping (TERM)                    manual",
        ),
        (
            r#"{"seq":4,"time":"2026-01-01T03:04:05.700Z","event":"process_completed","name":"api","process":"api","run":3,"attempt":1,"exit_code":1,"success":false,"duration_ms":8100,"leaked":false,"cause":{"kind":"exit","exit_code":1}}"#,
            "01-01 03:04:05  api      failed: exit 1 after 8.1s",
        ),
        (
            r#"{"seq":5,"time":"2026-01-02T03:04:05.700Z","event":"pool_drained","pool":"b","succeeded":3,"failed":0}"#,
            "03:04:05.700  b        finished: 3 succeeded",
        ),
        (
            r#"{"seq":6,"time":"2026-01-02T03:04:05.700Z","event":"project_ready"}"#,
            "03:04:05.700  project  everything is ready",
        ),
        (
            r#"{"seq":7,"time":"2026-01-02T03:04:05.700Z","event":"config_rejected","faults":[{}],"cause":{"kind":"user"}}"#,
            "03:04:05.700  project  procfile rejected: 1 mistake; nothing has changed  manual",
        ),
        (
            r#"{"seq":8,"time":"2026-01-02T03:04:05.700Z","event":"project_stopping","cause":{"kind":"shutdown","reason":"asked"}}"#,
            "03:04:05.700  project  is stopping                           stop requested",
        ),
        (r#"{"seq":9,"event":"of_another_version"}"#, r#"{"seq":9,"event":"of_another_version"}"#),
        ("", ""),
    ];

    #[test]
    fn an_event_is_a_row_for_people() {
        assert_eq!(
            table(false).head(),
            "TIME          NAME     EVENT                                 CAUSE\n"
        );
        for (event, row) in EVENTS {
            assert_eq!(table(false).row(event), format!("{row}\n"), "{event}");
        }
    }

    #[test]
    fn colours_change_no_word_of_a_row() {
        use crate::output::{StyleMode, safe_line};
        for (event, row) in EVENTS {
            let coloured = table(true).row(event);
            assert_eq!(
                safe_line(coloured.trim_end().as_bytes(), StyleMode::Drop),
                *row,
                "{coloured}"
            );
        }
        let failed = table(true).row(EVENTS.get(3).unwrap().0);
        assert!(failed.contains("\u{1b}[31m"), "{failed:?}");
    }
}
