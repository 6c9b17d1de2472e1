//! Exports output in chunks of bounded size, to the clipboard, a file, a command or the pager.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::control::wire::{OutputItem, OutputLine, OutputQuery};
use crate::control::{Control, ResponseStream};
use crate::output::{StyleMode, safe_line, safe_name};
use crate::spec::{counted, io_error_text};
use crate::tui::msg::{Cmd, ExportTarget, Msg, NOTHING_TO_COPY};
use crate::tui::text;

/// Capacity of the queue of chunks.
const QUEUE: usize = 2;
/// Most bytes that are collected for the clipboard; a longer text goes to a file.
const CLIPBOARD_LIMIT: usize = 4 << 20;
/// Most bytes that are read of the first line that a command prints.
const FIRST_LINE_LIMIT: u64 = 4096;

/// The form of exported lines.
#[derive(Debug, Clone, Copy)]
enum ExportFormat {
    /// Byte for byte.
    Whole,
    /// Without escape sequences.
    Text,
    /// Safe for this terminal, with the name of the process.
    Safe,
}

impl ExportFormat {
    fn write(self, line: &OutputLine, chunk: &mut Vec<u8>) {
        let bytes = line.bytes();
        match self {
            Self::Whole => chunk.extend_from_slice(&bytes),
            Self::Text => {
                chunk.extend_from_slice(text::copied(&bytes).trim_end().as_bytes());
                chunk.push(b'\n');
            }
            Self::Safe => {
                let safe = safe_line(&bytes, StyleMode::Keep);
                let name = safe_name(&line.name);
                let line = format!("{name} | {}\x1b[0m\n", safe.trim_end_matches('\n'));
                chunk.extend_from_slice(line.as_bytes());
            }
        }
    }
}

/// Exports all lines of a query.
pub(super) async fn export(
    control: &impl Control,
    query: OutputQuery,
    target: ExportTarget,
) -> Msg {
    let stream = match control.output(query).await {
        Ok(stream) => stream,
        Err(problem) => return Msg::Notice(Err(problem.message)),
    };
    let (sender, chunks) = channel();
    match target {
        ExportTarget::Copy => to_clipboard(read(stream, ExportFormat::Text, sender), chunks).await,
        ExportTarget::Save(path) => {
            let consumer = spawn_blocking(move || save(&expand_home(&path), chunks));
            Msg::Notice(join(read(stream, ExportFormat::Whole, sender), consumer).await)
        }
        ExportTarget::Pipe(command) => {
            let consumer = spawn_blocking(move || pipe(&command, chunks));
            Msg::Notice(join(read(stream, ExportFormat::Whole, sender), consumer).await)
        }
        ExportTarget::Pager => {
            let consumer = spawn_blocking(move || {
                let path = temporary_file()
                    .and_then(|(path, file)| write_all(file, chunks).map(|()| path));
                path.map_err(|error| format!("cannot run the pager: {}", io_error_text(&error)))
            });
            match join(read(stream, ExportFormat::Safe, sender), consumer).await {
                Ok(file) => Msg::Perform(Cmd::Page(file)),
                Err(text) => Msg::Notice(Err(text)),
            }
        }
    }
}

pub(super) fn channel() -> (Sender<Vec<u8>>, Receiver<Vec<u8>>) {
    mpsc::channel(QUEUE)
}

/// Copies the text that the producer sends, or saves it to a file if it is too long for the
/// clipboard.
pub(super) async fn to_clipboard(
    producer: impl Future<Output = Result<(), String>>,
    chunks: Receiver<Vec<u8>>,
) -> Msg {
    let consumer = spawn_blocking(|| collect(chunks, CLIPBOARD_LIMIT, temporary_file));
    match join(producer, consumer).await {
        Ok(ExportBuffer::Text(text)) if text.is_empty() => {
            Msg::Notice(Err(NOTHING_TO_COPY.to_owned()))
        }
        Ok(ExportBuffer::Text(text)) => {
            Msg::Perform(Cmd::Copy(String::from_utf8_lossy(&text).into_owned()))
        }
        Ok(ExportBuffer::File(path)) => Msg::Notice(Ok(too_long(&path))),
        Err(text) => Msg::Notice(Err(text)),
    }
}

/// The message if a text can be neither copied nor saved.
pub(super) fn cannot_save_too_long(error: &io::Error) -> String {
    format!("too long for the clipboard, and cannot be saved: {}", io_error_text(error))
}

pub(super) fn too_long(path: &Path) -> String {
    format!("too long for the clipboard: it is in {}", path.display())
}

