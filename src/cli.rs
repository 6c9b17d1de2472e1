//! Command line types; each command has its own small file.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

use crate::spec::Signal;
use crate::sys::own_process;

mod background;
mod check;
mod completion;
mod detach;
mod diagnostics;
mod end_report;
mod engine_main;
mod event_table;
#[cfg(test)]
mod event_wordings;
mod events;
mod exec;
mod external_events;
mod global_options;
mod graph;
mod last_output;
mod lifecycle_commands;
mod logs;
mod manual;
#[cfg(feature = "mcp")]
mod mcp;
mod presence;
mod procfile_input;
mod project;
mod project_ports;
mod ps;
mod reload;
mod remote;
mod run;
mod run_attached;
mod runtime;
mod stdout;
mod style;
#[cfg(feature = "tui")]
mod tui;
mod unimplemented;
mod up;
mod waiting;
mod why;
mod workload;

use completion::{NameKind, names};
use global_options::{ColorChoice, GlobalOptions};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramExit {
    Code(u8),
    /// By this signal, so that a shell sees it.
    Signal(Signal),
}

impl ProgramExit {
    /// Everything asked for was done.
    pub const GOOD: Self = Self::Code(0);
    pub const FAILED: Self = Self::Code(1);
    /// The file or the command line is wrong.
    pub const WRONG: Self = Self::Code(2);

    /// A wait took too long.
    pub(crate) const TIMEOUT: Self = Self::Code(124);

    /// A code as the system takes it: its low eight bits.
    pub(crate) fn code(code: i32) -> Self {
        Self::Code((code & 0xff) as u8)
    }
}

/// Runs the processes of a project, keeps what they print, leaves none behind, says why.
#[derive(Debug, Parser)]
#[command(name = "pitcrew", version, about, max_term_width = 100)]
#[command(subcommand_help_heading = "Commands", allow_external_subcommands = true)]
pub struct Cli {
    #[command(flatten)]
    global: GlobalOptions,
    #[command(subcommand)]
    command: Option<CliCommand>,
}

#[derive(Debug, Subcommand)]
enum CliCommand {
    /// Start the project, or some processes and their dependencies
    Up(UpArgs),
    /// Open the interface on the running project
    #[cfg(feature = "tui")]
    Attach(tui::AttachArgs),
    /// Start the dependencies of a process and run it in the foreground
    Run(RunArgs),
    /// Run one command with time limits and retries
    Exec(ExecArgs),
    /// Check the file and print every mistake
    Check(CheckArgs),
    /// List all processes with their state and its reason
    Ps(ps::PsArgs),
    /// Explain the state of a process, down to the root cause
    Why(why::WhyArgs),
    /// Show the output of processes
    Logs(logs::LogsArgs),
    /// Show what has happened, as a table or as JSON
    Events(event_table::EventsArgs),
    /// Start processes and their dependencies
    Start(lifecycle_commands::StartArgs),
    /// Stop processes and wait until they have ended
    Stop(lifecycle_commands::StopArgs),
    /// Restart processes
    Restart(lifecycle_commands::StartArgs),
    /// Kill processes and all their descendants immediately
    Kill(lifecycle_commands::StopArgs),
    /// Send a signal to processes
    Signal(lifecycle_commands::SignalArgs),
    /// Set the number of replicas of a process
    Scale(workload::ScaleArgs),
    /// Add a job to a pool and print its name
    Enqueue(workload::EnqueueArgs),
    /// Send a line to the input of a process
    Send(workload::SendArgs),
    /// Wait until processes reach a state
    Wait(lifecycle_commands::WaitArgs),
    /// Stop the project and wait until everything has ended
    Down(lifecycle_commands::DownArgs),
    /// Read the file again and apply the differences
    Reload(reload::ReloadArgs),
    /// Print the dependency graph
    Graph(graph::GraphArgs),
    /// Print completions for a shell
    Completions(completion::CompletionsArgs),
    /// Print the manual page, or write all of them
    Man(manual::ManArgs),
    /// Run an MCP server on stdio, for assistants
    #[cfg(feature = "mcp")]
    Mcp,
    /// Print the JSON schema of the file
    Schema(SchemaArgs),
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct UpArgs {
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
    /// Keep running when no process runs any more
    #[arg(long)]
    keep: bool,
    /// Stop everything on the first final failure and exit with its code
    #[arg(long)]
    fail_fast: bool,
    /// Do not print the output of the processes
    #[arg(long)]
    quiet: bool,
    /// Prefix each line with its time of arrival
    #[arg(long)]
    timestamps: bool,
    /// Append every event to FILE as a JSON line
    #[arg(long, value_parser = file(), value_name = "FILE")]
    events: Option<PathBuf>,
    /// Write pitcrew's own diagnostics to FILE
    #[arg(long, value_parser = file(), value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// Run in the background and return when everything has started; implies --keep
    #[arg(long)]
    detach: bool,
    /// Also serve the HTTP API on this address (needs the token)
    #[arg(long, value_parser = remote::own_address, value_name = "127.0.0.1:PORT")]
    listen: Option<SocketAddr>,
    /// Ends with its standard input, as with a terminal, unless that said goodbye
    #[arg(long, hide = true)]
    owned: bool,
    /// With --detach, return when the project is ready; exit 1 on the first process that cannot be
    #[arg(long, requires = "detach")]
    wait: bool,
    /// With --detach, return after this long with exit code 124; the project keeps running
    #[arg(long, requires = "detach", value_parser = duration, value_name = "DURATION")]
    timeout: Option<Duration>,
}

#[derive(Debug, Clone, Args)]
struct RunArgs {
    /// The process, replica or job
    #[arg(add = names(NameKind::One))]
    name: String,
    /// Arguments to append to its command
    #[arg(last = true)]
    args: Vec<String>,
}

#[derive(Debug, Clone, Args)]
struct ExecArgs {
    /// Use the working folder and the environment of this process
    #[arg(long = "in", value_name = "NAME", add = names(NameKind::One))]
    in_process: Option<String>,
    /// Time limit of one try; exit code 124
    #[arg(long, value_parser = limit, value_name = "DURATION")]
    timeout: Option<Duration>,
    /// Time limit without any output; exit code 124
    #[arg(long, value_parser = limit, value_name = "DURATION")]
    idle_timeout: Option<Duration>,
    /// Number of retries after a failure
    #[arg(long, default_value_t = 0, value_name = "N")]
    retries: u32,
    /// Delay before each retry
    #[arg(long, value_parser = duration, default_value = "0s", value_name = "DURATION")]
    retry_delay: Duration,
    /// Working folder
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// Set a variable; can be repeated
    #[arg(long, value_parser = variable, value_name = "K=V")]
    env: Vec<(String, String)>,
    /// The command and its arguments
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

#[derive(Debug, Clone, Args)]
struct CheckArgs {
    /// Print the mistakes as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Args)]
struct SchemaArgs {
    /// Accepted for symmetry: the schema is always JSON
    #[arg(long)]
    json: bool,
}

/// A file to write: `-` would be one of that name, which nobody means.
fn file() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| {
        let text = "for standard output take /dev/stdout, best with --quiet; a file `-` is ./-";
        if path.as_os_str() == "-" { Err(text) } else { Ok(path) }
    })
}

fn duration(text: &str) -> Result<Duration, String> {
    crate::spec::parse_duration(text).map_err(|error| format!("{error}: {}", error.hint))
}

/// A limit of nothing would end everything at once.
fn limit(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("expected more than nothing".to_owned()),
        limit => Ok(limit),
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !text.contains('\0') => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// Reads the arguments and does what they say.
pub fn main() -> ProgramExit {
    // Before anything is started that outlives us.
    own_process::seal_descriptors();
    if completion::complete() {
        return ProgramExit::GOOD;
    }
    let cli = match global_options::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) if error.kind() == clap::error::ErrorKind::DisplayVersion => {
            // After a command clap would name the command, which has no version of its own.
            remote::print(concat!("pitcrew ", env!("CARGO_PKG_VERSION"), "\n"));
            return ProgramExit::GOOD;
        }
        Err(error) if error.kind() == clap::error::ErrorKind::InvalidSubcommand => {
            let word = error.get(clap::error::ContextKind::InvalidSubcommand);
            return unimplemented::refuse(&[word
                .map(ToString::to_string)
                .unwrap_or_default()
                .into()]);
        }
        Err(error) => {
            let code = if error.use_stderr() { ProgramExit::WRONG } else { ProgramExit::GOOD };
            _ = error.print();
            return code;
        }
    };
    if let Some(directory) = &cli.global.directory
        && let Err(error) = std::env::set_current_dir(directory)
    {
        return project::wrong(&format!("cannot go to {}: {error}", directory.display()));
    }
    stdout::checked(run_command(cli))
}

