//! The command line as types; one small file per command.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::spec::Signal;
use crate::sys::process;

mod background;
mod beside;
mod check;
mod detach;
mod diagnostics;
mod end_report;
mod events;
mod exec;
mod front;
mod graph;
mod input;
mod keeper;
mod last_output;
mod later;
mod logs;
mod look;
mod manual;
mod mcp;
mod paint;
mod project;
mod ps;
mod reload;
mod remote;
mod room;
mod run;
mod steer;
#[cfg(feature = "tui")]
mod tui;
mod up;
mod waiting;
mod work;
mod world;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With this code.
    Code(u8),
    /// By this signal, so that a shell sees it.
    Signal(Signal),
}

impl Ending {
    /// Everything asked for was done.
    pub const GOOD: Self = Self::Code(0);
    /// Something asked for failed.
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
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What stands before the command.
#[derive(Debug, Clone, Args)]
struct Global {
    /// Read FILE instead of looking for procfile.toml, `-` for standard input; later files override earlier ones
    #[arg(short, long = "file", value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Go to DIR first
    #[arg(short = 'C', long = "directory", value_name = "DIR")]
    directory: Option<PathBuf>,
    /// When to use colour
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: ColorChoice,
    /// Write more diagnostics to the log file; can be repeated
    #[arg(short, action = clap::ArgAction::Count)]
    verbose: u8,
    /// The inherited descriptor with what the one who starts this has read from standard input
    #[arg(long, hide = true, value_name = "FD")]
    stdin_fd: Option<i32>,
    /// What `-f -` stands for, once it was read.
    #[arg(skip)]
    stdin: input::ProcfileText,
}

/// When colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the project, or these processes and what they depend on
    Up(UpArgs),
    /// Open the interface on the running project
    #[cfg(feature = "tui")]
    Attach(tui::AttachArgs),
    /// Start what NAME depends on and run NAME in the foreground
    Run(RunArgs),
    /// Run one command with time limits and retries
    Exec(ExecArgs),
    /// Read and verify the file; print every mistake
    Check(CheckArgs),
    /// Show every process and why it is where it is
    Ps(ps::PsArgs),
    /// Say why a process is where it is, down to the root of the matter
    Why(look::WhyArgs),
    /// Print what was printed
    Logs(logs::LogsArgs),
    /// Print what has happened, one JSON object a line
    Events(look::EventsArgs),
    /// Start these and what they depend on
    Start(steer::StartArgs),
    /// Stop these; return when they have ended
    Stop(steer::StopArgs),
    /// A new run of these, whatever their state
    Restart(steer::StartArgs),
    /// End these and all they started at once
    Kill(steer::StopArgs),
    /// Send a signal to these
    Signal(steer::SignalArgs),
    /// More or fewer replicas of a process
    Scale(work::ScaleArgs),
    /// Add a job to a pool and print its name
    Enqueue(work::EnqueueArgs),
    /// Send a line to the input of a process
    Send(work::SendArgs),
    /// Return when all of these have got there
    Wait(steer::WaitArgs),
    /// Stop everything; return when all is gone
    Down(steer::DownArgs),
    /// Read the file again and apply what is different
    Reload(reload::ReloadArgs),
    /// Print who depends on whom
    Graph(graph::GraphArgs),
    /// Print completions for a shell
    Completions(manual::CompletionsArgs),
    /// Print the manual page, or write all of them
    Man(manual::ManArgs),
    /// Offer tools for assistants over stdio
    Mcp,
    /// Print the JSON schema of the file
    Schema(SchemaArgs),
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct UpArgs {
    /// NAME, NAME.N, @TAG, POOL or all; without any, everything that starts by itself
    names: Vec<String>,
    /// Print plain lines also where the interface would open
    #[arg(long)]
    no_tui: bool,
    /// Start nothing but what is named
    #[arg(long)]
    no_deps: bool,
    /// Do not restart anything when files change
    #[arg(long)]
    no_watch: bool,
    /// Stay when nothing runs any more
    #[arg(long)]
    keep: bool,
    /// The first final failure stops everything, with its code
    #[arg(long)]
    fail_fast: bool,
    /// Do not print what the processes print
    #[arg(long)]
    quiet: bool,
    /// Begin each line with the time it came
    #[arg(long)]
    timestamps: bool,
    /// Append every event to FILE as a line of JSON
    #[arg(long, value_parser = file(), value_name = "FILE")]
    events: Option<PathBuf>,
    /// Write pitcrew's own diagnostics to FILE
    #[arg(long, value_parser = file(), value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// Run in the background; return when nothing is left to start. Implies --keep
    #[arg(long)]
    detach: bool,
    /// Answer over HTTP on this port too, to whoever knows the token
    #[arg(long, value_parser = remote::own_address, value_name = "127.0.0.1:PORT")]
    listen: Option<SocketAddr>,
    /// Ends with its standard input, as with a terminal, unless that said goodbye
    #[arg(long, hide = true)]
    owned: bool,
    /// For a detached project: return when the project is ready; exit 1 on the first process that cannot be
    #[arg(long, requires = "detach")]
    wait: bool,
    /// For a detached project: return after this long, exit 124; the project goes on
    #[arg(long, requires = "detach", value_parser = duration, value_name = "DURATION")]
    timeout: Option<Duration>,
}

#[derive(Debug, Clone, Args)]
struct RunArgs {
    /// The process, replica or job
    name: String,
    /// Appended to its command
    #[arg(last = true)]
    args: Vec<String>,
}

#[derive(Debug, Clone, Args)]
struct ExecArgs {
    /// With the working folder and the environment of this process
    #[arg(long = "in", value_name = "NAME")]
    in_process: Option<String>,
    /// Longest life of one try; exit 124 when it is over
    #[arg(long, value_parser = limit, value_name = "DURATION")]
    timeout: Option<Duration>,
    /// Longest silence on both outputs; exit 124 when it is over
    #[arg(long, value_parser = limit, value_name = "DURATION")]
    idle_timeout: Option<Duration>,
    /// Extra tries after a failure
    #[arg(long, default_value_t = 0, value_name = "N")]
    retries: u32,
    /// How long to wait before each of them
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
    /// Print JSON; it is never anything else
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
    crate::spec::parse_duration(text).map_err(|error| error.to_string())
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
pub fn main() -> Ending {
    // Before anything is started that outlives us.
    process::seal_descriptors();
    if manual::complete() {
        return Ending::GOOD;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            if let Some(ending) = later::misplaced(&error) {
                return ending;
            }
            let code = if error.use_stderr() { Ending::WRONG } else { Ending::GOOD };
            _ = error.print();
            return code;
        }
    };
    if let Some(directory) = &cli.global.directory
        && let Err(error) = std::env::set_current_dir(directory)
    {
        return project::wrong(&format!("cannot go to {}: {error}", directory.display()));
    }
    match cli.command.unwrap_or(Command::Up(UpArgs::default())) {
        Command::Up(args) => up::up(&cli.global, &args),
        #[cfg(feature = "tui")]
        Command::Attach(args) => tui::attach(&cli.global, &args),
        Command::Run(args) => run::run(&cli.global, &args),
        Command::Exec(args) => exec::exec(&cli.global, &args),
        Command::Check(args) => check::check(&cli.global, &args),
        Command::Ps(args) => ps::ps(&cli.global, &args),
        Command::Why(args) => look::why(&cli.global, &args),
        Command::Logs(args) => logs::logs(&cli.global, &args),
        Command::Events(args) => look::events(&cli.global, &args),
        Command::Scale(args) => work::scale(&cli.global, args),
        Command::Enqueue(args) => work::enqueue(&cli.global, args),
        Command::Send(args) => work::send(&cli.global, args),
        Command::Reload(args) => reload::reload(&cli.global, &args),
        Command::Graph(args) => graph::graph(&cli.global, &args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
        Command::Start(args) => steer::start(&cli.global, args),
        Command::Stop(args) => steer::stop(&cli.global, args),
        Command::Restart(args) => steer::restart(&cli.global, args),
        Command::Kill(args) => steer::kill(&cli.global, args),
        Command::Signal(args) => steer::signal(&cli.global, args),
        Command::Wait(args) => steer::wait(&cli.global, &args),
        Command::Down(args) => steer::down(&cli.global, &args),
        Command::Mcp => mcp::mcp(&cli.global),
        Command::Schema(SchemaArgs { json: _ }) => check::schema(),
        Command::Other(words) => later::refuse(&words),
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Code(code) => Self::from(code),
            Ending::Signal(signal) => Self::from((128 + signal.number()) as u8),
        }
    }
}
