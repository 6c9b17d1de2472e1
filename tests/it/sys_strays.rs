//! Finding and ending strays of a run, with and without being a child subreaper.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pitcrew::spec::{Exit, Signal, StraysPolicy};
use pitcrew::sys::journal::{Journal, SessionStrayRules, StrayRules};
use pitcrew::sys::{Child, Descendant, Host, own_process};

use crate::common::own_process::in_own_process;
use crate::common::real_host::{
    host, line, marked, of_session, pid_line, runtime, session, sh, start, wait_until_async,
};
use crate::common::{alive, children_of, wait_until};

/// Runs the test in a separate process that adopts orphans; none may be left at the end.
fn as_subreaper(test: impl AsyncFnOnce()) {
    if !in_own_process() {
        return;
    }
    own_process::set_subreaper().unwrap();
    runtime().block_on(async {
        test().await;
        let host = host();
        wait_until_async("nothing is left", async || {
            host.reap_adopted().await;
            children_of(std::process::id()).is_empty()
        })
        .await;
    });
}

fn pids(found: &[Descendant]) -> BTreeSet<u32> {
    found.iter().map(|one| one.stray.pid).collect()
}

/// A script that prints the pid of a descendant that got away in this way, then "done".
const ESCAPES: [(&str, &str); 5] = [
    ("a background child", "sleep 1000 & echo $!"),
    ("in a session of its own", "setsid sleep 1000 & echo $!"),
    ("a double fork", "(sleep 1000 & echo $!)"),
    ("a double fork in a session", "(setsid sh -c 'echo $$; exec sleep 1000' & wait_for=1)"),
    ("without environment in the group", "env -i sleep 1000 & echo $!"),
];

#[test]
fn descendants_are_found_whatever_they_did() {
    as_subreaper(async || {
        let host = host();
        for ends in [false, true] {
            for (what, escape) in ESCAPES {
                let wait = if ends { "" } else { "; read forever </dev/zero; sleep 1000" };
                let script = format!("{escape}; echo done{wait}");
                let script = script.replace("read forever </dev/zero; ", "");
                let (mut child, mut lines) = start(&host, marked(&script, "s1", "web", 1)).await;
                let first = line(&mut lines).await;
                let second = line(&mut lines).await;
                let pid: u32 = if first == "done" { second } else { first }.parse().unwrap();
                if ends {
                    child.exited().await.unwrap();
                }
                let mut found = Vec::new();
                wait_until_async("it has become sleep", async || {
                    found = child.strays(StraysPolicy::Kill, &Arc::default()).await.to_end;
                    // In the midst of an exec one of the two is new and the other is not.
                    found.iter().any(|one| {
                        one.stray.pid == pid
                            && one.stray.command == "sleep 1000"
                            && one.program == "sleep"
                    })
                })
                .await;
                let one = found.iter().find(|one| one.stray.pid == pid).unwrap();
                assert_eq!(one.in_group, !what.contains("session"), "{what}");
                assert!(!pids(&found).contains(&child.pid()));
                child.kill_tree().await.unwrap();
                assert!(!alive(pid), "{what}");
                assert_eq!(child.strays(StraysPolicy::Kill, &Arc::default()).await.to_end, []);
                child.exited().await.unwrap();
                child.reap().unwrap();
            }
        }
    });
}

