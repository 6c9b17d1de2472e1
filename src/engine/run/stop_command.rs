//! `stop.command`: runs a command instead of sending the stop signal.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{RunCommand, RunContext};
use crate::engine::notice::Notice;
use crate::spec::{Exit, Signal};
use crate::sys::{Child, Host};

/// The number of last bytes of its output kept for the notice of a failure.
const KEPT: usize = 4 << 10;
/// The maximum time until it is gone after a kill, and until its outputs are closed.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// A running stop command; dropping it kills the command with its whole tree.
#[derive(Debug)]
pub(super) struct StopCommand {
    _cancel: oneshot::Sender<()>,
}

impl StopCommand {
    /// Starts the stop command of a run, if it has one.
    ///
    /// If the command cannot be started, the leader gets the stop signal instead.
    pub(super) fn start<H: Host>(context: &RunContext<H>, leader: &H::Child) -> Option<Self> {
        let (command, pid) = (context.spec.stop.command.as_ref()?, leader.pid());
        let mut launch =
            context.engine.environment.helper_launch(command, context.label(Some("stop")));
        launch.env.push(("PITCREW_PID".into(), pid.to_string().into()));
        let (engine, name) = (Arc::clone(&context.engine), context.name.clone());
        let (signal, commands) = (context.spec.stop.signal, context.commands.clone());
        let (cancel, cancelled) = oneshot::channel();
        tokio::spawn(async move {
            let problem = match engine.host.launch(launch).await {
                Ok(child) => wait(child, cancelled).await,
                Err(error) => {
                    _ = commands.send(RunCommand::Signal(signal));
                    Some(format!("cannot start: {error}; {signal} is sent instead"))
                }
            };
            if let Some(problem) = problem {
                let text = format!("stop command failed for pid {pid}: {problem}");
                engine.notices.send(Notice::about(&name, text));
            }
        });
        Some(Self { _cancel: cancel })
    }
}

/// Waits for the exit of a stop command, or kills it on cancellation. Returns its failure with its last
/// line.
async fn wait<C: Child>(mut child: C, cancelled: oneshot::Receiver<()>) -> Option<String> {
    let (out, err) = (child.stdout(), child.stderr());
    let outputs = tokio::spawn(async move { tokio::join!(read_end(out), read_end(err)) });
    let exit = tokio::select! {
        biased;
        exit = child.exited() => Some(exit.unwrap_or(Exit::Signal(Signal::KILL))),
        _ = cancelled => None,
    };
    _ = child.kill_tree().await;
    if timeout(END_TIMEOUT, child.exited()).await.is_ok() {
        // Otherwise it is reaped in the background.
        _ = child.reap();
    }
    let exit = exit.filter(|exit| *exit != Exit::Code(0))?;
    let outputs = timeout(END_TIMEOUT, outputs).await.map(Result::unwrap_or_default);
    let (out, err) = outputs.unwrap_or_default();
    let text = if err.trim().is_empty() { out } else { err };
    let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    Some(if last.is_empty() { exit.to_string() } else { format!("{exit}: {last}") })
}

/// Reads to the end and returns the last bytes.
async fn read_end(reader: Option<impl AsyncRead + Unpin>) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 1024];
    if let Some(mut reader) = reader {
        while let Ok(length @ 1..) = reader.read(&mut buffer).await {
            kept.extend_from_slice(buffer.get(..length).unwrap_or_default());
            let extra = kept.len().saturating_sub(KEPT);
            kept.drain(..extra);
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}
