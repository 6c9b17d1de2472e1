//! `completions` and `man`: what other programs need to know of the command line.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory as _};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};

use super::input::ProcfileText;
use super::{Cli, ColorChoice, Ending, Global, project, remote};
use crate::control::{Control as _, Measure};
use crate::machine::{Options, Orchestra};
use crate::spec;

/// By this variable a shell asks for what could come next.
const VARIABLE: &str = "PITCREW_COMPLETE";
/// Whoever presses a key does not want to wait for a project that is stuck.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Args)]
pub(super) struct CompletionsArgs {
    /// bash, zsh, fish, elvish or powershell
    #[arg(value_parser = ["bash", "zsh", "fish", "elvish", "powershell"])]
    shell: String,
}

#[derive(Debug, Clone, Args)]
pub(super) struct ManArgs {
    /// The page of this command
    command: Option<String>,
    /// Write all pages into DIR
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    dir: Option<PathBuf>,
}

/// Answers a shell that asks what could come next; true when one did.
pub(super) fn complete() -> bool {
    if std::env::var_os(VARIABLE).is_none() {
        return false;
    }
    let env = CompleteEnv::with_factory(Cli::command).var(VARIABLE);
    let dir = std::env::current_dir().ok();
    env.try_complete(std::env::args_os(), dir.as_deref()).unwrap_or(true)
}

/// What a shell has to know so that it asks us.
pub(super) fn completions(args: &CompletionsArgs) -> Ending {
    let shells = Shells::builtins();
    let Some(shell) = shells.completer(&args.shell) else {
        return project::wrong(&format!("there are no completions for `{}`", args.shell));
    };
    let mut text = Vec::new();
    match shell.write_registration(VARIABLE, "pitcrew", "pitcrew", "pitcrew", &mut text) {
        Ok(()) => {
            remote::write(&text);
            Ending::GOOD
        }
        Err(error) => project::failed(&format!("cannot make the completions: {error}")),
    }
}

/// Offers the names of the running project, or those of the file.
pub(super) fn names() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let global = typed(std::env::args_os());
        if let Some(directory) = &global.directory
            && std::env::set_current_dir(directory).is_err()
        {
            return Vec::new();
        }
        let names = live(&global).or_else(|| declared(&global)).unwrap_or_default();
        names.into_iter().map(CompletionCandidate::new).collect()
    })
}

/// The options before the command on the line that is being typed: `pitcrew -- pitcrew -C DIR …`.
/// What is not whole yet is no fault.
fn typed(args: impl Iterator<Item = OsString>) -> Global {
    let mut global = Global {
        file: Vec::new(),
        directory: None,
        color: ColorChoice::Never,
        verbose: 0,
        stdin_fd: None,
        stdin: ProcfileText::default(),
    };
    let mut words = args.skip_while(|word| word != "--").skip(2);
    while let Some(word) = words.next() {
        let word = word.to_string_lossy();
        let (option, value) = match (word.strip_prefix("--"), word.strip_prefix('-')) {
            (Some(long), _) => match long.split_once('=') {
                Some((option, value)) => (option.to_owned(), Some(value.to_owned())),
                None => (long.to_owned(), None),
            },
            (None, Some(short)) => {
                let (option, value) = short.split_at(short.len().min(1));
                (option.to_owned(), (!value.is_empty()).then(|| value.to_owned()))
            }
            (None, None) => break,
        };
        let mut value =
            || value.clone().map(PathBuf::from).or_else(|| words.next().map(PathBuf::from));
        match option.as_str() {
            "f" | "file" => global.file.extend(value()),
            "C" | "directory" => global.directory = value(),
            "color" => _ = value(),
            _ => {}
        }
    }
    global
}

fn live(global: &Global) -> Option<Vec<String>> {
    let (name, folders) = remote::folders_quietly(global)?;
    let client = remote::client(&name, folders);
    let status = remote::block_on(async {
        tokio::time::timeout(PATIENCE, client.status(Measure::No)).await.ok()?.ok()
    });
    let mut names: Vec<String> = Vec::new();
    for one in status.ok()??.processes {
        names.extend([Some(one.process), one.pool, Some(one.name)].into_iter().flatten());
    }
    names.sort();
    names.dedup();
    Some(names)
}

fn declared(global: &Global) -> Option<Vec<String>> {
    let spec = spec::inspect(&project::locate(global).ok()?).ok()?.spec;
    let pools = spec.pools.keys().map(ToString::to_string).collect::<Vec<_>>();
    let orchestra = Orchestra::new(spec, Options::default());
    let names = orchestra.names().map(|(_, name)| name.to_string());
    Some(names.chain(pools).collect())
}

pub(super) fn man(args: &ManArgs) -> Ending {
    let mut command = Cli::command();
    command.build();
    let failed = |error: std::io::Error| project::failed(&format!("cannot write it: {error}"));
    if let Some(dir) = &args.dir {
        let made =
            std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(command, dir));
        return made.map_or_else(failed, |()| Ending::GOOD);
    }
    let page = match &args.command {
        None => command,
        Some(name) => match command.find_subcommand(name) {
            Some(found) => found.clone(),
            None => return project::wrong(&format!("there is no command `{name}`")),
        },
    };
    let mut text = Vec::new();
    match clap_mangen::Man::new(page).render(&mut text) {
        Ok(()) => {
            _ = std::io::stdout().write_all(&text);
            Ending::GOOD
        }
        Err(error) => failed(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_before_the_command_say_which_project_is_meant() {
        for (line, files, directory) in [
            ("restart", &[][..], None),
            ("-C dir restart", &[], Some("dir")),
            ("-Cdir -v restart", &[], Some("dir")),
            (
                "--directory=dir --color never -f a -fb --file c --file=d logs",
                &["a", "b", "c", "d"],
                Some("dir"),
            ),
            ("logs -f web", &[], None),
            ("-f", &[], None),
            ("-", &[], None),
        ] {
            let words = ["pitcrew", "--", "pitcrew"].into_iter().chain(line.split(' '));
            let global = typed(words.map(OsString::from));
            let expected: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
            assert_eq!(global.file, expected, "{line}");
            assert_eq!(global.directory, directory.map(PathBuf::from), "{line}");
        }
    }
}
