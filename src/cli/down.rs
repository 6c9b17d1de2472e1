//! `down`: stops the running project and waits until everything has ended.

use std::io;
use std::time::Duration;

use clap::Args;

use super::{
    ExitResult, GlobalOptions, ProgramExit, end_report, messages, running_project, stdout,
};
use crate::control::wire::ShutdownRequest;
use crate::control::{
    Client, Control as _, ControlError, ControlErrorKind, ControlResult, Measure,
};
use crate::spec::io_error_text;
use crate::sys::{EngineProcess, alive_holder, own_process};

/// The time that a resumed project has to accept the shutdown.
const RESUME_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Args)]
pub(super) struct DownArgs {
    /// Kill all processes immediately
    #[arg(long)]
    kill: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn down(global: &GlobalOptions, args: &DownArgs) -> ExitResult {
    let request = ShutdownRequest { kill: args.kill };
    let ended =
        running_project::request(global, async |client| match shut_down(&client, request).await {
            Err(error) if error.error == ControlErrorKind::Suspended && args.kill => {
                kill_suspended(global).await
            }
            ended => ended,
        })?;
    Ok(report(global, &ended, args.json))
}

struct EndedProject {
    name: String,
    /// The guardian, its outermost process.
    pid: u32,
}

/// Prints which processes are left because nothing could end them.
fn report(global: &GlobalOptions, ended: &EndedProject, json: bool) -> ProgramExit {
    let dirs = running_project::find_silently(global).map(|(_, dirs)| dirs);
    let left = dirs
        .map(|dirs| end_report::remaining_processes(&dirs.state, ended.pid))
        .unwrap_or_default();
    if json {
        let processes: Vec<_> = left.iter().map(|process| &process.stray).collect();
        stdout::print_json(&serde_json::json!({
            "ok": left.is_empty(), "project": ended.name, "left": processes,
        }));
    } else {
        for process in &left {
            messages::note(&format!("cannot kill {}, started by {}", process.stray, ended.name));
        }
    }
    if left.is_empty() { ProgramExit::SUCCESS } else { ProgramExit::FAILURE }
}

/// Stops the project, and waits until its guardian, and so everything below it, has ended.
async fn shut_down(client: &Client, request: ShutdownRequest) -> ControlResult<EndedProject> {
    let status = client.status(Measure::No).await?;
    // Before the request: afterwards another process may have the pid.
    let watch = own_process::ProcessExitWatch::of(status.pid);
    client.shutdown(request).await?;
    let gone = match watch {
        Ok(watch) => watch.exited().await,
        Err(error) => Err(error),
    };
    gone.map_err(|error| failed("wait for its end", &error))?;
    Ok(EndedProject { name: status.project, pid: status.pid })
}

/// Resumes a suspended project and kills everything in it. If it does not accept that, its engine
/// is killed, so that the guardian ends the rest.
async fn kill_suspended(global: &GlobalOptions) -> ControlResult<EndedProject> {
    let ended = || ControlError::new(ControlErrorKind::Ended, "the project has ended");
    let cannot_end = |error| failed("end it", &error);
    let (name, dirs) = running_project::find_silently(global).ok_or_else(ended)?;
    let holder = alive_holder(&dirs).ok_or_else(ended)?;
    let guardian = EngineProcess::of(&holder).map_err(cannot_end)?;
    guardian.resume().map_err(cannot_end)?;
    let client = running_project::client(&name, dirs);
    let request = client.shutdown(ShutdownRequest { kill: true });
    if !matches!(tokio::time::timeout(RESUME_TIMEOUT, request).await, Ok(Ok(()))) {
        guardian.kill_engine().map_err(cannot_end)?;
    }
    guardian.exited().await.map_err(cannot_end)?;
    Ok(EndedProject { name, pid: holder.pid })
}

fn failed(operation: &str, error: &io::Error) -> ControlError {
    let text = format!("cannot {operation}: {}", io_error_text(error));
    ControlError::new(ControlErrorKind::Failed, text)
}
