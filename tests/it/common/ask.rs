//! Runs commands that use a running project or leave one running.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{BOUND, Project, Running, Text, in_own_session, long_sleep, wait_until};

/// The output and the exit code of a command.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    #[track_caller]
    pub fn out(self, wanted: &str) -> Self {
        assert!(self.out.contains(wanted), "no {wanted:?} in {self:?}");
        self
    }

    #[track_caller]
    pub fn err(self, wanted: &str) -> Self {
        assert!(self.err.contains(wanted), "no {wanted:?} in {self:?}");
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// One JSON object a line.
    #[track_caller]
    pub fn jsons(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Runs it to its end, within the bound.
#[track_caller]
pub fn run(mut command: Command) -> Said {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    in_own_session(&mut command);
    let mut child = command.spawn().unwrap();
    let out = Text::read(child.stdout.take().unwrap());
    let err = Text::read(child.stderr.take().unwrap());
    let mut status = None;
    wait_until(&format!("{command:?} ends within {BOUND:?}"), || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    out.wait_end();
    err.wait_end();
    let code = status.and_then(|status| status.code()).unwrap_or(-1);
    Said { code, out: out.lossy(), err: err.lossy() }
}

impl Project {
    /// `pitcrew` with these arguments, beside whatever runs.
    #[track_caller]
    pub fn ask<const N: usize>(&self, args: [&str; N]) -> Said {
        run(self.pitcrew(args))
    }

    /// The state of one process, by `ps --json`.
    #[track_caller]
    pub fn one(&self, name: &str) -> Value {
        let status = self.ask(["ps", "--json"]).code(0).json();
        let all = status["processes"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).cloned().unwrap_or(Value::Null)
    }

    /// A project with the process `web`, which prints `hi` and then sleeps, and more of the file.
    pub fn shop(more: &str) -> Self {
        let sleep = long_sleep();
        Self::new(&format!(
            "[project]\nname = 'shop'\n[process]\nweb = 'echo hi; exec sleep {sleep}'\n{more}"
        ))
    }

    /// The same project, running and quiet.
    pub fn shop_up(more: &str) -> (Self, Running) {
        let project = Self::shop(more);
        let running = project.up(["--keep", "--quiet"]);
        running.wait_err("web started");
        project.ask(["wait", "web"]).code(0);
        (project, running)
    }

    /// Ends the project and proves that nothing of it is left.
    #[track_caller]
    pub fn down(&self, running: Running) {
        self.ask(["down"]).code(0);
        running.done().assert_code(0);
    }

    /// A connection to the control socket; reading from it ends within the bound.
    pub fn connect(&self) -> UnixStream {
        // The path may be too long for an address, as everywhere.
        let folder = std::fs::File::open(self.socket().parent().unwrap()).unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&folder);
        let stream = UnixStream::connect(format!("/proc/self/fd/{fd}/control.sock")).unwrap();
        stream.set_read_timeout(Some(BOUND)).unwrap();
        stream
    }

    /// The control socket of the only project.
    pub fn socket(&self) -> PathBuf {
        let folder = self.dir().parent().unwrap().join("runtime/pitcrew");
        let found = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap();
        found.path().join("control.sock")
    }
}
