//! `up --detach`: starts the project in the background, and waits as requested.
//!
//! The engine responds once, when the condition holds; there is no polling, except every few
//! milliseconds for its socket.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::super::waiting::CommandTimeout;
use super::super::{
    ExitResult, GlobalOptions, ProgramExit, end_report, last_output, locked_project, messages,
    outcome, running_project, runtime, waiting,
};
use super::UpArgs;
use super::engine_process::{BackgroundEngine, EngineLifetime};
use crate::control::wire::{
    CommandResponse, LastOutput, PhaseName, ProcessState, ProjectEnd, ProjectState,
};
use crate::control::{
    Client, Control as _, ControlError, ControlErrorKind, ControlResult, Measure,
};
use crate::machine::StateName;
use crate::spec::{Signal, Spec, first_of};
use crate::sys::{Holder, ProjectDirs, alive_holder, own_process};

/// The delay before the first message about awaited processes, and between different ones.
const MESSAGE_DELAY: Duration = Duration::from_secs(2);
/// The number of names in such a message.
const MAX_NAMES: usize = 3;

/// A project in the background that is being started or is already running.
struct Background<'a> {
    global: &'a GlobalOptions,
    args: &'a UpArgs,
    spec: &'a Spec,
    name: &'a str,
    dirs: &'a ProjectDirs,
    /// The processes that this command starts.
    chosen: BTreeSet<String>,
    /// The engine was started and does not respond yet.
    is_starting: Cell<bool>,
}

/// Starts the project with the processes `names`, and waits as long as requested.
pub(super) fn up(
    global: &GlobalOptions,
    args: &UpArgs,
    spec: &Spec,
    names: BTreeSet<String>,
) -> ExitResult {
    let dirs = ProjectDirs::of(&spec.project.file)
        .map_err(|error| messages::failure(&error.to_string()))?;
    let background = Background {
        global,
        args,
        spec,
        name: &spec.project.name,
        dirs: &dirs,
        chosen: names,
        is_starting: Cell::new(false),
    };
    if let Some(holder) = alive_holder(&dirs) {
        return background.join(&holder);
    }
    // The engine writes its messages to a file, but this one is for the user.
    if let Some(text) = runtime::too_few_descriptors(spec, own_process::hard_descriptor_limit()) {
        messages::note(&text);
    }
    end_report::remove(&dirs.state);
    let engine = BackgroundEngine::start(global, args, spec, &dirs, EngineLifetime::Independent)
        .map_err(|error| messages::cannot("start in the background", &error))?;
    background.start(&engine)
}

