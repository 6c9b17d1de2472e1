//! Terminals of a running project: `cargo bench --bench terminals`. The rate of `cat` with screen, store and
//! log file; the delay from a key to its echo on a viewer's screen; terminals without a viewer; and the cost
//! of a viewer while nothing changes.
//!
//! `MB` in the environment sets the amount for `cat`. The bare loop reads a terminal and writes a file, with
//! no screen and no store: it shows the limit of the kernel's terminals on this machine.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pitcrew::control::wire::{TerminalMessage, ViewerMessage};
use pitcrew::control::{Client, Control as _, TerminalStream};
use pitcrew::sys::pty::Pty;
use pitcrew::terminal::key::{KeyCode, KeyEvent, Modifiers};
use pitcrew::terminal::{Size, View};
use rustix::event::{PollFd, PollFlags, poll};

#[expect(dead_code, reason = "each program uses its part of it")]
mod support;
use support::{
    Budget, Held, Project, beside, head, managers, median, now, pause, percentile, processor_nanos,
    row, until,
};

/// Keys whose echo is measured.
const KEYS: usize = 300;
/// Terminals that nobody looks at.
const TERMINALS: usize = 50;
/// How long nothing changes, in seconds.
const IDLE: u64 = 5;

fn main() -> io::Result<()> {
    cat()?;
    unseen()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(viewer())
}

/// A file of `MB` megabytes of 80-byte lines.
fn text(folder: &Path) -> io::Result<(PathBuf, u64)> {
    let megabytes: u64 = std::env::var("MB").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    let path = folder.join("text");
    let mut file = io::BufWriter::new(File::create(&path)?);
    let lines = megabytes * 1_000_000 / 80;
    for number in 0..lines {
        writeln!(file, "{number:>9} {:x<69}", "")?;
    }
    file.flush()?;
    Ok((path, lines * 80))
}

fn cat() -> io::Result<()> {
    let runs = support::runs(3);
    let (mut ours, mut bare, mut wrong) = (Vec::new(), Vec::new(), 0);
    for _ in 0..runs {
        let project = Project::new("")?;
        let (path, size) = text(project.path(".").as_path())?;
        let path = path.display();
        let procfile = format!(
            "[project]\nlog = {{ dir = \"logs\", max_size = \"10GiB\" }}\n\
             [process.a]\ntty = true\ncommand = \"stty -opost; sleep 0.3; date +%s.%N > started; \
             cat '{path}'; date +%s.%N > ended; exec sleep 1000\"\n"
        );
        std::fs::write(project.path("procfile.toml"), procfile)?;
        let held = Held::start(&mut project.up(&["--quiet"]))?;
        let log = project.path("logs/a.log");
        let length = || std::fs::metadata(&log).map_or(0, |data| data.len());
        until(120, 5, || length() >= size);
        let complete = support::wall();
        let started = std::fs::read_to_string(project.path("started"))?;
        let started: f64 = started.trim().parse().map_err(io::Error::other)?;
        ours.push(size as f64 / 1e6 / (complete - started));
        drop(held);
        wrong += usize::from(std::fs::read(&log)? != std::fs::read(project.path("text"))?);
        bare.push(bare_loop(&project.path("text"), &project.path("copy"), size)?);
    }
    head("cat in a terminal, with screen, store and log file", runs);
    let ours = median(ours);
    beside("rate", ours, "MB/s", ("bare loop", Some(median(bare))), Budget::Least(50.0));
    row("runs whose log is not exact", wrong as f64, "", Budget::Most(0.0));
    Ok(())
}

