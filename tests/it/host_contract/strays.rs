//! What a run leaves behind.

use super::*;

pub(super) async fn a_stray_holds_the_outputs_beyond_the_end(world: impl World) {
    let shell = "sleep 1000 & exit 3";
    let script = Script::new().leave(Grandchild::new("sleep 1000", Script::forever())).exit(3);
    let (mut child, mut lines) = start(&world, shell, script).await;
    assert_eq!(ended(&mut child).await, Exit::Code(3));
    let early = tokio::time::timeout(Duration::from_millis(50), lines.next_line()).await;
    assert!(early.is_err(), "the output is open");
    child.kill_tree().await.unwrap();
    assert_eq!(tokio::time::timeout(BOUND, lines.next_line()).await.unwrap().unwrap(), None);
    child.reap().unwrap();
}

/// A run that has ended and has left one process in its group and one outside.
async fn littering<W: World>(world: &W) -> ChildOf<W> {
    let gate = Gate::new();
    let outside = Grandchild::new("sleep 1002", Script::forever().open(&gate)).outside_group();
    let script = Script::new()
        .leave(Grandchild::new("sleep 1001", Script::forever()))
        .leave(outside)
        .hold_until(&gate)
        .out("ready");
    let shell = "sleep 1001 & setsid sh -c 'echo ready; exec sleep 1002' &\nwait_for_it=1";
    let launch = world.program(shell, script);
    let mut child = world.host().launch(launch).await.unwrap();
    let mut lines = BufReader::new(child.stdout().unwrap()).lines();
    line(&mut lines).await;
    ended(&mut child).await;
    child
}

/// The names of descendants after their exec.
async fn left<C: Child>(child: &C, policy: StraysPolicy, keep: &[&str]) -> [Vec<String>; 2] {
    let keep = Arc::new(keep.iter().map(|&name| name.to_owned()).collect());
    let names = |all: Vec<pitcrew::sys::Descendant>| {
        let mut names: Vec<String> = all.into_iter().map(|one| one.stray.command).collect();
        names.sort();
        names
    };
    let mut found = [Vec::new(), Vec::new()];
    wait_until_async("they are sleepers", async || {
        let strays = child.strays(policy, &keep).await;
        found = [names(strays.to_end), names(strays.kept)];
        found.iter().flatten().all(|name| name.starts_with("sleep"))
    })
    .await;
    found
}

pub(super) async fn strays_are_sorted_by_policy_and_by_name(world: impl World) {
    let child = littering(&world).await;
    let (inside, outside) = ("sleep 1001".to_owned(), "sleep 1002".to_owned());
    let both = vec![inside.clone(), outside.clone()];
    assert_eq!(left(&child, StraysPolicy::Kill, &[]).await, [both.clone(), vec![]]);
    assert_eq!(left(&child, StraysPolicy::Group, &[]).await, [vec![inside], vec![outside]]);
    assert_eq!(left(&child, StraysPolicy::Leave, &[]).await, [vec![], both.clone()]);
    assert_eq!(left(&child, StraysPolicy::Kill, &["sleep"]).await, [vec![], both]);
    child.kill_tree().await.unwrap();
    assert_eq!(left(&child, StraysPolicy::Kill, &[]).await, [vec![], Vec::<String>::new()]);
    child.reap().unwrap();
}

pub(super) async fn strays_can_be_signalled_one_by_one(world: impl World) {
    let child = littering(&world).await;
    left(&child, StraysPolicy::Kill, &[]).await;
    let all = child.strays(StraysPolicy::Kill, &nothing_kept()).await.to_end;
    let [one, other] = all.as_slice() else { panic!("{all:?}") };
    assert_ne!(one.in_group, other.in_group);
    assert_eq!((one.program.as_str(), other.program.as_str()), ("sleep", "sleep"));
    child.signal_these(Signal::TERM, vec![one.stray.pid, child.pid()]).await;
    wait_until_async("one is gone", async || {
        tokio::time::sleep(Duration::from_millis(1)).await;
        child.strays(StraysPolicy::Kill, &nothing_kept()).await.to_end == [other.clone()]
    })
    .await;
    let denied = child.signal_strays(Signal::TERM, StraysPolicy::Kill, &nothing_kept()).await;
    assert_eq!(denied, []);
    wait_until_async("both are gone", async || {
        tokio::time::sleep(Duration::from_millis(1)).await;
        child.strays(StraysPolicy::Kill, &nothing_kept()).await.to_end.is_empty()
    })
    .await;
    child.reap().unwrap();
}

pub(super) async fn the_whole_tree_can_be_killed(world: impl World) {
    let shell = "trap '' TERM; (trap '' TERM; sleep 1000) & echo ready; wait";
    let stubborn = Script::forever().ignore(Signal::TERM);
    let script = stubborn.clone().leave(Grandchild::new("sh", stubborn)).out("ready");
    let (mut child, mut lines) = start(&world, shell, script).await;
    line(&mut lines).await;
    child.signal(Signal::TERM).unwrap();
    child.kill_tree().await.unwrap();
    assert_eq!(ended(&mut child).await, Exit::Signal(Signal::KILL));
    assert!(child.strays(StraysPolicy::Kill, &nothing_kept()).await.to_end.is_empty());
    child.reap().unwrap();
}
