//! `up --detach`: runs `up` in its own session, and waits as requested.
//!
//! The engine is asked once and answers when it is so: nothing is asked again and again. Only before
//! its socket is there is it looked for every few milliseconds.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::detach::{self, EngineLifetime};
use super::{
    GlobalOptions, ProgramExit, UpArgs, end_report, last_output, lifecycle_commands, project,
    remote, runtime, waiting,
};
use crate::control::wire::{
    CommandResponse, LastOutput, PhaseName, ProcessState, ProjectEnd, ProjectState,
};
use crate::control::{Client, Control as _, ControlError, ControlErrorKind, Measure};
use crate::engine::Clock;
use crate::machine::StateName;
use crate::spec::{Signal, Spec};
use crate::sys::{Holder, ProjectDirs, alive_holder, own_process};

/// After how long it says first what it still waits for, and when that is another thing, again.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many are named in a sentence.
const NAMED: usize = 3;

/// A project that is started, or found, in the background.
struct Background<'a> {
    global: &'a GlobalOptions,
    args: &'a UpArgs,
    spec: &'a Spec,
    name: &'a str,
    folders: &'a ProjectDirs,
    /// What is started by this command.
    chosen: BTreeSet<String>,
    /// The engine was started and has not taken its lock yet.
    is_coming: Cell<bool>,
}

/// Starts the project and waits as long as was asked; `names` is what is started.
pub(super) fn up(
    global: &GlobalOptions,
    args: &UpArgs,
    spec: &Spec,
    names: Vec<String>,
) -> ProgramExit {
    let folders = match ProjectDirs::of(&spec.project.file) {
        Ok(folders) => folders,
        Err(error) => return project::failed(&error.to_string()),
    };
    let background = Background {
        global,
        args,
        spec,
        name: &spec.project.name,
        folders: &folders,
        chosen: names.into_iter().collect(),
        is_coming: Cell::new(false),
    };
    if let Some(holder) = alive_holder(&folders) {
        return background.joined(&holder);
    }
    // What the engine says goes to a file, and this is for the caller.
    if let Some(text) = runtime::too_few_descriptors(spec, own_process::hard_descriptor_limit()) {
        project::say(&text);
    }
    let words = folders.state.join("up.log");
    end_report::forget(&folders.state);
    let started = detach::open(&words)
        .and_then(|file| detach::start(global, args, spec, file, EngineLifetime::None));
    match started {
        Ok(child) => background.started(child, &words),
        Err(error) => project::failed(&format!("cannot start in the background: {error}")),
    }
}

