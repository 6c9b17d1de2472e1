//! Starting real processes: the environment of a child, and the errors of failed starts.
#![expect(clippy::too_many_lines, reason = "a table")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use pitcrew::spec::{Exit, Signal, StartErrorKind};
use pitcrew::sys::{Child, Host, HostOptions, Launch, RealHost, StdinTarget};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::common::own_process::in_own_process;
use crate::common::real_host::{host, launch, line, output, pid_line, runtime, sh, start};
use crate::common::{alive, children_of, descriptors, wait_until};

#[test]
#[expect(unsafe_code, reason = "makes this process as dirty as one can be")]
fn a_child_gets_a_clean_slate_from_a_dirty_parent() {
    if !in_own_process() {
        return;
    }
    // SAFETY: a separate process; dispositions and mask are set before any thread is made.
    unsafe {
        for signal in [libc::SIGPIPE, libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGUSR1] {
            libc::signal(signal, libc::SIG_IGN);
        }
        let ignore: [u64; 4] = [1, 0, 0, 0];
        libc::syscall(libc::SYS_rt_sigaction, 64, ignore.as_ptr(), 0_usize, 8);
        let mut all = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
    }
    // A descriptor that is not closed on exec.
    let leak = fs::File::open("/dev/null").unwrap();
    rustix::io::fcntl_setfd(&leak, rustix::io::FdFlags::empty()).unwrap();
    let limit = getrlimit(Resource::Nofile);
    let host =
        RealHost::new(HostOptions { soft_nofile: Some(123), ..HostOptions::default() }).unwrap();
    let text = runtime().block_on(async {
        output(
            &host,
            sh("cat /proc/self/status; ulimit -Sn; ulimit -Hn; umask; ls -l /proc/self/fd"),
        )
        .await
    });
    for field in ["SigIgn", "SigBlk", "SigCgt", "SigPnd"] {
        let wanted = format!("{field}:\t0000000000000000");
        assert!(text.contains(&wanted), "{wanted} in {text}");
    }
    let hard = limit.maximum.map_or("unlimited".to_owned(), |n| n.to_string());
    assert!(text.contains(&format!("\n123\n{hard}\n")), "{text}");
    let numbers: Vec<&str> = text
        .lines()
        .filter(|line| line.contains(" -> "))
        .map(|line| line.split(" -> ").next().unwrap().rsplit(' ').next().unwrap())
        .collect();
    // The fourth is the folder that `ls` reads.
    assert_eq!(numbers, ["0", "1", "2", "3"], "{text}");
}