/// Many runs at the same time, each of which ends immediately and leaves a process that is just leaving
/// its group: all of them are found by the first scan, whatever is created meanwhile.
async fn none_of_many_is_missed() {
    const AT_ONCE: usize = 16;
    // Its own, as both tests may be under way at the same time.
    let (host, session) = (host(), session("many"));
    let one_run = async |run: u32| {
        let how = match run % 3 {
            0 => "setsid sleep 1000 &",
            1 => "(setsid sh -c 'exec sleep 1000' & :) &",
            _ => "sleep 1000 &",
        };
        let mut child = host.launch(marked(how, &session, "many", run)).await.unwrap();
        child.exited().await.unwrap();
        let found = child.strays(StraysPolicy::Kill, &Arc::default()).await.to_end;
        assert!(!found.is_empty(), "run {run} left somebody: {how}");
        child.kill_tree().await.unwrap();
        child.reap().unwrap();
        // And a run without strays.
        let mut child = host.launch(marked(":", &session, "none", run)).await.unwrap();
        child.exited().await.unwrap();
        assert_eq!(child.strays(StraysPolicy::Kill, &Arc::default()).await.to_end, []);
        child.reap().unwrap();
    };
    let runs = (0..10 * AT_ONCE as u32).collect::<Vec<_>>();
    for runs in runs.chunks(AT_ONCE) {
        let mut together: Vec<_> = runs.iter().map(|run| Box::pin(one_run(*run))).collect();
        std::future::poll_fn(|cx| {
            together.retain_mut(|run| run.as_mut().poll(cx).is_pending());
            if together.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }
}

#[test]
fn none_of_many_is_missed_if_orphans_are_adopted() {
    as_subreaper(none_of_many_is_missed);
}

#[test]
fn none_of_many_is_missed_where_orphans_go_elsewhere() {
    if in_own_process() {
        runtime().block_on(none_of_many_is_missed());
    }
}

#[test]
fn a_run_does_not_see_the_descendants_of_another() {
    as_subreaper(async || {
        let host = host();
        let script = "setsid sleep 1000 & echo $!";
        let mut runs = Vec::new();
        for run in 1..=3 {
            let (mut child, mut lines) = start(&host, marked(script, "s1", "web", run)).await;
            let pid = pid_line(&mut lines).await;
            child.exited().await.unwrap();
            runs.push((child, pid));
        }
        for (child, pid) in &runs {
            assert_eq!(
                pids(&child.strays(StraysPolicy::Kill, &Arc::default()).await.to_end),
                BTreeSet::from([*pid])
            );
        }
        for (child, pid) in runs {
            child.kill_tree().await.unwrap();
            assert!(!alive(pid));
            child.reap().unwrap();
        }
    });
}

/// A process that ignores TERM in the group, and one in a separate session.
const STUBBORN: &str = r#"
trap '' TERM INT HUP
sh -c 'trap "" TERM; echo $$; while :; do sleep 1; done' &
setsid sh -c 'trap "" TERM; (setsid sh -c "trap \"\" TERM; while :; do sleep 1; done" &) ; echo $$; while :; do sleep 1; done' &
wait
"#;

#[test]
fn a_tree_that_ignores_term_is_killed_whole() {
    as_subreaper(async || {
        let host = host();
        let name = session("stubborn");
        let (mut child, mut lines) = start(&host, marked(STUBBORN, &name, "web", 1)).await;
        let known = [pid_line(&mut lines).await, pid_line(&mut lines).await];
        child.signal(Signal::TERM).unwrap();
        let keep = Arc::new(BTreeSet::new());
        assert_eq!(child.signal_strays(Signal::TERM, StraysPolicy::Kill, &keep).await, []);
        assert!(known.iter().all(|pid| alive(*pid)));
        child.kill_tree().await.unwrap();
        assert_eq!(child.exited().await.unwrap(), Exit::Signal(Signal::KILL));
        assert!(known.iter().all(|pid| !alive(*pid)));
        assert_eq!(of_session(&name), Vec::<u32>::new());
        child.reap().unwrap();
    });
}

#[test]
fn a_tree_that_forks_without_end_is_killed() {
    as_subreaper(async || {
        let host = host();
        // Two at most at a time, each followed by another in a new session.
        let bomb = r#"cat > "$0.sh" <<'X'
sleep 0.01; setsid sh "$0" & exit 0
X
echo go; for i in 1 2; do setsid sh "$0.sh" & done; wait"#;
        let folder = tempfile::tempdir().unwrap();
        let mut launch = marked(bomb, "bomb", "web", 1);
        launch.argv.push(folder.path().join("bomb").into());
        let (child, mut lines) = start(&host, launch).await;
        line(&mut lines).await;
        wait_until_async("it forks", async || {
            child.strays(StraysPolicy::Kill, &Arc::default()).await.to_end.len() > 1
        })
        .await;
        // Between two scans a process may have just been created.
        wait_until_async("it is gone", async || {
            child.kill_tree().await.unwrap();
            child.strays(StraysPolicy::Kill, &Arc::default()).await.to_end.is_empty()
        })
        .await;
        child.reap().ok();
    });
}

#[test]
fn strays_go_by_policy_and_name() {
    as_subreaper(async || {
        let host = host();
        let script =
            "sleep 1000 & echo $!; setsid sleep 1000 & echo $!; setsid tail -f /dev/null & echo $!";
        let all = BTreeSet::new();
        let keep_tail = BTreeSet::from(["tail".to_owned()]);
        let gone_after = |policy, keep: BTreeSet<String>| {
            let keep = Arc::new(keep);
            let host = host.clone();
            async move {
                let (mut child, mut lines) = start(&host, marked(script, "s", "web", 1)).await;
                let known = [
                    pid_line(&mut lines).await,
                    pid_line(&mut lines).await,
                    pid_line(&mut lines).await,
                ];
                child.exited().await.unwrap();
                wait_until_async("all have become what they are", async || {
                    let found = child.strays(StraysPolicy::Kill, &Arc::default()).await.to_end;
                    let mut programs: Vec<_> = found.iter().map(|one| &one.program).collect();
                    programs.sort();
                    programs == ["sleep", "sleep", "tail"]
                })
                .await;
                assert_eq!(child.signal_strays(Signal::TERM, policy, &keep).await, []);
                let left = match (policy, keep.is_empty()) {
                    (StraysPolicy::Kill, true) => 0,
                    (StraysPolicy::Kill, false) => 1,
                    (StraysPolicy::Group, _) => 2,
                    (StraysPolicy::Leave, _) => 3,
                };
                wait_until_async("those are gone", async || {
                    child.strays(StraysPolicy::Kill, &Arc::default()).await.to_end.len() == left
                })
                .await;
                let alive = known.map(alive);
                child.kill_tree().await.unwrap();
                child.reap().unwrap();
                alive
            }
        };
        assert_eq!(gone_after(StraysPolicy::Kill, all.clone()).await, [false; 3]);
        assert_eq!(gone_after(StraysPolicy::Kill, keep_tail).await, [false, false, true]);
        assert_eq!(gone_after(StraysPolicy::Group, all.clone()).await, [false, true, true]);
        assert_eq!(gone_after(StraysPolicy::Leave, all).await, [true; 3]);
    });
}

#[test]
fn strays_without_a_run_are_listed_and_ended_with_the_project() {
    as_subreaper(async || {
        let host = host();
        let none = SessionStrayRules::default();
        // Out of the group, out of the environment, out of the family.
        let script = "(setsid env -i sh -c 'echo $$; exec sleep 1000' &)";
        let (mut child, mut lines) = start(&host, marked(script, "s", "web", 1)).await;
        let pid = pid_line(&mut lines).await;
        child.exited().await.unwrap();
        child.kill_tree().await.unwrap();
        child.reap().unwrap();
        // A process that was left on purpose.
        let (mut left, mut lines) =
            start(&host, marked("setsid sleep 1000 & echo $!", "s", "daemon", 1)).await;
        let daemon = pid_line(&mut lines).await;
        left.exited().await.unwrap();
        left.reap().unwrap();
        let leave = StrayRules { strays: StraysPolicy::Leave, keep: BTreeSet::new() };
        let spare = SessionStrayRules {
            session: "s".into(),
            processes: BTreeMap::from([("daemon".into(), leave)]),
        };
        let leader = host.launch(marked("trap '' TERM; sleep 1000", "s", "api", 1)).await.unwrap();

        wait_until_async("the unclaimed are found", async || {
            pids(&host.unclaimed(none.clone()).await) == BTreeSet::from([pid, daemon])
        })
        .await;
        assert_eq!(pids(&host.unclaimed(spare.clone()).await), BTreeSet::from([pid]));
        assert_eq!(host.kill_all(spare).await, []);
        assert!(!alive(pid) && alive(daemon) && !alive(leader.pid()));
        assert_eq!(host.kill_all(none).await, []);
        assert!(!alive(daemon));
        leader.reap().unwrap();
    });
}

#[test]
fn a_hundred_runs_that_end_together_share_their_looks() {
    as_subreaper(async || {
        let host = host();
        let mut runs = Vec::new();
        for run in 0..100 {
            let (mut child, mut lines) =
                start(&host, marked("setsid sleep 1000 & echo $!", "s", "web", run)).await;
            let pid = pid_line(&mut lines).await;
            child.exited().await.unwrap();
            runs.push((child, pid));
        }
        let tasks: Vec<_> = runs
            .into_iter()
            .map(|(child, pid)| {
                tokio::spawn(async move {
                    child.kill_tree().await.unwrap();
                    assert!(!alive(pid));
                    child.reap().unwrap();
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

/// The library does not adopt orphans: they are found by group and marker all the same.
#[test]
fn without_a_subreaper_orphans_are_found_by_group_and_marker() {
    if !in_own_process() {
        return;
    }
    assert!(!own_process::is_subreaper().unwrap());
    runtime().block_on(async {
        let host = host();
        let script = "sleep 1000 & echo $!; (setsid sh -c 'echo $$; sleep 1000; :' &)";
        let name = session("library");
        let (mut child, mut lines) = start(&host, marked(script, &name, "web", 1)).await;
        let known = BTreeSet::from([pid_line(&mut lines).await, pid_line(&mut lines).await]);
        child.exited().await.unwrap();
        wait_until_async("all three are found", async || {
            let found = pids(&child.strays(StraysPolicy::Kill, &Arc::default()).await.to_end);
            found.len() == 3 && found.is_superset(&known)
        })
        .await;
        child.kill_tree().await.unwrap();
        assert_eq!(of_session(&name), Vec::<u32>::new());
        child.reap().unwrap();
        assert_eq!(host.reap_adopted().await, 0);
    });
}

#[test]
fn what_a_dead_session_left_is_ended_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let name = session("recovery");
    let spawn = |script: &str, process: &str| {
        let mut command = std::process::Command::new("/bin/sh");
        command.args(["-c", script]).env("PITCREW_SESSION", &name);
        command.env("PITCREW_PROCESS", process).env("PITCREW_RUN", "1").spawn().unwrap()
    };
    let mut victim = spawn("trap '' TERM; while :; do sleep 1; done", "web");
    let mut kept = spawn("exec tail -f /dev/null", "web");
    let mut left = spawn("sleep 1000 & wait", "daemon");
    let mut decoy = std::process::Command::new("/bin/sh")
        .args(["-c", "while :; do sleep 1; done"])
        .spawn()
        .unwrap();
    wait_until("tail runs", || {
        std::fs::read(format!("/proc/{}/comm", kept.id())).unwrap() == b"tail\n"
    });
    let journal = Journal::of(folder.path());
    assert_eq!(journal.recover().unwrap().ended, []);
    let web = StrayRules { strays: StraysPolicy::Kill, keep: BTreeSet::from(["tail".into()]) };
    let daemon = StrayRules { strays: StraysPolicy::Leave, keep: BTreeSet::new() };
    let processes = BTreeMap::from([("web".into(), web), ("daemon".into(), daemon)]);
    let policies = SessionStrayRules { session: name.clone(), processes };
    journal.write(&policies).unwrap();
    assert_eq!(journal.read().unwrap(), Some(policies));
    // They are reaped later than the recovery: here by this test.
    let reaper = std::thread::spawn(move || victim.wait().unwrap());
    let recovered = journal.recover().unwrap();
    reaper.join().unwrap();
    assert_eq!(recovered.unkillable, []);
    assert!(recovered.ended.iter().any(|stray| stray.command.contains("trap")), "{recovered:?}");
    assert!(!&journal.path.exists());
    assert!(alive(kept.id()) && alive(left.id()) && alive(decoy.id()));
    for pid in of_session(&name) {
        let _ = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
    }
    for child in [&mut kept, &mut left, &mut decoy] {
        let _ = child.kill();
        child.wait().unwrap();
    }
    std::fs::write(&journal.path, "{ cut short").unwrap();
    assert_eq!(journal.recover().unwrap().ended, []);
}

#[test]
fn unmarked_leaders_and_other_children_of_ours_are_not_confused() {
    if !in_own_process() {
        return;
    }
    runtime().block_on(async {
        let host = host();
        let mut other = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let mut child = host.launch(sh("sleep 1000 & exit 0")).await.unwrap();
        child.exited().await.unwrap();
        assert!(
            !pids(&child.strays(StraysPolicy::Kill, &Arc::default()).await.to_end)
                .contains(&other.id())
        );
        child.kill_tree().await.unwrap();
        assert!(alive(other.id()));
        child.reap().unwrap();
        other.kill().unwrap();
        other.wait().unwrap();
    });
}
