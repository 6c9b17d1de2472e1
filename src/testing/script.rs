//! Scripts: the steps, the end and the signal reactions of a scripted process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Gate;
use crate::output::Stream;
use crate::spec::{Exit, Signal, StartError, StartErrorKind};

/// A script: the steps of a process in order, then its end. By default it ends immediately with code
/// 0.
///
/// ```
/// use std::time::Duration;
/// use pitcrew::Signal;
/// use pitcrew::testing::Script;
///
/// // Says something at once and after a minute, and fails.
/// let build = Script::new()
///     .out("compiling")
///     .wait(Duration::from_secs(60))
///     .err("error: it does not")
///     .exit(101);
///
/// // A server that takes its time to stop.
/// let server = Script::forever()
///     .out("listening on 8080")
///     .on_signal(Signal::TERM, Script::new().out("bye").wait(Duration::from_secs(3)));
/// # drop((build, server));
/// ```
///
/// A signal ends the process, unless the script handles it ([`Script::on_signal`],
/// [`Script::interrupted_by`], [`Script::ignore`]). KILL cannot be caught, STOP suspends the process until
/// CONT, and printing to a pipe without a reader causes a PIPE.
#[derive(Debug, Clone)]
#[must_use = "a script does nothing before a host is told about it"]
pub struct Script {
    pub(super) steps: Vec<Step>,
    pub(super) end: End,
    pub(super) reactions: BTreeMap<Signal, Reaction>,
    pub(super) unkillable: bool,
    pub(super) refused: Option<ScriptedError>,
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Print(Stream, Arc<[u8]>),
    Wait(Duration),
    HoldUntil(Gate),
    Open(Gate),
    ReadLine,
    ReadAll,
    Echo,
    Close(Stream),
    Leave(Arc<Grandchild>),
}

/// What follows the last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Exit(Exit),
    Forever,
    Repeat,
}

/// A non-default reaction to a signal.
#[derive(Debug, Clone)]
pub(super) enum Reaction {
    Ignore,
    /// Continues with this script instead.
    Become(Arc<Script>),
    /// Runs this script, then resumes.
    Interlude(Arc<Script>),
}

/// Why the process cannot be started.
#[derive(Debug, Clone)]
pub(super) struct ScriptedError {
    kind: StartErrorKind,
    message: Option<String>,
}

/// A process that a scripted process starts and does not wait for. It has the outputs of its parent and
/// a separate script.
///
/// ```
/// use pitcrew::Signal;
/// use pitcrew::testing::{Grandchild, Script};
///
/// // Ends at once, and leaves a daemon behind that goes only by KILL.
/// let daemon = Grandchild::new("redis-server --port 7000", Script::forever().ignore(Signal::TERM));
/// let script = Script::new().leave(daemon.outside_group());
/// # drop(script);
/// ```
#[derive(Debug, Clone)]
#[must_use = "it is started by a script"]
pub struct Grandchild {
    pub(super) command: String,
    pub(super) in_group: bool,
    pub(super) script: Script,
}

impl Grandchild {
    /// Creates a process with this command line; `keep` is compared with its first word. It stays in the
    /// group of its parent.
    pub fn new(command: impl Into<String>, script: Script) -> Self {
        Self { command: command.into(), in_group: true, script }
    }

