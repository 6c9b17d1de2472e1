//! `logs` of a project that is not running: reads its log files.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use regex::bytes::Regex;

use super::super::{ExitResult, GlobalOptions, ProgramExit, messages, project, stdout};
use super::{LineFormatter, LogsArgs};
use crate::control::push_log_file_line;
use crate::machine::{ProcessId, Supervisor, SupervisorOptions};

/// The number of bytes after which the output is written.
const WRITE_SIZE: usize = 64 << 10;

/// The log file of a process and its rotated files, oldest first.
struct RotatedFiles {
    name: String,
    paths: Vec<PathBuf>,
}

/// Prints the log files one process after the other, because they contain no times.
pub(super) fn print(global: &GlobalOptions, args: &LogsArgs) -> ExitResult {
    let spec = project::inspect(global)?;
    let name = &spec.project.name;
    let needs_engine = [
        (args.follow, "-f"),
        (args.since.is_some(), "--since"),
        (args.stream.is_some(), "--stream"),
    ];
    if let Some((_, flag)) = needs_engine.iter().find(|(given, _)| *given) {
        let text = format!("{name} is not running, and `{flag}` needs a running project");
        return Err(messages::failure(&text));
    }
    let grep =
        args.grep.as_deref().map(Regex::new).transpose().map_err(|error| {
            messages::usage_error(&format!("invalid regular expression: {error}"))
        })?;
    let supervisor = Supervisor::new(spec.clone(), SupervisorOptions::default());
    let all = ["all".to_owned()];
    let names = if args.names.is_empty() { &all[..] } else { &args.names };
    let chosen =
        supervisor.select(names).map_err(|error| messages::usage_error(&error.to_string()))?;
    let names: HashMap<_, _> = supervisor.names().collect();
    let log_files = |id: &ProcessId| {
        let process = spec.processes.get(supervisor.process_of(*id)?)?;
        let name = names.get(id)?.as_str();
        let number = name.strip_prefix(process.name.as_str())?.strip_prefix('.');
        let replica = number.filter(|_| process.replicas.is_some());
        let log = process.log.as_ref()?;
        let file = log.path_for(replica.and_then(|number| number.parse().ok()));
        Some(RotatedFiles { name: name.to_owned(), paths: existing(&file, log.keep) })
    };
    let files: Vec<RotatedFiles> =
        chosen.iter().filter_map(log_files).filter(|files| !files.paths.is_empty()).collect();
    if files.is_empty() {
        let text = "is not running, and has no log files (`log.dir` enables them)";
        return Err(messages::failure(&format!("{name} {text}")));
    }
    let names = files.iter().map(|files| files.name.clone()).collect();
    let formatter = (!args.json).then(|| LineFormatter::of(global, names));
    print_lines(&files, grep.as_ref(), args.lines, formatter)
}

/// The files that exist, oldest first.
fn existing(file: &Path, keep: u32) -> Vec<PathBuf> {
    let older = (1..=keep).rev().map(|number| {
        let mut path = file.as_os_str().to_owned();
        path.push(format!(".{number}"));
        PathBuf::from(path)
    });
    older.chain([file.to_owned()]).filter(|path| path.is_file()).collect()
}

/// Prints all matching lines, or the last ones; as JSON without a formatter.
fn print_lines(
    files: &[RotatedFiles],
    grep: Option<&Regex>,
    last: Option<u64>,
    mut formatter: Option<LineFormatter>,
) -> ExitResult {
    let (mut output, mut kept) = (Vec::new(), VecDeque::new());
    for RotatedFiles { name, paths } in files {
        for path in paths {
            let read = each_line(path, |line| {
                let text = line.strip_suffix(b"\n").unwrap_or(line);
                if !grep.is_none_or(|grep| grep.is_match(text)) {
                    return true;
                }
                let start = output.len();
                match &mut formatter {
                    Some(formatter) => formatter.push(&mut output, name, line),
                    None => push_log_file_line(&mut output, name, line),
                }
                if let Some(last) = last {
                    kept.push_back(output.split_off(start));
                    if kept.len() as u64 > last {
                        kept.pop_front();
                    }
                }
                output.len() < WRITE_SIZE || stdout::write(&std::mem::take(&mut output))
            });
            read.map_err(|error| messages::cannot(&format!("read {}", path.display()), &error))?;
        }
    }
    output.extend(kept.into_iter().flatten());
    stdout::write(&output);
    Ok(ProgramExit::SUCCESS)
}

/// Calls `take` for each line until it returns false.
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
