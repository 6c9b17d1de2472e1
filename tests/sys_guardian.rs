//! The guardian: if the guardian or the engine is killed, no process is left.
//!
//! Without the default harness, because the guardian is forked before any thread exists. Each test starts this
//! program again as the session under test.
#![expect(
    unsafe_code,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test; reads how it was started"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child as Process, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pitcrew::spec::StraysPolicy;
use pitcrew::sys::guardian::guard;
use pitcrew::sys::journal::{Journal, SessionStrayRules, StrayRules};
use pitcrew::sys::{Child, own_process};

#[path = "it/common/lib.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod common;
use common::real_host::{
    host, line, marked, of_session, runtime, session, start, wait_until_async,
};
use common::{alive, wait_until};

const ROLE: &str = "SYS_GUARDIAN_ROLE";
const NAME: &str = "SYS_GUARDIAN_SESSION";
const JOURNAL: &str = "SYS_GUARDIAN_JOURNAL";

/// Ignores signals, in its group, in a session, and orphaned in another session.
const STUBBORN: &str = r#"
trap '' TERM INT HUP QUIT
sh -c 'trap "" TERM; while :; do sleep 1; done' &
setsid sh -c 'trap "" TERM; (setsid sh -c "trap \"\" TERM; while :; do sleep 1; done" &) ; while :; do sleep 1; done' &
(setsid env -i sh -c 'while :; do sleep 1; done' &)
echo up
wait
"#;

type Test = (&'static str, fn());

fn main() {
    if let Ok(role) = std::env::var(ROLE) {
        return engine(&role);
    }
    let tests: [Test; 9] = [
        ("killing_the_engine_leaves_nothing", killing_the_engine_leaves_nothing),
        (
            "the_engine_is_notified_when_the_guardian_is_killed",
            the_engine_is_notified_when_the_guardian_is_killed,
        ),
        (
            "killing_both_leaves_what_the_next_start_ends",
            killing_both_leaves_what_the_next_start_ends,
        ),
        ("the_guardian_ends_as_the_engine_did", the_guardian_ends_as_the_engine_did),
        ("signals_are_handed_on", signals_are_handed_on),
        ("a_hangup_ignored_at_start_stays_ignored", a_hangup_ignored_at_start_stays_ignored),
        ("what_the_journal_leaves_is_left", what_the_journal_leaves_is_left),
        ("with_a_thread_there_is_no_guardian", with_a_thread_there_is_no_guardian),
        (
            "in_a_namespace_without_its_session_leader_all_is_the_same",
            in_a_namespace_without_its_session_leader_all_is_the_same,
        ),
    ];
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    if std::env::args().any(|argument| argument == "--list") {
        for (name, _) in tests {
            println!("{name}: test");
        }
        return;
    }
    for (name, test) in tests {
        if filter.as_ref().is_none_or(|filter| name.contains(filter.as_str())) {
            // Ends this program should a test hang.
            // SAFETY: sets a timer.
            unsafe { libc::alarm(120) };
            test();
            println!("test {name} ... ok");
        }
    }
}

/// The session under test.
fn engine(role: &str) {
    let journal = std::env::var_os(JOURNAL).map(Into::into);
    let guardian = guard(journal).unwrap();
    let _ = own_process::set_name(c"engine");
    let session = std::env::var(NAME).unwrap();
    let say = |text: &str| {
        let mut out = std::io::stdout();
        writeln!(out, "{text}").and_then(|()| out.flush()).unwrap();
    };
    let hello = format!("{} {}", guardian.pid, std::process::id());
    match role {
        "exit" => {
            say(&hello);
            // SAFETY: ends this process.
            unsafe { libc::_exit(42) }
        }
        "abort" => std::process::abort(),
        "trees" => runtime().block_on(async {
            let host = host();
            let mut children = Vec::new();
            for run in 0..10 {
                let (child, mut lines) = start(&host, marked(STUBBORN, &session, "web", run)).await;
                line(&mut lines).await;
                children.push((child, lines));
            }
            say(&hello);
            guardian.exited().await.unwrap();
            say("gone");
            assert_eq!(host.kill_all(SessionStrayRules::default()).await, []);
            for (child, _) in children {
                let mut child = child;
                child.exited().await.unwrap();
                child.reap().unwrap();
            }
            say("ended");
        }),
        "strays" => runtime().block_on(async {
            let host = host();
            // `tail` ends when its output has no reader.
            let escape = "setsid sleep 1000 & setsid tail -f /dev/null >/dev/null & sleep 1000 & \
                          (setsid sh -c 'sleep 1000; :' &) ; echo up; wait";
            let mut children = Vec::new();
            for name in ["killed", "grouped", "left.2"] {
                let mut launch = marked(escape, &session, name, 1);
                launch.env.push(("OF".into(), name.into()));
                let (child, mut lines) = start(&host, launch).await;
                line(&mut lines).await;
                // Beside the leader.
                wait_until_async("all run", async || {
                    let found = child.strays(StraysPolicy::Kill, &Arc::default()).await.to_end;
                    let mut programs: Vec<_> = found.iter().map(|one| &one.program).collect();
                    programs.sort();
                    programs == ["sh", "sleep", "sleep", "sleep", "tail"]
                })
                .await;
                children.push((child, lines));
            }
            say(&hello);
            std::future::pending::<()>().await;
        }),
        "signals" => runtime().block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let mut hup = signal(SignalKind::hangup()).unwrap();
            let mut term = signal(SignalKind::terminate()).unwrap();
            let mut usr1 = signal(SignalKind::user_defined1()).unwrap();
            say(&hello);
            loop {
                tokio::select! {
                    _ = hup.recv() => say("HUP"),
                    _ = usr1.recv() => say("USR1"),
                    _ = term.recv() => { say("TERM"); break }
                }
            }
        }),
        other => unreachable!("{other}"),
    }
}

