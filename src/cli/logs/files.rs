//! `logs` of a project that does not run: reads its log files.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use regex::bytes::Regex;

use super::super::{GlobalOptions, ProgramExit, project, remote};
use super::{LogsArgs, LogsStyle};
use crate::control::put_bare_line;
use crate::machine::{Supervisor, SupervisorOptions};

/// Written in one go.
const AT_ONCE: usize = 64 << 10;

/// One log file with those it was renamed to, oldest first.
struct RotatedFiles {
    name: String,
    paths: Vec<PathBuf>,
}

/// Nothing runs: what the log files hold, one process after the other, as they carry no times.
pub(super) fn show(global: &GlobalOptions, args: &LogsArgs) -> ProgramExit {
    let spec = match project::inspect(global) {
        Ok(spec) => spec,
        Err(ending) => return ending,
    };
    let name = spec.project.name.clone();
    let needs_engine = [
        (args.follow, "-f"),
        (args.since.is_some(), "--since"),
        (args.stream.is_some(), "--stream"),
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
    let supervisor = Supervisor::new(spec.clone(), SupervisorOptions::default());
    let all = ["all".to_owned()];
    let names = if args.names.is_empty() { &all[..] } else { &args.names };
    let chosen = match supervisor.select(names) {
        Ok(chosen) => chosen,
        Err(error) => return project::wrong(&error.to_string()),
    };
    let by_number: HashMap<_, _> = supervisor.names().collect();
    let files: Vec<RotatedFiles> = chosen
        .iter()
        .filter_map(|id| {
            let process = spec.processes.get(supervisor.process_of(*id)?)?;
            let name = by_number.get(id)?.as_str();
            let number = name.strip_prefix(process.name.as_str())?.strip_prefix('.');
            let replica = number.filter(|_| process.replicas.is_some());
            let log = process.log.as_ref()?;
            let file = log.path_for(replica.and_then(|number| number.parse().ok()));
            Some(RotatedFiles { name: name.to_owned(), paths: kept(&file, log.keep) })
        })
        .filter(|files| !files.paths.is_empty())
        .collect();
    if files.is_empty() {
        let text =
            format!("{name} is not running, and there is no log file (`log.dir` makes them)");
        return project::failed(&text);
    }
    let names = files.iter().map(|files| files.name.clone()).collect();
    let style = (!args.json).then(|| LogsStyle::of(global, names));
    print(&files, grep.as_ref(), args.lines, style)
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

/// Prints what is wanted of them, as JSON without a style.
fn print(
    files: &[RotatedFiles],
    grep: Option<&Regex>,
    last: Option<u64>,
    mut style: Option<LogsStyle>,
) -> ProgramExit {
    let (mut ready, mut kept) = (Vec::new(), VecDeque::new());
    for RotatedFiles { name, paths } in files {
        for path in paths {
            let read = each_line(path, |line| {
                let text = line.strip_suffix(b"\n").unwrap_or(line);
                if !grep.is_none_or(|grep| grep.is_match(text)) {
                    return true;
                }
                let from = ready.len();
                match &mut style {
                    Some(style) => style.put(&mut ready, name, line),
                    None => put_bare_line(&mut ready, name, line),
                }
                if let Some(last) = last {
                    kept.push_back(ready.split_off(from));
                    if kept.len() as u64 > last {
                        kept.pop_front();
                    }
                }
                ready.len() < AT_ONCE || flush(&mut ready)
            });
            if let Err(error) = read {
                return project::failed(&format!("cannot read {}: {error}", path.display()));
            }
        }
    }
    ready.extend(kept.into_iter().flatten());
    flush(&mut ready);
    ProgramExit::GOOD
}

/// False when nobody reads any more.
fn flush(ready: &mut Vec<u8>) -> bool {
    let written = remote::write(ready);
    ready.clear();
    written
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
