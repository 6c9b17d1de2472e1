//! Command plan: validates a [`Command`] and converts it to what the engine runs.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::command::{Command, Output, Stdin};
use super::error::{CommandFault, Error};
use crate::engine::{OURS, OutputTarget, StdinSource, StdinWrite, Stdio, TakeOnce};
use crate::output::{Capture, CaptureLimit, KeepSide};
use crate::spec::{ColorMode, CommandLine, Name, ProcessKind, ProcessSpec, Restart, StdinKind};
use crate::sys::LogicalFolders;

/// The number of writes to a piped input that can be queued.
const MAX_QUEUED_WRITES: usize = 8;

/// The maximum number of characters of a command that are shown.
const MAX_SHOWN: usize = 1000;

/// A valid command, ready to be admitted.
pub(super) struct CommandPlan {
    pub(super) spec: ProcessSpec,
    pub(super) wiring: Stdio,
    pub(super) command: String,
    pub(super) input: Option<mpsc::Sender<StdinWrite>>,
}

/// Checks a command and makes everything that is needed to run it.
pub(super) fn plan(command: &Command) -> Result<CommandPlan, Error> {
    let invalid = |fault| Error::Invalid { command: shown(command), fault };
    check(command).map_err(invalid)?;
    let cwd = cwd(command).map_err(invalid)?;
    let (supply, input) = supply(&command.stdin);
    let (stdout, bound) = match command.output {
        Output::Capture(bound) => (OutputTarget::Capture, bound),
        Output::Discard => (OutputTarget::Capture, CaptureLimit { bytes: 0, keep: KeepSide::Tail }),
        Output::Null => (OutputTarget::Null, CaptureLimit { bytes: 0, keep: KeepSide::Tail }),
        Output::Inherit => (OutputTarget::Inherit, CaptureLimit { bytes: 0, keep: KeepSide::Tail }),
    };
    let stderr = match (command.merged, command.output) {
        (true, _) => OutputTarget::Stdout,
        (false, Output::Capture(_) | Output::Discard) => OutputTarget::Capture,
        (false, Output::Null) => OutputTarget::Null,
        (false, Output::Inherit) => OutputTarget::Inherit,
    };
    let wiring = Stdio {
        argv: command.argv(),
        env: environment(command, &cwd),
        stdin: supply,
        stdout,
        stderr,
        capture: Arc::new(Capture::new(bound)),
    };
    Ok(CommandPlan { spec: spec(command, cwd), wiring, command: shown(command), input })
}

