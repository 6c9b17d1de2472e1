//! `stop.command`: runs a command instead of sending the stop signal.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{RunCommand, RunContext};
use crate::engine::environment::{RunLabel, argv};
use crate::engine::notice::Notice;
use crate::spec::{Exit, Signal};
use crate::sys::{Child, Host, Launch, OutputFd, StdinTarget};

/// How much of its output is kept for the notice of a failure.
const KEPT: usize = 4 << 10;
/// How long it may take to go when it was killed, and its outputs to be closed.
const GONE: Duration = Duration::from_secs(2);

/// A stop command under way; ended with its whole tree when dropped.
#[derive(Debug)]
pub(super) struct StopCommand {
    _running: oneshot::Sender<()>,
}

impl StopCommand {
    /// Starts the stop command of a run, if it has one.
    ///
    /// When the command cannot be started, the leader gets the stop signal after all.
    pub(super) fn start<H: Host>(context: &RunContext<H>, leader: &H::Child) -> Option<Self> {
        let command = context.spec.stop.command.as_ref()?;
        let mut env = context.surroundings.of(RunLabel {
            spec: &context.spec,
            replica: context.replica,
            run: context.run.run,
            port: context.port,
            role: Some("stop"),
        });
        env.push(("PITCREW_PID".into(), leader.pid().to_string().into()));
        let launch = Launch {
            argv: argv(command),
            cwd: context.spec.cwd.clone(),
            env,
            stdin: StdinTarget::Null,
            stdout: OutputFd::Pipe,
            stderr: OutputFd::Pipe,
            foreground: false,
        };
        let host = Arc::clone(&context.host);
        let (notices, name) = (context.notices.clone(), context.name.clone());
        let signal = context.spec.stop.signal;
        let (pid, orders) = (leader.pid(), context.fallback.clone());
        let (running, dropped) = oneshot::channel();
        tokio::spawn(async move {
            let problem = match host.launch(launch).await {
                Ok(child) => watch(child, dropped).await,
                Err(error) => {
                    _ = orders.send(RunCommand::Signal(signal));
                    Some(format!("cannot start: {error}; it gets {signal} instead"))
                }
            };
            if let Some(problem) = problem {
                let text = format!("its stop command (for pid {pid}): {problem}");
                notices.tell(Notice::about(&name, text));
            }
        });
        Some(Self { _running: running })
    }
}

/// Waits for its end, or ends it when nobody wants it any more; says what went wrong, with its last
/// words.
async fn watch<C: Child>(mut child: C, dropped: oneshot::Receiver<()>) -> Option<String> {
    let (out, err) = (child.stdout(), child.stderr());
    let words = tokio::spawn(async move { tokio::join!(tail(out), tail(err)) });
    let exit = tokio::select! {
        biased;
        exit = child.exited() => Some(exit.unwrap_or(Exit::Signal(Signal::KILL))),
        _ = dropped => None,
    };
    _ = child.kill_tree().await;
    if timeout(GONE, child.exited()).await.is_ok() {
        // Not reaped, it goes in the background.
        _ = child.reap();
    }
    let exit = exit.filter(|exit| *exit != Exit::Code(0))?;
    let words = timeout(GONE, words).await.map(Result::unwrap_or_default);
    let (out, err) = words.unwrap_or_default();
    let words = if err.trim().is_empty() { out } else { err };
    let last = words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    Some(if last.is_empty() { exit.to_string() } else { format!("{exit}: {last}") })
}

/// Reads to the end; keeps the last bytes.
async fn tail(reader: Option<impl AsyncRead + Unpin>) -> String {
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
