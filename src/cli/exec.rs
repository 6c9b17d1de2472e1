//! `exec`: runs one command with time limits and retries, with unchanged output.

use std::ffi::OsStr;
use std::io::{IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::sync::mpsc;

use super::completions::{NameKind, names};
use super::project_ports::ProjectPorts;
use super::value_parsers::{duration, environment_variable, nonzero_duration, number};
use super::{ExitResult, GlobalOptions, ProgramExit, messages, project, standalone, stdout};
use crate::engine::Foreground;
use crate::machine::{Moment, Supervisor, SupervisorOptions};
use crate::output::Stream;
use crate::spec::{
    ColorMode, CommandLine, Environment, Name, OutputLimits, ProcessKind, ProcessSpec, Project,
    Restart, RetryPolicy, StdinKind,
};

/// The maximum number of chunks that wait for the reader of our outputs.
const MAX_CHUNKS: usize = 16;
/// The output kept in memory. It is small, because the output is forwarded.
const MEMORY: u64 = 4 << 20;

#[derive(Debug, Clone, Args)]
pub(super) struct ExecArgs {
    /// Use the working folder and the environment of this process
    #[arg(long = "in", value_name = "NAME", add = names(NameKind::One))]
    in_process: Option<String>,
    /// Time limit of one attempt; exit code 124
    #[arg(long, value_parser = nonzero_duration, value_name = "DURATION")]
    timeout: Option<Duration>,
    /// Time limit without any output; exit code 124
    #[arg(long, value_parser = nonzero_duration, value_name = "DURATION")]
    idle_timeout: Option<Duration>,
    /// Number of retries after a failure
    #[arg(long, default_value_t = 0, value_parser = number::<u32>, value_name = "N")]
    retries: u32,
    /// Delay before each retry
    #[arg(long, value_parser = duration, default_value = "0s", value_name = "DURATION")]
    retry_delay: Duration,
    /// Run it in a pseudo-terminal, and pass this terminal on to it
    #[arg(long)]
    tty: bool,
    /// Working folder
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// Set a variable; can be repeated
    #[arg(long, value_parser = environment_variable, value_name = "K=V")]
    env: Vec<(String, String)>,
    /// The command and its arguments
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

pub(super) fn exec(global: &GlobalOptions, args: &ExecArgs) -> ExitResult {
    let process = process(global, args)?;
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
    let (sender, chunks) = mpsc::channel(MAX_CHUNKS);
    let forward = Box::new(move || forward_output(chunks));
    standalone::run(global, project, process, Foreground::Passed(sender), Some(forward))
}

/// The command as a process of its own project.
fn process(global: &GlobalOptions, args: &ExecArgs) -> Result<ProcessSpec, ProgramExit> {
    let base = args.in_process.as_ref().map(|name| BaseProcess::find(global, name)).transpose()?;
    let current = std::env::current_dir()
        .map_err(|error| messages::cannot("determine the current folder", &error))?;
    let cwd = match (&args.cwd, &base) {
        (Some(cwd), _) => current.join(cwd),
        (None, Some(base)) => base.spec.cwd.clone(),
        (None, None) => current,
    };
    let mut env = base.as_ref().map_or_else(
        || Environment { inherit: true, ..Environment::default() },
        BaseProcess::environment,
    );
    if args.tty && std::io::stdout().is_terminal() {
        // Its output goes to our terminal as it is.
        let kind = std::env::vars().filter(|(name, _)| name == "TERM" || name == "COLORTERM");
        env.set.extend(kind.map(|(name, value)| (name, value.as_str().into())));
    }
    env.set.extend(args.env.iter().map(|(name, value)| (name.clone(), value.as_str().into())));
    let base = base.map(|base| base.spec);
    let name = base.as_ref().map_or_else(|| program(&args.command), |base| base.name.clone());
    let command = CommandLine::Argv(args.command.clone());
    Ok(ProcessSpec {
        env,
        color: base.map_or(ColorMode::Auto, |base| base.color),
        stdin: StdinKind::Null,
        tty: args.tty,
        hangs_up: args.tty,
        restart: if args.retries > 0 { Restart::OnFailure } else { Restart::Never },
        retry: RetryPolicy {
            attempts: Some(args.retries),
            initial: args.retry_delay,
            factor: 1.0,
            max: args.retry_delay,
            jitter: 0.0,
            reset_after: Duration::MAX,
        },
        timeout: args.timeout,
        idle_timeout: args.idle_timeout,
        // Without a port: the base process may listen on it, and the variables are set already.
        ..ProcessSpec::new(name, ProcessKind::Process, command, cwd)
    })
}

/// The process of the file whose folder and environment `--in` uses.
struct BaseProcess {
    spec: Arc<ProcessSpec>,
    replica: Option<u32>,
    port: Option<u16>,
    ports: ProjectPorts,
}

impl BaseProcess {
    fn find(global: &GlobalOptions, name: &str) -> Result<Self, ProgramExit> {
        let project = project::load(global)?;
        let mut supervisor = Supervisor::new(project.clone(), SupervisorOptions::default());
        let chosen = supervisor
            .select(&[name.to_owned()])
            .map_err(|error| messages::usage_error(&error.to_string()))?;
        let snapshot = supervisor.snapshot(Moment::default());
        let view = chosen.first().and_then(|id| snapshot.get(*id));
        let view =
            view.ok_or_else(|| messages::usage_error(&format!("`{name}` matches no process")))?;
        let ports = ProjectPorts::of_file(&supervisor).with_running_ports(&project);
        let port = ports.port(view.name.as_str());
        Ok(Self { spec: Arc::clone(&view.spec), replica: view.replica, port, ports })
    }

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

/// The name of a command: that of its program.
fn program(command: &[String]) -> Name {
    let program = command.first().map_or("", String::as_str);
    let name = Path::new(program).file_name().map_or(program.into(), OsStr::to_string_lossy);
    Name::new(if name.is_empty() { "the command" } else { &name })
}

/// Writes the output of the command to our outputs, byte for byte.
fn forward_output(mut chunks: mpsc::Receiver<(Stream, Vec<u8>)>) {
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    while let Some((stream, bytes)) = chunks.blocking_recv() {
        let written = match stream {
            Stream::Out => out.write_all(&bytes).and_then(|()| out.flush()),
            Stream::Err => err.write_all(&bytes),
        };
        // Dropping the receiver closes the pipes, and the command gets SIGPIPE, as it would
        // without pitcrew.
        if let Err(error) = written {
            stdout::record_error(error);
            return;
        }
    }
}
