//! The descriptors of a scripted process, and the steps that use them.

use std::io;
use std::pin::Pin;

use tokio::io::AsyncBufReadExt;
use tokio::time::Sleep;

use super::pipe::{Source, Writer};
use super::run::RunState;
use super::script::Step;
use crate::output::Stream;

/// The descriptors of a process.
pub(super) struct ScriptedFds {
    pub(super) stdin: Option<Source>,
    pub(super) stdout: Option<Writer>,
    pub(super) stderr: Option<Writer>,
}

/// How far it is with the step at hand, so that a signal can come in the midst of one.
#[derive(Default)]
pub(super) struct StepProgress {
    sleep: Option<Pin<Box<Sleep>>>,
    written: usize,
    carried: Vec<u8>,
}

impl ScriptedFds {
    /// Does a step, or goes on with it. Cancel safe.
    pub(super) async fn perform(
        &mut self,
        step: Step,
        now: &mut StepProgress,
        run: &RunState,
    ) -> io::Result<()> {
        match step {
            Step::Print(stream, bytes) => self.print(stream, &bytes, &mut now.written).await?,
            Step::Wait(duration) => {
                let sleep = || Box::pin(tokio::time::sleep(duration));
                now.sleep.get_or_insert_with(sleep).await;
            }
            Step::HoldUntil(gate) => gate.opened().await,
            Step::Open(gate) => gate.open(),
            Step::ReadLine => while self.read(run, ReadGoal::Line).await.has_more() {},
            Step::ReadAll => while self.read(run, ReadGoal::All).await.has_more() {},
            Step::Echo => loop {
                self.print(Stream::Out, &now.carried, &mut now.written).await?;
                let read = self.read(run, ReadGoal::All).await;
                if !read.has_more() {
                    break;
                }
                (now.carried, now.written) = (read.bytes, 0);
            },
            Step::Close(Stream::Out) => self.stdout = None,
            Step::Close(Stream::Err) => self.stderr = None,
            // Done by the actor, which has everything that it needs.
            Step::Leave(_) => {}
        }
        Ok(())
    }

    /// Prints what is left of it.
    async fn print(&self, stream: Stream, bytes: &[u8], written: &mut usize) -> io::Result<()> {
        let end = match stream {
            Stream::Out => &self.stdout,
            Stream::Err => &self.stderr,
        };
        // That it is closed is nobody's concern here.
        let Some(end) = end else { return Ok(()) };
        while let Some(rest) = bytes.get(*written..).filter(|rest| !rest.is_empty()) {
            *written += end.write(rest).await?;
        }
        Ok(())
    }

    async fn read(&mut self, run: &RunState, reach: ReadGoal) -> ReadResult {
        let Some(Source { reader, is_recorded }) = &mut self.stdin else {
            return ReadResult::default();
        };
        // An input that cannot be read any more has ended.
        let there = reader.fill_buf().await.unwrap_or_default();
        let is_line = |byte: &u8| reach == ReadGoal::Line && *byte == b'\n';
        let newline = there.iter().position(is_line);
        let bytes = there.get(..newline.map_or(there.len(), |at| at + 1)).unwrap_or_default();
        let read =
            ReadResult { bytes: bytes.to_vec(), is_done: bytes.is_empty() || newline.is_some() };
        reader.consume(read.bytes.len());
        if *is_recorded {
            run.note_input(&read.bytes);
            if read.bytes.is_empty() {
                run.note_input_closed();
            }
        }
        read
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ReadGoal {
    Line,
    All,
}

/// What was read at once.
struct ReadResult {
    bytes: Vec<u8>,
    is_done: bool,
}

impl Default for ReadResult {
    fn default() -> Self {
        Self { bytes: Vec::new(), is_done: true }
    }
}

impl ReadResult {
    fn has_more(&self) -> bool {
        !self.is_done
    }
}
