//! The connection to the terminal that is shown.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::tasks::Tasks;
use crate::control::wire::ViewerMessage;
use crate::control::{Control, ControlError, TerminalStream};
use crate::tui::msg::{Msg, TerminalEvent};

/// Messages that the project has not taken yet. More are refused, so that nothing grows without end.
const QUEUE: usize = 1024;
/// The pause before a connection that has failed is opened again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The open terminal; closed when this is dropped.
#[derive(Debug)]
pub(super) struct TerminalLink {
    messages: mpsc::Sender<ViewerMessage>,
    task: AbortHandle,
}

impl Drop for TerminalLink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl TerminalLink {
    /// Opens the terminal of a process.
    pub(super) fn open<C: Control + Clone + 'static>(
        tasks: &Tasks<C>,
        stream: u64,
        name: String,
    ) -> Self {
        let (messages, receiver) = mpsc::channel(QUEUE);
        let task = tasks.spawn_with(async move |control, sender| {
            follow(&control, &sender, stream, &name, receiver).await;
        });
        Self { messages, task }
    }

    /// Sends a message; false if the project does not take what was sent before.
    pub(super) fn send(&self, message: ViewerMessage) -> bool {
        self.messages.try_send(message).is_ok()
    }
}

/// Connects to a terminal, again and again if the connection fails, and passes messages on in both
/// directions.
async fn follow(
    control: &impl Control,
    sender: &mpsc::Sender<Msg>,
    stream: u64,
    name: &str,
    mut messages: mpsc::Receiver<ViewerMessage>,
) {
    loop {
        let problem = match control.terminal(name).await {
            Ok(terminal) => {
                let event = Msg::Terminal(stream, TerminalEvent::Opened);
                if sender.send(event).await.is_err() {
                    return;
                }
                relay(terminal, sender, stream, &mut messages).await
            }
            Err(problem) => problem,
        };
        let event = Msg::Terminal(stream, TerminalEvent::Lost(problem.message));
        if sender.send(event).await.is_err() {
            return;
        }
        tokio::time::sleep(RETRY_AFTER).await;
        // What was typed for the connection that has failed is not typed into the next one.
        while messages.try_recv().is_ok() {}
    }
}

/// Passes messages on until the connection fails. Both directions are independent, so that a project
/// that sends a frame is not waited for by one that gets a long paste.
async fn relay(
    terminal: TerminalStream,
    events: &mpsc::Sender<Msg>,
    stream: u64,
    messages: &mut mpsc::Receiver<ViewerMessage>,
) -> ControlError {
    let TerminalStream { mut sender, mut receiver } = terminal;
    let writing = async {
        while let Some(message) = messages.recv().await {
            sender.send(&message).await?;
        }
        Ok::<_, ControlError>(())
    };
    let reading = async {
        while let Some(message) = receiver.next().await? {
            let event = Msg::Terminal(stream, TerminalEvent::Message(message));
            if events.send(event).await.is_err() {
                break;
            }
        }
        Ok::<_, ControlError>(())
    };
    let result = tokio::select! {
        result = writing => result,
        result = reading => result,
    };
    result.err().unwrap_or_else(ControlError::ended)
}