#[tokio::test]
async fn descriptors_cwd_group_and_environment_are_as_asked() {
    let host = host();
    let folder = tempfile::tempdir().unwrap();
    let mut wanted = sh("pwd; cat; echo err >&2; env | sort; ps -o pgid= -p $$; echo $$");
    wanted.cwd = folder.path().canonicalize().unwrap();
    wanted.stdin = StdinTarget::Pipe;
    let mut child = host.launch(wanted.clone()).await.unwrap();
    let mut stdin = child.stdin().unwrap();
    assert!(child.stdin().is_none());
    stdin.write_all(b"hello\n").await.unwrap();
    drop(stdin);
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout().unwrap().read_to_string(&mut out).await.unwrap();
    child.stderr().unwrap().read_to_string(&mut err).await.unwrap();
    assert_eq!(child.exited().await.unwrap(), Exit::Code(0));
    assert_eq!(err, "err\n");
    let pid = child.pid().to_string();
    let lines: Vec<&str> = out.lines().map(str::trim).collect();
    assert_eq!(lines.first().copied(), wanted.cwd.to_str());
    assert_eq!(lines.get(1).copied(), Some("hello"));
    assert_eq!(&lines[lines.len() - 2..], [pid.as_str(), pid.as_str()]);
    child.reap().unwrap();
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[tokio::test]
async fn stdin_is_at_its_end_unless_asked_otherwise() {
    assert_eq!(output(&host(), sh("cat; echo end")).await, "end\n");
}

#[tokio::test]
async fn the_exit_is_seen_as_it_was_and_can_be_asked_again() {
    let host = host();
    for (script, wanted) in [
        ("exit 0", Exit::Code(0)),
        ("exit 7", Exit::Code(7)),
        ("kill -TERM $$", Exit::Signal(Signal::TERM)),
        ("kill -KILL $$", Exit::Signal(Signal::KILL)),
    ] {
        let mut child = host.launch(sh(script)).await.unwrap();
        assert_eq!(child.exited().await.unwrap(), wanted);
        assert_eq!(child.exited().await.unwrap(), wanted);
        // It still exists, so its pid cannot be that of another process.
        assert!(Path::new(&format!("/proc/{}", child.pid())).exists());
        child.signal(Signal::TERM).unwrap();
        child.reap().unwrap();
    }
}

#[tokio::test]
async fn the_end_is_seen_while_a_grandchild_holds_the_output() {
    let host = host();
    let mut child = host.launch(sh("sleep 1000 & exit 3")).await.unwrap();
    let end = tokio::time::timeout(Duration::from_secs(10), child.exited()).await;
    assert_eq!(end.unwrap().unwrap(), Exit::Code(3));
    child.kill_tree().await.unwrap();
    let mut rest = Vec::new();
    child.stdout().unwrap().read_to_end(&mut rest).await.unwrap();
    child.reap().unwrap();
}

#[tokio::test]
async fn a_stopped_child_can_be_asked_to_end() {
    let host = host();
    let (mut child, mut lines) = start(&host, sh("echo go; kill -STOP $$; sleep 1000")).await;
    line(&mut lines).await;
    let stat = format!("/proc/{}/stat", child.pid());
    wait_until("it has stopped", || fs::read_to_string(&stat).unwrap().contains(") T "));
    child.signal(Signal::TERM).unwrap();
    assert_eq!(child.exited().await.unwrap(), Exit::Signal(Signal::TERM));
    child.reap().unwrap();
}

async fn refused(launch: Launch) -> (StartErrorKind, String) {
    let error = host().launch(launch).await.expect_err("it was started");
    (error.kind, error.message)
}

#[tokio::test]
async fn every_start_that_fails_says_why() {
    use StartErrorKind as Kind;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let file = |name: &str, text: &str, mode| {
        fs::write(at(name), text).unwrap();
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    file("plain", "#!/bin/sh\n", 0o644);
    file("text", "just text\n", 0o755);
    file("empty", "", 0o755);
    file("orphan", "#!/no/such/interpreter -x\n", 0o755);
    file("crlf", "#!/bin/sh\r\necho\r\n", 0o755);
    file("similarr", "#!/bin/sh\n", 0o755);
    fs::create_dir(at("folder")).unwrap();
    let inside = |program: &str| {
        let mut launch = launch([program]);
        launch.cwd = folder.path().to_owned();
        launch.env = vec![("PATH".into(), folder.path().into())];
        launch
    };
    let cwd = |path: &str| Launch { cwd: path.into(), ..sh("true") };
    let place = folder.path().display();
    for (launch, kind, message) in [
        (
            inside("nosuchthing"),
            Kind::ProgramNotFound,
            r#"no such program "nosuchthing""#.to_owned(),
        ),
        (
            inside("simliarr"),
            Kind::ProgramNotFound,
            r#"no such program "simliarr"; did you mean "similarr"?"#.to_owned(),
        ),
        (
            inside("./missing"),
            Kind::ProgramNotFound,
            format!(r#"no such program "./missing" in "{place}""#),
        ),
        (inside("/no/such"), Kind::ProgramNotFound, r#"no such program "/no/such""#.to_owned()),
        (
            inside("plain/x"),
            Kind::ProgramNotFound,
            format!(r#"no such program "plain/x" in "{place}""#),
        ),
        (
            inside("./orphan"),
            Kind::ProgramNotFound,
            r#"no such program "/no/such/interpreter", which "./orphan" names in its #! line"#
                .to_owned(),
        ),
        (
            inside("orphan"),
            Kind::ProgramNotFound,
            r#"no such program "/no/such/interpreter", which "orphan" names in its #! line"#
                .to_owned(),
        ),
        (
            inside("crlf"),
            Kind::ProgramNotFound,
            r#"no such program "/bin/sh\r", which "crlf" names in its #! line"#.to_owned(),
        ),
        (
            inside("plain"),
            Kind::NotExecutable,
            r#""plain" is not executable; run `chmod +x` on it"#.to_owned(),
        ),
        (
            inside("./folder"),
            Kind::NotExecutable,
            r#""./folder" is a folder, not a program"#.to_owned(),
        ),
        (
            inside("./text"),
            Kind::NotExecutable,
            r#""./text" is not a program: it has no #! line"#.to_owned(),
        ),
        (
            inside("./empty"),
            Kind::NotExecutable,
            r#""./empty" is not a program: it is empty"#.to_owned(),
        ),
        (
            cwd("/no/such"),
            Kind::CwdNotFound,
            r#"the working folder "/no/such" does not exist"#.to_owned(),
        ),
        (
            cwd("/dev/null"),
            Kind::CwdNotFound,
            r#"the working folder "/dev/null" is not a folder"#.to_owned(),
        ),
        (
            launch(["/bin/echo", &"x".repeat(4 << 20)]),
            Kind::ArgumentsTooLong,
            r#"arguments and environment of "/bin/echo" are too long for the kernel"#.to_owned(),
        ),
        (
            launch(["/bin/echo", "a\0b"]),
            Kind::Other,
            r#"argument "a\0b" contains a NUL byte, which is not allowed in arguments and variables"#.to_owned(),
        ),
        (launch([""]), Kind::ProgramNotFound, "the command is empty".to_owned()),
    ] {
        assert_eq!(refused(launch).await, (kind, message));
    }
    let mut odd = sh("true");
    odd.env.push(("A=B".into(), "x".into()));
    assert_eq!(refused(odd).await.0, Kind::Other);
}

#[tokio::test]
async fn the_path_of_the_child_is_searched_as_execvp_does() {
    let folder = tempfile::tempdir().unwrap();
    for (name, mode) in [("a", 0o644), ("b", 0o755)] {
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("tool"), format!("#!/bin/sh\necho {name}\n")).unwrap();
        fs::set_permissions(path.join("tool"), fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut wanted = launch(["tool"]);
    // A file that is not executable and a missing one are skipped.
    let path = format!("{0}/none:{0}/a:{0}/b", folder.path().display());
    wanted.env = vec![("PATH".into(), path.into())];
    assert_eq!(output(&host(), wanted.clone()).await, "b\n");
    // An empty entry is the working folder, also of the child.
    wanted.env = vec![("PATH".into(), ":/nowhere".into())];
    wanted.cwd = folder.path().join("b");
    assert_eq!(output(&host(), wanted.clone()).await, "b\n");
    // No PATH at all.
    let mut bare = launch(["true"]);
    bare.env.clear();
    assert_eq!(output(&host(), bare).await, "");
}

#[tokio::test]
async fn a_program_that_is_just_written_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy");
    fs::copy("/bin/true", &path).unwrap();
    let writer = fs::File::options().append(true).open(&path).unwrap();
    let host = host();
    let program = path.to_str().unwrap();
    let error = host.launch(launch([program])).await.err().unwrap();
    assert_eq!(error.kind, StartErrorKind::Other);
    let started = host.launch(launch([program]));
    drop(writer);
    let mut child = started.await.unwrap();
    assert_eq!(child.exited().await.unwrap(), Exit::Code(0));
    child.reap().unwrap();
}

#[test]
fn out_of_descriptors_is_said_and_passes() {
    if !in_own_process() {
        return;
    }
    runtime().block_on(async {
        let host = host();
        let mut children = Vec::new();
        output(&host, sh("true")).await;
        let before = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(40), ..before }).unwrap();
        let error = loop {
            match host.launch(sh("read x")).await {
                Ok(child) => children.push(child),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind, StartErrorKind::ResourceLimit, "{error}");
        assert!(error.kind.is_transient());
        assert!(children.len() > 3);
        setrlimit(Resource::Nofile, before).unwrap();
        output(&host, sh("true")).await;
        drop(children);
    });
    wait_until("all are reaped", || children_of(std::process::id()).is_empty());
}

#[test]
fn a_dropped_child_and_a_dropped_start_leave_nothing() {
    if !in_own_process() {
        return;
    }
    runtime().block_on(async {
        let host = host();
        output(&host, sh("true")).await;
        let before = descriptors(std::process::id());
        let (child, mut lines) =
            start(&host, sh("trap '' TERM; sleep 1000 & echo $!; sleep 1000")).await;
        let pid = pid_line(&mut lines).await;
        drop((child, lines));
        for _ in 0..50 {
            drop(host.launch(sh("sleep 1000")));
        }
        output(&host, sh("true")).await;
        wait_until("the group is gone", || !alive(pid));
        wait_until("all are reaped", || children_of(std::process::id()).is_empty());
        // The pidfd is closed right after the reaping.
        wait_until("all are closed", || descriptors(std::process::id()) == before);
    });
}

#[test]
fn a_thousand_runs_leave_no_descriptor_and_no_zombie() {
    if !in_own_process() {
        return;
    }
    runtime().block_on(async {
        let host = host();
        output(&host, sh("true")).await;
        let before = descriptors(std::process::id());
        for _ in 0..20 {
            let starts: Vec<_> = (0..50).map(|_| host.launch(launch(["true"]))).collect();
            for start in starts {
                let mut child = start.await.unwrap();
                assert_eq!(child.exited().await.unwrap(), Exit::Code(0));
                child.reap().unwrap();
            }
        }
        for _ in 0..100 {
            host.launch(launch(["/no/such"])).await.unwrap_err();
        }
        assert_eq!(descriptors(std::process::id()), before);
        assert_eq!(children_of(std::process::id()), Vec::<u32>::new());
    });
}

/// Children ask to die with the thread that made them: it must not be one of the runtime's.
#[test]
fn children_outlive_the_idle_threads_of_a_runtime() {
    if !in_own_process() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_keep_alive(Duration::from_millis(20))
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let host = host();
        // Descriptors of the runtime: the host may have opened one more.
        let threads = || {
            let all = fs::read_dir("/proc/self/task").unwrap().flatten();
            let names = all.flat_map(|one| fs::read_to_string(one.path().join("comm")));
            names.filter(|name| !name.starts_with("pitcrew-")).count()
        };
        let usual = threads();
        let mut children = Vec::new();
        for _ in 0..10 {
            let host = host.clone();
            let handle = tokio::runtime::Handle::current();
            let start = move || handle.block_on(host.launch(sh("sleep 1000"))).unwrap();
            children.push(tokio::task::spawn_blocking(start).await.unwrap());
        }
        wait_until("the idle threads have ended", || threads() <= usual);
        for child in &mut children {
            let end = tokio::time::timeout(Duration::from_millis(20), child.exited()).await;
            assert!(end.is_err(), "{end:?}");
        }
    });
}