/// Formats a command for results and errors, shortened, because an argument may be a megabyte.
pub(super) fn shown(command: &Command) -> String {
    let mut text = command.to_string();
    if let Some((end, _)) = text.char_indices().nth(MAX_SHOWN) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn check(command: &Command) -> Result<(), CommandFault> {
    let argv = command.argv();
    let has_nul = |text: &OsStr| text.as_bytes().contains(&0);
    match argv.first() {
        Some(program) if !program.is_empty() => {}
        Some(_) | None => return Err(CommandFault::NoProgram),
    }
    if command.tty {
        return Err(CommandFault::NoTerminal);
    }
    match command.name.as_deref() {
        Some("") => return Err(CommandFault::NoName),
        Some(name) if name.contains('\0') => {
            return Err(CommandFault::Nul(format!("the name {name:?}")));
        }
        Some(_) | None => {}
    }
    if let Some(bad) = argv.iter().find(|argument| has_nul(argument)) {
        return Err(CommandFault::Nul(format!("the argument {:?}", bad.to_string_lossy())));
    }
    for (name, value) in &command.env {
        if name.is_empty() || name.as_bytes().contains(&b'=') {
            return Err(CommandFault::VariableName(name.to_string_lossy().into_owned()));
        }
        if has_nul(name) || value.as_deref().is_some_and(has_nul) {
            return Err(CommandFault::Nul(format!("the variable {:?}", name.to_string_lossy())));
        }
    }
    if command.timeout.is_some_and(|limit| limit.is_zero()) {
        return Err(CommandFault::ZeroLimit("timeout"));
    }
    if command.idle_timeout.is_some_and(|limit| limit.is_zero()) {
        return Err(CommandFault::ZeroLimit("idle timeout"));
    }
    if command.idle_timeout.is_some() && !is_read(command.output) {
        return Err(CommandFault::IdleUnseen);
    }
    if command.retry.is_any() && matches!(command.stdin, Stdin::Piped) {
        return Err(CommandFault::PipedRetry);
    }
    check_retry(command)
}

/// Rejects a piped input for a command without a handle.
pub(super) fn held(command: &Command) -> Result<(), Error> {
    if matches!(command.stdin, Stdin::Piped) {
        return Err(Error::Invalid { command: shown(command), fault: CommandFault::PipedUnheld });
    }
    Ok(())
}

/// Whether its outputs are read by us.
pub(super) fn is_read(output: Output) -> bool {
    matches!(output, Output::Capture(_) | Output::Discard)
}

fn check_retry(command: &Command) -> Result<(), CommandFault> {
    let policy = &command.retry.policy;
    if !(policy.factor.is_finite() && policy.factor >= 1.0) {
        return Err(CommandFault::Retry("factor must be 1 or more"));
    }
    if !(0.0..=1.0).contains(&policy.jitter) {
        return Err(CommandFault::Retry("jitter must be from 0 to 1"));
    }
    Ok(())
}

fn cwd(command: &Command) -> Result<PathBuf, CommandFault> {
    match &command.cwd {
        Some(folder) if folder.is_absolute() => Ok(folder.clone()),
        folder => {
            let here =
                std::env::current_dir().map_err(|e| CommandFault::NoFolder(e.to_string()))?;
            Ok(folder.as_ref().map_or_else(|| here.clone(), |folder| here.join(folder)))
        }
    }
}

/// The environment as it is now; the marker variables come with each run.
fn environment(command: &Command, cwd: &Path) -> Vec<(OsString, OsString)> {
    let mut all = Vec::new();
    if command.inherit_env {
        all.extend(
            std::env::vars_os()
                .filter(|(name, _)| name != "PWD" && !OURS.iter().any(|ours| name == ours)),
        );
        let folders = LogicalFolders::of(std::env::var_os("PWD").as_deref());
        all.push(("PWD".into(), folders.name(cwd).into()));
    }
    for (name, value) in &command.env {
        all.retain(|(known, _)| known != name);
        all.extend(value.clone().map(|value| (name.clone(), value)));
    }
    all
}

fn supply(stdin: &Stdin) -> (StdinSource, Option<mpsc::Sender<StdinWrite>>) {
    match stdin {
        Stdin::Null => (StdinSource::Null, None),
        Stdin::Open => (StdinSource::Open, None),
        Stdin::Inherit => (StdinSource::Inherit, None),
        Stdin::File(path) => (StdinSource::File(path.clone()), None),
        Stdin::Bytes(bytes) => (StdinSource::Bytes(bytes.as_slice().into()), None),
        Stdin::Piped => {
            let (sender, receiver) = mpsc::channel(MAX_QUEUED_WRITES);
            (StdinSource::Piped(TakeOnce::new(receiver)), Some(sender))
        }
    }
}

fn spec(command: &Command, cwd: PathBuf) -> ProcessSpec {
    // For people: what is run stands in the stdio, byte for byte.
    let argv = command.argv();
    let argv = argv.iter().map(|argument| argument.to_string_lossy().into_owned());
    let line = CommandLine::Argv(argv.collect());
    let name = Name::new(&command.called());
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
        success_exit_codes: command.success.iter().copied().collect(),
        ..ProcessSpec::new(name, ProcessKind::Process, line, cwd)
    }
}
