//! `logs`: shows process output, from the running project or from its log files.

use std::io::IsTerminal as _;

use clap::{Args, ValueEnum};

use super::completion::{NameKind, names};
use super::{GlobalOptions, ProgramExit, project, remote};
use crate::control::wire::OutputQuery;
use crate::control::{
    Client, Control as _, ControlError, ControlErrorKind, Frame, FrameReader, LineFormat, Measure,
};
use crate::plain::{LineStyle, label_of, put_text};
use crate::spec::counted;

mod files;

#[derive(Debug, Clone, Args)]
pub(super) struct LogsArgs {
    /// NAME, NAME.N, @TAG, POOL or all; default: all
    #[arg(add = names(NameKind::Several))]
    names: Vec<String>,
    /// Follow new output
    #[arg(short, long)]
    follow: bool,
    /// Only the last N lines
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<u64>,
    /// Only lines after a time such as 2026-01-02T03:04:05Z, or an age such as 5m
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only lines that match this regular expression
    #[arg(long, value_name = "REGEX")]
    grep: Option<String>,
    /// Only one of the two outputs
    #[arg(long, value_enum)]
    stream: Option<LogsSelection>,
    /// Print JSON lines
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogsSelection {
    Out,
    Err,
}

pub(super) fn logs(global: &GlobalOptions, args: &LogsArgs) -> ProgramExit {
    let (name, folders) = match remote::folders(global) {
        Ok(found) => found,
        Err(ending) => return ending,
    };
    let shown = remote::block_on(async {
        let client = remote::reach(&name, folders).await;
        show(&client, global, args).await
    });
    match shown {
        Ok(Ok(())) => ProgramExit::GOOD,
        Ok(Err(problem)) if problem.error == ControlErrorKind::NotRunning => {
            files::show(global, args)
        }
        Ok(Err(problem)) => remote::complain(&problem),
        Err(ending) => ending,
    }
}

/// How lines look on stdout: as `up` prints them.
#[derive(Debug)]
struct LogsStyle {
    line: LineStyle,
    width: usize,
    /// The names in their order, which is that of the colours.
    names: Vec<String>,
}

impl LogsStyle {
    fn of(global: &GlobalOptions, names: Vec<String>) -> Self {
        let stdout = std::io::stdout();
        let colour = project::colour(global.color, &stdout);
        let line = LineStyle { terminal: stdout.is_terminal(), colour, timestamps: false };
        Self { line, width: names.iter().map(String::len).max().unwrap_or(0), names }
    }

    /// `NAME | text`; made safe for a terminal, else as it came.
    fn put(&mut self, text: &mut Vec<u8>, name: &str, bytes: &[u8]) {
        let known = self.names.iter().position(|one| one == name);
        let index = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        text.extend_from_slice(label_of(name, index, self.width, self.line.colour).as_bytes());
        put_text(text, bytes, self.line);
    }
}

async fn show(
    client: &Client,
    global: &GlobalOptions,
    args: &LogsArgs,
) -> Result<(), ControlError> {
    let asked = OutputQuery {
        names: (!args.names.is_empty()).then(|| args.names.join(",")),
        stream: args.stream.map(|which| match which {
            LogsSelection::Out => "out".to_owned(),
            LogsSelection::Err => "err".to_owned(),
        }),
        grep: args.grep.clone(),
        since: args.since.clone(),
        from: None,
        tail: args.lines,
        follow: args.follow,
        ..OutputQuery::default()
    };
    if args.json {
        let mut chunks = client.raw_output(&asked, LineFormat::Json).await?;
        while let Some(chunk) = chunks.next().await {
            if !remote::write(&chunk?) {
                break;
            }
        }
        return Ok(());
    }
    let status = client.status(Measure::No).await?;
    let names = status.processes.into_iter().map(|one| one.name).collect();
    let mut style = LogsStyle::of(global, names);
    let mut chunks = client.raw_output(&asked, LineFormat::Frames).await?;
    let (mut frames, mut text) = (FrameReader::default(), Vec::new());
    while let Some(chunk) = chunks.next().await {
        text.clear();
        frames.read(&chunk?, |piece| match piece {
            Frame::Line { name, bytes } => style.put(&mut text, name, bytes),
            Frame::Missed { name, lines } => {
                remote::remark(&format!("{name}: {} no longer kept", counted(lines, "line")));
            }
        });
        if !remote::write(&text) {
            break;
        }
    }
    Ok(())
}