impl Background<'_> {
    /// The project is already running, so the request is fulfilled.
    fn join(&self, holder: &Holder) -> ExitResult {
        let running = locked_project::already_running(self.spec, holder);
        if !self.args.names.is_empty() {
            let alternative = locked_project::alternative(holder, &self.args.names);
            return Err(messages::failure(&format!("{running}\n{alternative}")));
        }
        messages::note(&running);
        let result = running_project::block_on(async {
            let client = running_project::connect(self.name, self.dirs.clone()).await;
            if !self.args.wait {
                return Ok(self.check_up(&client).await);
            }
            let timeout = CommandTimeout::start(self.args.timeout);
            self.unless_interrupted(wait_until_ready(&client, &timeout)).await
        })??;
        Ok(self.report(result))
    }

    /// Fails if a running project is being stopped.
    async fn check_up(&self, client: &Client) -> ControlResult<WaitResult> {
        if running_project::state(client).await?.phase == PhaseName::Up {
            return Ok(WaitResult::Reached);
        }
        let text = format!("{} is shutting down; start it when it has ended", self.name);
        Err(ControlError::new(ControlErrorKind::Ended, text))
    }

    /// Follows the project that this command has started.
    fn start(&self, engine: &BackgroundEngine) -> ExitResult {
        self.is_starting.set(true);
        let followed = running_project::block_on(self.unless_interrupted(async {
            let (is_up, result) = self.follow(engine).await;
            let has_ended = match &result {
                Ok(WaitResult::Ended(_)) => true,
                Ok(WaitResult::Reached | WaitResult::Impossible(_)) => false,
                Err(error) => {
                    matches!(error.error, ControlErrorKind::NotRunning | ControlErrorKind::Ended)
                }
            };
            let exit = if has_ended { Some(engine.wait().await) } else { None };
            (is_up, result, exit)
        }))?;
        if self.is_starting.get() && !engine.has_ended() {
            // No command finds an engine that has not taken its lock yet, not even `down`.
            engine.send(Signal::TERM);
        }
        let (is_up, result, exit) = followed?;
        let Some(exit) = exit else { return Ok(self.report(result)) };
        // Of several `up` at the same time one starts the project, and the others find it.
        match alive_holder(self.dirs).filter(|holder| !is_up && holder.pid != engine.pid()) {
            Some(holder) => self.join(&holder),
            None => Ok(self.report_exit(engine, is_up, exit)),
        }
    }

    /// Waits as requested; returns too whether the engine was up.
    async fn follow(&self, engine: &BackgroundEngine) -> (bool, ControlResult<WaitResult>) {
        let timeout = &CommandTimeout::start(self.args.timeout);
        let up = async { Ok(engine.clone().wait_until_up_with_notices().await) };
        match waiting::with_timeout(timeout, up).await {
            Ok(true) => self.is_starting.set(false),
            Ok(false) => return (false, Ok(WaitResult::Ended(None))),
            Err(error) => return (false, Err(error)),
        }
        let result = if !self.args.wait {
            waiting::with_timeout(timeout, self.wait_until_started(&engine.client)).await
        } else if self.chosen.is_empty() {
            messages::note("no process has autostart; start one with `pitcrew start NAME`");
            Ok(WaitResult::Reached)
        } else {
            wait_until_ready(&engine.client, timeout).await
        };
        (true, result)
    }

    /// Waits until no process is left to start.
    async fn wait_until_started(&self, client: &Client) -> ControlResult<WaitResult> {
        let mut updates = client.watch(Measure::No).await?;
        let mut state = ProjectState::default();
        let mut last_message = String::new();
        loop {
            match tokio::time::timeout(MESSAGE_DELAY, updates.next()).await {
                Ok(Some(update)) => state.apply(update?),
                Ok(None) => return Ok(WaitResult::Ended(None)),
                Err(_) => {
                    let text = waiting_for(&pending_starts(&state, &self.chosen));
                    if text != last_message {
                        messages::note(&text);
                        last_message = text;
                    }
                    continue;
                }
            }
            if state.phase != PhaseName::Up {
                return Ok(WaitResult::Ended(None));
            }
            if pending_starts(&state, &self.chosen).is_empty() {
                report_failed_starts(&state);
                return Ok(WaitResult::Reached);
            }
        }
    }

    /// The project has its own session: Ctrl-C ends only the waiting.
    async fn unless_interrupted<T>(&self, work: impl Future<Output = T>) -> Result<T, ProgramExit> {
        tokio::select! {
            result = work => Ok(result),
            signal = termination_signal() => {
                self.note_still_running();
                Err(ProgramExit::Signal(signal))
            }
        }
    }

    fn note_still_running(&self) {
        messages::note(&if self.is_starting.get() {
            format!("{} was stopped before it had started", self.name)
        } else {
            format!("{} continues in the background; `pitcrew down` stops it", self.name)
        });
    }

    fn report(&self, result: ControlResult<WaitResult>) -> ProgramExit {
        match result {
            Ok(WaitResult::Reached) => ProgramExit::SUCCESS,
            Ok(WaitResult::Impossible(response)) => {
                outcome::report_failures(&response, self.global);
                messages::failure(&format!(
                    "{} cannot be ready; running processes continue in the background, and \
                     `pitcrew down` stops them",
                    self.name
                ))
            }
            Ok(WaitResult::Ended(end)) => {
                if let Some(end) = end {
                    self.note_end(&end.reason, end.last_output.as_ref());
                }
                ProgramExit::FAILURE
            }
            Err(error) => {
                let exit = messages::control_error(&error);
                if error.error == ControlErrorKind::Timeout {
                    self.note_still_running();
                }
                exit
            }
        }
    }

    /// The project has ended. With `--wait` only a project that was ready is a success.
    fn report_exit(
        &self,
        engine: &BackgroundEngine,
        was_up: bool,
        exit: ProgramExit,
    ) -> ProgramExit {
        match end_report::read(&self.dirs.state, engine.pid()) {
            Some(end) => self.note_end(&end.reason, end.last_output.as_ref()),
            None if was_up => self.note_end("its engine was killed", None),
            None => engine.print_log(),
        }
        match exit {
            ProgramExit::Signal(_) => ProgramExit::FAILURE,
            ProgramExit::SUCCESS if self.args.wait => ProgramExit::FAILURE,
            ProgramExit::Code(_) => exit,
        }
    }

    fn note_end(&self, reason: &str, last: Option<&LastOutput>) {
        let before = if self.args.wait { " before it was ready" } else { "" };
        messages::note(&format!("{} has ended{before}: {reason}", self.name));
        if let Some(last) = last {
            last_output::print(last, self.global.color);
        }
    }
}

