//! What a run prints and reads.

use super::*;

pub(super) async fn outputs_are_exact_and_apart(world: impl World) {
    let shell = r"printf 'one\n\n\0\377two'; printf 'err\n' >&2; printf three; printf 'or' >&2";
    let script =
        Script::new().out_bytes(b"one\n\n\0\xfftwo").err("err").out_bytes("three").err_bytes("or");
    let mut child = world.host().launch(world.program(shell, script)).await.unwrap();
    let (out, err) = (child.stdout().unwrap(), child.stderr().unwrap());
    assert!(child.stdout().is_none() && child.stderr().is_none() && child.stdin().is_none());
    let (out, err) = tokio::join!(rest(out), rest(err));
    assert_eq!(out, b"one\n\n\0\xfftwothree");
    assert_eq!(err, b"err\nor");
    assert_eq!(ended(&mut child).await, Exit::Code(0));
    child.reap().unwrap();
}

pub(super) async fn both_outputs_can_share_a_pipe(world: impl World) {
    let shell = "echo 1; echo 2 >&2; echo 3; echo 4 >&2";
    let script = Script::new().out("1").err("2").out("3").err("4");
    let mut launch = world.program(shell, script);
    launch.stderr = OutputFd::Stdout;
    let mut child = world.host().launch(launch).await.unwrap();
    assert!(child.stderr().is_none());
    assert_eq!(rest(child.stdout().unwrap()).await, b"1\n2\n3\n4\n");
    ended(&mut child).await;
    child.reap().unwrap();
}

pub(super) async fn more_than_fits_into_a_pipe_waits_for_the_reader(world: impl World) {
    let shell = "dd if=/dev/zero bs=1000000 count=1 2>/dev/null; echo done >&2";
    let script = Script::new().out_bytes(vec![0; 1_000_000]).err("done");
    let mut child = world.host().launch(world.program(shell, script)).await.unwrap();
    let mut err = BufReader::new(child.stderr().unwrap()).lines();
    let early = tokio::time::timeout(Duration::from_millis(100), err.next_line()).await;
    assert!(early.is_err(), "it did not wait");
    assert_eq!(rest(child.stdout().unwrap()).await.len(), 1_000_000);
    assert_eq!(line(&mut err).await, "done");
    assert_eq!(ended(&mut child).await, Exit::Code(0));
    child.reap().unwrap();
}

pub(super) async fn nobody_reads_the_pipe_any_more(world: impl World) {
    let script = Script::new().out("first").read_all().out("second").wait(BOUND);
    let mut launch = world.program("echo first; cat; echo second; sleep 1000", script);
    launch.stdin = StdinTarget::Pipe;
    let mut child = world.host().launch(launch).await.unwrap();
    let stdin = child.stdin().unwrap();
    drop(child.stdout());
    drop(stdin);
    assert_eq!(ended(&mut child).await, Exit::Signal(Signal::PIPE));
    child.reap().unwrap();
}

pub(super) async fn outputs_closed_early_are_seen_before_the_end(world: impl World) {
    let shell = "echo last; exec >&- 2>&-; sleep 1000";
    let script = Script::forever().out("last").close_stdout().close_stderr();
    let mut child = world.host().launch(world.program(shell, script)).await.unwrap();
    assert_eq!(rest(child.stdout().unwrap()).await, b"last\n");
    assert_eq!(rest(child.stderr().unwrap()).await, b"");
    let early = tokio::time::timeout(Duration::from_millis(50), child.exited()).await;
    assert!(early.is_err(), "it still runs");
    child.signal(Signal::KILL).unwrap();
    assert_eq!(ended(&mut child).await, Exit::Signal(Signal::KILL));
    child.reap().unwrap();
}

pub(super) async fn stdin_is_at_its_end_unless_asked_otherwise(world: impl World) {
    let script = Script::new().read_line().read_all().echo().out("end");
    let (mut child, mut lines) = start(&world, "cat; echo end", script).await;
    assert_eq!(line(&mut lines).await, "end");
    ended(&mut child).await;
    child.reap().unwrap();
}

