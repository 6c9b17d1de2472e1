//! `start`, `stop`, `restart`, `kill`, `signal`, `wait`, `down`: lifecycle commands for a running
//! project.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::completion::{NameKind, names, signals};
use super::style::{OutputStyle, of_state};
use super::{GlobalOptions, ProgramExit, end_report, last_output, project, ps, remote, waiting};
use crate::control::wire::{
    CommandResponse, ControlCommand, LastOutput, ProcessOutcome, ShutdownRequest, SignalRequest,
    StartRequest, StopRequest,
};
use crate::control::{Client, Control as _, ControlError, ControlErrorKind, Measure};
use crate::output::safe_name;
use crate::spec::{Condition, Signal};
use crate::sys::{RunningEngine, alive_holder, own_process};

#[derive(Debug, Clone, Args)]
pub(super) struct StartArgs {
    /// NAME, NAME.N, @TAG, POOL or all
    #[arg(required = true, add = names(NameKind::Several))]
    names: Vec<String>,
    /// Wait until ready or succeeded, not only until started
    #[arg(long, conflicts_with = "no_wait")]
    wait: bool,
    /// Do not wait
    #[arg(long)]
    no_wait: bool,
    /// Stop waiting after this long; exit code 124
    #[arg(long, value_parser = super::duration, value_name = "DURATION")]
    timeout: Option<Duration>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Args)]
pub(super) struct StopArgs {
    /// NAME, NAME.N, @TAG, POOL or all
    #[arg(required = true, add = names(NameKind::Several))]
    names: Vec<String>,
    /// Do not wait
    #[arg(long)]
    no_wait: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Args)]
pub(super) struct SignalArgs {
    /// A name or number, such as HUP, SIGUSR1 or 10
    #[arg(add = signals())]
    signal: Signal,
    /// NAME, NAME.N, @TAG, POOL or all
    #[arg(required = true, add = names(NameKind::Several))]
    names: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Args)]