enum WaitResult {
    Reached,
    /// The project continues, but cannot reach it.
    Impossible(CommandResponse),
    /// The project is ending, or has ended.
    Ended(Option<ProjectEnd>),
}

/// Waits until the project is ready, or cannot become ready.
async fn wait_until_ready(client: &Client, timeout: &CommandTimeout) -> ControlResult<WaitResult> {
    let response = waiting::wait_for(client, &["all".to_owned()], None, timeout).await?;
    Ok(match &response.ending {
        _ if response.ok => WaitResult::Reached,
        Some(end) => WaitResult::Ended(Some(end.clone())),
        None => WaitResult::Impossible(response),
    })
}

/// Waits for a signal that asks this command to end.
async fn termination_signal() -> Signal {
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

fn waiting_for(pending: &[String]) -> String {
    let hint = pending.first().map(|name| format!("; run `pitcrew why {name}`"));
    format!("waiting for {}{}", first_of(pending, MAX_NAMES), hint.unwrap_or_default())
}

/// Names the processes that could not be started; this is not a failure of the project.
fn report_failed_starts(state: &ProjectState) {
    for process in state.processes.iter().filter(|process| process.state == StateName::Failed) {
        if process.exit_code.is_none() && process.signal.is_none() {
            messages::note(&process.sentence());
        }
    }
}

/// The processes that are still to be started.
fn pending_starts(state: &ProjectState, chosen: &BTreeSet<String>) -> Vec<String> {
    let is_pending = |process: &&ProcessState| match process.state {
        StateName::Idle => chosen.contains(&*process.name),
        StateName::Waiting | StateName::Queued => true,
        // Its child is being created.
        StateName::Starting => process.pid.is_none(),
        StateName::Backoff
        | StateName::Ready
        | StateName::Unhealthy
        | StateName::Stopping
        | StateName::Stopped
        | StateName::Succeeded
        | StateName::Failed
        | StateName::Skipped => false,
    };
    let pending = state.processes.iter().filter(is_pending);
    pending.map(|process| process.name.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_are_waited_for_are_named_and_the_others_counted() {
        let names = |n: usize| (0..n).map(|i| format!("p{i}")).collect::<Vec<_>>();
        assert_eq!(waiting_for(&names(1)), "waiting for p0; run `pitcrew why p0`");
        let many = "waiting for p0, p1, p2 and 2 more; run `pitcrew why p0`";
        assert_eq!(waiting_for(&names(5)), many);
    }
}
