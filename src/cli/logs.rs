//! `logs`: what was printed, from the running project or from its log files.

use std::io::{IsTerminal as _, Write as _};

use clap::{Args, ValueEnum};

use super::manual::names;
use super::{Ending, Global, project, remote};
use crate::control::wire::Asked;
use crate::control::{Client, Control as _, Form, Frames, Kind, Piece, Problem};
use crate::output::{Styles, safe_line};

mod files;

#[derive(Debug, Clone, Args)]
pub(super) struct LogsArgs {
    /// NAME, NAME.N, @TAG, POOL or all; without any, all
    #[arg(add = names())]
    names: Vec<String>,
    /// Go on with the lines that come
    #[arg(short, long)]
    follow: bool,
    /// Only the last N lines
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<u64>,
    /// Only from this time on: 2026-01-02T03:04:05Z, or 5m for long ago
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only lines in which this regular expression is found
    #[arg(long, value_name = "REGEX")]
    grep: Option<String>,
    /// Only this output
    #[arg(long, value_enum)]
    stream: Option<Which>,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    Out,
    Err,
}

pub(super) fn logs(global: &Global, args: &LogsArgs) -> Ending {
    let (name, folders) = match remote::folders(global) {
        Ok(found) => found,
        Err(ending) => return ending,
    };
    let shown = remote::block_on(async {
        let client = remote::reach(&name, folders).await;
        show(&client, args, Style::of(global)).await
    });
    match shown {
        Ok(Ok(())) => Ending::GOOD,
        Ok(Err(problem)) if problem.error == Kind::NotRunning => files::show(global, args),
        Ok(Err(problem)) => remote::complain(&problem),
        Err(ending) => ending,
    }
}

/// How lines look on stdout.
#[derive(Debug, Clone, Copy)]
struct Style {
    terminal: bool,
    styles: Styles,
}

impl Style {
    fn of(global: &Global) -> Self {
        let stdout = std::io::stdout();
        let colour = project::colour(global.color, &stdout);
        let styles = if colour { Styles::Keep } else { Styles::Drop };
        Self { terminal: stdout.is_terminal(), styles }
    }

    /// `NAME | text`; made safe for a terminal, else as it came.
    fn put(self, text: &mut Vec<u8>, name: &str, width: usize, bytes: &[u8]) {
        _ = write!(text, "{name:width$} | ");
        if self.terminal {
            text.extend_from_slice(safe_line(bytes, self.styles).as_bytes());
            text.push(b'\n');
        } else {
            text.extend_from_slice(bytes);
            if bytes.last() != Some(&b'\n') {
                text.push(b'\n');
            }
        }
    }
}

async fn show(client: &Client, args: &LogsArgs, style: Style) -> Result<(), Problem> {
    let asked = Asked {
        names: (!args.names.is_empty()).then(|| args.names.join(",")),
        stream: args.stream.map(|which| match which {
            Which::Out => "out".to_owned(),
            Which::Err => "err".to_owned(),
        }),
        grep: args.grep.clone(),
        since: args.since.clone(),
        from: None,
        tail: args.lines,
        follow: args.follow,
        ..Asked::default()
    };
    if args.json {
        let mut chunks = client.raw_output(&asked, Form::Json).await?;
        while let Some(chunk) = chunks.next().await {
            if !remote::write(&chunk?) {
                break;
            }
        }
        return Ok(());
    }
    let status = client.status().await?;
    let width = status.processes.iter().map(|one| one.name.len()).max().unwrap_or(0);
    let mut chunks = client.raw_output(&asked, Form::Frames).await?;
    let (mut frames, mut text) = (Frames::default(), Vec::new());
    while let Some(chunk) = chunks.next().await {
        text.clear();
        frames.read(&chunk?, |piece| match piece {
            Piece::Line { name, bytes } => style.put(&mut text, name, width, bytes),
            Piece::Missed { name, lines } => {
                remote::remark(&format!("{name}: {lines} lines are not kept any more"));
            }
        });
        if !remote::write(&text) {
            break;
        }
    }
    Ok(())
}