impl Background<'_> {
    /// The project runs already, which is what was asked for.
    fn joined(&self, holder: &Holder) -> ProgramExit {
        let runs = project::runs_already(self.spec, holder);
        if !self.args.names.is_empty() {
            return project::failed(&format!(
                "{runs}\n{}",
                project::way_in(holder, &self.args.names)
            ));
        }
        project::say(&runs);
        let waited = remote::block_on(async {
            let client = remote::reach(self.name, self.folders.clone()).await;
            if !self.args.wait {
                return Ok(self.is_up(&client).await);
            }
            self.unless_interrupted(self.wait(&client, self.args.timeout, WaitOrigin::Joined)).await
        });
        match waited {
            Ok(Ok(Ok(WaitResult::There))) => ProgramExit::GOOD,
            Ok(Ok(Ok(WaitResult::Impossible(outcome)))) => self.impossible(&outcome),
            Ok(Ok(Ok(WaitResult::Ended(end)))) => {
                if let Some(end) = end {
                    self.tell_end(&end.reason, end.last_output.as_ref());
                }
                ProgramExit::FAILED
            }
            Ok(Ok(Err(problem))) => self.complain(&problem),
            Ok(Err(ending)) | Err(ending) => ending,
        }
    }

    /// Whether a project that runs will go on: one that is being stopped is no success.
    async fn is_up(&self, client: &Client) -> Result<WaitResult, ControlError> {
        let overview = remote::overview(client).await?;
        if overview.phase == PhaseName::Up {
            return Ok(WaitResult::There);
        }
        let text = format!("{} is being stopped; start it when it has ended", self.name);
        Err(ControlError::new(ControlErrorKind::Ended, text))
    }

    /// Follows the project that this command has started.
    fn started(&self, mut child: Child, words: &Path) -> ProgramExit {
        let pid = child.id();
        self.is_coming.set(true);
        let followed = remote::block_on(async {
            self.unless_interrupted(async {
                let (is_up, reached) = self.follow(&mut child, words).await;
                let is_over = match &reached {
                    Ok(WaitResult::Ended(_)) => true,
                    Err(problem) => matches!(
                        problem.error,
                        ControlErrorKind::NotRunning | ControlErrorKind::Ended
                    ),
                    Ok(WaitResult::There | WaitResult::Impossible(_)) => false,
                };
                let code = if is_over { Some(end_of(&mut child).await) } else { None };
                (is_up, reached, code)
            })
            .await
        });
        if self.is_coming.get() && child.try_wait().is_ok_and(|status| status.is_none()) {
            // Nothing finds an engine that has not taken its lock yet, `down` included.
            _ = own_process::send(&child, Signal::TERM);
        }
        let (is_up, reached, code) = match followed {
            Ok(Ok(followed)) => followed,
            Ok(Err(ending)) | Err(ending) => return ending,
        };
        match (reached, code) {
            (Ok(WaitResult::There), _) => ProgramExit::GOOD,
            (Ok(WaitResult::Impossible(outcome)), _) => self.impossible(&outcome),
            (Ok(WaitResult::Ended(_)) | Err(_), Some(code)) => {
                // Of several that start it at once, one does, and the others find it.
                match alive_holder(self.folders).filter(|holder| !is_up && holder.pid != pid) {
                    Some(holder) => self.joined(&holder),
                    None => self.ended(pid, code, (is_up, words)),
                }
            }
            (Err(problem), None) => self.complain(&problem),
            (Ok(WaitResult::Ended(_)), None) => ProgramExit::FAILED,
        }
    }

    /// Whether it has come up, and what the waiting came to.
    async fn follow(
        &self,
        child: &mut Child,
        words: &Path,
    ) -> (bool, Result<WaitResult, ControlError>) {
        let clock = Clock::start();
        let pid = child.id();
        let has_ended = || !matches!(child.try_wait(), Ok(None));
        let opened = async {
            tokio::select! {
                is_open = detach::opened(self.folders, pid, has_ended) => Ok(is_open),
                never = detach::repeat_env_file_notices(words) => match never {},
            }
        };
        match lifecycle_commands::within(self.args.timeout, opened).await {
            Ok(true) => self.is_coming.set(false),
            Ok(false) => return (false, Ok(WaitResult::Ended(None))),
            Err(problem) => return (false, Err(problem)),
        }
        let client = self.client();
        // Connections are taken before there is an engine that answers, or fails to start.
        match lifecycle_commands::within(self.args.timeout, client.status(Measure::No)).await {
            Ok(_) => {}
            Err(problem)
                if matches!(
                    problem.error,
                    ControlErrorKind::NotRunning | ControlErrorKind::Ended
                ) =>
            {
                return (false, Ok(WaitResult::Ended(None)));
            }
            Err(problem) => return (true, Err(problem)),
        }
        let passed = clock.now().since_start();
        let left = self.args.timeout.map(|limit| limit.saturating_sub(passed));
        let reached = if self.args.wait {
            self.wait(&client, left, WaitOrigin::FromItsStart).await
        } else {
            lifecycle_commands::within(left, self.launch(&client)).await
        };
        (true, reached)
    }

    fn client(&self) -> Client {
        remote::client(self.name, self.folders.clone())
    }

    /// Until the project is ready, or cannot be.
    async fn wait(
        &self,
        client: &Client,
        limit: Option<Duration>,
        watched: WaitOrigin,
    ) -> Result<WaitResult, ControlError> {
        if self.chosen.is_empty() && watched == WaitOrigin::FromItsStart {
            project::say("no process starts by itself; `pitcrew start NAME` starts one");
            return Ok(WaitResult::There);
        }
        let all = ["all".to_owned()];
        let outcome = waiting::wait_for(client, &all, None, limit).await?;
        Ok(match (outcome.ok, &outcome.ending) {
            (true, _) => WaitResult::There,
            (false, Some(end)) => WaitResult::Ended(Some(end.clone())),
            (false, None) => WaitResult::Impossible(outcome),
        })
    }

    /// Until nothing is left to start.
    async fn launch(&self, client: &Client) -> Result<WaitResult, ControlError> {
        let mut pushes = client.watch(Measure::No).await?;
        let mut overview = ProjectState::default();
        let mut said = String::new();
        loop {
            match tokio::time::timeout(PATIENCE, pushes.next()).await {
                Ok(Some(update)) => overview.apply(update?),
                Ok(None) => return Ok(WaitResult::Ended(None)),
                Err(_) => {
                    let text = waits_for(&open_starts(&overview, &self.chosen));
                    if text != said {
                        project::say(&text);
                        said = text;
                    }
                    continue;
                }
            }
            if overview.phase != PhaseName::Up {
                return Ok(WaitResult::Ended(None));
            }
            if open_starts(&overview, &self.chosen).is_empty() {
                report_failed_starts(&overview);
                return Ok(WaitResult::There);
            }
        }
    }

    /// The project is in a session of its own: a Ctrl-C ends the waiting, and nothing else.
    async fn unless_interrupted<T>(&self, work: impl Future<Output = T>) -> Result<T, ProgramExit> {
        tokio::select! {
            done = work => Ok(done),
            signal = interrupted() => {
                project::say(&self.goes_on());
                Err(ProgramExit::Signal(signal))
            }
        }
    }

    fn goes_on(&self) -> String {
        if self.is_coming.get() {
            return format!("{} had not started yet, and was ended", self.name);
        }
        format!("{} goes on in the background; `pitcrew down` stops it", self.name)
    }

    fn complain(&self, problem: &ControlError) -> ProgramExit {
        let ending = remote::complain(problem);
        if problem.error == ControlErrorKind::Timeout {
            project::say(&self.goes_on());
        }
        ending
    }

    /// Some process cannot get there; the others are left as they are.
    fn impossible(&self, outcome: &CommandResponse) -> ProgramExit {
        lifecycle_commands::report_failures(outcome, self.global);
        project::failed(&format!(
            "{} cannot be ready; what runs goes on in the background, and `pitcrew down` stops it",
            self.name
        ))
    }

    /// The project has ended with this code. Only a project that is ready is a success for who waits.
    fn ended(&self, pid: u32, code: i32, (is_up, words): (bool, &Path)) -> ProgramExit {
        match end_report::read(&self.folders.state, pid) {
            Some(end) => self.tell_end(&end.reason, end.last_output.as_ref()),
            None if is_up => self.tell_end("its engine was killed", None),
            // It could not start, and has said why.
            None => detach::show_last_words(words),
        }
        if code == 0 && self.args.wait { ProgramExit::FAILED } else { ProgramExit::code(code) }
    }

    fn tell_end(&self, reason: &str, last: Option<&LastOutput>) {
        let before = if self.args.wait { " before it was ready" } else { "" };
        project::say(&format!("{} has ended{before}: {reason}", self.name));
        if let Some(last) = last {
            last_output::show(last, self.global.color);
        }
    }
}

