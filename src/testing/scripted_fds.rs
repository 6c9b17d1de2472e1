//! The descriptors of a scripted process, and the steps that use them.

use std::io;
use std::pin::Pin;

use tokio::io::AsyncBufReadExt;
use tokio::time::Sleep;

use super::pipe::{ScriptInput, ScriptOutput};
use super::run::RunState;
use super::script::ScriptStep;
use crate::output::Stream;

pub(super) struct ScriptedFds {
    pub(super) stdin: Option<ScriptInput>,
    pub(super) stdout: Option<ScriptOutput>,
    pub(super) stderr: Option<ScriptOutput>,
    /// Whether they are a terminal, which makes `\r\n` of each newline that is printed, and in which Enter
    /// (`\r`) ends a line. What is typed is neither echoed nor edited.
    pub(super) is_terminal: bool,
    /// The process that reads the input.
    pub(super) pid: u32,
}

/// The progress of the current step, so that a signal can interrupt it.
#[derive(Default)]
pub(super) struct StepProgress {
    sleep: Option<Pin<Box<Sleep>>>,
    written: usize,
    /// Bytes that were read and are to be echoed.
    echo: Vec<u8>,
}

impl ScriptedFds {
    pub(super) fn new(
        stdin: Option<ScriptInput>,
        stdout: Option<ScriptOutput>,
        stderr: Option<ScriptOutput>,
    ) -> Self {
        Self { stdin, stdout, stderr, is_terminal: false, pid: 0 }
    }

    /// Performs a step, or continues it. Cancel safe.
    pub(super) async fn perform(
        &mut self,
        step: ScriptStep,
        progress: &mut StepProgress,
        run: &RunState,
    ) -> io::Result<()> {
        match step {
            ScriptStep::Print(stream, bytes) => {
                self.print(stream, &bytes, &mut progress.written).await?;
            }
            ScriptStep::Wait(duration) => {
                let sleep = || Box::pin(tokio::time::sleep(duration));
                progress.sleep.get_or_insert_with(sleep).await;
            }
            ScriptStep::HoldUntil(gate) => gate.opened().await,
            ScriptStep::Open(gate) => gate.open(),
            ScriptStep::ReadLine => while self.read(run, true).await.is_some() {},
            ScriptStep::ReadAll => while self.read(run, false).await.is_some() {},
            ScriptStep::Echo => loop {
                self.print(Stream::Out, &progress.echo, &mut progress.written).await?;
                let Some(bytes) = self.read(run, false).await else { break };
                (progress.echo, progress.written) = (bytes, 0);
            },
            ScriptStep::Close(Stream::Out) => self.stdout = None,
            ScriptStep::Close(Stream::Err) => self.stderr = None,
            // Handled by the script runner.
            ScriptStep::Leave(_) => {}
        }
        Ok(())
    }

    /// Prints the bytes that are not written yet.
    async fn print(&self, stream: Stream, bytes: &[u8], written: &mut usize) -> io::Result<()> {
        let output = match stream {
            Stream::Out => &self.stdout,
            Stream::Err => &self.stderr,
        };
        // Printing to an output that the script has closed has no effect.
        let Some(output) = output else { return Ok(()) };
        let translated;
        let bytes = if self.is_terminal {
            translated = with_carriage_returns(bytes);
            &translated
        } else {
            bytes
        };
        while let Some(rest) = bytes.get(*written..).filter(|rest| !rest.is_empty()) {
            *written += output.write(rest).await?;
        }
        Ok(())
    }

    /// Reads the available bytes, `by_line` up to the end of the line; `None` at that end, or at
    /// the end of the input.
    async fn read(&mut self, run: &RunState, by_line: bool) -> Option<Vec<u8>> {
        let ScriptInput { reader, is_recorded } = self.stdin.as_mut()?;
        // An input that cannot be read any more has ended.
        let guard = run.begin_read(self.pid);
        let available = reader.fill_buf().await.unwrap_or_default();
        drop(guard);
        let is_end = |byte: &u8| *byte == b'\n' || self.is_terminal && *byte == b'\r';
        let newline = available.iter().position(|byte| by_line && is_end(byte));
        let length = newline.map_or(available.len(), |index| index + 1);
        let bytes = available.get(..length).unwrap_or_default().to_vec();
        reader.consume(length);
        if *is_recorded {
            run.note_input(&bytes);
            if bytes.is_empty() {
                run.note_input_closed();
            }
        }
        (newline.is_none() && !bytes.is_empty()).then_some(bytes)
    }
}

/// Translates output as the kernel does for a terminal.
fn with_carriage_returns(bytes: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    lines.join(b"\r\n".as_slice())
}
