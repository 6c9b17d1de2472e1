//! `exec`: one command with time limits and retries, its bytes passed on as they come.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use tokio::sync::mpsc;

use super::engine_main::{self, Display, EngineSetup};
use super::{ExecArgs, GlobalOptions, ProgramExit, project};
use crate::engine::Foreground;
use crate::machine::{Supervisor, SupervisorOptions};
use crate::output::Stream;
use crate::spec::{
    ColorMode, CommandLine, Environment, Name, OutputLimits, PortBusy, ProcessKind, ProcessSpec,
    Project, Restart, RetryPolicy, ShutdownOn, Spec, StdinKind, StopPolicy,
};

/// Chunks on their way to the one who reads us.
const IN_FLIGHT: usize = 16;
/// Kept in memory; the bytes go to our own outputs, so only the last words are.
const MEMORY: u64 = 4 << 20;

pub(super) fn exec(global: &GlobalOptions, args: &ExecArgs) -> ProgramExit {
    let process = match process(global, args) {
        Ok(process) => process,
        Err(ending) => return ending,
    };
    let supervisor = Supervisor::new(alone(process), SupervisorOptions::default());
    let chosen = supervisor.autostart();
    let (tap, chunks) = mpsc::channel(IN_FLIGHT);
    let foreground = chosen.first().map(|id| (*id, Foreground::Passed(tap)));
    let serve = EngineSetup {
        supervisor,
        chosen,
        dependencies: true,
        shows: Display::Problems,
        events: None,
        log_file: None,
        listen: None,
        foreground,
        again: None,
        owned: false,
        passing: Some(Box::new(move || pass_on(chunks))),
    };
    match project::hold_alone() {
        Ok(held) => engine_main::serve(global, held, serve),
        Err(ending) => ending,
    }
}

/// What is asked for, as a process of a project of its own.
fn process(global: &GlobalOptions, args: &ExecArgs) -> Result<ProcessSpec, ProgramExit> {
    let base = match &args.in_process {
        Some(name) => Some(named(global, name)?),
        None => None,
    };
    let here = std::env::current_dir()
        .map_err(|error| project::failed(&format!("cannot tell the current folder: {error}")))?;
    let cwd = match (&args.cwd, &base) {
        (Some(cwd), _) => here.join(cwd),
        (None, Some(base)) => base.cwd.clone(),
        (None, None) => here,
    };
    let mut env = base.as_ref().map_or_else(
        || Environment { inherit: true, ..Environment::default() },
        |base| base.env.clone(),
    );
    env.set.extend(args.env.iter().map(|(name, value)| (name.clone(), value.as_str().into())));
    env.names_port |= args.env.iter().any(|(name, _)| name == "PORT");
    if let (Some(port), false) = (base.as_ref().and_then(|base| base.port), env.names_port) {
        env.set.insert("PORT".to_owned(), port.to_string().as_str().into());
    }
    let retries = args.retries;
    Ok(ProcessSpec {
        name: base.as_ref().map_or_else(|| program(&args.command), |base| base.name.clone()),
        kind: ProcessKind::Process,
        command: CommandLine::Argv(args.command.clone()),
        description: None,
        cwd,
        env,
        // The process itself may listen there; it is in the environment already.
        port: None,
        port_busy: PortBusy::Fail,
        color: base.as_ref().map_or(ColorMode::Auto, |base| base.color),
        stdin: StdinKind::Null,
        depends_on: IndexMap::new(),
        ready: None,
        health: None,
        restart: if retries > 0 { Restart::OnFailure } else { Restart::Never },
        retry: RetryPolicy {
            attempts: Some(retries),
            initial: args.retry_delay,
            factor: 1.0,
            max: args.retry_delay,
            jitter: 0.0,
            reset_after: Duration::MAX,
        },
        timeout: args.timeout,
        idle_timeout: args.idle_timeout,
        stop: StopPolicy::default(),
        success_exit_codes: BTreeSet::from([0]),
        replicas: None,
        pool: None,
        autostart: true,
        tags: BTreeSet::new(),
        shutdown_on: ShutdownOn::Never,
        log: None,
        watch: None,
    })
}

/// The process of the file whose folder and environment are to be used.
fn named(global: &GlobalOptions, name: &str) -> Result<Arc<ProcessSpec>, ProgramExit> {
    let spec = project::load(global)?;
    let supervisor = Supervisor::new(spec.clone(), SupervisorOptions::default());
    let chosen = supervisor
        .select(&[name.to_owned()])
        .map_err(|error| project::wrong(&error.to_string()))?;
    let process = chosen.first().and_then(|id| supervisor.process_of(*id));
    let process = process.and_then(|name| spec.processes.get(name)).cloned();
    process.ok_or_else(|| project::wrong(&format!("`{name}` names no process")))
}

/// The command is called by the name of its program.
fn program(command: &[String]) -> Name {
    let program = command.first().map(Path::new).and_then(Path::file_name);
    Name::new(&program.unwrap_or_default().to_string_lossy())
}

fn alone(process: ProcessSpec) -> Spec {
    let project = Project {
        name: "exec".to_owned(),
        file: PathBuf::new(),
        dir: process.cwd.clone(),
        files: Vec::new(),
        env_files: Vec::new(),
        env_pipes: Vec::new(),
        reload: false,
        output: OutputLimits { memory: MEMORY, ..OutputLimits::default() },
        log_dir: None,
    };
    let processes = IndexMap::from([(process.name.clone(), Arc::new(process))]);
    Spec { project, processes, pools: IndexMap::new(), blank: None }
}

/// Writes what the command prints to our own outputs, byte for byte.
fn pass_on(mut chunks: mpsc::Receiver<(Stream, Vec<u8>)>) {
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    while let Some((stream, bytes)) = chunks.blocking_recv() {
        let written = match stream {
            Stream::Out => out.write_all(&bytes).and_then(|()| out.flush()),
            Stream::Err => err.write_all(&bytes),
        };
        // Dropping the receiver closes the pipes, and the command gets SIGPIPE as it would have
        // without us.
        if written.is_err() {
            return;
        }
    }
}