/// Since when a project is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WaitOrigin {
    FromItsStart,
    /// It ran before.
    Joined,
}

/// What the waiting came to.
enum WaitResult {
    There,
    /// It runs on without getting there.
    Impossible(CommandResponse),
    /// It ends, or has ended.
    Ended(Option<ProjectEnd>),
}

/// The first signal that asks this command to end.
async fn interrupted() -> Signal {
    let next = async |kind: SignalKind, name: Signal| match signal(kind) {
        Ok(mut stream) if !own_process::stays_ignored(name) => {
            stream.recv().await;
            name
        }
        _ => std::future::pending().await,
    };
    tokio::select! {
        name = next(SignalKind::interrupt(), Signal::INT) => name,
        name = next(SignalKind::terminate(), Signal::TERM) => name,
        name = next(SignalKind::hangup(), Signal::HUP) => name,
    }
}

/// Waits for the end of the project's outermost process; its exit code, 1 where a signal ended it.
async fn end_of(child: &mut Child) -> i32 {
    if let Ok(watch) = own_process::ProcessExitWatch::of(child.id()) {
        _ = watch.gone().await;
    }
    child.wait().ok().and_then(|status| status.code()).unwrap_or(1)
}

fn waits_for(open: &[String]) -> String {
    let (named, others) = open.split_at(open.len().min(NAMED));
    let more =
        if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    let hint = named.first().map(|name| format!("; `pitcrew why {name}` tells why"));
    format!("waiting for {}{more}{}", named.join(", "), hint.unwrap_or_default())
}

/// Names the processes that could not be started: they are no reason to call the project failed.
fn report_failed_starts(overview: &ProjectState) {
    let has_failed = |one: &&ProcessState| {
        one.status.state == StateName::Failed && one.status.exit_code.is_none()
    };
    for one in overview.processes.iter().filter(has_failed).map(|one| &one.status) {
        if one.signal.is_none() {
            project::say(&format!("{}: failed: {}", one.name, one.why));
        }
    }
}

/// Which processes are still to be started.
fn open_starts(overview: &ProjectState, chosen: &BTreeSet<String>) -> Vec<String> {
    let waits = |one: &&ProcessState| match one.status.state {
        StateName::Idle => chosen.contains(&one.status.name),
        StateName::Waiting | StateName::Queued => true,
        // As long as its child is being made.
        StateName::Starting => one.status.pid.is_none(),
        StateName::Backoff
        | StateName::Ready
        | StateName::Unhealthy
        | StateName::Stopping
        | StateName::Stopped
        | StateName::Succeeded
        | StateName::Failed
        | StateName::Skipped => false,
    };
    overview.processes.iter().filter(waits).map(|one| one.status.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_are_waited_for_are_named_and_the_others_counted() {
        let names = |n: usize| (0..n).map(|i| format!("p{i}")).collect::<Vec<_>>();
        assert_eq!(waits_for(&names(1)), "waiting for p0; `pitcrew why p0` tells why");
        let many = "waiting for p0, p1, p2 and 2 more; `pitcrew why p0` tells why";
        assert_eq!(waits_for(&names(5)), many);
    }
}
