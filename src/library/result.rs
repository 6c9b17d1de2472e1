//! Result of a command: exit status, captured output, attempts.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use super::error::Error;
use crate::machine::ProcessId;
use crate::machine::event::{EndCause, RunError};
use crate::output::{CapturedOutput, safe_line};
use crate::spec::{Exit, Stray, counted};

/// The number of lines of each output in the message of a failure.
const SHOWN_LINES: usize = 20;

/// The result of a command: how it ended and what it printed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ProcessResult(Arc<ResultInner>);

#[derive(Debug)]
pub(super) struct ResultInner {
    pub(super) id: ProcessId,
    pub(super) name: String,
    pub(super) command: String,
    pub(super) success: bool,
    pub(super) attempts: Vec<Attempt>,
    pub(super) duration: Duration,
    pub(super) stdout: CapturedOutput,
    pub(super) stderr: CapturedOutput,
    pub(super) strays: Vec<Stray>,
    pub(super) killed_by: Option<EndCause>,
}

/// One attempt of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// How it ended; `None` if it could not be started, or cannot be ended.
    pub status: Option<Exit>,
    /// Why it could not be started, or which limit it exceeded.
    pub error: Option<RunError>,
    /// From exec to the end.
    pub duration: Duration,
}

impl ProcessResult {
    pub(super) fn new(inner: ResultInner) -> Self {
        Self(Arc::new(inner))
    }

    /// Its number in its manager.
    pub fn id(&self) -> ProcessId {
        self.0.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The command as it could be typed, for display.
    pub fn command(&self) -> &str {
        &self.0.command
    }

    /// Whether it ended by itself with one of its success codes.
    pub fn success(&self) -> bool {
        self.0.success
    }

    /// How the last attempt ended: a code, or a signal.
    pub fn status(&self) -> Option<Exit> {
        self.0.attempts.last().and_then(|attempt| attempt.status)
    }

    /// The code that a shell reports: its exit code, or 128 plus the number of the signal.
    pub fn code(&self) -> i32 {
        self.status().map_or(1, Exit::shell_code)
    }

    /// The cause, if it was ended on purpose.
    pub fn killed_by(&self) -> Option<EndCause> {
        self.0.killed_by
    }

    /// The captured stdout of the last attempt.
    pub fn stdout(&self) -> &[u8] {
        &self.0.stdout.bytes
    }

    /// The captured stderr of the last attempt.
    pub fn stderr(&self) -> &[u8] {
        &self.0.stderr.bytes
    }

    /// Its stdout as text; invalid UTF-8 shows as �.
    pub fn stdout_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.stdout())
    }

    /// Its stderr as text; invalid UTF-8 shows as �.
    pub fn stderr_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.stderr())
    }

    /// The number of bytes of stdout that were not kept.
    pub fn stdout_dropped(&self) -> u64 {
        self.0.stdout.dropped
    }

    /// The number of bytes of stderr that were not kept.
    pub fn stderr_dropped(&self) -> u64 {
        self.0.stderr.dropped
    }

    /// Whether the captured stdout contains this.
    pub fn stdout_contains(&self, text: impl AsRef<[u8]>) -> bool {
        memchr::memmem::find(self.stdout(), text.as_ref()).is_some()
    }

    /// Whether the captured stderr contains this.
    pub fn stderr_contains(&self, text: impl AsRef<[u8]>) -> bool {
        memchr::memmem::find(self.stderr(), text.as_ref()).is_some()
    }

    /// How long the last attempt ran.
    pub fn duration(&self) -> Duration {
        self.0.duration
    }

    /// All attempts in order; more than one only with retries.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// Whether descendants outlived it. They were ended, or left running by its stop policy.
    pub fn leaked(&self) -> bool {
        !self.0.strays.is_empty()
    }

    /// The descendants that outlived it.
    pub fn strays(&self) -> &[Stray] {
        &self.0.strays
    }

    /// Returns itself on success, else an error with the command, its exit status, and the last lines of
    /// both outputs.
    pub fn ensure_success(self) -> Result<Self, Error> {
        if self.success() { Ok(self) } else { Err(Error::Failed(self)) }
    }

    pub(super) fn failure_text(&self) -> String {
        let mut text = format!("the command `{}` failed: ", self.command());
        match self.status() {
            // The codes of shells.
            Some(exit @ Exit::Code(126)) => _ = write!(text, "{exit} (not executable)"),
            Some(exit @ Exit::Code(127)) => _ = write!(text, "{exit} (no such program)"),
            Some(exit) => _ = write!(text, "{exit}"),
            None => text.push_str("it has no exit code"),
        }
        if let Some(by) = self.killed_by() {
            _ = write!(text, ", after a {}", cause_word(by));
        }
        if self.0.attempts.len() > 1 {
            _ = write!(text, ", in the last of {} attempts", self.0.attempts.len());
        }
        for (name, kept) in [("stdout", &self.0.stdout), ("stderr", &self.0.stderr)] {
            push_lines(&mut text, name, kept);
        }
        text
    }
}

fn cause_word(cause: EndCause) -> &'static str {
    match cause {
        EndCause::Stop => "stop",
        EndCause::Kill => "kill",
        EndCause::Restart => "restart",
        EndCause::FileChange => "file change",
        EndCause::Reload => "reload",
        EndCause::Health => "failed health check",
        EndCause::Shutdown => "shutdown",
    }
}

/// Appends the last lines of an output, safe for a terminal.
fn push_lines(text: &mut String, name: &str, kept: &CapturedOutput) {
    let bytes = kept.bytes.strip_suffix(b"\n").unwrap_or(&kept.bytes);
    if bytes.is_empty() {
        return;
    }
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let omitted = lines.len().saturating_sub(SHOWN_LINES);
    _ = match (omitted, kept.dropped) {
        (0, 0) => write!(text, "\n{name}:"),
        (_, dropped @ 1..) => {
            write!(text, "\n{name} (last lines; {} omitted):", counted(dropped, "byte"))
        }
        (lines, 0) => write!(text, "\n{name} (last lines; {} omitted):", counted(lines, "line")),
    };
    for line in lines.iter().skip(omitted) {
        text.push_str("\n    ");
        text.push_str(&safe_line(line, crate::output::StyleMode::Drop));
    }
}