/// Returns the result of the consumer, or the error of the producer.
async fn join<T>(
    producer: impl Future<Output = Result<(), String>>,
    consumer: JoinHandle<Result<T, String>>,
) -> Result<T, String> {
    let read = producer.await;
    let result = consumer.await.map_err(|error| error.to_string())?;
    read.and(result)
}

/// Sends the lines of a stream, until the consumer has enough.
async fn read(
    mut stream: ResponseStream<Vec<OutputItem>>,
    format: ExportFormat,
    chunks: Sender<Vec<u8>>,
) -> Result<(), String> {
    while let Some(items) = stream.next().await {
        let mut chunk = Vec::new();
        for item in items.map_err(|problem| problem.message)? {
            if let OutputItem::Line(line) = item {
                format.write(&line, &mut chunk);
            }
        }
        if chunks.send(chunk).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn write_all(mut file: File, mut chunks: Receiver<Vec<u8>>) -> io::Result<()> {
    while let Some(chunk) = chunks.blocking_recv() {
        file.write_all(&chunk)?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum ExportBuffer {
    Text(Vec<u8>),
    /// The text is longer than the limit.
    File(PathBuf),
}

/// Collects a text; one of more than `limit` bytes goes to a file.
fn collect(
    mut chunks: Receiver<Vec<u8>>,
    limit: usize,
    open: impl FnOnce() -> io::Result<(PathBuf, File)>,
) -> Result<ExportBuffer, String> {
    let mut text = Vec::new();
    while text.len() <= limit {
        match chunks.blocking_recv() {
            Some(chunk) => text.extend_from_slice(&chunk),
            None => return Ok(ExportBuffer::Text(text)),
        }
    }
    let saved = open().and_then(|(path, mut file)| {
        file.write_all(&text)?;
        write_all(file, chunks)?;
        Ok(ExportBuffer::File(path))
    });
    saved.map_err(|error| cannot_save_too_long(&error))
}

fn expand_home(path: &str) -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    match (Path::new(path).strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

fn save(path: &Path, mut chunks: Receiver<Vec<u8>>) -> Result<String, String> {
    let shown = safe_name(&path.display().to_string()).into_owned();
    let mut count = 0;
    // An existing file is never overwritten.
    let saved = File::create_new(path).and_then(|mut file| {
        while let Some(chunk) = chunks.blocking_recv() {
            file.write_all(&chunk)?;
            count += memchr::memchr_iter(b'\n', &chunk).count();
        }
        Ok(())
    });
    match saved {
        Ok(()) => Ok(format!("saved {} to {shown}", counted(count, "line"))),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(format!("{shown} already exists; choose another name"))
        }
        Err(error) => Err(format!("cannot save to {shown}: {}", io_error_text(&error))),
    }
}

/// Runs a shell command with the lines as its input, and returns the first line that it prints.
fn pipe(command: &str, mut chunks: Receiver<Vec<u8>>) -> Result<String, String> {
    let failed = |error: io::Error| format!("{}: {}", safe_name(command), io_error_text(&error));
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let (input, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let printed = std::thread::scope(|scope| {
        let out = scope.spawn(|| out.map(first_line).unwrap_or_default());
        let err = scope.spawn(|| err.map(first_line).unwrap_or_default());
        if let Some(mut input) = input {
            // The command may read less than everything.
            while let Some(chunk) = chunks.blocking_recv()
                && input.write_all(&chunk).is_ok()
            {}
        }
        drop(chunks);
        let lines = [out, err].map(|line| line.join().unwrap_or_default());
        lines.into_iter().find(|line| !line.is_empty()).unwrap_or_default()
    });
    let status = child.wait().map_err(failed)?;
    if status.success() {
        Ok(if printed.is_empty() { "piped".to_owned() } else { printed })
    } else {
        Err(format!("{status}: {printed}"))
    }
}

/// Returns the first line, safe to be shown; the rest is read and discarded.
fn first_line(output: impl Read) -> String {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    _ = output.by_ref().take(FIRST_LINE_LIMIT).read_until(b'\n', &mut line);
    _ = io::copy(&mut output, &mut io::sink());
    safe_name(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r'])).into_owned()
}

/// Creates a file that only this user can read.
pub(super) fn temporary_file() -> io::Result<(PathBuf, File)> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("pitcrew-{}-{number}.log", std::process::id());
    let path = std::env::temp_dir().join(name);
    let file = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
    Ok((path, file))
}

#[cfg(test)]
mod tests;
