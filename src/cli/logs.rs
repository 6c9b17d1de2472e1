//! `logs`: what was printed, from the running project or from its log files.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use regex::bytes::Regex;

use super::manual::names;
use super::{Ending, Global, project, remote};
use crate::control::wire::{Asked, Given, LineOf};
use crate::control::{Client, Control as _, Kind, Problem};
use crate::machine::{Options, Orchestra};
use crate::output::{Styles, safe_line};

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
        Ok(Err(problem)) if problem.error == Kind::NotRunning => from_files(global, args),
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
        text.extend_from_slice(format!("{name:width$} | ").as_bytes());
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
    };
    let status = client.status().await?;
    let width = status.processes.iter().map(|one| one.name.len()).max().unwrap_or(0);
    let mut lines = client.output(asked).await?;
    while let Some(given) = lines.next().await {
        let mut text = Vec::new();
        for one in given? {
            match one {
                Given::Line(line) if args.json => put_json(&mut text, &line),
                Given::Line(line) => style.put(&mut text, &line.name, width, &line.bytes()),
                Given::Missed { name, lines } => {
                    remote::remark(&format!("{name}: {lines} lines are not kept any more"));
                }
            }
        }
        if !remote::write(&text) {
            return Ok(());
        }
    }
    Ok(())
}

fn put_json(text: &mut Vec<u8>, line: &LineOf) {
    if serde_json::to_writer(&mut *text, line).is_ok() {
        text.push(b'\n');
    }
}

/// One log file with those it was renamed to, oldest first.
struct Files {
    name: String,
    paths: Vec<PathBuf>,
}

/// Nothing runs: what the log files hold, one process after the other, as they carry no times.
fn from_files(global: &Global, args: &LogsArgs) -> Ending {
    let spec = match project::load(global) {
        Ok(spec) => spec,
        Err(ending) => return ending,
    };
    let name = spec.project.name.clone();
    let needs_engine = [
        (args.follow, "-f"),
        (args.since.is_some(), "--since"),
        (args.stream.is_some(), "--stream"),
        (args.json, "--json"),
    ];
    if let Some((_, flag)) = needs_engine.iter().find(|(given, _)| *given) {
        return project::failed(&format!(
            "{name} is not running, and its log files say nothing that {flag} could use"
        ));
    }
    let grep = match args.grep.as_deref().map(Regex::new).transpose() {
        Ok(grep) => grep,
        Err(error) => return project::wrong(&format!("this is no regular expression: {error}")),
    };
    let orchestra = Orchestra::new(spec.clone(), Options::default());
    let all = ["all".to_owned()];
    let names = if args.names.is_empty() { &all[..] } else { &args.names };
    let chosen = match orchestra.select(names) {
        Ok(chosen) => chosen,
        Err(error) => return project::wrong(&error.to_string()),
    };
    let by_number: HashMap<_, _> = orchestra.names().collect();
    let files: Vec<Files> = chosen
        .iter()
        .filter_map(|id| {
            let process = spec.processes.get(orchestra.process_of(*id)?)?;
            let name = by_number.get(id)?.as_str();
            let number = name.strip_prefix(process.name.as_str())?.strip_prefix('.');
            let replica = number.filter(|_| process.replicas.is_some());
            let log = process.log.as_ref()?;
            let file = log.path_for(replica.and_then(|number| number.parse().ok()));
            Some(Files { name: name.to_owned(), paths: kept(&file, log.keep) })
        })
        .filter(|files| !files.paths.is_empty())
        .collect();
    if files.is_empty() {
        let text =
            format!("{name} is not running, and there is no log file (`log.dir` makes them)");
        return project::failed(&text);
    }
    print_files(&files, grep.as_ref(), args.lines, Style::of(global))
}

/// Those that are there, oldest first.
fn kept(file: &Path, keep: u32) -> Vec<PathBuf> {
    let older = (1..=keep).rev().map(|number| {
        let mut path = file.as_os_str().to_owned();
        path.push(format!(".{number}"));
        PathBuf::from(path)
    });
    older.chain([file.to_owned()]).filter(|path| path.is_file()).collect()
}

fn print_files(files: &[Files], grep: Option<&Regex>, last: Option<u64>, style: Style) -> Ending {
    let width = files.iter().map(|files| files.name.len()).max().unwrap_or(0);
    let mut lines = std::collections::VecDeque::new();
    for Files { name, paths } in files {
        for path in paths {
            let read = each_line(path, |line| {
                let text = line.strip_suffix(b"\n").unwrap_or(line);
                if !grep.is_none_or(|grep| grep.is_match(text)) {
                    return true;
                }
                let mut text = Vec::new();
                style.put(&mut text, name, width, line);
                let Some(last) = last else { return remote::write(&text) };
                lines.push_back(text);
                if lines.len() as u64 > last {
                    lines.pop_front();
                }
                true
            });
            if let Err(error) = read {
                return project::failed(&format!("cannot read {}: {error}", path.display()));
            }
        }
    }
    for line in lines {
        if !remote::write(&line) {
            break;
        }
    }
    Ending::GOOD
}

/// Reads until there is no more, or nobody wants more.
fn each_line(path: &Path, mut take: impl FnMut(&[u8]) -> bool) -> std::io::Result<()> {
    let mut file = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        if file.read_until(b'\n', &mut line)? == 0 || !take(&line) {
            return Ok(());
        }
    }
}
