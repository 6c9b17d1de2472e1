//! What signals do to a run.

use super::*;

pub(super) async fn a_signal_ends_it_and_is_its_exit(world: impl World) {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::USR1, Signal::KILL] {
        let (mut child, mut lines) =
            start(&world, &waiting(""), Script::forever().out("ready")).await;
        line(&mut lines).await;
        child.signal(signal).unwrap();
        assert_eq!(ended(&mut child).await, Exit::Signal(signal));
        over(child).await;
    }
}

pub(super) async fn a_signal_reaches_the_group(world: impl World) {
    let shell = "sleep 1000 & echo ready; wait";
    let script =
        Script::forever().leave(Grandchild::new("sleep 1000", Script::forever())).out("ready");
    let (mut child, mut lines) = start(&world, shell, script).await;
    line(&mut lines).await;
    child.signal(Signal::TERM).unwrap();
    assert_eq!(ended(&mut child).await, Exit::Signal(Signal::TERM));
    // Only then is the output closed: the grandchild has gone too.
    assert_eq!(tokio::time::timeout(BOUND, lines.next_line()).await.unwrap().unwrap(), None);
    over(child).await;
}

pub(super) async fn a_signal_can_be_answered(world: impl World) {
    let shell = waiting("trap 'echo bye; exit 3' TERM");
    let script =
        Script::forever().out("ready").on_signal(Signal::TERM, Script::new().out("bye").exit(3));
    let (mut child, mut lines) = start(&world, &shell, script).await;
    line(&mut lines).await;
    child.signal(Signal::TERM).unwrap();
    assert_eq!(line(&mut lines).await, "bye");
    assert_eq!(ended(&mut child).await, Exit::Code(3));
    over(child).await;
}

pub(super) async fn a_signal_can_interrupt(world: impl World) {
    // The signal ends the waiting child too; the shell reports that and starts another.
    let shell = waiting("trap 'echo again' HUP; trap 'exit 0' TERM");
    let script = Script::forever()
        .out("ready")
        .interrupted_by(Signal::HUP, Script::new().out("again").exit(9))
        .on_signal(Signal::TERM, Script::new());
    let (mut child, mut lines) = start(&world, &shell, script).await;
    line(&mut lines).await;
    for _ in 0..3 {
        child.signal(Signal::HUP).unwrap();
        assert_eq!(line(&mut lines).await, "again");
    }
    child.signal(Signal::TERM).unwrap();
    assert_eq!(ended(&mut child).await, Exit::Code(0));
    over(child).await;
}

pub(super) async fn term_can_be_ignored_and_kill_cannot(world: impl World) {
    let script = Script::forever().out("ready").ignore(Signal::TERM).ignore(Signal::KILL);
    let (mut child, mut lines) = start(&world, &waiting("trap '' TERM"), script).await;
    line(&mut lines).await;
    child.signal(Signal::TERM).unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), child.exited()).await;
    assert!(early.is_err(), "it ignores that");
    child.signal(Signal::KILL).unwrap();
    assert_eq!(ended(&mut child).await, Exit::Signal(Signal::KILL));
    over(child).await;
}

pub(super) async fn a_stopped_child_can_be_asked_to_end(world: impl World) {
    let shell = waiting("trap 'echo terminating; exit 0' TERM; trap 'echo hup' HUP");
    let script = Script::forever()
        .out("ready")
        .interrupted_by(Signal::HUP, Script::new().out("hup"))
        .on_signal(Signal::TERM, Script::new().out("terminating"));
    let (mut child, mut lines) = start(&world, &shell, script).await;
    line(&mut lines).await;
    child.signal(Signal::STOP).unwrap();
    child.signal(Signal::HUP).unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), lines.next_line()).await;
    assert!(early.is_err(), "it is stopped");
    child.signal(Signal::CONT).unwrap();
    assert_eq!(line(&mut lines).await, "hup");
    child.signal(Signal::STOP).unwrap();
    child.signal(Signal::TERM).unwrap();
    assert_eq!(line(&mut lines).await, "terminating");
    assert_eq!(ended(&mut child).await, Exit::Code(0));
    over(child).await;
}

pub(super) async fn signals_after_the_end_are_no_error(world: impl World) {
    let mut child =
        world.host().launch(world.program("exit 4", Script::new().exit(4))).await.unwrap();
    ended(&mut child).await;
    child.signal(Signal::TERM).unwrap();
    child.signal(Signal::KILL).unwrap();
    child.kill_tree().await.unwrap();
    assert_eq!(ended(&mut child).await, Exit::Code(4));
    over(child).await;
}
