//! `up --detach`: the same `up` in a session of its own, watched until it has done what was asked.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Ending, Global, UpArgs, input, project, remote, steer};
use crate::control::wire::{ProcessStatus, Status};
use crate::control::{Control as _, Kind, Measure, Problem};
use crate::engine::Clock;
use crate::machine::{Moment, StateName};
use crate::spec::Spec;
use crate::sys::{self, Folders, alive_holder, journal, process};

/// How often it is looked whether it has come up.
const LOOK: Duration = Duration::from_millis(20);
/// After how long it says first what it still waits for, and when that is another thing, again.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many are named in that.
const NAMED: usize = 3;
/// What it says at most when it cannot start.
const LAST_WORDS: u64 = 64 << 10;

/// Starts it and waits; `names` is who it starts.
pub(super) fn detach(global: &Global, args: &UpArgs, spec: &Spec, names: Vec<String>) -> Ending {
    let folders = match Folders::of(&spec.project.file) {
        Ok(folders) => folders,
        Err(error) => return project::failed(&error.to_string()),
    };
    let words = folders.state.join("up.log");
    let started = open(&words).and_then(|file| start(global, args, spec, file, Tie::None));
    let mut child = match started {
        Ok(child) => child,
        Err(error) => return project::failed(&format!("cannot start in the background: {error}")),
    };
    let goal = Goal { names: names.into_iter().collect(), ready: args.wait };
    let name = spec.project.name.clone();
    let watched = remote::block_on(async {
        let watch = watch(&name, folders, &mut child, &goal);
        steer::within(args.timeout, async { Ok(watch.await) }).await
    });
    match watched {
        Ok(Ok(Come::There)) => Ending::GOOD,
        Ok(Ok(Come::Impossible(why))) => project::failed(&why),
        Ok(Ok(Come::Ended(code))) => {
            show_last_words(&words);
            Ending::code(code)
        }
        Ok(Ok(Come::Problem(problem)) | Err(problem)) => remote::complain(&problem),
        Err(ending) => ending,
    }
}

/// Says why it did not come up.
pub(super) fn show_last_words(words: &Path) {
    let mut text = String::new();
    let read = File::open(words).map(|file| file.take(LAST_WORDS).read_to_string(&mut text));
    _ = read.and_then(|_| io::stderr().write_all(text.as_bytes()));
}

/// What it says goes to a file: there is nobody who reads a pipe.
pub(super) fn open(words: &Path) -> io::Result<File> {
    File::options().write(true).create(true).truncate(true).mode(0o600).open(words)
}

/// How it hangs together with who starts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tie {
    /// Not at all.
    None,
    /// It ends with the pipe that is its input, from its first moment on.
    #[cfg(feature = "tui")]
    Owner,
}

/// The same `up` in plain lines, in a session of its own.
pub(super) fn start(
    global: &Global,
    args: &UpArgs,
    spec: &Spec,
    words: File,
    tie: Tie,
) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    for file in &global.file {
        command.arg("-f").arg(file);
    }
    for _ in 0..global.verbose {
        command.arg("-v");
    }
    // What was read from our own input the engine finds in memory: its input is another one.
    let text = input::known(global).map(|text| process::inheritable_text(&text)).transpose()?;
    if let Some(text) = &text {
        command.arg("--stdin-fd").arg(text.as_raw_fd().to_string());
    }
    sys::in_own_project(&mut command, &journal::new_session()?);
    // `-C` is done already. Nobody looks, so colour is a matter of `always` alone.
    if global.color == super::ColorChoice::Always {
        command.args(["--color", "always"]);
    }
    command.args(["up", "--no-tui", "--keep", "--quiet"]);
    let flags = [
        (args.no_deps, "--no-deps"),
        (args.no_watch, "--no-watch"),
        (args.fail_fast, "--fail-fast"),
    ];
    for (given, flag) in flags {
        command.args(given.then_some(flag));
    }
    for (path, flag) in [(&args.events, "--events"), (&args.log_file, "--log-file")] {
        if let Some(path) = path {
            command.arg(flag).arg(path);
        }
    }
    if let Some(address) = args.listen {
        command.arg("--listen").arg(address.to_string());
    }
    #[cfg(feature = "tui")]
    command.args((tie == Tie::Owner).then_some("--owned"));
    command.arg("--").args(&args.names);
    command.stdout(Stdio::null()).stderr(words);
    match tie {
        Tie::None => command.stdin(Stdio::null()),
        #[cfg(feature = "tui")]
        Tie::Owner => command.stdin(Stdio::piped()),
    };
    process::in_own_session(&mut command);
    process::keep_descriptors(&mut command, env_descriptors(spec)?);
    command.spawn()
}

