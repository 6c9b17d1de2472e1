//! Command line: commands, exit codes and dispatch. Each command has a file of its name.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ErrorKind};
use clap::{Parser, Subcommand};

use crate::control::wire::ControlCommand;
use crate::spec::Signal;
use crate::sys::own_process;

#[cfg(feature = "tui")]
mod attach;
mod check;
mod completions;
mod control_endpoint;
mod diagnostics;
mod down;
mod end_report;
mod engine_main;
mod enqueue;
mod event_file;
mod events;
mod exec;
mod file_maintenance;
mod global_options;
mod graph;
mod keys;
mod last_output;
mod locked_project;
mod logs;
mod man;
#[cfg(feature = "mcp")]
mod mcp;
mod messages;
mod outcome;
mod procfile_input;
mod project;
mod project_ports;
mod ps;
mod reload;
mod run;
mod running_project;
mod runtime;
mod scale;
mod schema;
mod screen;
mod screen_wait;
mod send;
mod signal;
mod signal_handlers;
mod standalone;
mod start;
mod stdout;
mod stop;
mod style;
mod terminal_passthrough;
mod unknown_command;
mod up;
mod value_parsers;
mod wait;
mod waiting;
mod why;

use global_options::GlobalOptions;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramExit {
    Code(u8),
    /// By this signal, so that a shell sees it.
    Signal(Signal),
}

impl ProgramExit {
    pub const SUCCESS: Self = Self::Code(0);
    pub const FAILURE: Self = Self::Code(1);
    /// The file or the command line is wrong.
    pub const USAGE_ERROR: Self = Self::Code(2);
    /// `--timeout` has passed.
    pub(crate) const TIMEOUT: Self = Self::Code(124);

    /// An exit code as the system takes it: its low eight bits.
    pub(crate) fn code(code: i32) -> Self {
        Self::Code((code & 0xff) as u8)
    }
}

/// How a command ends; `Err` is an early exit, whose message has been printed.
type ExitResult = Result<ProgramExit, ProgramExit>;

/// Runs the processes of a project from one file, loses no output, leaves no process behind, and
/// explains the state of each process.
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
    Up(up::UpArgs),
    /// Open the interface of the running project
    #[cfg(feature = "tui")]
    Attach(attach::AttachArgs),
    /// Start the dependencies of a process and run it in the foreground
    Run(run::RunArgs),
    /// Run one command with time limits and retries
    Exec(exec::ExecArgs),
    /// Check the file and print every mistake
    Check(check::CheckArgs),
    /// List all processes with their states and reasons
    Ps(ps::PsArgs),
    /// Explain the state of a process, down to the root cause
    Why(why::WhyArgs),
    /// Show the output of processes
    Logs(logs::LogsArgs),
    /// Show the events of the project, as a table or as JSON
    Events(events::EventsArgs),
    /// Start processes and their dependencies
    Start(start::StartArgs),
    /// Stop processes and wait until they have ended
    Stop(stop::StopArgs),
    /// Restart processes
    Restart(start::StartArgs),
    /// Kill processes and all their descendants immediately
    Kill(stop::StopArgs),
    /// Send a signal to processes
    Signal(signal::SignalArgs),
    /// Set the number of replicas of a process
    Scale(scale::ScaleArgs),
    /// Add a job to a pool and print its name
    Enqueue(enqueue::EnqueueArgs),
    /// Send a line to the input of a process
    Send(send::SendArgs),
    /// Print the screen of a process with a terminal
    Screen(screen::ScreenArgs),
    /// Type into the terminal of a process
    Keys(keys::KeysArgs),
    /// Wait until processes reach a state
    Wait(wait::WaitArgs),
    /// Stop the project and wait until everything has ended
    Down(down::DownArgs),
    /// Read the file again and apply the differences
    Reload(reload::ReloadArgs),
    /// Print the dependency graph
    Graph(graph::GraphArgs),
    /// Print completions for a shell
    Completions(completions::CompletionsArgs),
    /// Print a manual page, or write all of them
    Man(man::ManArgs),
    /// Run an MCP server on stdio
    #[cfg(feature = "mcp")]
    Mcp,
    /// Print the JSON schema of the file
    Schema(schema::SchemaArgs),
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// The subcommand that sends each command to the project.
const _: fn(&ControlCommand) = |command| match command {
    ControlCommand::Start(_) => _ = CliCommand::Start,
    ControlCommand::Stop(_) => _ = CliCommand::Stop,
    ControlCommand::Restart(_) => _ = CliCommand::Restart,
    ControlCommand::Kill(_) => _ = CliCommand::Kill,
    ControlCommand::Signal(_) => _ = CliCommand::Signal,
    ControlCommand::Wait(_) => _ = CliCommand::Wait,
    ControlCommand::Scale(_) => _ = CliCommand::Scale,
    ControlCommand::Enqueue(_) => _ = CliCommand::Enqueue,
    ControlCommand::Send(_) => _ = CliCommand::Send,
    ControlCommand::Keys(_) => _ = CliCommand::Keys,
    // Not offered: `exec` runs a command outside of the project, and the file declares what is watched.
    ControlCommand::Run(_) | ControlCommand::Watch(_) => {}
};

