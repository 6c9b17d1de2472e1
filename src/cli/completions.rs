//! `completions`: shell completions, with the names of the running project or of the file.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};

use super::{
    ExitResult, GlobalOptions, ProgramExit, global_options, messages, project, running_project,
    stdout,
};
use crate::control::{Control as _, Measure};
pub(super) use crate::machine::targets::NameKind;
use crate::machine::{Supervisor, SupervisorOptions};
use crate::spec::{self, ProcessKind, Signal, Spec};

/// Shells set this variable to request candidates.
const VARIABLE: &str = "PITCREW_COMPLETE";
/// The time that a running project has to respond, because the user waits after a key press.
const TIMEOUT: Duration = Duration::from_millis(80);

/// bash splits words at `@`, so a tag arrives as two words: this joins them, and removes the `@`
/// from candidates where bash keeps it.
const BASH_TAGS: &str = r#"
_pitcrew() {
    local -a COMP_WORDS=("${COMP_WORDS[@]}")
    local at=$((COMP_CWORD - 1)) current=$2
    if [[ $at -gt 0 && ${COMP_WORDS[at]} == @ && $current != @* ]]; then
        COMP_WORDS=("${COMP_WORDS[@]:0:at}" "@$current" "${COMP_WORDS[@]:COMP_CWORD + 1}")
        local COMP_CWORD=$at
        _clap_complete_pitcrew "$1" "@$current" "${3-}"
        COMPREPLY=("${COMPREPLY[@]#@}")
    else
        _clap_complete_pitcrew "$@"
    fi
}
complete -o nospace -o bashdefault -F _pitcrew pitcrew
"#;

#[derive(Debug, Clone, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_parser = ["bash", "zsh", "fish", "elvish", "powershell"])]
    shell: String,
}

/// Prints candidates if a shell has requested them; returns whether one did.
pub(super) fn complete() -> bool {
    if std::env::var_os(VARIABLE).is_none() {
        return false;
    }
    let env = CompleteEnv::with_factory(global_options::command_line).var(VARIABLE);
    let dir = std::env::current_dir().ok();
    env.try_complete(std::env::args_os(), dir.as_deref()).unwrap_or(true)
}

/// Prints the script that makes a shell request candidates from this program.
pub(super) fn completions(args: &CompletionsArgs) -> ExitResult {
    let shells = Shells::builtins();
    let shell = shells
        .completer(&args.shell)
        .ok_or_else(|| messages::usage_error(&format!("no completions for `{}`", args.shell)))?;
    let mut text = Vec::new();
    shell
        .write_registration(VARIABLE, "pitcrew", "pitcrew", "pitcrew", &mut text)
        .map_err(|error| messages::cannot("write the completions", &error))?;
    if args.shell == "bash" {
        text.extend_from_slice(BASH_TAGS.as_bytes());
    }
    stdout::write(&text);
    Ok(ProgramExit::SUCCESS)
}

/// Offers the names of the running project, or those of the file.
pub(super) fn names(kind: NameKind) -> ArgValueCandidates {
    ArgValueCandidates::new(move || {
        let names = known_names().map(|names| names.of(kind)).unwrap_or_default();
        names.into_iter().map(CompletionCandidate::new).collect()
    })
}

pub(super) fn signals() -> ArgValueCandidates {
    ArgValueCandidates::new(|| Signal::names().map(CompletionCandidate::new).collect())
}

pub(super) fn commands() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let root = global_options::command_line();
        let commands = root.get_subcommands();
        commands.map(|command| CompletionCandidate::new(command.get_name())).collect()
    })
}

/// All names of a project, by kind.
#[derive(Debug, Default)]
struct KnownNames {
    processes: BTreeSet<String>,
    /// Replicas by their own names, and jobs.
    members: BTreeSet<String>,
    /// Members with `tty`.
    terminals: BTreeSet<String>,
    pools: BTreeSet<String>,
    tags: BTreeSet<String>,
}

impl KnownNames {
    fn of(self, kind: NameKind) -> BTreeSet<String> {
        let Self { mut processes, members, terminals, pools, tags } = self;
        match kind {
            NameKind::Process => {}
            NameKind::Pool => return pools,
            NameKind::Terminal => return terminals,
            NameKind::One => processes.extend(members),
            NameKind::Several => {
                processes.extend(members.into_iter().chain(pools));
                processes.extend(tags.iter().map(|tag| format!("@{tag}")));
                processes.insert("all".to_owned());
            }
        }
        processes
    }

    fn declared(spec: &Spec) -> Self {
        let mut names = Self::default();
        for process in spec.processes.values() {
            names.tags.extend(process.tags.iter().map(ToString::to_string));
            let of_kind = match process.kind {
                ProcessKind::Process => &mut names.processes,
                ProcessKind::Job => &mut names.members,
            };
            of_kind.insert(process.name.to_string());
        }
        names.pools.extend(spec.pools.keys().map(ToString::to_string));
        let supervisor = Supervisor::new(spec.clone(), SupervisorOptions::default());
        names.members.extend(supervisor.names().map(|(_, name)| name.to_string()));
        let terminals = supervisor.names().filter(|(id, _)| supervisor.has_terminal(*id));
        names.terminals.extend(terminals.map(|(_, name)| name.to_string()));
        names
    }
}

/// The names of the project on the line that is being typed. Mistakes in its file are not printed.
fn known_names() -> Option<KnownNames> {
    // The line follows a `--`: `pitcrew -- pitcrew -C DIR …`.
    let line = std::env::args_os().skip_while(|word| word != "--").skip(1);
    let global = global_options::parse_unfinished(line)?;
    if let Some(directory) = &global.directory {
        std::env::set_current_dir(directory).ok()?;
    }
    let loaded = spec::inspect(&project::locate(&global).ok()?).ok();
    let declared = loaded.map(|loaded| KnownNames::declared(&loaded.spec));
    running(&global, declared.as_ref()).or(declared)
}

/// The names of the running project; names that it does not report come from the file.
fn running(global: &GlobalOptions, declared: Option<&KnownNames>) -> Option<KnownNames> {
    let (name, dirs) = running_project::find_silently(global)?;
    let client = running_project::client(&name, dirs);
    let status = running_project::block_on(async {
        tokio::time::timeout(TIMEOUT, client.status(Measure::No)).await.ok()?.ok()
    });
    let mut names = KnownNames::default();
    if let Some(declared) = declared {
        names.tags.clone_from(&declared.tags);
        names.pools.clone_from(&declared.pools);
        names.terminals.clone_from(&declared.terminals);
    }
    for process in status.ok()??.processes {
        let is_job = process.pool.is_some()
            && declared.is_none_or(|declared| !declared.processes.contains(&*process.process));
        names.pools.extend(process.pool.as_ref().map(ToString::to_string));
        names.members.insert(process.name.to_string());
        if !is_job {
            names.processes.insert(process.process.to_string());
        }
    }
    Some(names)
}
