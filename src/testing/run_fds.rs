//! Descriptors of a scripted run: pipes in memory, files, and shared pipes of a pipeline.
//!
//! A system pipe that connects two commands never carries data here: both ends are recognised by its
//! inode, and connected in memory. So paused time also works with pipelines.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Cursor};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::io::{BufReader, DuplexStream};

use super::pipe::{EndlessInput, ScriptInput, ScriptOutput, pipe};
use super::run::lock;
use super::scripted_fds::ScriptedFds;
use crate::spec::{StartError, StartErrorKind};
use crate::sys::{Launch, OutputFd, StdinTarget};

/// Pipes of which one end was passed to a command, and the other was not yet.
#[derive(Debug, Default)]
pub(super) struct SharedPipes(Mutex<HashMap<(u64, u64), SharedPipe>>);

/// The ends that were not taken yet.
#[derive(Debug)]
struct SharedPipe {
    write: Option<DuplexStream>,
    read: Option<DuplexStream>,
}

/// Both sides of the descriptors of a run.
pub(super) struct RunFds {
    pub(super) scripted: ScriptedFds,
    pub(super) stdin: Option<DuplexStream>,
    pub(super) stdout: Option<DuplexStream>,
    pub(super) stderr: Option<DuplexStream>,
}

impl SharedPipes {
    fn take(
        &self,
        id: (u64, u64),
        end: impl Fn(&mut SharedPipe) -> Option<DuplexStream>,
    ) -> Option<DuplexStream> {
        let mut pipes = lock(&self.0);
        let shared = pipes.entry(id).or_insert_with(|| {
            let (write, read) = pipe();
            SharedPipe { write: Some(write), read: Some(read) }
        });
        let taken = end(shared);
        if shared.write.is_none() && shared.read.is_none() {
            pipes.remove(&id);
        }
        taken
    }

    /// Creates the descriptors of a launch.
    pub(super) fn connect(&self, launch: &Launch) -> Result<RunFds, StartError> {
        if launch.terminal.is_some() {
            return Ok(terminal());
        }
        let (input, stdin) = self.input(&launch.stdin)?;
        let (out, stdout) = self.output(&launch.stdout, None)?;
        let (err, stderr) = self.output(&launch.stderr, Some(&out))?;
        let scripted = ScriptedFds::new(input, Some(out), Some(err));
        Ok(RunFds { scripted, stdin, stdout, stderr })
    }

    fn input(
        &self,
        input: &StdinTarget,
    ) -> Result<(Option<ScriptInput>, Option<DuplexStream>), StartError> {
        let (script, ours) = match input {
            StdinTarget::Null | StdinTarget::Inherit => (None, None),
            StdinTarget::Open => (Some(ScriptInput::unrecorded(EndlessInput)), None),
            StdinTarget::Pipe => {
                let (ours, theirs) = pipe();
                (Some(ScriptInput::unrecorded(theirs)), Some(ours))
            }
            StdinTarget::Path(path) => {
                let bytes = read_file(path).map_err(|error| {
                    other(format!("cannot open its input {:?}: {error}", path.to_string_lossy()))
                })?;
                (Some(ScriptInput::recorded(Cursor::new(bytes))), None)
            }
            StdinTarget::File(fd) => match pipe_id(fd).map_err(|error| failed(&error))? {
                Ok(id) => {
                    let pipe = self.take(id, |shared| shared.read.take());
                    (pipe.map(|pipe| ScriptInput::recorded(BufReader::new(pipe))), None)
                }
                Err(mut file) => {
                    let mut bytes = Vec::new();
                    io::Read::read_to_end(&mut file, &mut bytes).map_err(|error| failed(&error))?;
                    (Some(ScriptInput::recorded(Cursor::new(bytes))), None)
                }
            },
        };
        Ok((script, ours))
    }

    fn output(
        &self,
        output: &OutputFd,
        stdout: Option<&ScriptOutput>,
    ) -> Result<(ScriptOutput, Option<DuplexStream>), StartError> {
        let (script, ours) = match output {
            // The output of the test itself is not touched.
            OutputFd::Null | OutputFd::Inherit => (None, None),
            OutputFd::Stdout => (stdout.cloned(), None),
            OutputFd::Pipe => {
                let (theirs, ours) = pipe();
                (Some(theirs.into()), Some(ours))
            }
            OutputFd::File(fd) => match pipe_id(fd).map_err(|error| failed(&error))? {
                Ok(id) => (self.take(id, |shared| shared.write.take()).map(Into::into), None),
                Err(file) => (Some(ScriptOutput::File(Arc::new(file))), None),
            },
        };
        Ok((script.unwrap_or(ScriptOutput::Nowhere), ours))
    }
}

/// Creates a terminal: its output is one pipe, its input another.
fn terminal() -> RunFds {
    let (theirs, stdout) = pipe();
    let (stdin, input) = pipe();
    let output = ScriptOutput::from(theirs);
    let mut scripted =
        ScriptedFds::new(Some(ScriptInput::unrecorded(input)), Some(output.clone()), Some(output));
    scripted.is_terminal = true;
    RunFds { scripted, stdin: Some(stdin), stdout: Some(stdout), stderr: None }
}

/// Returns the device and inode of a pipe; those of a file if the descriptor is not a pipe.
fn pipe_id(fd: &OwnedFd) -> io::Result<Result<(u64, u64), File>> {
    let file = File::from(fd.try_clone()?);
    let meta = file.metadata()?;
    Ok(if meta.file_type().is_fifo() { Ok((meta.dev(), meta.ino())) } else { Err(file) })
}

/// Reads a file at the start, when the real host opens it.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        let text =
            format!("{} is not a regular file; a scripted host reads only those", path.display());
        return Err(io::Error::other(text));
    }
    std::fs::read(path)
}

fn failed(error: &io::Error) -> StartError {
    other(format!("its descriptors: {error}"))
}

fn other(message: String) -> StartError {
    StartError { kind: StartErrorKind::Other, message }
}
