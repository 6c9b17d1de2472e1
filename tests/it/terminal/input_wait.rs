//! Real programs that wait for input, and that do not.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pitcrew::sys::{Child, Host, InputDetector, InputLooker, OutputReader, RealChild, StdinTarget};
use pitcrew::terminal::Size;
use tokio::io::AsyncReadExt;
use tokio::runtime::Runtime;

use crate::common::real_host;

/// A program with a terminal or a pipe as its input.
struct Run {
    // Before the runtime, which its descriptors are registered with.
    child: RealChild,
    _input: pitcrew::sys::InputWriter,
    look: InputLooker,
    /// The number of bytes that it has written.
    output: Arc<AtomicU64>,
    runtime: Runtime,
}

impl Run {
    fn with_terminal(program: &[&str]) -> Self {
        Self::start(program, Some(Size::default()))
    }

    fn with_pipe(program: &[&str]) -> Self {
        Self::start(program, None)
    }

    fn start(program: &[&str], terminal: Option<Size>) -> Self {
        let mut launch = real_host::launch([""]);
        launch.argv = program.iter().map(Into::into).collect();
        launch.env.push(("TERM".into(), "xterm-256color".into()));
        (launch.terminal, launch.stdin) = (terminal, StdinTarget::Pipe);
        let runtime = real_host::runtime();
        let mut child = runtime.block_on(real_host::host().launch(launch)).unwrap();
        let output = Arc::new(AtomicU64::new(0));
        for reader in [child.stdout(), child.stderr()].into_iter().flatten() {
            runtime.spawn(count(reader, Arc::clone(&output)));
        }
        let (input, look) = (child.stdin().unwrap(), child.input_looker().unwrap());
        Self { child, _input: input, look, output, runtime }
    }

    /// Whether a secret is asked for, if it is found to wait within this time.
    fn waits_within(&self, limit: Duration) -> Option<bool> {
        let start = Instant::now();
        let mut detector = InputDetector::default();
        while start.elapsed() < limit {
            let thread = self.runtime.block_on((self.look)());
            let output = self.output.load(Ordering::Relaxed);
            if let Some(found) = detector.observe(start.elapsed(), output, thread) {
                return Some(found.is_secret);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        None
    }

    fn assert_waits(self, is_secret: bool) {
        let waits = self.waits_within(Duration::from_secs(30));
        assert_eq!(waits, Some(is_secret), "{}", self.child.pid());
        self.end();
    }

    fn assert_does_not_wait(self) {
        assert_eq!(self.waits_within(Duration::from_secs(4)), None);
        self.end();
    }

    fn end(mut self) {
        self.runtime.block_on(async {
            self.child.kill_tree().await.unwrap();
            self.child.exited().await.unwrap();
        });
        let _in_runtime = self.runtime.enter();
        self.child.reap().unwrap();
    }
}

async fn count(mut reader: OutputReader, output: Arc<AtomicU64>) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = reader.read(&mut buffer).await {
        output.fetch_add(length as u64, Ordering::Relaxed);
    }
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

#[test]
fn programs_that_read_a_terminal_wait() {
    Run::with_terminal(&["cat"]).assert_waits(false);
    Run::with_terminal(&["bash", "-c", "read -p 'Port 3000 is taken, use another? (Y/n) ' x"])
        .assert_waits(false);
    Run::with_terminal(&["sh", "-c", "sleep 100 & cat; :"]).assert_waits(false);
    Run::with_terminal(&["sh", "-c", "read x < /dev/tty"]).assert_waits(false);
}

#[test]
fn a_shell_at_its_prompt_waits_also_with_a_job() {
    Run::with_terminal(&["bash", "--norc", "-i"]).assert_waits(false);
    let script = "sleep 100 & exec bash --norc -i";
    Run::with_terminal(&["bash", "-c", script]).assert_waits(false);
}

#[test]
fn a_secret_is_told() {
    Run::with_terminal(&["bash", "-c", "stty -echo; read x"]).assert_waits(true);
}

#[test]
fn programs_that_read_a_pipe_wait() {
    Run::with_pipe(&["cat"]).assert_waits(false);
    Run::with_pipe(&["sh", "-c", "read x; :"]).assert_waits(false);
    Run::with_pipe(&["sh", "-c", "sleep 100 | sh -c 'read x <&3' 3<&0"]).assert_does_not_wait();
}

#[test]
fn programs_that_do_something_else_do_not_wait() {
    Run::with_terminal(&["sleep", "100"]).assert_does_not_wait();
    Run::with_terminal(&["sh", "-c", "while :; do :; done"]).assert_does_not_wait();
    Run::with_terminal(&["bash", "-c", "while :; do read -t 0.2 x; done"]).assert_does_not_wait();
    Run::with_terminal(&["top", "-d", "1"]).assert_does_not_wait();
    Run::with_pipe(&["sleep", "100"]).assert_does_not_wait();
    Run::with_pipe(&["sh", "-c", "sleep 100; cat"]).assert_does_not_wait();
}

#[test]
fn full_screen_programs_wait_for_keys() {
    Run::with_terminal(&["less", "/etc/passwd"]).assert_waits(false);
}

const THREAD: &str = "import threading, sys, time, socket
threading.Thread(target=sys.stdin.readline, daemon=True).start()
";

#[test]
fn python_waits_unless_another_thread_does_something() {
    if !has("python3") {
        return;
    }
    Run::with_terminal(&["python3", "-q"]).assert_waits(false);
    Run::with_pipe(&["python3", "-c", "input()"]).assert_waits(false);
    let with = |rest: &str| format!("{THREAD}{rest}");
    let locked = with("threading.Event().wait()");
    Run::with_pipe(&["python3", "-c", &locked]).assert_waits(false);
    let asleep = with("time.sleep(100)");
    Run::with_pipe(&["python3", "-c", &asleep]).assert_does_not_wait();
    let server = with("s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); s.accept()");
    Run::with_pipe(&["python3", "-c", &server]).assert_does_not_wait();
}

#[test]
fn node_waits_only_if_nothing_else_can_wake_it() {
    if !has("node") {
        return;
    }
    let ask = "require('readline').createInterface({input: process.stdin, output: process.stdout})
        .question('use another? (Y/n) ', () => {})";
    Run::with_terminal(&["node"]).assert_waits(false);
    Run::with_terminal(&["node", "-e", ask]).assert_waits(false);
    Run::with_pipe(&["node", "-e", ask]).assert_waits(false);
    let listen = "process.stdin.resume();";
    let with = |rest: &str| format!("{listen}{rest}");
    let server = with("require('net').createServer().listen(0, '127.0.0.1')");
    let watch = with("require('fs').watch('.', () => {})");
    let timer = with("setInterval(() => {}, 1000)");
    let child = with("require('child_process').spawn('sleep', ['100'], {stdio: 'ignore'})");
    for script in [server, watch, timer, child] {
        Run::with_terminal(&["node", "-e", &script]).assert_does_not_wait();
        Run::with_pipe(&["node", "-e", &script]).assert_does_not_wait();
    }
}
