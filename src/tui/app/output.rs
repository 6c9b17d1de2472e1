//! What is done with the output, and with programs beside us.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use memchr::memchr_iter;
use tokio::sync::mpsc;

use crate::control::Control;
use crate::control::wire::{Asked, Given, LineOf};
use crate::output::{Styles, safe_line, safe_name};
use crate::tui::msg::{Msg, Use, Wish};
use crate::tui::text;
use crate::tui::views::thousands;

/// Portions of the output that are on their way to who uses them.
const AHEAD: usize = 4;

/// All lines of these, done with as wished. What takes as much as it is given gets it in portions:
/// there may be more of it than anybody wants to have in memory.
pub(super) async fn used(control: &impl Control, asked: Asked, used: Use) -> Msg {
    match used {
        Use::Copy => {
            let all = |portions: Portions| Ok(portions.collect::<Vec<_>>().concat());
            match pour(control, asked, plain, all).await {
                Ok(lines) => Msg::Do(Wish::Copy(String::from_utf8_lossy(&lines).into_owned())),
                Err(text) => Msg::Said(Err(text)),
            }
        }
        Use::Save(path) => {
            let save = move |portions| save(Path::new(&path), portions);
            Msg::Said(pour(control, asked, raw, save).await)
        }
        Use::Pipe(command) => {
            let pipe = move |portions| pipe(&command, portions);
            Msg::Said(pour(control, asked, raw, pipe).await)
        }
        Use::Pager => {
            let file =
                |portions| temporary(portions).map_err(|error| format!("the pager: {error}"));
            match pour(control, asked, safe, file).await {
                Ok(file) => Msg::Do(Wish::Show(file)),
                Err(text) => Msg::Said(Err(text)),
            }
        }
    }
}

/// Output as it comes; ends with it.
struct Portions(mpsc::Receiver<Vec<u8>>);

impl Iterator for Portions {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        self.0.blocking_recv()
    }
}

/// Gives all lines, each made into what is wanted of it, to who works on a thread of its own. It
/// need not take all.
async fn pour<T: Send + 'static>(
    control: &impl Control,
    asked: Asked,
    made: fn(&LineOf, &mut Vec<u8>),
    into: impl FnOnce(Portions) -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let mut flow = control.output(asked).await.map_err(|problem| problem.message)?;
    let (sender, portions) = mpsc::channel(AHEAD);
    let work = tokio::task::spawn_blocking(move || into(Portions(portions)));
    let mut failed = None;
    while let Some(given) = flow.next().await {
        let mut portion = Vec::new();
        match given {
            Ok(given) => {
                let lines = given.iter().filter_map(|one| match one {
                    Given::Line(line) => Some(line),
                    Given::Missed { .. } => None,
                });
                lines.for_each(|line| made(line, &mut portion));
            }
            Err(problem) => failed = Some(problem.message),
        }
        if failed.is_some() || sender.send(portion).await.is_err() {
            break;
        }
    }
    drop(sender);
    let done = work.await.unwrap_or_else(|error| Err(error.to_string()))?;
    failed.map_or(Ok(done), Err)
}

/// Byte for byte.
fn raw(line: &LineOf, into: &mut Vec<u8>) {
    into.extend_from_slice(&line.bytes());
}

/// As it is read, without colours.
fn plain(line: &LineOf, into: &mut Vec<u8>) {
    into.extend_from_slice(text::copied(&line.bytes()).trim_end().as_bytes());
    into.push(b'\n');
}

/// For what shows it on this terminal.
fn safe(line: &LineOf, into: &mut Vec<u8>) {
    let bytes = line.bytes();
    let (text, name) = (safe_line(&bytes, Styles::Keep), safe_name(&line.name));
    let line = format!("{name} | {}\x1b[0m\n", text.trim_end_matches('\n'));
    into.extend_from_slice(line.as_bytes());
}