struct Session {
    process: Process,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    name: String,
    engine: u32,
}

fn session_of(role: &str, change: impl FnOnce(&mut Command)) -> Session {
    let name = session(role);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(ROLE, role).env(NAME, &name).stdin(Stdio::null()).stdout(Stdio::piped());
    change(&mut command);
    let mut process = command.spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let hello = lines.next().map_or(String::new(), |line| line.unwrap());
    let engine = hello.split(' ').nth(1).map_or(0, |pid| pid.parse().unwrap());
    Session { process, lines, name, engine }
}

fn kill(signal: i32, pid: u32) {
    // SAFETY: signals a process that this test started and that has not been reaped.
    assert_eq!(unsafe { libc::kill(pid.cast_signed(), signal) }, 0);
}

/// Everything below a process.
fn below(pid: u32) -> BTreeSet<u32> {
    let mut all = BTreeSet::new();
    let mut todo = vec![pid];
    while let Some(pid) = todo.pop() {
        let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { continue };
        for task in tasks.flatten() {
            let list = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            let list = list.split_whitespace().map(|n| n.parse::<u32>().unwrap());
            todo.extend(list.filter(|pid| all.insert(*pid)));
        }
    }
    all
}

fn killing_the_engine_leaves_nothing() {
    for _ in 0..3 {
        let mut session = session_of("trees", |_| {});
        assert_eq!(
            std::fs::read_to_string(format!("/proc/{}/comm", session.process.id())).unwrap(),
            "pitcrew-guard\n"
        );
        let all = below(session.process.id());
        assert!(all.len() > 50, "{}", all.len());
        kill(libc::SIGKILL, session.engine);
        // The guardian ends last, so all are gone (and reaped by it) when it has.
        let end = session.process.wait().unwrap();
        let left: Vec<_> = all.into_iter().filter(|pid| alive(*pid)).collect();
        assert_eq!(left, Vec::<u32>::new());
        assert_eq!(of_session(&session.name), Vec::<u32>::new());
        assert_eq!(end.signal(), Some(libc::SIGKILL));
        assert!(!end.core_dumped());
    }
}

fn the_engine_is_notified_when_the_guardian_is_killed() {
    let mut session = session_of("trees", |_| {});
    let all = below(session.process.id());
    kill(libc::SIGKILL, session.process.id());
    session.process.wait().unwrap();
    assert_eq!(session.lines.next().unwrap().unwrap(), "gone");
    assert_eq!(session.lines.next().unwrap().unwrap(), "ended");
    wait_until("all are gone", || all.iter().all(|pid| !alive(*pid)));
}

fn killing_both_leaves_what_the_next_start_ends() {
    let mut session = session_of("trees", |_| {});
    let all = below(session.process.id());
    let leaders = below_directly(session.engine);
    assert!(leaders.len() >= 10);
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::of(folder.path());
    let processes = BTreeMap::new();
    journal.write(&SessionStrayRules { session: session.name.clone(), processes }).unwrap();
    let both = format!("kill -9 {} {}", session.process.id(), session.engine);
    assert!(Command::new("/bin/sh").args(["-c", &both]).status().unwrap().success());
    session.process.wait().unwrap();
    wait_until("the leaders die with the engine", || leaders.iter().all(|pid| !alive(*pid)));
    let recovered = journal.recover().unwrap();
    assert_eq!(recovered.unkillable, []);
    assert!(recovered.ended.len() > 20, "{recovered:?}");
    assert_eq!(of_session(&session.name), Vec::<u32>::new());
    // Those without an environment are beyond knowing; they hold no output and no port of ours.
    for pid in all.into_iter().filter(|pid| alive(*pid)) {
        kill(libc::SIGKILL, pid);
    }
}