/// Parses the arguments and runs the command.
pub fn main() -> ProgramExit {
    // Before a process is started that outlives this one.
    own_process::seal_descriptors();
    if completions::complete() {
        return ProgramExit::SUCCESS;
    }
    let cli = match global_options::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) if error.kind() == ErrorKind::DisplayVersion => {
            // After a command clap would print the name of the command, which has no version.
            stdout::print(concat!("pitcrew ", env!("CARGO_PKG_VERSION"), "\n"));
            return ProgramExit::SUCCESS;
        }
        Err(error) if error.kind() == ErrorKind::InvalidSubcommand => {
            let word = error.get(ContextKind::InvalidSubcommand).map(ToString::to_string);
            return unknown_command::refuse(&word.unwrap_or_default());
        }
        Err(error) => {
            _ = error.print();
            let is_mistake = error.use_stderr();
            return if is_mistake { ProgramExit::USAGE_ERROR } else { ProgramExit::SUCCESS };
        }
    };
    if let Some(directory) = &cli.global.directory
        && let Err(error) = std::env::set_current_dir(directory)
    {
        let text = format!("cannot change to {}: {error}", directory.display());
        return messages::usage_error(&text);
    }
    stdout::checked(run_command(cli).unwrap_or_else(|exit| exit))
}

fn run_command(cli: Cli) -> ExitResult {
    let global = &cli.global;
    match cli.command.unwrap_or(CliCommand::Up(up::UpArgs::default())) {
        CliCommand::Up(args) => up::up(global, &args),
        #[cfg(feature = "tui")]
        CliCommand::Attach(args) => attach::attach(global, &args),
        CliCommand::Run(args) => run::run(global, &args),
        CliCommand::Exec(args) => exec::exec(global, &args),
        CliCommand::Check(args) => check::check(global, &args),
        CliCommand::Ps(args) => ps::ps(global, &args),
        CliCommand::Why(args) => why::why(global, &args),
        CliCommand::Logs(args) => logs::logs(global, &args),
        CliCommand::Events(args) => events::events(global, &args),
        CliCommand::Start(args) => start::start(global, args, ControlCommand::Start),
        CliCommand::Stop(args) => stop::stop(global, args, ControlCommand::Stop),
        CliCommand::Restart(args) => start::start(global, args, ControlCommand::Restart),
        CliCommand::Kill(args) => stop::stop(global, args, ControlCommand::Kill),
        CliCommand::Signal(args) => signal::signal(global, args),
        CliCommand::Scale(args) => scale::scale(global, args),
        CliCommand::Enqueue(args) => enqueue::enqueue(global, args),
        CliCommand::Send(args) => send::send(global, args),
        CliCommand::Screen(args) => screen::screen(global, &args),
        CliCommand::Keys(args) => keys::keys(global, args),
        CliCommand::Wait(args) => wait::wait(global, &args),
        CliCommand::Down(args) => down::down(global, &args),
        CliCommand::Reload(args) => reload::reload(global, &args),
        CliCommand::Graph(args) => graph::graph(global, &args),
        CliCommand::Completions(args) => completions::completions(&args),
        CliCommand::Man(args) => man::man(&args),
        #[cfg(feature = "mcp")]
        CliCommand::Mcp => mcp::mcp(global),
        CliCommand::Schema(args) => schema::schema(&args),
        CliCommand::Other(words) => {
            let word = words.first().map(|word| word.to_string_lossy().into_owned());
            Err(unknown_command::refuse(&word.unwrap_or_default()))
        }
    }
}

impl From<ProgramExit> for ExitCode {
    fn from(exit: ProgramExit) -> Self {
        match exit {
            ProgramExit::Code(code) => Self::from(code),
            ProgramExit::Signal(signal) => Self::from((128 + signal.number()) as u8),
        }
    }
}