fn run_command(cli: Cli) -> ProgramExit {
    match cli.command.unwrap_or(CliCommand::Up(UpArgs::default())) {
        CliCommand::Up(args) => up::up(&cli.global, &args),
        #[cfg(feature = "tui")]
        CliCommand::Attach(args) => tui::attach(&cli.global, &args),
        CliCommand::Run(args) => run::run(&cli.global, &args),
        CliCommand::Exec(args) => exec::exec(&cli.global, &args),
        CliCommand::Check(args) => check::check(&cli.global, &args),
        CliCommand::Ps(args) => ps::ps(&cli.global, &args),
        CliCommand::Why(args) => why::why(&cli.global, &args),
        CliCommand::Logs(args) => logs::logs(&cli.global, &args),
        CliCommand::Events(args) => event_table::events(&cli.global, &args),
        CliCommand::Scale(args) => workload::scale(&cli.global, args),
        CliCommand::Enqueue(args) => workload::enqueue(&cli.global, args),
        CliCommand::Send(args) => workload::send(&cli.global, args),
        CliCommand::Reload(args) => reload::reload(&cli.global, &args),
        CliCommand::Graph(args) => graph::graph(&cli.global, &args),
        CliCommand::Completions(args) => completion::completions(&args),
        CliCommand::Man(args) => manual::man(&args),
        CliCommand::Start(args) => lifecycle_commands::start(&cli.global, args),
        CliCommand::Stop(args) => lifecycle_commands::stop(&cli.global, args),
        CliCommand::Restart(args) => lifecycle_commands::restart(&cli.global, args),
        CliCommand::Kill(args) => lifecycle_commands::kill(&cli.global, args),
        CliCommand::Signal(args) => lifecycle_commands::signal(&cli.global, args),
        CliCommand::Wait(args) => lifecycle_commands::wait(&cli.global, &args),
        CliCommand::Down(args) => lifecycle_commands::down(&cli.global, &args),
        #[cfg(feature = "mcp")]
        CliCommand::Mcp => mcp::mcp(&cli.global),
        CliCommand::Schema(SchemaArgs { json: _ }) => check::schema(),
        CliCommand::Other(words) => unimplemented::refuse(&words),
    }
}

impl From<ProgramExit> for ExitCode {
    fn from(ending: ProgramExit) -> Self {
        match ending {
            ProgramExit::Code(code) => Self::from(code),
            ProgramExit::Signal(signal) => Self::from((128 + signal.number()) as u8),
        }
    }
}