/// Megabytes per second of `cat` in a terminal whose output is only written to a file.
fn bare_loop(from: &Path, to: &Path, size: u64) -> io::Result<f64> {
    let Pty { master, slave } = Pty::open(Size::default())?;
    let start = now();
    let mut child = Command::new("setsid")
        .args(["--ctty", "--wait", "sh", "-c", "stty -opost; exec cat \"$0\""])
        .arg(from)
        .stdin(slave.try_clone()?)
        .stdout(slave.try_clone()?)
        .stderr(slave)
        .spawn()?;
    let mut copy = File::create(to)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match rustix::io::read(&master, &mut buffer).map_err(io::Error::from) {
            Ok(read) => copy.write_all(buffer.get(..read).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                _ = poll(&mut [PollFd::new(&master, PollFlags::IN)], None);
            }
            Err(_) => break,
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    child.wait()?;
    Ok(size as f64 / 1e6 / seconds)
}

/// Each prints a megabyte before it gets ready, so one that is not read never does.
fn unseen() -> io::Result<()> {
    let mut procfile = String::new();
    for number in 0..TERMINALS {
        _ = write!(
            procfile,
            "[process.t{number}]\ntty = true\nready = {{ log = \"^drained\" }}\n\
             command = \"yes | head -c 1000000; echo; echo drained; exec sleep 1000\"\n"
        );
    }
    let project = Project::new(&procfile)?;
    let events = project.path("events");
    let start = now();
    let held = Held::start(project.up(&["--quiet", "--events"]).arg(&events))?;
    until(60, 20, || support::count(&events, "process_ready") >= TERMINALS);
    let seconds = start.elapsed().as_secs_f64();
    head("terminals that nobody looks at, a megabyte each", TERMINALS);
    let ready = support::count(&events, "process_ready");
    row("ready", ready as f64, "", Budget::Least(TERMINALS as f64));
    row("until the last is ready", seconds, "s", Budget::None);
    drop(held);
    Ok(())
}

/// One viewer of one terminal.
struct Viewer {
    stream: TerminalStream,
    view: View,
}

impl Viewer {
    /// Asks for what has changed, and waits for it.
    async fn take(&mut self) -> io::Result<()> {
        self.stream
            .sender
            .send(&ViewerMessage::Take(self.view.version()))
            .await
            .map_err(io::Error::other)?;
        loop {
            match self.stream.receiver.next().await.map_err(io::Error::other)? {
                Some(TerminalMessage::Frame(frame)) => {
                    self.view.apply(frame);
                    return Ok(());
                }
                Some(TerminalMessage::Note(_)) => {}
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }
}

async fn viewer() -> io::Result<()> {
    let project = Project::new("[process.a]\ntty = true\ncommand = \"stty -icanon; exec cat\"\n")?;
    let held = Held::start(&mut project.up(&["--quiet"]))?;
    let socket = socket(&project)?;
    let client = Client::new("bench", move || UnixStream::connect(&socket));
    let stream = client.terminal("a").await.map_err(io::Error::other)?;
    let mut viewer = Viewer { stream, view: View::default() };
    viewer.take().await?;
    pause(500);
    let mut delays = Vec::new();
    for number in 0..KEYS {
        let character = char::from(b'a' + (number % 26) as u8);
        let key = KeyEvent::new(KeyCode::Char(character), Modifiers::NONE);
        let start = now();
        viewer.stream.sender.send(&ViewerMessage::Key(key)).await.map_err(io::Error::other)?;
        viewer.take().await?;
        delays.push(start.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    head("a key and its echo on the screen of a viewer", KEYS);
    row("p50", percentile(&mut delays, 50), "ms", Budget::None);
    row("p99", percentile(&mut delays, 99), "ms", Budget::Most(10.0));

    viewer
        .stream
        .sender
        .send(&ViewerMessage::Take(viewer.view.version()))
        .await
        .map_err(io::Error::other)?;
    let busy = || managers(held.pid()).into_iter().map(processor_nanos).sum::<f64>();
    let before = busy();
    let waiting = tokio::time::timeout(Duration::from_secs(IDLE), viewer.stream.receiver.next());
    let frames = f64::from(u8::from(waiting.await.is_ok()));
    let percent = (busy() - before) / 1e9 / IDLE as f64 * 100.0;
    head("a viewer while nothing changes", 1);
    row("frames", frames, "", Budget::Most(0.0));
    row("processor time of the engine", percent, "%", Budget::Most(0.5));
    Ok(())
}

/// The control socket of the project, once it is there.
fn socket(project: &Project) -> io::Result<PathBuf> {
    let runtime = project.path("runtime/pitcrew");
    let find = || {
        let projects = std::fs::read_dir(&runtime).ok()?;
        projects.flatten().map(|entry| entry.path().join("control.sock")).find(|path| path.exists())
    };
    until(10, 10, || find().is_some());
    find().ok_or_else(|| io::Error::other("there is no control socket"))
}
