//! How a run begins and ends.

use super::*;

pub(super) async fn the_exit_is_as_it_was_and_can_be_asked_again(world: impl World) {
    for (shell, script, exit) in [
        ("exit 0", Script::new(), Exit::Code(0)),
        ("exit 7", Script::new().exit(7), Exit::Code(7)),
        ("kill -TERM $$", Script::new().die(Signal::TERM), Exit::Signal(Signal::TERM)),
        ("kill -KILL $$", Script::new().die(Signal::KILL), Exit::Signal(Signal::KILL)),
    ] {
        let mut child = world.host().launch(world.program(shell, script)).await.unwrap();
        assert_eq!(ended(&mut child).await, exit);
        assert_eq!(ended(&mut child).await, exit);
        child.reap().unwrap();
    }
}

pub(super) async fn a_missing_program_is_known_as_that(world: impl World) {
    let script = Script::refused(StartErrorKind::ProgramNotFound);
    let launch = world.launch(["no-such-program-of-all"], script);
    let error = launch_refused(&world, launch, StartErrorKind::ProgramNotFound).await;
    assert!(error.starts_with("no such program \"no-such-program-of-all\""), "{error}");
}

pub(super) async fn a_missing_folder_is_known_as_that(world: impl World) {
    let mut launch = world.program("exit 0", Script::refused(StartErrorKind::CwdNotFound));
    launch.cwd = "/no/such/folder".into();
    let error = launch_refused(&world, launch, StartErrorKind::CwdNotFound).await;
    assert_eq!(error, "the working folder \"/no/such/folder\" does not exist");
}

async fn launch_refused<W: World>(world: &W, launch: Launch, kind: StartErrorKind) -> String {
    let Err(error) = world.host().launch(launch).await else { panic!("it was started") };
    assert_eq!(error.kind, kind);
    error.message
}

pub(super) async fn what_is_dropped_is_killed(world: impl World) {
    let shell = "sleep 1000 & echo ready; sleep 1000";
    let script =
        Script::forever().leave(Grandchild::new("sleep 1000", Script::forever())).out("ready");
    let (child, mut lines) = start(&world, shell, script).await;
    line(&mut lines).await;
    drop(child);
    assert_eq!(tokio::time::timeout(BOUND, lines.next_line()).await.unwrap().unwrap(), None);
}

pub(super) async fn one_that_lives_cannot_be_reaped(world: impl World) {
    let (child, mut lines) = start(&world, &waiting(""), Script::forever().out("ready")).await;
    line(&mut lines).await;
    let error = child.reap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(tokio::time::timeout(BOUND, lines.next_line()).await.unwrap().unwrap(), None);
}

pub(super) async fn an_abandoned_start_leaves_nothing(world: impl World) {
    for _ in 0..5 {
        drop(world.host().launch(world.program("sleep 1000", Script::forever())));
    }
    let mut child = world.host().launch(world.program("exit 0", Script::new())).await.unwrap();
    ended(&mut child).await;
    child.reap().unwrap();
}

pub(super) async fn many_at_once(world: impl World) {
    let mut children = Vec::new();
    for number in 0..50 {
        let shell = format!("echo {number}; exit {number}");
        let script = Script::new().out(number.to_string()).exit(number);
        children.push(world.host().launch(world.program(&shell, script)).await.unwrap());
    }
    for (number, mut child) in (0..).zip(children) {
        let text = rest(child.stdout().unwrap()).await;
        assert_eq!(text, format!("{number}\n").into_bytes());
        assert_eq!(ended(&mut child).await, Exit::Code(number));
        child.reap().unwrap();
    }
}

pub(super) async fn pids_are_unique(world: impl World) {
    let mut children = Vec::new();
    for _ in 0..10 {
        children.push(start(&world, &waiting(""), Script::forever().out("ready")).await.0);
    }
    let pids: BTreeSet<u32> = children.iter().map(Child::pid).collect();
    assert_eq!(pids.len(), 10);
    assert!(!pids.contains(&0) && !pids.contains(&std::process::id()));
    for child in children {
        child.kill_tree().await.unwrap();
    }
}
