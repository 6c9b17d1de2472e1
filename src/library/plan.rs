//! Command plan: validates a [`Command`] and converts it to a spec and a launch for the engine.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};

use tokio::sync::{SetOnce, mpsc, watch};

use super::command::{Command, Output, Stdin};
use super::error::{CommandFault, Error};
use super::record::{CommandRecord, PendingCounter};
use crate::engine::terminal::ProcessTerminal;
use crate::engine::{StdinFeed, StdinWrite, TERMINAL_KIND, TERMINAL_SIZE};
use crate::machine::NewMember;
use crate::output::{Capture, CaptureLimit, KeepSide};
use crate::spec::{
    ColorMode, CommandLine, NEVER_INHERITED, Name, ProcessKind, ProcessSpec, Restart, Signal,
    StdinKind, io_error_text,
};
use crate::sys::{Launch, LogicalFolders, OutputFd, StdinTarget};

/// The number of writes to a piped input that can be queued.
const MAX_QUEUED_WRITES: usize = 8;

/// The maximum number of characters of a command in results and errors.
const MAX_DISPLAYED: usize = 1000;

/// A valid command, ready to be admitted.
pub(super) struct QueuedCommand {
    pub(super) member: NewMember,
    pub(super) launch: Launch,
    pub(super) feed: Option<StdinFeed>,
    pub(super) record: Arc<CommandRecord>,
}

impl QueuedCommand {
    /// Validates a command and converts it. `has_handle`: whether the caller gets a handle that can
    /// write to its input. `pool`: the pool it queues in, and its counter.
    pub(super) fn new(
        command: &Command,
        has_handle: bool,
        pool: Option<(&Name, &Arc<PendingCounter>)>,
    ) -> Result<Self, Error> {
        let invalid = |fault| Error::Invalid { command: display(command), fault };
        check(command, has_handle).map_err(invalid)?;
        let cwd = cwd(command).map_err(invalid)?;
        let (stdin, feed, input) = stdin(&command.stdin);
        let nothing = CaptureLimit { bytes: 0, keep: KeepSide::Tail };
        let limit = if let Output::Capture(limit) = command.output { limit } else { nothing };
        let output = match command.output {
            Output::Capture(_) | Output::Discard => OutputFd::Pipe,
            Output::Null => OutputFd::Null,
            Output::Inherit => OutputFd::Inherit,
        };
        let launch = Launch {
            argv: command.argv(),
            cwd: cwd.clone(),
            env: environment(command, &cwd),
            stdin,
            stdout: output.clone(),
            stderr: if command.merges_stderr { OutputFd::Stdout } else { output },
            foreground: false,
            terminal: None,
        };
        let mut spec = spec(command, cwd);
        spec.pool = pool.map(|(name, _)| name.clone());
        let spec = Arc::new(spec);
        let record = Arc::new(CommandRecord {
            id: OnceLock::new(),
            spec: Arc::clone(&spec),
            command: display(command),
            capture: Arc::new(Capture::new(limit)),
            is_read: is_read(command.output),
            terminal: command.tty.then(|| Arc::new(ProcessTerminal::new())),
            input: Mutex::new(input),
            stage: watch::Sender::default(),
            over: SetOnce::new(),
            pending: pool.map(|(_, pending)| Arc::clone(pending)),
            is_abandoned: AtomicBool::new(false),
        });
        Ok(Self { member: NewMember::one_off(spec), launch, feed, record })
    }
}

