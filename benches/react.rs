//! Reactions: `cargo bench --bench react`. From a crash to its event in the reader, and from the first
//! answer of a server to the start of its dependant.
//!
//! The children write the time themselves, so everything is measured by the same clock.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

#[expect(dead_code, reason = "each program uses its part of it")]
mod support;
use support::{Budget, Held, Project, errand, head, pause, percentile, row, until, wall};

const CRASHES: usize = 300;
const SERVERS: usize = 40;
/// The interval of the probes in milliseconds.
const INTERVAL: u64 = 500;

fn main() -> io::Result<()> {
    if let Some((what, arguments)) = errand() {
        let text = |at: usize| arguments.get(at).and_then(|text| text.to_str()).unwrap_or_default();
        return match what.as_str() {
            "crash" => {
                stamp(Path::new(text(0)))?;
                Err(io::Error::other("as it is meant"))
            }
            "stamp" => stamp(Path::new(text(0))),
            "serve" => serve(Path::new(text(0)), text(1), text(2)),
            _ => Err(io::Error::other(format!("unknown errand {what}"))),
        };
    }
    let mut late = crashes()?;
    head("a crash and its event", CRASHES);
    row("p50", percentile(&mut late, 50) * 1e3, "ms", Budget::None);
    row("p99", percentile(&mut late, 99) * 1e3, "ms", Budget::Most(20.0));
    let mut late = servers()?;
    head(&format!("a server answers, who waits for it starts; asked every {INTERVAL} ms"), SERVERS);
    row("p50", percentile(&mut late, 50) * 1e3, "ms", Budget::None);
    row("worst", percentile(&mut late, 100) * 1e3, "ms", Budget::Most(INTERVAL as f64 + 50.0));
    Ok(())
}

/// Adds the time to a file.
fn stamp(file: &Path) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(file)?;
    writeln!(file, "{}", wall())
}

fn stamps(file: &Path) -> Vec<f64> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// Answers every request with 200 after this number of milliseconds, and writes the time of the start.
fn serve(file: &Path, port: &str, after: &str) -> io::Result<()> {
    pause(after.parse().unwrap_or(0));
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    stamp(file)?;
    for connection in listener.incoming() {
        let mut connection = connection?;
        _ = connection.read(&mut [0; 4096]);
        _ = connection
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    Ok(())
}

fn command(words: &[&str]) -> io::Result<String> {
    let program = support::again()?;
    let mut argv = vec![program.to_string_lossy().into_owned()];
    argv.extend(words.iter().map(|word| (*word).to_owned()));
    Ok(format!("{argv:?}"))
}

/// Measures from the last action of a process to the line about its end, read from a pipe.
fn crashes() -> io::Result<Vec<f64>> {
    let project = Project::new("")?;
    let file = project.path("stamps");
    let crash = command(&["crash", &file.to_string_lossy()])?;
    let procfile = format!(
        "[process.a]\ncommand = {crash}\nretry = {{ attempts = {}, \
         backoff = {{ initial = \"30ms\", max = \"30ms\" }} }}\n",
        CRASHES - 1
    );
    fs::write(project.path("procfile.toml"), procfile)?;
    let pipe = project.path("events");
    if !Command::new("mkfifo").arg(&pipe).status()?.success() {
        return Err(io::Error::other("no pipe can be made"));
    }
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || -> io::Result<Vec<f64>> {
            let mut seen = Vec::new();
            for line in BufReader::new(fs::File::open(pipe)?).lines() {
                if line?.contains("\"process_completed\"") {
                    seen.push(wall());
                }
            }
            Ok(seen)
        }
    });
    let mut manager = Held::start(project.up(&["--quiet", "--events"]).arg(&pipe))?;
    manager.wait()?;
    let seen = reader.join().map_err(|_| io::Error::other("the reader has failed"))??;
    let crashed = stamps(&file);
    if (seen.len(), crashed.len()) != (CRASHES, CRASHES) {
        let text = format!("{} crashes, {} events", crashed.len(), seen.len());
        return Err(io::Error::other(text));
    }
    Ok(seen.iter().zip(&crashed).map(|(seen, crashed)| seen - crashed).collect())
}

/// Servers that come up at any time between two probes, each with a dependant.
fn servers() -> io::Result<Vec<f64>> {
    let project = Project::new("")?;
    let held: Vec<TcpListener> =
        (0..SERVERS).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<io::Result<_>>()?;
    let ports: Vec<u16> =
        held.iter().map(|one| Ok(one.local_addr()?.port())).collect::<io::Result<_>>()?;
    drop(held);
    let mut procfile = String::new();
    let files = |number: usize| {
        (project.path(&format!("up{number}")), project.path(&format!("began{number}")))
    };
    for (number, port) in ports.iter().enumerate() {
        let (up, began) = files(number);
        let after = INTERVAL as usize * 2 + number * INTERVAL as usize / SERVERS;
        let serve =
            command(&["serve", &up.to_string_lossy(), &port.to_string(), &after.to_string()])?;
        let waits = command(&["stamp", &began.to_string_lossy()])?;
        _ = write!(
            procfile,
            "[process.web{number}]\ncommand = {serve}\nport = {port}\n\
             ready = {{ http = \"/\", interval = \"{INTERVAL}ms\" }}\n\
             [process.after{number}]\ncommand = {waits}\ndepends_on = [\"web{number}\"]\n"
        );
    }
    fs::write(project.path("procfile.toml"), procfile)?;
    let _manager = Held::start(&mut project.up(&["--quiet"]))?;
    let began = || (0..SERVERS).all(|number| !stamps(&files(number).1).is_empty());
    if !until(60, 20, began) {
        return Err(io::Error::other("not everything was started"));
    }
    let first = |file: &Path| stamps(file).first().copied().unwrap_or(f64::NAN);
    Ok((0..SERVERS).map(|number| first(&files(number).1) - first(&files(number).0)).collect())
}
