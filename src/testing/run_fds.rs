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

use super::pipe::{EndlessInput, Source, Writer, pipe};
use super::run::lock;
use super::scripted_fds::ScriptedFds;
use crate::spec::{StartError, StartErrorKind};
use crate::sys::{Launch, OutputFd, StdinTarget};

/// Pipes of which one end was passed to a command, and the other was not yet.
#[derive(Debug, Default)]
pub(super) struct SharedPipes(Mutex<HashMap<(u64, u64), SharedPipe>>);

/// The ends that nobody has taken yet.
#[derive(Debug)]
struct SharedPipe {
    write: Option<DuplexStream>,
    read: Option<DuplexStream>,
}

/// All ends of a run.
pub(super) struct RunFds {
    pub(super) theirs: ScriptedFds,
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
        let mut all = lock(&self.0);
        let joint = all.entry(id).or_insert_with(|| {
            let (write, read) = pipe();
            SharedPipe { write: Some(write), read: Some(read) }
        });
        let taken = end(joint);
        if joint.write.is_none() && joint.read.is_none() {
            all.remove(&id);
        }
        taken
    }

    /// Makes everything that was asked for.
    pub(super) fn wire(&self, launch: &Launch) -> Result<RunFds, StartError> {
        let (theirs_in, stdin) = self.input(&launch.stdin)?;
        let (theirs_out, stdout) = self.output(&launch.stdout, None)?;
        let (theirs_err, stderr) = self.output(&launch.stderr, Some(&theirs_out))?;
        let theirs =
            ScriptedFds { stdin: theirs_in, stdout: Some(theirs_out), stderr: Some(theirs_err) };
        Ok(RunFds { theirs, stdin, stdout, stderr })
    }

    fn input(
        &self,
        input: &StdinTarget,
    ) -> Result<(Option<Source>, Option<DuplexStream>), StartError> {
        let read =
            |pipe| Some(Source { reader: Box::new(BufReader::new(pipe)), is_recorded: true });
        Ok(match input {
            StdinTarget::Null | StdinTarget::Inherit => (None, None),
            StdinTarget::Open => {
                let reader = Box::new(BufReader::new(EndlessInput));
                (Some(Source { reader, is_recorded: false }), None)
            }
            StdinTarget::Pipe => {
                let (ours, theirs) = pipe();
                let reader = Box::new(BufReader::new(theirs));
                (Some(Source { reader, is_recorded: false }), Some(ours))
            }
            StdinTarget::Path(path) => {
                let unopened = |error| {
                    let name = path.to_string_lossy();
                    let message = format!("cannot open its input {name:?}: {error}");
                    StartError { kind: StartErrorKind::Other, message }
                };
                (Some(file(path).map_err(unopened)?), None)
            }
            StdinTarget::File(fd) => match joint(fd).map_err(|error| failed(&error))? {
                Ok(id) => (self.take(id, |joint| joint.read.take()).and_then(read), None),
                Err(mut file) => {
                    let mut bytes = Vec::new();
                    io::Read::read_to_end(&mut file, &mut bytes).map_err(|error| failed(&error))?;
                    (Some(Source { reader: Box::new(Cursor::new(bytes)), is_recorded: true }), None)
                }
            },
        })
    }

    fn output(
        &self,
        output: &OutputFd,
        stdout: Option<&Writer>,
    ) -> Result<(Writer, Option<DuplexStream>), StartError> {
        Ok(match output {
            // What a test prints is its own.
            OutputFd::Null | OutputFd::Inherit => (Writer::Nowhere, None),
            OutputFd::Stdout => (stdout.cloned().unwrap_or(Writer::Nowhere), None),
            OutputFd::Pipe => {
                let (theirs, ours) = pipe();
                (Writer::of(theirs), Some(ours))
            }
            OutputFd::File(fd) => match joint(fd).map_err(|error| failed(&error))? {
                Ok(id) => {
                    let end = self.take(id, |joint| joint.write.take());
                    (end.map_or(Writer::Nowhere, Writer::of), None)
                }
                Err(file) => (Writer::File(Arc::new(file)), None),
            },
        })
    }
}

/// The number of the pipe it is an end of, or else the file it is.
fn joint(fd: &OwnedFd) -> io::Result<Result<(u64, u64), File>> {
    let file = File::from(fd.try_clone()?);
    let meta = file.metadata()?;
    Ok(if meta.file_type().is_fifo() { Ok((meta.dev(), meta.ino())) } else { Err(file) })
}

/// A file that is read, opened as the real host does, at the start.
fn file(path: &Path) -> io::Result<Source> {
    if !std::fs::metadata(path)?.is_file() {
        let text =
            format!("{} is no regular file, which a scripted host could read", path.display());
        return Err(io::Error::other(text));
    }
    Ok(Source { reader: Box::new(Cursor::new(std::fs::read(path)?)), is_recorded: true })
}

fn failed(error: &io::Error) -> StartError {
    StartError { kind: StartErrorKind::Other, message: format!("its descriptors: {error}") }
}
