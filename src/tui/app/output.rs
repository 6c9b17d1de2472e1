//! What is done with the output, and with programs beside us.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::control::Control;
use crate::control::wire::{Asked, Given};
use crate::output::{Styles, safe_line, safe_name};
use crate::tui::msg::{Msg, Use, Wish};
use crate::tui::text;
use crate::tui::views::thousands;

/// All lines of these, done with as wished.
pub(super) async fn used(control: &impl Control, asked: Asked, used: Use) -> Msg {
    let lines = match all(control, asked, &used).await {
        Ok(lines) => lines,
        Err(text) => return Msg::Said(Err(text)),
    };
    match used {
        Use::Copy => Msg::Do(Wish::Copy(String::from_utf8_lossy(&lines).into_owned())),
        Use::Save(path) => Msg::Said(save(Path::new(&path), &lines)),
        Use::Pipe(command) => {
            let done = tokio::task::spawn_blocking(move || pipe(&command, &lines)).await;
            Msg::Said(done.unwrap_or_else(|error| Err(error.to_string())))
        }
        Use::Pager => match temporary(&lines) {
            Ok(file) => Msg::Do(Wish::Show(file)),
            Err(error) => Msg::Said(Err(format!("the pager: {error}"))),
        },
    }
}

/// The lines, byte for byte; made safe for what shows them on this terminal.
async fn all(control: &impl Control, asked: Asked, used: &Use) -> Result<Vec<u8>, String> {
    let mut flow = control.output(asked).await.map_err(|problem| problem.message)?;
    let mut all = Vec::new();
    while let Some(given) = flow.next().await {
        for given in given.map_err(|problem| problem.message)? {
            let Given::Line(line) = given else { continue };
            let bytes = line.bytes();
            match used {
                Use::Save(_) | Use::Pipe(_) => all.extend_from_slice(&bytes),
                Use::Copy => {
                    all.extend_from_slice(text::copied(&bytes).trim_end().as_bytes());
                    all.push(b'\n');
                }
                Use::Pager => {
                    let safe = safe_line(&bytes, Styles::Keep);
                    let name = safe_name(&line.name);
                    let line = format!("{name} | {}\x1b[0m\n", safe.trim_end_matches('\n'));
                    all.extend_from_slice(line.as_bytes());
                }
            }
        }
    }
    Ok(all)
}

fn save(path: &Path, lines: &[u8]) -> Result<String, String> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let path = match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    };
    let shown = safe_name(&path.display().to_string()).into_owned();
    // What is there already is somebody's.
    let opened = File::options().write(true).create_new(true).open(&path);
    let written = opened.and_then(|mut file| file.write_all(lines));
    match written {
        Ok(()) => {
            let count = lines.split(|byte| *byte == b'\n').count().saturating_sub(1) as u64;
            Ok(format!("saved {} lines to {shown}", thousands(count)))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(format!("{shown} is there already: save to another name"))
        }
        Err(error) => Err(format!("cannot save to {shown}: {error}")),
    }
}

/// Runs a command of the shell with the lines as its input; the first line it says is shown.
fn pipe(command: &str, lines: &[u8]) -> Result<String, String> {
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
            _ = input.map(|mut input| input.write_all(lines));
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
fn temporary(bytes: &[u8]) -> io::Result<PathBuf> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("pitcrew-{}-{number}.log", std::process::id());
    let path = std::env::temp_dir().join(name);
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(bytes)?;
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
    match temporary(text.as_bytes()) {
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