pub(super) async fn an_open_stdin_neither_ends_nor_brings_anything(world: impl World) {
    let script = Script::new().out("up").read_all().out("end");
    let mut launch = world.program("echo up; cat; echo end", script);
    launch.stdin = StdinTarget::Open;
    let mut child = world.host().launch(launch).await.unwrap();
    assert!(child.stdin().is_none());
    let mut lines = BufReader::new(child.stdout().unwrap()).lines();
    assert_eq!(line(&mut lines).await, "up");
    let early = tokio::time::timeout(Duration::from_millis(100), lines.next_line()).await;
    assert!(early.is_err(), "{early:?}");
    child.kill_tree().await.unwrap();
    assert_eq!(ended(&mut child).await, Exit::Signal(Signal::KILL));
    child.reap().unwrap();
}

pub(super) async fn what_is_written_to_stdin_arrives_and_its_end_too(world: impl World) {
    let shell = "read first; echo read; cat; echo end";
    let script = Script::new().read_line().out("read").echo().out("end");
    let mut launch = world.program(shell, script);
    launch.stdin = StdinTarget::Pipe;
    let mut child = world.host().launch(launch).await.unwrap();
    let mut lines = BufReader::new(child.stdout().unwrap()).lines();
    let mut stdin = child.stdin().unwrap();
    assert!(child.stdin().is_none());
    stdin.write_all(b"first\n").await.unwrap();
    assert_eq!(line(&mut lines).await, "read");
    stdin.write_all(b"second\nthird\n").await.unwrap();
    assert_eq!(line(&mut lines).await, "second");
    assert_eq!(line(&mut lines).await, "third");
    drop(stdin);
    assert_eq!(line(&mut lines).await, "end");
    assert_eq!(ended(&mut child).await, Exit::Code(0));
    child.reap().unwrap();
}

pub(super) async fn a_reader_of_stdin_that_is_gone_is_an_error(world: impl World) {
    let mut launch = world.program("exit 0", Script::new());
    launch.stdin = StdinTarget::Pipe;
    let mut child = world.host().launch(launch).await.unwrap();
    let mut stdin = child.stdin().unwrap();
    ended(&mut child).await;
    let error = stdin.write_all(b"x").await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    child.reap().unwrap();
}

pub(super) async fn stdin_can_be_a_file_and_a_missing_file_refuses_the_start(world: impl World) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    std::fs::write(&path, "of a file\n").unwrap();
    let mut launch = world.program("cat", Script::new().echo());
    launch.stdin = StdinTarget::Path(path.clone());
    let mut child = world.host().launch(launch.clone()).await.unwrap();
    assert_eq!(rest(child.stdout().unwrap()).await, b"of a file\n");
    ended(&mut child).await;
    child.reap().unwrap();

    std::fs::remove_file(path).unwrap();
    assert!(world.host().launch(launch).await.is_err());
}

pub(super) async fn pipes_join_two_runs(world: impl World) {
    let (read, write) = pitcrew::sys::pipe().unwrap();
    let mut first = world.program("echo a; echo b", Script::new().out("a").out("b"));
    first.stdout = OutputFd::File(Arc::new(write));
    let mut second = world.program("cat; echo end", Script::new().echo().out("end"));
    second.stdin = StdinTarget::File(Arc::new(read));
    let mut first = world.host().launch(first).await.unwrap();
    let mut second = world.host().launch(second).await.unwrap();
    assert!(first.stdout().is_none() && second.stdin().is_none());
    assert_eq!(rest(second.stdout().unwrap()).await, b"a\nb\nend\n");
    for child in [&mut first, &mut second] {
        assert_eq!(ended(child).await, Exit::Code(0));
    }
    first.reap().unwrap();
    second.reap().unwrap();
}
