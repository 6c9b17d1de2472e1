//! `screen`: prints the screen of a process with a terminal.

use std::io::IsTerminal as _;

use clap::Args;

use super::completions::{NameKind, names};
use super::{ExitResult, GlobalOptions, ProgramExit, running_project, stdout};
use crate::control::Control as _;
use crate::control::wire::{ScreenQuery, ScreenResponse};
use crate::output::{StyleMode, safe_line};

#[derive(Debug, Clone, Args)]
pub(super) struct ScreenArgs {
    /// A process or replica with `tty = true`
    #[arg(add = names(NameKind::Terminal))]
    name: String,
    /// Print JSON: text, size, cursor, title
    #[arg(long, conflicts_with = "ansi")]
    json: bool,
    /// Print the colours and styles too, as escape sequences
    #[arg(long)]
    ansi: bool,
}

pub(super) fn screen(global: &GlobalOptions, args: &ScreenArgs) -> ExitResult {
    let ScreenArgs { name, json, ansi } = args;
    let query = ScreenQuery { ansi: *ansi, ..ScreenQuery::default() };
    let screen = running_project::request(global, async |client| client.screen(name, query).await)?;
    if *json {
        stdout::print_json(&screen);
        return Ok(ProgramExit::SUCCESS);
    }
    let text = screen.ansi.as_ref().unwrap_or(&screen.content.text);
    if text.is_empty() {
        return Ok(ProgramExit::SUCCESS);
    }
    let styles = if *ansi { StyleMode::Keep } else { StyleMode::Drop };
    if std::io::stdout().is_terminal() {
        stdout::print(&safe_rows(text, styles));
    } else {
        stdout::print(&format!("{text}\n"));
    }
    Ok(ProgramExit::SUCCESS)
}

/// The rows of a screen as lines, made safe for a terminal.
fn safe_rows(text: &str, styles: StyleMode) -> String {
    let rows = text.lines().map(|row| safe_line(row.as_bytes(), styles) + "\n");
    rows.collect()
}

/// The rows of a screen for an error message, each after a bar that shows where it begins.
pub(super) fn quoted(screen: &ScreenResponse) -> String {
    let content = &screen.content;
    let which = if screen.running { "its screen" } else { "its last screen" };
    let which = format!("{which} ({}x{})", content.columns, content.rows);
    if content.text.is_empty() {
        return format!("{which} is blank");
    }
    let rows = content.text.lines().map(|row| format!("\n  | {row}"));
    format!("{which}:{}", rows.collect::<String>())
}
