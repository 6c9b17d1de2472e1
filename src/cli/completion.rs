//! `completions`: shell completions, with the names of the running project or of the file.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};

use super::{GlobalOptions, ProgramExit, global_options, project, remote};
use crate::control::{Control as _, Measure};
use crate::machine::{Supervisor, SupervisorOptions};
use crate::spec::{self, ProcessKind, Signal, Spec};

/// By this variable a shell asks for what could come next.
const VARIABLE: &str = "PITCREW_COMPLETE";
/// Whoever presses a key does not want to wait for a project that is stuck.
const PATIENCE: Duration = Duration::from_millis(80);

/// bash takes `@` for the end of a word, so a tag comes in two: it is put together again, and what
/// is offered for it loses its `@` where bash keeps that itself.
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
    /// bash, zsh, fish, elvish or powershell
    #[arg(value_parser = ["bash", "zsh", "fish", "elvish", "powershell"])]
    shell: String,
}

/// Answers a shell that asks what could come next; true when one did.
pub(super) fn complete() -> bool {
    if std::env::var_os(VARIABLE).is_none() {
        return false;
    }
    let env = CompleteEnv::with_factory(global_options::command_line).var(VARIABLE);
    let dir = std::env::current_dir().ok();
    env.try_complete(std::env::args_os(), dir.as_deref()).unwrap_or(true)
}

/// Prints what a shell has to know so that it asks us.
pub(super) fn completions(args: &CompletionsArgs) -> ProgramExit {
    let shells = Shells::builtins();
    let Some(shell) = shells.completer(&args.shell) else {
        return project::wrong(&format!("there are no completions for `{}`", args.shell));
    };
    let mut text = Vec::new();
    match shell.write_registration(VARIABLE, "pitcrew", "pitcrew", "pitcrew", &mut text) {
        Ok(()) => {
            if args.shell == "bash" {
                text.extend_from_slice(BASH_TAGS.as_bytes());
            }
            remote::write(&text);
            ProgramExit::GOOD
        }
        Err(error) => project::failed(&format!("cannot make the completions: {error}")),
    }
}

/// Which names a command takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    /// NAME, NAME.N, @TAG, POOL and all.
    Several,
    /// One process, replica or job.
    One,
    /// A process of the file, for all its replicas.
    Process,
    Pool,
}

/// Offers the names of the running project, or those of the file.
pub(super) fn names(wanted: NameKind) -> ArgValueCandidates {
    ArgValueCandidates::new(move || {
        let names = known_names().map(|names| names.of(wanted)).unwrap_or_default();
        names.into_iter().map(CompletionCandidate::new).collect()
    })
}

/// Offers the names of signals.
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
    pools: BTreeSet<String>,
    tags: BTreeSet<String>,
}

impl KnownNames {
    fn of(self, wanted: NameKind) -> Vec<String> {
        let Self { mut processes, members, pools, tags } = self;
        match wanted {
            NameKind::Process => {}
            NameKind::Pool => processes = pools,
            NameKind::One => processes.extend(members),
            NameKind::Several => {
                processes.extend(members);
                processes.extend(pools);
                processes.extend(tags.iter().map(|tag| format!("@{tag}")));
                processes.insert("all".to_owned());
            }
        }
        processes.into_iter().collect()
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
        names
    }
}

/// Nothing is said of a file with mistakes: it is the line that is being typed that matters.
fn known_names() -> Option<KnownNames> {
    let global = typed()?;
    if let Some(directory) = &global.directory {
        std::env::set_current_dir(directory).ok()?;
    }
    let spec = spec::inspect(&project::locate(&global).ok()?).ok().map(|loaded| loaded.spec);
    let declared = spec.as_ref().map(KnownNames::declared);
    live(&global, declared.as_ref()).or(declared)
}

/// The global options on the line that is being typed: `pitcrew -- pitcrew -C DIR …`.
fn typed() -> Option<GlobalOptions> {
    global_options::parse_unfinished(std::env::args_os().skip_while(|word| word != "--").skip(1))
}

/// Those of the running project; what it does not tell of itself is as the file says.
fn live(global: &GlobalOptions, declared: Option<&KnownNames>) -> Option<KnownNames> {
    let (name, folders) = remote::folders_quietly(global)?;
    let client = remote::client(&name, folders);
    let status = remote::block_on(async {
        tokio::time::timeout(PATIENCE, client.status(Measure::No)).await.ok()?.ok()
    });
    let mut names = KnownNames::default();
    if let Some(declared) = declared {
        names.tags.clone_from(&declared.tags);
        names.pools.clone_from(&declared.pools);
    }
    for one in status.ok()??.processes {
        let is_job = one.pool.is_some()
            && declared.is_none_or(|declared| !declared.processes.contains(&one.process));
        names.pools.extend(one.pool);
        names.members.insert(one.name);
        if !is_job {
            names.processes.insert(one.process);
        }
    }
    Some(names)
}
