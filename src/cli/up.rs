//! `up`: runs the project, or part of it, from start to end.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::completions::{NameKind, names};
use super::engine_main::{self, Display, EngineSetup};
use super::reload::FileReloader;
use super::value_parsers::{duration, loopback_address, output_file};
use super::{ExitResult, GlobalOptions, locked_project, messages, project, run, running_project};
use crate::machine::{AddedProcesses, ProcessId, Supervisor, SupervisorOptions};
use crate::spec::Spec;
use crate::sys::own_process;

mod detach;
mod engine_process;
#[cfg(feature = "tui")]
mod tui;

#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct UpArgs {
    /// NAME, NAME.N, @TAG, POOL or all; default: everything that has `autostart`
    #[arg(add = names(NameKind::Several))]
    names: Vec<String>,
    /// Print plain lines even on a terminal
    #[arg(long)]
    no_tui: bool,
    /// Do not start dependencies
    #[arg(long)]
    no_deps: bool,
    /// Do not restart processes when files change
    #[arg(long)]
    no_watch: bool,
    /// Keep running when all processes have ended
    #[arg(long)]
    keep: bool,
    /// Stop everything when a process fails for good, and exit with its code
    #[arg(long)]
    fail_fast: bool,
    /// Do not print the output of the processes
    #[arg(long)]
    quiet: bool,
    /// Prefix each line with its timestamp
    #[arg(long)]
    timestamps: bool,
    /// Append every event to FILE as a line of JSON
    #[arg(long, value_parser = output_file(), value_name = "FILE")]
    events: Option<PathBuf>,
    /// Write pitcrew's own diagnostics to FILE
    #[arg(long, value_parser = output_file(), value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// Run in the background and return when everything has started; implies --keep
    #[arg(long)]
    detach: bool,
    /// Also serve the HTTP API on this address (needs the token)
    #[arg(long, value_parser = loopback_address, value_name = "127.0.0.1:PORT")]
    listen: Option<SocketAddr>,
    /// End when standard input is closed, as after a hang-up, unless a `D` was read from it
    #[arg(long, hide = true)]
    owned: bool,
    /// With --detach, return when the project is ready; exit code 1 if a process cannot become ready
    #[arg(long, requires = "detach")]
    wait: bool,
    /// With --detach, give up waiting after this time (exit code 124); the project keeps running
    #[arg(long, requires = "detach", value_parser = duration, value_name = "DURATION")]
    timeout: Option<Duration>,
}

pub(super) fn up(global: &GlobalOptions, args: &UpArgs) -> ExitResult {
    // Env files may be pipes, so only the process that runs the project reads them.
    let runs_elsewhere = args.detach || opens_interface(args);
    let read = if runs_elsewhere { project::inspect(global) } else { project::load(global) };
    let spec = read.inspect_err(|_| running_project::note_running_without_file(global))?;
    let options = SupervisorOptions {
        keep: args.keep,
        fail_fast: args.fail_fast,
        no_watch: args.no_watch,
        later: if args.names.is_empty() {
            AddedProcesses::Start
        } else {
            AddedProcesses::LeaveIdle
        },
        seed: engine_main::seed(),
    };
    let mut supervisor = Supervisor::new(spec.clone(), options);
    let chosen = if args.names.is_empty() {
        supervisor.autostart()
    } else {
        supervisor.select(&args.names).map_err(|error| messages::usage_error(&error.to_string()))?
    };
    if args.detach {
        let chosen = supervisor.names().filter(|(id, _)| chosen.contains(id));
        let names = chosen.map(|(_, name)| name.to_string()).collect();
        return detach::up(global, args, &spec, names);
    }
    #[cfg(feature = "tui")]
    if opens_interface(args) {
        let snapshot = supervisor.snapshot(crate::machine::Moment::default());
        return tui::up(global, args, &spec, &snapshot);
    }
    if let Some(id) = single_terminal(&supervisor, &chosen, args) {
        return up_in_foreground(global, args, spec, id);
    }
    let locked = locked_project::lock(&spec, &args.names)?;
    let reloader = FileReloader::new(project::locate(global)?, &spec, &locked);
    let setup = EngineSetup {
        supervisor,
        chosen,
        no_dependencies: args.no_deps,
        display: Display::Everything { quiet: args.quiet, timestamps: args.timestamps },
        events: args.events.clone(),
        log_file: args.log_file.clone(),
        listen: args.listen,
        foreground: None,
        reloader: Some(Arc::new(reloader)),
        owned: args.owned,
        forward_output: None,
        passes_terminal: false,
    };
    engine_main::run(global, locked, setup)
}

/// Returns the process to start if it is the only one and has a terminal, and this terminal can be handed to it.
fn single_terminal(
    supervisor: &Supervisor,
    chosen: &[ProcessId],
    args: &UpArgs,
) -> Option<ProcessId> {
    let [id] = chosen else { return None };
    let has_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let is_plain = !args.quiet && !args.owned && !args.keep;
    let can_be_handed = is_plain && has_terminal && own_process::in_foreground();
    (supervisor.has_terminal(*id) && can_be_handed).then_some(*id)
}

/// Runs the process as `run` does.
fn up_in_foreground(
    global: &GlobalOptions,
    args: &UpArgs,
    mut spec: Spec,
    id: ProcessId,
) -> ExitResult {
    let locked = locked_project::lock(&spec, &args.names)?;
    let supervisor = Supervisor::new(spec.clone(), SupervisorOptions::default());
    let process = supervisor.process_of(id).and_then(|name| spec.processes.get_mut(name));
    if let Some(process) = process {
        run::run_once(Arc::make_mut(process));
    }
    let setup = EngineSetup {
        no_dependencies: args.no_deps,
        events: args.events.clone(),
        log_file: args.log_file.clone(),
        listen: args.listen,
        ..run::setup(spec, id)
    };
    engine_main::run(global, locked, setup)
}

#[cfg(feature = "tui")]
fn opens_interface(args: &UpArgs) -> bool {
    !args.no_tui && !args.quiet && super::attach::has_terminal() && !super::attach::is_dumb()
}

#[cfg(not(feature = "tui"))]
fn opens_interface(_args: &UpArgs) -> bool {
    false
}
