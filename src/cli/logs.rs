//! `logs`: shows process output, from the running project or from its log files.

use std::io::IsTerminal as _;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use super::completions::{NameKind, names};
use super::value_parsers::number;
use super::{ExitResult, GlobalOptions, ProgramExit, messages, running_project, stdout};
use crate::control::wire::OutputQuery;
use crate::control::{
    Client, Control as _, ControlErrorKind, ControlResult, FrameReader, LineFormat, Measure,
    OutputFrame,
};
use crate::output::Stream;
use crate::plain::{LineStyle, format_label, push_line};
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
    #[arg(short = 'n', long, value_parser = number::<u64>, value_name = "N")]
    lines: Option<u64>,
    /// Only lines after a time such as 2026-01-02T03:04:05Z, or an age such as 5m
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only lines that match this regular expression
    #[arg(long, value_name = "REGEX")]
    grep: Option<String>,
    /// Only one of the two outputs
    #[arg(long, value_parser = PossibleValuesParser::new(Stream::WORDS).try_map(|word| word.parse::<Stream>()))]
    stream: Option<Stream>,
    /// Print JSON lines
    #[arg(long)]
    json: bool,
}

pub(super) fn logs(global: &GlobalOptions, args: &LogsArgs) -> ExitResult {
    let (name, dirs) = running_project::find(global)?;
    let printed = running_project::block_on(async {
        let client = running_project::connect(&name, dirs).await;
        print(&client, global, args).await
    })?;
    match printed {
        Ok(()) => Ok(ProgramExit::SUCCESS),
        Err(error) if error.error == ControlErrorKind::NotRunning => files::print(global, args),
        Err(error) => Err(messages::control_error(&error)),
    }
}

/// Formats lines as `up` prints them.
#[derive(Debug)]
struct LineFormatter {
    style: LineStyle,
    width: usize,
    /// The names in the order of their colours.
    names: Vec<String>,
}

impl LineFormatter {
    fn of(global: &GlobalOptions, names: Vec<String>) -> Self {
        let stdout = std::io::stdout();
        let colour = messages::use_colour(global.color, &stdout);
        let style = LineStyle { terminal: stdout.is_terminal(), colour, timestamps: false };
        Self { style, width: names.iter().map(String::len).max().unwrap_or(0), names }
    }

    /// Appends `NAME | text`, on a terminal made safe, elsewhere unchanged.
    fn push(&mut self, text: &mut Vec<u8>, name: &str, bytes: &[u8]) {
        let known = self.names.iter().position(|known| known == name);
        let index = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        text.extend_from_slice(format_label(name, index, self.width, self.style.colour).as_bytes());
        push_line(text, bytes, self.style);
    }
}

async fn print(client: &Client, global: &GlobalOptions, args: &LogsArgs) -> ControlResult<()> {
    let query = OutputQuery {
        names: (!args.names.is_empty()).then(|| args.names.join(",")),
        stream: args.stream,
        grep: args.grep.clone(),
        since: args.since.clone(),
        tail: args.lines,
        follow: args.follow,
        ..OutputQuery::default()
    };
    if args.json {
        let mut chunks = client.raw_output(&query, LineFormat::Json).await?;
        while let Some(chunk) = chunks.next().await {
            if !stdout::write(&chunk?) {
                break;
            }
        }
        return Ok(());
    }
    let status = client.status(Measure::No).await?;
    let names = status.processes.into_iter().map(|process| process.name.to_string()).collect();
    let mut formatter = LineFormatter::of(global, names);
    let mut chunks = client.raw_output(&query, LineFormat::Frames).await?;
    let (mut frames, mut text) = (FrameReader::default(), Vec::new());
    while let Some(chunk) = chunks.next().await {
        text.clear();
        frames.read(&chunk?, |frame| match frame {
            OutputFrame::Line { name, bytes } => formatter.push(&mut text, name, bytes),
            OutputFrame::Missed { name, lines } => {
                messages::note(&format!("{name}: {} no longer stored", counted(lines, "line")));
            }
        });
        if !stdout::write(&text) {
            break;
        }
    }
    Ok(())
}
