//! Scripts: the steps, the end and the signal reactions of a scripted process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Call, Gate};
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
/// // Prints a line immediately and another one after a minute, and fails.
/// let build = Script::new()
///     .out("compiling")
///     .wait(Duration::from_secs(60))
///     .err("error: it does not")
///     .exit(101);
///
/// // A server that takes three seconds to stop.
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
#[must_use = "a script does nothing before it is added to a host"]
pub struct Script {
    pub(super) steps: Vec<ScriptStep>,
    pub(super) end: ScriptEnd,
    pub(super) reactions: BTreeMap<Signal, SignalReaction>,
    pub(super) unkillable: bool,
    pub(super) refused: Option<StartRefusal>,
}

#[derive(Debug, Clone)]
pub(super) enum ScriptStep {
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

/// The end of a script, after its last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScriptEnd {
    Exit(Exit),
    Forever,
    Repeat,
}

/// A non-default reaction to a signal.
#[derive(Debug, Clone)]
pub(super) enum SignalReaction {
    Ignore,
    /// Continues with this script instead.
    Become(Arc<Script>),
    /// Runs this script, then resumes.
    Interlude(Arc<Script>),
}

/// Why the process cannot be started.
#[derive(Debug, Clone)]
pub(super) struct StartRefusal {
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
/// // Ends immediately and leaves a daemon behind that only KILL ends.
/// let daemon = Grandchild::new("redis-server --port 7000", Script::forever().ignore(Signal::TERM));
/// let script = Script::new().leave(daemon.outside_group());
/// # drop(script);
/// ```
#[derive(Debug, Clone)]
#[must_use = "a script starts it"]
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
            end: ScriptEnd::Exit(Exit::Code(0)),
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
        Self { refused: Some(StartRefusal { kind, message: None }), ..Self::new() }
    }

    /// Creates a script that cannot be started, with this message.
    pub fn refused_because(kind: StartErrorKind, message: impl Into<String>) -> Self {
        let message = Some(message.into());
        Self { refused: Some(StartRefusal { kind, message }), ..Self::new() }
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
        self.then(ScriptStep::Print(Stream::Out, bytes.into().into()))
    }

    /// Prints exactly these bytes to stderr.
    pub fn err_bytes(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.then(ScriptStep::Print(Stream::Err, bytes.into().into()))
    }

    /// Waits for this time. It is rounded to milliseconds, as for all timers here.
    pub fn wait(self, duration: Duration) -> Self {
        self.then(ScriptStep::Wait(duration))
    }

    /// Waits until the test (or another script) opens this gate.
    pub fn hold_until(self, gate: &Gate) -> Self {
        self.then(ScriptStep::HoldUntil(gate.clone()))
    }

    /// Opens this gate, to signal that the script has come this far.
    pub fn open(self, gate: &Gate) -> Self {
        self.then(ScriptStep::Open(gate.clone()))
    }

    /// Reads one line of its standard input, or the rest before the end.
    pub fn read_line(self) -> Self {
        self.then(ScriptStep::ReadLine)
    }

    /// Reads its standard input to the end.
    pub fn read_all(self) -> Self {
        self.then(ScriptStep::ReadAll)
    }

    /// Copies its standard input to stdout until the end, as `cat` does.
    pub fn echo(self) -> Self {
        self.then(ScriptStep::Echo)
    }

    /// Closes its stdout.
    pub fn close_stdout(self) -> Self {
        self.then(ScriptStep::Close(Stream::Out))
    }

    /// Closes its stderr.
    pub fn close_stderr(self) -> Self {
        self.then(ScriptStep::Close(Stream::Err))
    }

    /// Starts a process that it does not wait for, and that may outlive it.
    pub fn leave(self, grandchild: Grandchild) -> Self {
        self.then(ScriptStep::Leave(Arc::new(grandchild)))
    }

    fn then(mut self, step: ScriptStep) -> Self {
        self.steps.push(step);
        self
    }

    /// Ends with this code after the last step, wherever in the chain this is called.
    pub fn exit(self, code: i32) -> Self {
        self.ending(ScriptEnd::Exit(Exit::Code(code)))
    }

    /// Ends by this signal after the last step, as in a crash.
    pub fn die(self, signal: Signal) -> Self {
        self.ending(ScriptEnd::Exit(Exit::Signal(signal)))
    }

    /// Continues to run after the last step until a signal ends it.
    pub fn run_on(self) -> Self {
        self.ending(ScriptEnd::Forever)
    }

    /// Starts again after the last step, until a signal ends it. The script should contain a
    /// [`Script::wait`].
    pub fn repeat(self) -> Self {
        self.ending(ScriptEnd::Repeat)
    }

    fn ending(mut self, end: ScriptEnd) -> Self {
        self.end = end;
        self
    }

    /// On this signal, continues with `script` instead, including its end. Another signal of this kind
    /// has no effect then, unless that script handles it.
    pub fn on_signal(self, signal: Signal, script: Self) -> Self {
        self.reacting(signal, SignalReaction::Become(Arc::new(script)))
    }

    /// On this signal, runs the steps of `script` and then resumes. The end of that script is ignored.
    pub fn interrupted_by(self, signal: Signal, script: Self) -> Self {
        self.reacting(signal, SignalReaction::Interlude(Arc::new(script)))
    }

    /// Ignores this signal. KILL and STOP cannot be ignored.
    pub fn ignore(self, signal: Signal) -> Self {
        self.reacting(signal, SignalReaction::Ignore)
    }

    fn reacting(mut self, signal: Signal, reaction: SignalReaction) -> Self {
        self.reactions.insert(signal, reaction);
        self
    }

    /// Not even KILL ends the process, as if it hung in the kernel.
    pub fn unkillable(mut self) -> Self {
        self.unkillable = true;
        self
    }
}

impl StartRefusal {
    pub(super) fn error(&self, call: &Call) -> StartError {
        let (kind, program) = (self.kind, call.program().to_string_lossy());
        let message = self.message.clone().unwrap_or_else(|| match kind {
            StartErrorKind::ProgramNotFound => format!("no such program {program:?}"),
            StartErrorKind::CwdNotFound => {
                format!("the working folder {:?} does not exist", call.cwd().to_string_lossy())
            }
            StartErrorKind::NotExecutable => {
                format!("{program:?} is not executable; run `chmod +x` on it")
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
