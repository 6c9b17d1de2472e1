//! Commands that inherit the terminal.

use std::io::Read;
use std::os::fd::OwnedFd;

use pitcrew::{Output, ProcessManager, Stdin};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::common::commands::sh;
use crate::common::own_process::alone;

/// Both ends of a terminal that controls no process.
fn terminal() -> (OwnedFd, OwnedFd) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
    let theirs = rustix::fs::open(name, flags, rustix::fs::Mode::empty()).unwrap();
    (ours, theirs)
}

#[test]
fn symfony_tty_command() {
    alone(|| {
        let (ours, theirs) = terminal();
        let kept = [rustix::io::dup(rustix::stdio::stdin()).unwrap(), {
            rustix::io::dup(rustix::stdio::stdout()).unwrap()
        }];
        rustix::stdio::dup2_stdin(&theirs).unwrap();
        rustix::stdio::dup2_stdout(&theirs).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let result = runtime.block_on(async {
            let manager = ProcessManager::new();
            let line = "test -t 0 && test -t 1 && echo a terminal; exit 3";
            let command = sh(line).stdin(Stdin::Inherit).output(Output::Inherit);
            let result = manager.run(command).await;
            manager.shutdown().await;
            result
        });
        rustix::stdio::dup2_stdin(&kept[0]).unwrap();
        rustix::stdio::dup2_stdout(&kept[1]).unwrap();
        let result = result.unwrap();
        assert_eq!((result.code(), result.stdout()), (3, &b""[..]));
        let mut text = [0; 100];
        let length = std::fs::File::from(ours).read(&mut text).unwrap();
        assert_eq!(String::from_utf8_lossy(&text[..length]), "a terminal\r\n");
        drop((runtime, theirs, kept));
    });
}