/// The leaders of a session: children of the engine that lead their group in our own session.
fn below_directly(engine: u32) -> Vec<u32> {
    below(engine)
        .into_iter()
        .filter(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
            let (group, session) = (fields.get(2), fields.get(3));
            group == Some(&pid.to_string().as_str()) && session != group
        })
        .collect()
}

fn the_guardian_ends_as_the_engine_did() {
    let mut session = session_of("exit", |_| {});
    assert_eq!(session.process.wait().unwrap().code(), Some(42));
    let mut session = session_of("abort", |_| {});
    let end = session.process.wait().unwrap();
    assert_eq!(end.signal(), Some(libc::SIGABRT));
    assert!(!end.core_dumped());
}

fn signals_are_handed_on() {
    let mut session = session_of("signals", |_| {});
    let guardian = session.process.id();
    for (signal, name) in [(libc::SIGHUP, "HUP"), (libc::SIGUSR1, "USR1"), (libc::SIGTERM, "TERM")]
    {
        kill(signal, guardian);
        assert_eq!(session.lines.next().unwrap().unwrap(), name);
    }
    assert_eq!(session.process.wait().unwrap().code(), Some(0));
}

fn a_hangup_ignored_at_start_stays_ignored() {
    // nohup is the shell's `trap ''`.
    let mut session = session_of("signals", |command| {
        let program = command.get_program().to_owned();
        let environment: Vec<_> =
            command.get_envs().filter_map(|(k, v)| Some((k.to_owned(), v?.to_owned()))).collect();
        *command = Command::new("/bin/sh");
        command.args(["-c", "trap '' HUP; exec \"$0\""]).arg(program);
        command.envs(environment).stdin(Stdio::null()).stdout(Stdio::piped());
    });
    let guardian = session.process.id();
    kill(libc::SIGHUP, guardian);
    kill(libc::SIGTERM, guardian);
    assert_eq!(session.lines.next().unwrap().unwrap(), "TERM");
    session.process.wait().unwrap();
}

fn what_the_journal_leaves_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::of(folder.path());
    let name = session("strays");
    let leftovers = |strays, keep: &[&str]| StrayRules {
        strays,
        keep: keep.iter().map(|name| (*name).to_owned()).collect(),
    };
    let processes = BTreeMap::from([
        ("killed".into(), leftovers(StraysPolicy::Kill, &["tail"])),
        ("grouped".into(), leftovers(StraysPolicy::Group, &[])),
        ("left".into(), leftovers(StraysPolicy::Leave, &[])),
    ]);
    journal.write(&SessionStrayRules { session: name.clone(), processes }).unwrap();
    let mut session = session_of("strays", |command| {
        command.env(JOURNAL, &journal.path);
    });
    assert_eq!(session.name, name);
    kill(libc::SIGKILL, session.engine);
    session.process.wait().unwrap();
    let left = |of: &str| -> Vec<String> {
        let mut left: Vec<String> = of_session(&name)
            .into_iter()
            .filter(|pid| alive(*pid))
            .filter(|pid| {
                let environ = std::fs::read_to_string(format!("/proc/{pid}/environ"));
                environ.unwrap_or_default().contains(&format!("OF={of}\0"))
            })
            .map(|pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap())
            .collect();
        left.sort();
        left
    };
    assert_eq!(left("killed"), ["tail\n"]);
    assert_eq!(left("grouped"), ["sh\n", "sleep\n", "sleep\n", "tail\n"]);
    assert_eq!(left("left.2"), ["sh\n", "sleep\n", "sleep\n", "sleep\n", "tail\n"]);
    assert!(!Path::new(&journal.path).exists());
    for pid in of_session(&name) {
        kill(libc::SIGKILL, pid);
    }
    wait_until("all are gone", || of_session(&name).into_iter().all(|pid| !alive(pid)));
}

fn with_a_thread_there_is_no_guardian() {
    let (quit, wait) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || wait.recv_timeout(Duration::from_mins(1)));
    assert!(guard(None).is_err());
    drop(quit);
    let _ = thread.join().expect("it only waits");
}

/// As in a container: the number of the session is 0 there, which some calls cannot give.
fn in_a_namespace_without_its_session_leader_all_is_the_same() {
    let unshare = || {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]);
        unshare
    };
    let allowed = unshare().arg("true").stderr(Stdio::null()).status();
    if !allowed.is_ok_and(|status| status.success()) {
        println!("this machine makes no namespaces; left out:");
        return;
    }
    for test in ["killing_the_guardian_is_told", "what_the_journal_leaves"] {
        let mut again = unshare();
        again.arg(std::env::current_exe().unwrap()).arg(test).stdout(Stdio::null());
        let status = again.status().unwrap();
        assert!(status.success(), "{test}: {status}");
    }
}
