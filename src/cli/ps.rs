//! `ps`: every process and why it is where it is.

use std::time::Duration;

use clap::Args;
use unicode_width::UnicodeWidthStr as _;

use super::{Ending, Global, remote};
use crate::control::Control as _;
use crate::control::wire::{ProcessStatus, Status};
use crate::machine::{StateName, short};
use crate::output::safe_name;

#[derive(Debug, Clone, Args)]
pub(super) struct PsArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn ps(global: &Global, args: &PsArgs) -> Ending {
    let status = remote::with(global, async |client| client.status().await);
    let status = match status {
        Ok(status) => status,
        Err(ending) => return ending,
    };
    if args.json {
        remote::print_json(&status);
    } else {
        remote::print(&table(&status));
    }
    Ending::GOOD
}

/// The word of the screen: a process without a check is no more ready than running.
pub(super) fn word(state: StateName, checked: bool) -> &'static str {
    if state == StateName::Ready && !checked { "running" } else { state.as_str() }
}

fn table(status: &Status) -> String {
    let head = ["NAME", "STATE", "PID", "RUN", "UPTIME", "PORT", "WHY"].map(str::to_owned);
    let rows: Vec<[String; 7]> =
        std::iter::once(head).chain(status.processes.iter().map(row)).collect();
    columns(&rows)
}

fn row(one: &ProcessStatus) -> [String; 7] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        safe_name(&one.name).into_owned(),
        word(one.state, one.checked).to_owned(),
        or_dash(one.pid.map(|pid| pid.to_string())),
        one.run.to_string(),
        or_dash(one.uptime_ms.map(|ms| short(Duration::from_millis(ms)))),
        or_dash(one.port.map(|port| port.to_string())),
        safe_name(&one.why).into_owned(),
    ]
}

/// Rows in columns of equal width, two spaces between; the last one as it is.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        assert_eq!(
            columns(&[row("NAME", "X"), row("a", "b"), row("日本語", "c")]),
            "NAME    X\na       b\n日本語  c\n"
        );
    }
}