pub(super) struct WaitArgs {
    /// NAME, NAME.N, @TAG, POOL or all
    #[arg(required = true, add = names(NameKind::Several))]
    names: Vec<String>,
    /// The state to wait for; default: ready or succeeded
    #[arg(long = "for", value_enum, value_name = "CONDITION")]
    until: Option<WaitCondition>,
    /// Stop waiting after this long; exit code 124
    #[arg(long, value_parser = super::duration, value_name = "DURATION")]
    timeout: Option<Duration>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum WaitCondition {
    Ready,
    Started,
    Completed,
    Succeeded,
}

#[derive(Debug, Clone, Args)]
pub(super) struct DownArgs {
    /// Kill all processes immediately
    #[arg(long)]
    kill: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn start(global: &GlobalOptions, args: StartArgs) -> ProgramExit {
    let StartArgs { names, wait, no_wait, timeout, json } = args;
    carry_out(
        global,
        ControlCommand::Start(StartRequest { names, wait, no_wait, dependants: false }),
        timeout,
        json,
    )
}

pub(super) fn restart(global: &GlobalOptions, args: StartArgs) -> ProgramExit {
    let StartArgs { names, wait, no_wait, timeout, json } = args;
    carry_out(
        global,
        ControlCommand::Restart(StartRequest { names, wait, no_wait, dependants: false }),
        timeout,
        json,
    )
}

pub(super) fn stop(global: &GlobalOptions, args: StopArgs) -> ProgramExit {
    let StopArgs { names, no_wait, json } = args;
    carry_out(global, ControlCommand::Stop(StopRequest { names, no_wait }), None, json)
}

pub(super) fn kill(global: &GlobalOptions, args: StopArgs) -> ProgramExit {
    let StopArgs { names, no_wait, json } = args;
    carry_out(global, ControlCommand::Kill(StopRequest { names, no_wait }), None, json)
}

pub(super) fn signal(global: &GlobalOptions, args: SignalArgs) -> ProgramExit {
    let SignalArgs { signal, names, json } = args;
    carry_out(global, ControlCommand::Signal(SignalRequest { names, signal }), None, json)
}

pub(super) fn wait(global: &GlobalOptions, args: &WaitArgs) -> ProgramExit {
    let until = args.until.map(|until| match until {
        WaitCondition::Ready => Condition::Ready,
        WaitCondition::Started => Condition::Started,
        WaitCondition::Completed => Condition::Completed,
        WaitCondition::Succeeded => Condition::Succeeded,
    });
    let wait = async |client| waiting::wait_for(&client, &args.names, until, args.timeout).await;
    match remote::with(global, wait) {
        Ok(outcome) => report(&outcome, args.json, global),
        Err(ending) => ending,
    }
}

pub(super) fn carry_out(
    global: &GlobalOptions,
    order: ControlCommand,
    timeout: Option<Duration>,
    json: bool,
) -> ProgramExit {
    let names = if let ControlCommand::Start(order) | ControlCommand::Restart(order) = &order {
        order.names.clone()
    } else {
        Vec::new()
    };
    let carried_out = async |client: Client| {
        let late = match within(timeout, client.execute(order)).await {
            Err(problem) if problem.error == ControlErrorKind::Timeout => problem,
            answer => return answer,
        };
        let waits = waiting::waits_for(&client, &names).await;
        let message = waits.map(|waits| format!("{}; {waits}", late.message));
        Err(ControlError::new(late.error, message.unwrap_or(late.message)))
    };
    match remote::with(global, carried_out) {
        Ok(outcome) => report(&outcome, json, global),
        Err(ending) => ending,
    }
}

/// Gives up after this long.
pub(super) async fn within<T>(
    timeout: Option<Duration>,
    answer: impl Future<Output = Result<T, ControlError>>,
) -> Result<T, ControlError> {
    let Some(limit) = timeout else { return answer.await };
    let late =
        |_| ControlError::new(ControlErrorKind::Timeout, format!("timed out after {limit:?}"));
    tokio::time::timeout(limit, answer).await.map_err(late)?
}

/// Says what became of each, with the last output of those that failed.
pub(super) fn report(outcome: &CommandResponse, json: bool, global: &GlobalOptions) -> ProgramExit {
    if json {
        remote::print_json(outcome);
    } else {
        let paper = OutputStyle::of(global);
        for one in outcome.processes.iter().filter(|one| one.ok) {
            let (state, why) = state_and_why(one);
            let state = paper.paint(state, of_state(one.status.state));
            remote::print(&format!(
                "{}: {state}{}\n",
                safe_name(&one.status.name),
                safe_name(&why)
            ));
        }
        report_failures(outcome, global);
        if let Some(text) = changed_files(&outcome.changed_files) {
            project::say(&text);
        }
    }
    if outcome.ok { ProgramExit::GOOD } else { ProgramExit::FAILED }
}

/// What was started has the files as they were read before.
fn changed_files(files: &[String]) -> Option<String> {
    let (first, more) = files.split_first()?;
    let (files, have, read) = match more.len() {
        0 => (first.clone(), "has", "it was read"),
        1 => (files.join(" and "), "have", "they were read"),
        more => (format!("{first} and {more} more files"), "have", "they were read"),
    };
    let them = if more.is_empty() { "it" } else { "them" };
    Some(format!("{files} {have} changed since {read}; `pitcrew reload` applies {them}"))
}

/// Says on stderr which processes did not get there, and why.
pub(super) fn report_failures(outcome: &CommandResponse, global: &GlobalOptions) {
    let failed = || outcome.processes.iter().filter(|one| !one.ok);
    // Those that are still on their way are not the reason where others have failed.
    let is_reason = |one: &&ProcessOutcome| one.status.state.is_at_rest();
    let has_reason = failed().any(|one| is_reason(&one));
    let mut shown: Vec<&LastOutput> = Vec::new();
    for one in failed().filter(|one| !has_reason || is_reason(one)) {
        let (state, why) = state_and_why(one);
        project::failed(&format!("{}: {state}{why}", one.status.name));
        show_once(one.last_output.as_ref(), &mut shown, global);
    }
    if let Some(end) = &outcome.ending {
        project::failed(&format!("the project is being stopped: {}", end.reason));
        show_once(end.last_output.as_ref(), &mut shown, global);
    }
}

/// Several may have failed because of one.
fn show_once<'a>(
    last: Option<&'a LastOutput>,
    shown: &mut Vec<&'a LastOutput>,
    global: &GlobalOptions,
) {
    if let Some(last) = last.filter(|last| !shown.contains(last)) {
        last_output::show(last, global.color);
        shown.push(last);
    }
}

fn state_and_why(outcome: &ProcessOutcome) -> (&'static str, String) {
    let status = &outcome.status;
    let state = status.state.word(status.checked);
    // `stopped on request` needs no `stopped: ` before it.
    if let Some(rest) = status.why.strip_prefix(state).filter(|rest| rest.starts_with(' ')) {
        return (state, rest.to_owned());
    }
    (state, ps::reason(state, &status.why))
}

pub(super) fn down(global: &GlobalOptions, args: &DownArgs) -> ProgramExit {
    let how = ShutdownRequest { kill: args.kill };
    match remote::with(global, async |client| match go_down(&client, how).await {
        Err(problem) if problem.error == ControlErrorKind::Suspended && how.kill => {
            end(global).await
        }
        done => done,
    }) {
        Ok(ended) => report_end(global, &ended, args.json),
        Err(ending) => ending,
    }
}

/// A project that has ended.
struct EndedProject {
    name: String,
    /// Its outermost process.
    pid: u32,
}

/// Says what a project has left behind because nothing could end it.
fn report_end(global: &GlobalOptions, ended: &EndedProject, json: bool) -> ProgramExit {
    let folders = remote::folders_quietly(global);
    let left = folders.map(|(_, folders)| end_report::left_behind(&folders.state, ended.pid));
    let left = left.unwrap_or_default();
    if json {
        let left: Vec<_> = left
            .iter()
            .map(|one| serde_json::json!({ "pid": one.pid, "command": one.command }))
            .collect();
        let ok = left.is_empty();
        let text = serde_json::json!({ "ok": ok, "project": ended.name, "left": left });
        remote::print_json(&text);
    } else {
        for one in &left {
            let (pid, command) = (one.pid, &one.command);
            project::say(&format!("cannot end {pid} {command}, which {} started", ended.name));
        }
    }
    if left.is_empty() { ProgramExit::GOOD } else { ProgramExit::FAILED }
}

/// How long a project that was continued has to say that it ends.
const CONTINUED: Duration = Duration::from_secs(3);

/// Ends a project that is suspended: it is continued and asked again, and where that brings nothing
/// its engine is killed, so that the guardian ends the rest.
async fn end(global: &GlobalOptions) -> Result<EndedProject, ControlError> {
    let Some((name, folders)) = remote::folders_quietly(global) else { return Err(gone_already()) };
    let Some(holder) = alive_holder(&folders) else { return Err(gone_already()) };
    let guardian = RunningEngine::of(&holder).map_err(|error| cannot_end(&error))?;
    guardian.resume().map_err(|error| cannot_end(&error))?;
    let client = remote::client(&name, folders);
    let asked = client.shutdown(ShutdownRequest { kill: true });
    if !matches!(tokio::time::timeout(CONTINUED, asked).await, Ok(Ok(()))) {
        guardian.kill_engine().map_err(|error| cannot_end(&error))?;
    }
    guardian.gone().await.map_err(|error| cannot_end(&error))?;
    Ok(EndedProject { name, pid: holder.pid })
}

fn gone_already() -> ControlError {
    ControlError::new(ControlErrorKind::Ended, "the project has ended")
}

fn cannot_end(error: &std::io::Error) -> ControlError {
    ControlError::new(ControlErrorKind::Failed, format!("cannot end it: {error}"))
}

/// Ends the project and waits until its outermost process is gone, and so everything below it.
async fn go_down(client: &Client, how: ShutdownRequest) -> Result<EndedProject, ControlError> {
    let status = client.status(Measure::No).await?;
    // Before the wish: afterwards the number may be somebody else's.
    let watch = own_process::ProcessExitWatch::of(status.pid);
    client.shutdown(how).await?;
    let gone = match watch {
        Ok(watch) => watch.gone().await,
        Err(error) => Err(error),
    };
    gone.map_err(|error| {
        ControlError::new(ControlErrorKind::Failed, format!("cannot wait for its end: {error}"))
    })?;
    Ok(EndedProject { name: status.project, pid: status.pid })
}
