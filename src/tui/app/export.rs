//! Exports lines of the project in portions, however many there are.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::control::wire::{OutputItem, OutputLine, OutputQuery};
use crate::control::{Control, ResponseStream};
use crate::output::{StyleMode, safe_line, safe_name};
use crate::spec::counted;
use crate::tui::msg::{Cmd, Msg, OutputAction};
use crate::tui::text;

/// Portions that are on their way and not taken.
const AHEAD: usize = 2;
/// What is copied is held up to here; more goes to a file.
const HELD: usize = 4 << 20;
/// What a command says is looked at up to here.
const SAID: u64 = 4096;

/// What is said where nothing is to be copied.
pub(super) const NOTHING: &str = "there is nothing to copy";

/// Bytes of lines, as they come. Whoever takes them may want no more.
pub(super) type LineBatches = mpsc::Receiver<Vec<u8>>;

/// How a line goes out.
#[derive(Debug, Clone, Copy)]
enum ExportFormat {
    /// Byte for byte.
    Whole,
    /// Without what is not text.
    Text,
    /// Safe for what shows it on this terminal, with its name.
    Safe,
}

impl ExportFormat {
    fn put(self, line: &OutputLine, all: &mut Vec<u8>) {
        let bytes = line.bytes();
        match self {
            Self::Whole => all.extend_from_slice(&bytes),
            Self::Text => {
                all.extend_from_slice(text::copied(&bytes).trim_end().as_bytes());
                all.push(b'\n');
            }
            Self::Safe => {
                let safe = safe_line(&bytes, StyleMode::Keep);
                let name = safe_name(&line.name);
                let line = format!("{name} | {}\x1b[0m\n", safe.trim_end_matches('\n'));
                all.extend_from_slice(line.as_bytes());
            }
        }
    }
}

/// All lines of these, done with as wished.
pub(super) async fn used(control: &impl Control, asked: OutputQuery, used: OutputAction) -> Msg {
    let flow = match control.output(asked).await {
        Ok(flow) => flow,
        Err(problem) => return Msg::Said(Err(problem.message)),
    };
    let (sender, portions) = channel();
    match used {
        OutputAction::Copy => held(pour(flow, ExportFormat::Text, sender), portions).await,
        OutputAction::Save(path) => {
            let taken = tokio::task::spawn_blocking(move || save(&at_home(&path), portions));
            Msg::Said(both(pour(flow, ExportFormat::Whole, sender), taken).await)
        }
        OutputAction::Pipe(command) => {
            let taken = tokio::task::spawn_blocking(move || pipe(&command, portions));
            Msg::Said(both(pour(flow, ExportFormat::Whole, sender), taken).await)
        }
        OutputAction::Pager => {
            let taken = tokio::task::spawn_blocking(move || {
                let written =
                    temporary().and_then(|(path, file)| rest(file, portions).map(|()| path));
                written.map_err(|error| format!("the pager: {error}"))
            });
            match both(pour(flow, ExportFormat::Safe, sender), taken).await {
                Ok(file) => Msg::Do(Cmd::Show(file)),
                Err(said) => Msg::Said(Err(said)),
            }
        }
    }
}

pub(super) fn channel() -> (mpsc::Sender<Vec<u8>>, LineBatches) {
    mpsc::channel(AHEAD)
}

/// What is poured goes to the clipboard, or to a file where it is too long.
pub(super) async fn held(
    poured: impl Future<Output = Result<(), String>>,
    portions: LineBatches,
) -> Msg {
    let taken = tokio::task::spawn_blocking(|| hold(portions, HELD, temporary));
    match both(poured, taken).await {
        Ok(ExportBuffer::Text(text)) if text.is_empty() => Msg::Said(Err(NOTHING.to_owned())),
        Ok(ExportBuffer::Text(text)) => {
            Msg::Do(Cmd::Copy(String::from_utf8_lossy(&text).into_owned()))
        }
        Ok(ExportBuffer::File(path)) => Msg::Said(Ok(too_long(&path))),
        Err(said) => Msg::Said(Err(said)),
    }
}

/// What is said of a text that is in a file instead.
pub(super) fn too_long(path: &Path) -> String {
    format!("too long for the clipboard: it is in {}", path.display())
}