fn save(path: &Path, portions: Portions) -> Result<String, String> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let path = match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    };
    let shown = safe_name(&path.display().to_string()).into_owned();
    // What is there already is somebody's.
    let opened = File::options().write(true).create_new(true).open(&path);
    match opened.and_then(|mut file| written(&mut file, portions)) {
        Ok(count) => Ok(format!("saved {} lines to {shown}", thousands(count))),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(format!("{shown} is there already: save to another name"))
        }
        Err(error) => Err(format!("cannot save to {shown}: {error}")),
    }
}

/// Writes all; gives how many lines that were.
fn written(to: &mut impl io::Write, portions: impl Iterator<Item: AsRef<[u8]>>) -> io::Result<u64> {
    let mut lines = 0;
    for portion in portions {
        to.write_all(portion.as_ref())?;
        lines += memchr_iter(b'\n', portion.as_ref()).count() as u64;
    }
    Ok(lines)
}

/// Runs a command of the shell with the lines as its input; the first line it says is shown.
fn pipe(command: &str, portions: Portions) -> Result<String, String> {
    let failed = |error: io::Error| format!("{}: {error}", safe_name(command));
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let input = child.stdin.take();
    let output = std::thread::scope(|scope| {
        scope.spawn(|| {
            // It may want less than all.
            _ = input.map(|mut input| written(&mut input, portions));
        });
        child.wait_with_output()
    });
    let output = output.map_err(failed)?;
    let said = if output.stdout.is_empty() { &output.stderr } else { &output.stdout };
    let said = String::from_utf8_lossy(said);
    let first = safe_name(said.lines().next().unwrap_or_default()).into_owned();
    if output.status.success() {
        Ok(if first.is_empty() { "piped".to_owned() } else { first })
    } else {
        Err(format!("{}: {first}", output.status))
    }
}

/// A file nobody else can read.
fn temporary(portions: impl Iterator<Item: AsRef<[u8]>>) -> io::Result<PathBuf> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("pitcrew-{}-{number}.log", std::process::id());
    let path = std::env::temp_dir().join(name);
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
    written(&mut file, portions).inspect_err(|_| _ = std::fs::remove_file(&path))?;
    Ok(path)
}

/// Opens a file in the pager and takes it away.
pub(super) fn page(
    file: &Path,
    run: impl FnOnce(&mut Command) -> io::Result<ExitStatus>,
) -> io::Result<()> {
    let pager = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
    let pager = pager.unwrap_or_else(|| "less -R +G".to_owned());
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(format!("{pager} \"$1\"")).arg("sh").arg(file);
    let shown = run(&mut command);
    _ = std::fs::remove_file(file);
    match shown?.code() {
        Some(127) => Err(io::Error::other(format!("there is no `{}`", safe_name(&pager)))),
        _ => Ok(()),
    }
}

/// Gives a text to a command.
pub(super) fn feed(command: &[&str], text: &str) {
    let Some((program, args)) = command.split_first() else { return };
    let child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Ok(mut child) = child {
        _ = child.stdin.take().map(|mut input| input.write_all(text.as_bytes()));
        _ = child.wait();
    }
}

/// Keeps what is too long for the clipboard.
pub(super) fn keep(text: &str) -> Result<String, String> {
    match temporary(std::iter::once(text)) {
        Ok(path) => Ok(format!("too long for the clipboard: it is in {}", path.display())),
        Err(error) => Err(format!("too long for the clipboard, and cannot be kept: {error}")),
    }
}

/// Opens an address in the browser of the user.
pub(super) async fn browse(url: String) -> Msg {
    let open = move || {
        let command = std::env::var("BROWSER").unwrap_or_else(|_| "xdg-open".to_owned());
        let child = Command::new(&command)
            .arg(&url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match child {
            Ok(status) if status.success() => Ok(format!("opened {url}")),
            Ok(status) => Err(format!("{command} {url}: {status}")),
            Err(error) => Err(format!("{command}: {error}; the address is {url}")),
        }
    };
    let done = tokio::task::spawn_blocking(open).await;
    Msg::Said(done.unwrap_or_else(|error| Err(error.to_string())))
}
