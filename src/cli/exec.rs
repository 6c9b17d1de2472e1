//! `exec`: runs one command with time limits and retries, with unchanged output.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use tokio::sync::mpsc;

use super::engine_main::{self, Display, EngineSetup};
use super::project_ports::ProjectPorts;
use super::{ExecArgs, GlobalOptions, ProgramExit, project, run_attached, stdout};
use crate::engine::Foreground;
use crate::machine::{Moment, Supervisor, SupervisorOptions};
use crate::output::Stream;
use crate::spec::{
    ColorMode, CommandLine, Environment, Name, OutputLimits, ProcessKind, ProcessSpec, Project,
    Restart, RetryPolicy, Spec, StdinKind,
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
        (None, Some(base)) => base.spec.cwd.clone(),
        (None, None) => here,
    };
    let mut env = base.as_ref().map_or_else(
        || Environment { inherit: true, ..Environment::default() },
        NamedProcess::environment,
    );
    env.set.extend(args.env.iter().map(|(name, value)| (name.clone(), value.as_str().into())));
    let base = base.map(|base| base.spec);
    let retries = args.retries;
    let name = base.as_ref().map_or_else(|| program(&args.command), |base| base.name.clone());
    let command = CommandLine::Argv(args.command.clone());
    Ok(ProcessSpec {
        env,
        color: base.as_ref().map_or(ColorMode::Auto, |base| base.color),
        stdin: StdinKind::Null,
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
        // The process itself may listen on its port, which is in the environment already.
        ..ProcessSpec::new(name, ProcessKind::Process, command, cwd)
    })
}

/// The process of the file whose folder and environment are to be used.
struct NamedProcess {
    spec: Arc<ProcessSpec>,
    /// The number of the replica, if there are replicas.
    replica: Option<u32>,
    port: Option<u16>,
    ports: ProjectPorts,
}

impl NamedProcess {
    /// The environment of a run of this process.
    fn environment(&self) -> Environment {
        let mut environment = self.spec.env.clone();
        let port = self.port.map(|port| port.to_string());
        self.ports.fill_in(&mut environment, |name| match name {
            "PORT" => port.clone().map(Into::into),
            "PITCREW_REPLICA" => self.replica.map(|replica| replica.to_string().into()),
            "PITCREW_POOL" => self.spec.pool.as_ref().map(|pool| pool.to_string().into()),
            _ => None,
        });
        if let (Some(port), false) = (port, environment.names_port) {
            environment.set.insert("PORT".to_owned(), port.into());
        }
        environment
    }
}

fn named(global: &GlobalOptions, name: &str) -> Result<NamedProcess, ProgramExit> {
    let project = project::load(global)?;
    let mut supervisor = Supervisor::new(project.clone(), SupervisorOptions::default());
    let chosen = supervisor
        .select(&[name.to_owned()])
        .map_err(|error| project::wrong(&error.to_string()))?;
    let none = || project::wrong(&format!("`{name}` names no process"));
    let id = chosen.first().copied().ok_or_else(none)?;
    let snapshot = supervisor.snapshot(Moment::default());
    let view = snapshot.get(id).ok_or_else(none)?;
    let mut ports = ProjectPorts::of_file(&supervisor);
    if let Some(folders) = run_attached::running(&project) {
        ports = ports.of_running_in(&project.project.name, folders);
    }
    let port = ports.port(view.name.as_str());
    Ok(NamedProcess { spec: Arc::clone(&view.spec), replica: view.replica, port, ports })
}

/// The command is called by the name of its program.
fn program(command: &[String]) -> Name {
    let program = command.first().map_or("", String::as_str);
    let name = Path::new(program).file_name().map_or(program.into(), OsStr::to_string_lossy);
    Name::new(if name.is_empty() { "the command" } else { &name })
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
        if let Err(error) = written {
            stdout::note(error);
            return;
        }
    }
}
