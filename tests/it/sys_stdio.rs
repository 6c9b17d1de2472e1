//! Inputs, outputs and the terminal of real processes.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use pitcrew::spec::{Exit, Signal};
use pitcrew::sys::{Child, Host, Launch, OutputFd, StdinTarget};
use tokio::io::AsyncReadExt;

use crate::common::descriptors;
use crate::common::own_process::in_own_process;
use crate::common::real_host::{host, line, runtime, sh, start};

#[tokio::test]
async fn a_busy_pipe_is_made_larger() {
    let host = host();
    let mut child = host.launch(sh("head -c 20000000 /dev/zero")).await.unwrap();
    let mut pipe = child.stdout().unwrap();
    assert_eq!(pipe.capacity().unwrap(), 64 << 10);
    let mut buffer = vec![0; 1 << 20];
    let mut total = 0;
    let mut largest = 0;
    loop {
        match pipe.read(&mut buffer).await.unwrap() {
            0 => break,
            read => total += read,
        }
        largest = largest.max(pipe.capacity().unwrap());
        // A reader with other work to do, so that the writer gets ahead.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(total, 20_000_000);
    assert!(largest >= 64 << 10);
    child.exited().await.unwrap();
    child.reap().unwrap();
}

#[tokio::test]
async fn inherited_and_null_outputs_have_no_pipe() {
    let host = host();
    for output in [OutputFd::Null, OutputFd::Inherit] {
        let (stdout, stderr) = (output.clone(), output);
        let mut child = host.launch(Launch { stdout, stderr, ..sh("exit 0") }).await.unwrap();
        assert!(child.stdout().is_none() && child.stderr().is_none());
        assert_eq!(child.exited().await.unwrap(), Exit::Code(0));
        child.reap().unwrap();
    }
}

#[tokio::test]
async fn both_outputs_through_one_pipe_keep_the_order_of_their_writing() {
    let host = host();
    let launch = Launch { stderr: OutputFd::Stdout, ..sh("echo 1; echo 2 >&2; echo 3") };
    let mut child = host.launch(launch).await.unwrap();
    assert!(child.stderr().is_none());
    let mut all = String::new();
    child.stdout().unwrap().read_to_string(&mut all).await.unwrap();
    assert_eq!(all, "1\n2\n3\n");
    child.exited().await.unwrap();
    child.reap().unwrap();
}

#[tokio::test]
async fn input_and_output_can_be_files() {
    use std::os::fd::OwnedFd;
    let host = host();
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs::write(&from, "in\n").unwrap();
    let file = Arc::new(OwnedFd::from(fs::File::create(&to).unwrap()));
    let launch = Launch {
        stdin: StdinTarget::File(Arc::new(OwnedFd::from(fs::File::open(&from).unwrap()))),
        stdout: OutputFd::File(Arc::clone(&file)),
        stderr: OutputFd::File(file),
        ..sh("cat; echo err >&2")
    };
    let mut child = host.launch(launch).await.unwrap();
    assert!(child.stdout().is_none() && child.stderr().is_none() && child.stdin().is_none());
    child.exited().await.unwrap();
    child.reap().unwrap();
    assert_eq!(fs::read_to_string(&to).unwrap(), "in\nerr\n");
}

#[test]
#[expect(unsafe_code, reason = "gives this process a terminal")]
fn a_foreground_child_has_the_terminal_and_gives_it_back() {
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    if !in_own_process() {
        return;
    }
    let (mut ours, mut theirs) = (-1, -1);
    let null = std::ptr::null_mut();
    // SAFETY: makes two descriptors, which are ours, and a session without a terminal yet.
    let (ours, theirs) = unsafe {
        assert_ne!(libc::setsid(), -1);
        assert_eq!(
            libc::openpty(&raw mut ours, &raw mut theirs, null, null.cast(), null.cast()),
            0
        );
        (OwnedFd::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs))
    };
    // SAFETY: a terminal that is open.
    assert_eq!(unsafe { libc::ioctl(theirs.as_raw_fd(), libc::TIOCSCTTY, 0) }, 0);
    let front = || rustix::termios::tcgetpgrp(&theirs).unwrap().as_raw_nonzero().get();
    let own = rustix::process::getpgrp().as_raw_nonzero().get();
    assert_eq!(front(), own);
    runtime().block_on(async {
        let host = host();
        let wanted = Launch { foreground: true, ..sh("echo go; sleep 1000") };
        let (mut child, mut lines) = start(&host, wanted).await;
        line(&mut lines).await;
        assert_eq!(front().cast_unsigned(), child.pid());
        child.signal(Signal::KILL).unwrap();
        child.exited().await.unwrap();
        child.reap().unwrap();
        // We are in the background now, and are not stopped by this.
        pitcrew::sys::own_process::reclaim_terminal().unwrap();
        assert_eq!(front(), own);
    });
    // Its end would be a hang-up of this very process, before it could say that all is well.
    std::mem::forget(ours);
}

/// What a process writes into its own input through the file's name reaches no other process; and no
/// descriptor is held for it, whether it lives or has ended.
#[test]
fn an_open_input_belongs_to_one_run_and_costs_no_descriptor() {
    if !in_own_process() {
        return;
    }
    let open = |script| Launch { stdin: StdinTarget::Open, ..sh(script) };
    let host = host();
    runtime().block_on(async {
        let before = {
            let (mut child, _lines) = start(&host, sh("exec sleep 1000")).await;
            let with_null = descriptors(std::process::id());
            child.kill_tree().await.unwrap();
            child.exited().await.unwrap();
            child.reap().unwrap();
            with_null
        };
        let (first, mut lines) = start(&host, open("echo up; read x; echo got $x")).await;
        assert_eq!(line(&mut lines).await, "up");
        assert_eq!(descriptors(std::process::id()), before);
        let said = "echo hello > /dev/stdin; read x; echo $x; readlink /proc/self/fd/0";
        let (mut second, mut output) = start(&host, open(said)).await;
        assert_eq!(line(&mut output).await, "hello", "it is its own");
        assert!(line(&mut output).await.starts_with("pipe:"));
        second.exited().await.unwrap();
        second.reap().unwrap();
        let early = tokio::time::timeout(Duration::from_millis(100), lines.next_line()).await;
        assert!(early.is_err(), "{early:?}");
        first.kill_tree().await.unwrap();
    });
}