/// Formats a command for results and errors, shortened, because an argument may be a megabyte.
pub(super) fn display(command: &Command) -> String {
    let mut text = command.to_string();
    if let Some((end, _)) = text.char_indices().nth(MAX_DISPLAYED) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn check(command: &Command, has_handle: bool) -> Result<(), CommandFault> {
    let argv = command.argv();
    let has_nul = |text: &OsStr| text.as_bytes().contains(&0);
    if argv.first().is_none_or(|program| program.is_empty()) {
        return Err(CommandFault::NoProgram);
    }
    if command.tty {
        check_terminal(command)?;
    }
    match command.name.as_deref() {
        Some("") => return Err(CommandFault::NoName),
        Some(name) if name.contains('\0') => {
            return Err(CommandFault::Nul(format!("the name {name:?}")));
        }
        Some(_) | None => {}
    }
    if let Some(argument) = argv.iter().find(|argument| has_nul(argument)) {
        return Err(CommandFault::Nul(format!("the argument {:?}", argument.to_string_lossy())));
    }
    for (name, value) in &command.env {
        if name.is_empty() || name.as_bytes().contains(&b'=') {
            return Err(CommandFault::VariableName(name.to_string_lossy().into_owned()));
        }
        if has_nul(name) || value.as_deref().is_some_and(has_nul) {
            return Err(CommandFault::Nul(format!("the variable {:?}", name.to_string_lossy())));
        }
    }
    for (name, limit) in [("timeout", command.timeout), ("idle timeout", command.idle_timeout)] {
        if limit.is_some_and(|limit| limit.is_zero()) {
            return Err(CommandFault::ZeroLimit(name));
        }
    }
    if command.idle_timeout.is_some() && !is_read(command.output) {
        return Err(CommandFault::IdleUnseen);
    }
    if command.retry.is_any() && matches!(command.stdin, Stdin::Piped) {
        return Err(CommandFault::PipedRetry);
    }
    let retry = &command.retry.policy;
    if !(retry.factor.is_finite() && retry.factor >= 1.0) {
        return Err(CommandFault::Retry("factor must be 1 or more"));
    }
    if !(0.0..=1.0).contains(&retry.jitter) {
        return Err(CommandFault::Retry("jitter must be from 0 to 1"));
    }
    if !has_handle && matches!(command.stdin, Stdin::Piped) {
        return Err(CommandFault::PipedUnheld);
    }
    Ok(())
}

/// Checks what excludes a terminal.
fn check_terminal(command: &Command) -> Result<(), CommandFault> {
    let stdin = match command.stdin {
        Stdin::File(_) => Some("`Stdin::File`"),
        Stdin::Inherit => Some("`Stdin::Inherit`"),
        Stdin::Null | Stdin::Open | Stdin::Bytes(_) | Stdin::Piped => None,
    };
    let output = match command.output {
        Output::Null => Some("`Output::Null`"),
        Output::Inherit => Some("`Output::Inherit`"),
        Output::Capture(_) | Output::Discard => None,
    };
    stdin.or(output).map_or(Ok(()), |what| Err(CommandFault::TerminalStdio(what)))
}

/// Whether this program reads the outputs.
fn is_read(output: Output) -> bool {
    matches!(output, Output::Capture(_) | Output::Discard)
}

fn cwd(command: &Command) -> Result<PathBuf, CommandFault> {
    let folder = command.cwd.as_deref().unwrap_or(Path::new(""));
    if folder.is_absolute() {
        return Ok(folder.to_owned());
    }
    let mut cwd = std::env::current_dir().map_err(|e| CommandFault::NoFolder(io_error_text(&e)))?;
    cwd.extend(folder);
    Ok(cwd)
}

/// The environment as it is now; the marker variables come with each run.
fn environment(command: &Command, cwd: &Path) -> Vec<(OsString, OsString)> {
    let mut variables = Vec::new();
    if command.inherit_env {
        let is_inherited =
            |name: &OsStr| name != "PWD" && !NEVER_INHERITED.iter().any(|never| name == *never);
        variables.extend(std::env::vars_os().filter(|(name, _)| is_inherited(name)));
        let folders = LogicalFolders::of(std::env::var_os("PWD").as_deref());
        variables.push(("PWD".into(), folders.name(cwd).into()));
    }
    if command.tty {
        let is_replaced = |name: &OsStr| {
            let kind = TERMINAL_KIND.iter().map(|(name, _)| name);
            kind.chain(&TERMINAL_SIZE).any(|replaced| name == *replaced)
        };
        variables.retain(|(name, _)| !is_replaced(name));
        variables.extend(TERMINAL_KIND.map(|(name, value)| (name.into(), value.into())));
    }
    for (name, value) in &command.env {
        variables.retain(|(known, _)| known != name);
        variables.extend(value.clone().map(|value| (name.clone(), value)));
    }
    variables
}

type StdinSender = mpsc::Sender<StdinWrite>;

fn stdin(stdin: &Stdin) -> (StdinTarget, Option<StdinFeed>, Option<StdinSender>) {
    match stdin {
        Stdin::Null => (StdinTarget::Null, None, None),
        Stdin::Open => (StdinTarget::Open, None, None),
        Stdin::Inherit => (StdinTarget::Inherit, None, None),
        Stdin::File(path) => (StdinTarget::Path(path.clone()), None, None),
        Stdin::Bytes(bytes) => {
            (StdinTarget::Pipe, Some(StdinFeed::Bytes(bytes.as_slice().into())), None)
        }
        Stdin::Piped => {
            let (sender, writes) = mpsc::channel(MAX_QUEUED_WRITES);
            (StdinTarget::Pipe, Some(StdinFeed::Writes(writes)), Some(sender))
        }
    }
}

fn spec(command: &Command, cwd: PathBuf) -> ProcessSpec {
    // For display; the exact bytes are in the launch.
    let argv = command.argv();
    let argv = argv.iter().map(|argument| argument.to_string_lossy().into_owned());
    let line = CommandLine::Argv(argv.collect());
    let name = Name::new(&command.display_name());
    ProcessSpec {
        color: ColorMode::Never,
        stdin: match command.stdin {
            Stdin::Null => StdinKind::Null,
            Stdin::Open | Stdin::Inherit => StdinKind::Open,
            Stdin::Bytes(_) | Stdin::File(_) | Stdin::Piped => StdinKind::Pipe,
        },
        restart: if command.retry.is_any() { Restart::OnFailure } else { Restart::Never },
        retry: command.retry.policy.clone(),
        timeout: command.timeout,
        idle_timeout: command.idle_timeout,
        stop: command.stop.clone(),
        tty: command.tty,
        hangs_up: command.tty
            && command.stop.signal == Signal::TERM
            && command.stop.command.is_none(),
        success_exit_codes: command.success_codes.iter().copied().collect(),
        ..ProcessSpec::new(name, ProcessKind::Process, line, cwd)
    }
}
