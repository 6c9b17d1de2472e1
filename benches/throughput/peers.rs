//! Peers of the throughput benchmark: programs that write the output of a child to a file, or show it.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use super::support::{self, Held, Project, wall};
use super::{LINE, Pace, follow, lateness};

/// Its rate, and the delay of the lines of another program in its log meanwhile.
pub(super) fn with_supervisord(total: u64) -> io::Result<Option<(Pace, Vec<f64>)>> {
    let Some(program) = support::find("supervisord") else { return Ok(None) };
    let project = Project::new("")?;
    let again = support::again()?.display().to_string();
    let (log, ticks) = (project.path("flood.log"), project.path("tick.log"));
    let mut text = "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\n\
                    pidfile=pid\n"
        .to_owned();
    let programs =
        [("flood", format!("lines stamp {total}"), &log), ("tick", "ticks".into(), &ticks)];
    for (name, arguments, log) in programs {
        _ = write!(
            text,
            "[program:{name}]\ncommand={again} {arguments}\nstartsecs=0\nautorestart=false\n\
             stdout_logfile={}\nstdout_logfile_maxbytes=0\n",
            log.display()
        );
    }
    let file = project.path("supervisord.conf");
    fs::write(&file, text)?;
    let mut command = Command::new(program);
    command.arg("-c").arg(file).current_dir(project.path("")).stdout(Stdio::null());
    let manager = Held::start(&mut command)?;
    let stop = AtomicBool::new(false);
    Ok(Some(std::thread::scope(|scope| {
        let seen = scope.spawn(|| follow(&ticks, &stop));
        let pace = Pace::of(manager.pid(), &project.path("stamp"), &log, total);
        stop.store(true, Ordering::Relaxed);
        (pace, seen.join().unwrap_or_default())
    })))
}

/// The delay of the lines of another program during a flood, and MB/s of the flood as it is shown.
pub(super) fn with_honcho(total: u64) -> io::Result<Option<(f64, Vec<f64>)>> {
    let Some(program) = support::find("honcho") else { return Ok(None) };
    let project = Project::new("")?;
    let again = support::again()?.display().to_string();
    let text = format!("flood: {again} lines stamp {total}; sleep 60\ntick: {again} ticks\n");
    fs::write(project.path("Procfile"), text)?;
    let mut command = Command::new(program);
    command.arg("start").current_dir(project.path("")).stdout(Stdio::piped());
    let mut manager = Held::start(command.stderr(Stdio::null()))?;
    let Some(mut stdout) = manager.0.stdout.take() else { return Ok(None) };
    let mut late = Vec::new();
    let (mut shown, mut text, tick) = (0, Vec::new(), b" tick.1 ");
    while shown < total as usize / LINE {
        let kept = text.len();
        text.resize(kept + (1 << 20), 0);
        let read = stdout.read(text.get_mut(kept..).unwrap_or_default())?;
        text.truncate(kept + read);
        if read == 0 {
            break;
        }
        let end = memchr::memrchr(b'\n', &text).map_or(0, |last| last + 1);
        for line in text.drain(..end).as_slice().split(|byte| *byte == b'\n') {
            if memchr::memmem::find(line, tick).is_some() {
                late.extend(std::str::from_utf8(line).ok().and_then(lateness));
            } else {
                shown += usize::from(line.len() > LINE);
            }
        }
    }
    let start = fs::read_to_string(project.path("stamp"))?.parse().unwrap_or(f64::NAN);
    Ok(Some((total as f64 / 1e6 / (wall() - start), late)))
}

/// `cat`, or the bare loop.
pub(super) fn with_reader(total: u64, mut reader: Command) -> io::Result<Pace> {
    let project = Project::new("")?;
    let (from, to) = io::pipe()?;
    let log = project.path("flood.log");
    let mut reader = Held::start(reader.stdin(from).stdout(File::create(&log)?))?;
    let mut child = Command::new(support::again()?);
    child.arg("lines").arg("stamp").arg(total.to_string()).current_dir(project.path(""));
    let mut writer = Held::start(child.stdout(to))?;
    // The command keeps its end open, so the reader is still alive and can be measured.
    let pace = Pace::of(reader.pid(), &project.path("stamp"), &log, total);
    writer.wait()?;
    drop(child);
    reader.wait()?;
    Ok(pace)
}
