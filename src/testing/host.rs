//! Scripted host: rules that map commands to scripts, and the record of all runs.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::child::ScriptedChild;
use super::pipe::ScriptedInput;
use super::run::{PidAllocator, Run, RunState, lock};
use super::run_fds::{RunFds, SharedPipes};
use super::{Answer, Call, Pattern, Script, actor};
use crate::spec::{Signal, StartError, StartErrorKind};
use crate::sys::{Host, Launch};

/// A host that runs nothing: a [`Script`] defines what each command does.
///
/// Rules are tried in the order in which they were added, and the first match is used. A command without
/// a matching rule cannot be started, with an error that names it; that is a fault of the test or of the
/// program, see [`ScriptedHost::assert_nothing_unexpected`].
///
/// A clone is another handle of the same host. Keep the original and pass clones on: on drop the
/// original panics (unless there is a panic already) if an unexpected command was never checked. So a
/// test cannot pass by mistake.
///
/// ```
/// use pitcrew::testing::{Script, ScriptedHost};
/// use pitcrew::{Command, ProcessManager};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pitcrew::Error> {
/// let host = ScriptedHost::new()
///     .on("git rev-parse *", Script::new().out("4f2a9c1"))
///     .on("git push*", Script::new().err("rejected").exit(1));
/// let manager = ProcessManager::with_host(host.clone());
///
/// let head = manager.run(Command::new("git").args(["rev-parse", "HEAD"])).await?;
/// assert_eq!(head.stdout(), b"4f2a9c1\n");
/// assert!(!manager.run(Command::shell("git push --force")).await?.success());
///
/// host.assert_ran_in_order(["git rev-parse HEAD", "git push --force"]);
/// host.assert_not_ran("git pull*");
/// # Ok(())
/// # }
/// ```
pub struct ScriptedHost {
    pub(super) shared: Arc<HostState>,
    /// Whether this is the original, not a clone.
    is_first: bool,
}

#[derive(Debug, Default)]
pub(super) struct HostState {
    rules: Mutex<Vec<(Pattern, Answer)>>,
    runs: Mutex<Vec<Run>>,
    allows_unexpected: AtomicBool,
    /// Whether unexpected commands were checked.
    pub(super) is_checked: AtomicBool,
    pids: Arc<PidAllocator>,
    shared_pipes: SharedPipes,
}

impl Default for ScriptedHost {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for ScriptedHost {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), is_first: false }
    }
}

impl fmt::Debug for ScriptedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut host = f.debug_struct("ScriptedHost");
        host.field("rules", &lock(&self.shared.rules)).field("ran", &self.ran());
        host.finish_non_exhaustive()
    }
}

impl Drop for ScriptedHost {
    fn drop(&mut self) {
        if self.is_first
            && !std::thread::panicking()
            && !self.shared.is_checked.load(Ordering::SeqCst)
        {
            self.assert_nothing_unexpected();
        }
    }
}

impl ScriptedHost {
    /// Creates a host without rules: every command is unexpected.
    pub fn new() -> Self {
        Self { shared: Arc::default(), is_first: true }
    }

    /// Appends a rule: matching commands get this answer.
    #[must_use = "it returns the host; `add` adds a rule to an existing one"]
    pub fn on(self, pattern: impl Into<Pattern>, answer: impl Into<Answer>) -> Self {
        self.add(pattern, answer);
        self
    }

    /// Appends a rule. Runs that have started are not affected.
    pub fn add(&self, pattern: impl Into<Pattern>, answer: impl Into<Answer>) {
        lock(&self.shared.rules).push((pattern.into(), answer.into()));
    }

    /// Adds a rule before all others, for a test that needs a different answer than the shared host
    /// provides.
    ///
    /// ```
    /// use pitcrew::testing::{Script, ScriptedHost};
    ///
    /// fn usual() -> ScriptedHost {
    ///     ScriptedHost::new().on("git *", Script::new()).on("npm *", Script::new())
    /// }
    /// let host = usual();
    /// host.add_first("git push*", Script::new().exit(1));
    /// ```
    pub fn add_first(&self, pattern: impl Into<Pattern>, answer: impl Into<Answer>) {
        lock(&self.shared.rules).insert(0, (pattern.into(), answer.into()));
    }

    /// Accepts commands without a matching rule: they end immediately with code 0.
    #[must_use = "it returns the host"]
    pub fn allow_unexpected(self) -> Self {
        self.shared.allows_unexpected.store(true, Ordering::SeqCst);
        self
    }

    /// Returns all runs in order, including failed starts.
    pub fn ran(&self) -> Vec<Run> {
        lock(&self.shared.runs).clone()
    }

    /// Returns the script for a command; or why there is none, and whether that is a fault.
    fn script(&self, call: &Call) -> Result<Script, (StartError, bool)> {
        // A function of a rule is called without the lock, because it may use the host.
        let rules = lock(&self.shared.rules).clone();
        let answer = rules.iter().find(|(pattern, _)| pattern.matches(call));
        let problem = match answer {
            Some((_, answer)) => match answer.script_for(call) {
                Ok(script) => {
                    let error = script.refused.as_ref().map(|refusal| refusal.error(call));
                    return error.map_or(Ok(script), |error| Err((error, false)));
                }
                Err(problem) => problem,
            },
            None if self.shared.allows_unexpected.load(Ordering::SeqCst) => {
                return Ok(Script::new());
            }
            None if rules.is_empty() => "there is no rule at all".to_owned(),
            None => {
                let patterns: Vec<String> =
                    rules.iter().map(|(pattern, _)| pattern.to_string()).collect();
                format!("no rule matches; there are {}", patterns.join(", "))
            }
        };
        let message = format!("unexpected command: {call}; {problem}");
        Err((StartError { kind: StartErrorKind::Other, message }, true))
    }

    fn start(&self, launch: Launch) -> Result<ScriptedChild, StartError> {
        let shared = &self.shared;
        // Also for failed starts: the other end of a shared pipe must see that it is closed.
        let fds = shared.shared_pipes.connect(&launch);
        let call = Call::new(launch);
        let ready = self
            .script(&call)
            .and_then(|script| fds.map(|fds| (script, fds)).map_err(|error| (error, false)));
        let run = RunState::new(call, &shared.pids, ready.as_ref().err().cloned());
        lock(&shared.runs).push(Run(Arc::clone(&run)));
        let (script, RunFds { scripted, stdin, stdout, stderr }) =
            ready.map_err(|(error, _)| error)?;
        let command = run.call.line().to_owned();
        let leader = actor::start(&run, command, (None, true), &script, scripted);
        Ok(ScriptedChild {
            leader,
            stdin: stdin.map(|pipe| ScriptedInput { pipe, run: Arc::clone(&run) }),
            stdout,
            stderr,
            run,
            is_reaped: false,
        })
    }
}

impl Host for ScriptedHost {
    type Child = ScriptedChild;

    /// Must be called in a tokio runtime. The run begins at the call, not at the first poll.
    fn launch(
        &self,
        launch: Launch,
    ) -> impl Future<Output = Result<ScriptedChild, StartError>> + Send + use<> {
        let started = self.start(launch);
        async move { started }
    }

    /// Does not wait: scripts only continue when the runtime does.
    fn end_everything(&self) {
        for run in self.ran() {
            run.0.alive().iter().for_each(|process| process.send(Signal::KILL));
        }
    }
}