    /// Puts it into a separate process group, like a daemon.
    pub fn outside_group(mut self) -> Self {
        self.in_group = false;
        self
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

impl Script {
    /// Creates a script that ends immediately with code 0, unless steps are added.
    pub fn new() -> Self {
        Self {
            steps: Vec::new(),
            end: End::Exit(Exit::Code(0)),
            reactions: BTreeMap::new(),
            unkillable: false,
            refused: None,
        }
    }

    /// Creates a script that runs until a signal ends it.
    pub fn forever() -> Self {
        Self::new().run_on()
    }

    /// Creates a script that cannot be started, with the message of the real host.
    ///
    /// ```
    /// use pitcrew::testing::{Script, ScriptedHost};
    /// use pitcrew::{Command, ProcessManager, StartErrorKind};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let missing = Script::refused(StartErrorKind::ProgramNotFound);
    /// let manager = ProcessManager::with_host(ScriptedHost::new().on("nmp *", missing));
    /// let error = manager.run(Command::new("nmp").arg("ci")).await.unwrap_err();
    /// assert!(error.to_string().contains("no such program \"nmp\""));
    /// # }
    /// ```
    pub fn refused(kind: StartErrorKind) -> Self {
        let mut script = Self::new();
        script.refused = Some(ScriptedError { kind, message: None });
        script
    }

    /// Creates a script that cannot be started, with this message.
    pub fn refused_because(kind: StartErrorKind, message: impl Into<String>) -> Self {
        let mut script = Self::new();
        script.refused = Some(ScriptedError { kind, message: Some(message.into()) });
        script
    }

    /// Prints a line to stdout; the newline is added.
    pub fn out(self, line: impl Into<String>) -> Self {
        self.out_bytes(line.into() + "\n")
    }

    /// Prints a line to stderr; the newline is added.
    pub fn err(self, line: impl Into<String>) -> Self {
        self.err_bytes(line.into() + "\n")
    }

    /// Prints exactly these bytes to stdout. Blocks, like any program, while the pipe is full.
    pub fn out_bytes(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.then(Step::Print(Stream::Out, bytes.into().into()))
    }

    /// Prints exactly these bytes to stderr.
    pub fn err_bytes(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.then(Step::Print(Stream::Err, bytes.into().into()))
    }

    /// Waits for this time. It is rounded to milliseconds, as for all timers here.
    pub fn wait(self, duration: Duration) -> Self {
        self.then(Step::Wait(duration))
    }

    /// Waits until the test (or another script) opens this gate.
    pub fn hold_until(self, gate: &Gate) -> Self {
        self.then(Step::HoldUntil(gate.clone()))
    }

    /// Opens this gate, to signal that the script has come this far.
    pub fn open(self, gate: &Gate) -> Self {
        self.then(Step::Open(gate.clone()))
    }

    /// Reads one line of its standard input, or the rest before the end.
    pub fn read_line(self) -> Self {
        self.then(Step::ReadLine)
    }

    /// Reads its standard input to the end.
    pub fn read_all(self) -> Self {
        self.then(Step::ReadAll)
    }

    /// Copies its standard input to stdout until the end, as `cat` does.
    pub fn echo(self) -> Self {
        self.then(Step::Echo)
    }

    /// Closes its stdout.
    pub fn close_stdout(self) -> Self {
        self.then(Step::Close(Stream::Out))
    }

    /// Closes its stderr.
    pub fn close_stderr(self) -> Self {
        self.then(Step::Close(Stream::Err))
    }

    /// Starts a process that it does not wait for, and that may outlive it.
    pub fn leave(self, grandchild: Grandchild) -> Self {
        self.then(Step::Leave(Arc::new(grandchild)))
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Ends with this code after the last step, wherever in the chain this is called.
    pub fn exit(self, code: i32) -> Self {
        self.ending(End::Exit(Exit::Code(code)))
    }

    /// Is ended by this signal after the last step, as by a crash.
    pub fn die(self, signal: Signal) -> Self {
        self.ending(End::Exit(Exit::Signal(signal)))
    }

    /// Runs on after its last step until it is ended by a signal.
    pub fn run_on(self) -> Self {
        self.ending(End::Forever)
    }

    /// Begins again after its last step, until it is ended by a signal. There should be a
    /// [`Script::wait`] in it.
    pub fn repeat(self) -> Self {
        self.ending(End::Repeat)
    }

    fn ending(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    /// When this signal comes, what it does from then on is `script`, its end included. The same signal
    /// again changes nothing then, unless that script says so.
    pub fn on_signal(self, signal: Signal, script: Self) -> Self {
        self.reacting(signal, Reaction::Become(Arc::new(script)))
    }

    /// When this signal comes, it does the steps of `script`, and then goes on where it was. How that
    /// script would end does not matter.
    pub fn interrupted_by(self, signal: Signal, script: Self) -> Self {
        self.reacting(signal, Reaction::Interlude(Arc::new(script)))
    }

    /// This signal does nothing to it. KILL and STOP cannot be ignored.
    pub fn ignore(self, signal: Signal) -> Self {
        self.reacting(signal, Reaction::Ignore)
    }

    fn reacting(mut self, signal: Signal, reaction: Reaction) -> Self {
        self.reactions.insert(signal, reaction);
        self
    }

    /// Not even KILL ends it, as when it hangs in the kernel.
    pub fn unkillable(mut self) -> Self {
        self.unkillable = true;
        self
    }
}

impl ScriptedError {
    pub(super) fn error(&self, program: &str, cwd: &str) -> StartError {
        let kind = self.kind;
        let message = self.message.clone().unwrap_or_else(|| match kind {
            StartErrorKind::ProgramNotFound => format!("no such program {program:?}"),
            StartErrorKind::CwdNotFound => format!("the working folder {cwd:?} does not exist"),
            StartErrorKind::NotExecutable => {
                format!("{program:?} is not executable; chmod +x makes it so")
            }
            StartErrorKind::ArgumentsTooLong => {
                format!("arguments and environment of {program:?} are too long for the kernel")
            }
            StartErrorKind::PortBusy => "another program listens on its port".to_owned(),
            StartErrorKind::ResourceLimit => "resource temporarily unavailable".to_owned(),
            StartErrorKind::Other => format!("{program:?}: input/output error"),
        });
        StartError { kind, message }
    }
}