/// What came of it, unless those who pour had something to say.
async fn both<T>(
    poured: impl Future<Output = Result<(), String>>,
    taken: JoinHandle<Result<T, String>>,
) -> Result<T, String> {
    let poured = poured.await;
    let taken = taken.await.map_err(|error| error.to_string())?;
    poured.and(taken)
}

async fn pour(
    mut flow: ResponseStream<Vec<OutputItem>>,
    shape: ExportFormat,
    portions: mpsc::Sender<Vec<u8>>,
) -> Result<(), String> {
    while let Some(given) = flow.next().await {
        let mut portion = Vec::new();
        for given in given.map_err(|problem| problem.message)? {
            if let OutputItem::Line(line) = given {
                shape.put(&line, &mut portion);
            }
        }
        if portions.send(portion).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Writes down all that is left.
fn rest(mut file: File, mut portions: LineBatches) -> io::Result<()> {
    while let Some(portion) = portions.blocking_recv() {
        file.write_all(&portion)?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum ExportBuffer {
    Text(Vec<u8>),
    /// It is more than is held.
    File(PathBuf),
}

/// Holds a text; one of more bytes than `most` goes to a file.
fn hold(
    mut portions: LineBatches,
    most: usize,
    open: impl FnOnce() -> io::Result<(PathBuf, File)>,
) -> Result<ExportBuffer, String> {
    let mut text = Vec::new();
    while text.len() <= most {
        match portions.blocking_recv() {
            Some(portion) => text.extend_from_slice(&portion),
            None => return Ok(ExportBuffer::Text(text)),
        }
    }
    let written = open().and_then(|(path, mut file)| {
        file.write_all(&text)?;
        rest(file, portions)?;
        Ok(ExportBuffer::File(path))
    });
    written.map_err(|error| format!("too long for the clipboard, and cannot be kept: {error}"))
}

fn at_home(path: &str) -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    match (Path::new(path).strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

fn save(path: &Path, mut portions: LineBatches) -> Result<String, String> {
    let shown = safe_name(&path.display().to_string()).into_owned();
    let mut count = 0;
    // What is there already is somebody's.
    let opened = File::options().write(true).create_new(true).open(path);
    let written = opened.and_then(|mut file| {
        while let Some(portion) = portions.blocking_recv() {
            file.write_all(&portion)?;
            count += portion.split(|byte| *byte == b'\n').count().saturating_sub(1) as u64;
        }
        Ok(())
    });
    match written {
        Ok(()) => Ok(format!("saved {} to {shown}", counted(count, "line"))),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(format!("{shown} is there already: save to another name"))
        }
        Err(error) => Err(format!("cannot save to {shown}: {error}")),
    }
}

/// Runs a command of the shell with the lines as its input; the first line it says is shown.
fn pipe(command: &str, mut portions: LineBatches) -> Result<String, String> {
    let failed = |error: io::Error| format!("{}: {error}", safe_name(command));
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let (input, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let said = std::thread::scope(|scope| {
        let out = scope.spawn(|| out.map(first_line).unwrap_or_default());
        let err = scope.spawn(|| err.map(first_line).unwrap_or_default());
        if let Some(mut input) = input {
            // It may want less than all.
            while let Some(portion) = portions.blocking_recv()
                && input.write_all(&portion).is_ok()
            {}
        }
        drop(portions);
        let said = [out, err].map(|line| line.join().unwrap_or_default());
        said.into_iter().find(|line| !line.is_empty()).unwrap_or_default()
    });
    let status = child.wait().map_err(failed)?;
    if status.success() {
        Ok(if said.is_empty() { "piped".to_owned() } else { said })
    } else {
        Err(format!("{status}: {said}"))
    }
}

/// The first line, safe to be shown; the rest is read and let go.
fn first_line(output: impl Read) -> String {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    _ = output.by_ref().take(SAID).read_until(b'\n', &mut line);
    _ = io::copy(&mut output, &mut io::sink());
    safe_name(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r'])).into_owned()
}

/// A file nobody else can read.
pub(super) fn temporary() -> io::Result<(PathBuf, File)> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("pitcrew-{}-{number}.log", std::process::id());
    let path = std::env::temp_dir().join(name);
    let file = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
    Ok((path, file))
}

#[cfg(test)]
mod tests;