/// The descriptors that env files such as `/dev/fd/63` are.
fn env_descriptors(spec: &Spec) -> io::Result<Vec<RawFd>> {
    let mut found = Vec::new();
    for path in &spec.project.env_pipes {
        let number = ["/dev/fd", "/proc/self/fd"]
            .iter()
            .find_map(|folder| path.strip_prefix(folder).ok()?.to_str()?.parse::<RawFd>().ok());
        match number {
            _ if path == Path::new("/dev/stdin") => return Err(taken(path)),
            Some(0..=2) => return Err(taken(path)),
            number => found.extend(number),
        }
    }
    Ok(found)
}

fn taken(path: &Path) -> io::Error {
    let name = path.display();
    io::Error::other(format!(
        "a project that is not in the foreground has no {name} to read as an env file; \
         take another descriptor, or `up --no-tui`"
    ))
}

/// What is waited for.
struct Goal {
    names: BTreeSet<String>,
    /// Ready, and not merely started.
    ready: bool,
}

/// How the wait ended.
enum Come {
    There,
    Impossible(String),
    Ended(i32),
    Problem(Problem),
}

async fn watch(name: &str, folders: Folders, child: &mut Child, goal: &Goal) -> Come {
    let own = child.id();
    let client = remote::client(name, folders.clone());
    let mut is_up = false;
    let clock = Clock::start();
    let mut progress = Progress { said: clock.now(), clock, text: String::new() };
    loop {
        // A socket that answers may be that of another `up`, which then holds the lock.
        is_up = is_up || alive_holder(&folders).is_some_and(|holder| holder.pid == own);
        match child.try_wait() {
            Ok(Some(status)) => return Come::Ended(status.code().unwrap_or(1)),
            Ok(None) => {}
            Err(error) => return Come::Problem(Problem::new(Kind::Failed, error.to_string())),
        }
        if is_up {
            match client.status(Measure::No).await {
                Ok(status) if status.pid == own => match goal.stand(&status) {
                    Stand::Come(come) => return come,
                    Stand::Open(open) => progress.tell(&open),
                },
                Ok(_) => {}
                // It opens its socket in a moment, or is about to say why not.
                Err(problem) if matches!(problem.error, Kind::NotRunning | Kind::Ended) => {}
                Err(problem) => return Come::Problem(problem),
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Where it stands.
enum Stand {
    Come(Come),
    /// Who is not there yet.
    Open(Vec<String>),
}

/// What was said of the wait.
struct Progress {
    clock: Clock,
    /// When something was said last.
    said: Moment,
    text: String,
}

impl Progress {
    /// Told with each look.
    fn tell(&mut self, open: &[String]) {
        let now = self.clock.now();
        if open.is_empty() || now.since(self.said) < PATIENCE {
            return;
        }
        let text = waits_for(open);
        if text != self.text {
            project::say(&text);
            (self.said, self.text) = (now, text);
        }
    }
}

fn waits_for(open: &[String]) -> String {
    let (named, others) = open.split_at(open.len().min(NAMED));
    let more =
        if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    let hint = named.first().map(|name| format!("; `pitcrew why {name}` tells why"));
    format!("waiting for {}{more}{}", named.join(", "), hint.unwrap_or_default())
}

impl Goal {
    fn stand(&self, status: &Status) -> Stand {
        if self.ready { Self::is_ready(status) } else { self.has_started(status) }
    }

    fn is_ready(status: &Status) -> Stand {
        let members = || status.processes.iter().filter(|one| one.pool.is_none());
        let cannot =
            members().find(|one| matches!(one.state, StateName::Failed | StateName::Skipped));
        if let Some(one) = cannot {
            let text = format!("{} cannot be ready: {}", one.name, one.why);
            return Stand::Come(Come::Impossible(text));
        }
        if status.ready {
            return Stand::Come(Come::There);
        }
        let open = members().filter(|one| {
            !matches!(one.state, StateName::Ready | StateName::Idle | StateName::Succeeded)
        });
        Stand::Open(open.map(|one| one.name.clone()).collect())
    }

    fn has_started(&self, status: &Status) -> Stand {
        let waits = |one: &&ProcessStatus| match one.state {
            StateName::Idle => self.names.contains(&one.name),
            StateName::Waiting | StateName::Queued => true,
            // As long as its child is being made.
            StateName::Starting => one.pid.is_none(),
            StateName::Backoff
            | StateName::Ready
            | StateName::Unhealthy
            | StateName::Stopping
            | StateName::Stopped
            | StateName::Succeeded
            | StateName::Failed
            | StateName::Skipped => false,
        };
        let open: Vec<_> = status.processes.iter().filter(waits).map(|o| o.name.clone()).collect();
        if open.is_empty() { Stand::Come(Come::There) } else { Stand::Open(open) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_are_waited_for_are_named_and_the_others_counted() {
        let names = |n: usize| (0..n).map(|i| format!("p{i}")).collect::<Vec<_>>();
        assert_eq!(waits_for(&names(1)), "waiting for p0; `pitcrew why p0` tells why");
        let many = "waiting for p0, p1, p2 and 2 more; `pitcrew why p0` tells why";
        assert_eq!(waits_for(&names(5)), many);
    }
}
