//! The library on the scripted host, in simulated time.

use std::time::Duration;

use pitcrew::testing::{
    Gate, Grandchild, Pattern, Script, ScriptedHost, SentSignal, Sequence, SignalTarget,
};
use pitcrew::{
    Command, Error, Event, Exit, ProcessManager, ProcessPool, Signal, Stdin, StopPolicy, TimeLimit,
};

use super::on;

const fn m(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

#[tokio::test(start_paused = true)]
async fn retries_wait_as_long_as_was_said() {
    let fail = || Script::new().out("try").exit(1);
    let sequence = Sequence::new([fail(), fail()]).then(Script::new().out("done"));
    let (host, manager) = on(ScriptedHost::new().on("deploy", sequence));
    let command = Command::new("deploy").retries(3).retry_delay(m(10));
    let result = manager.run(command).await.unwrap();
    assert!(result.success() && result.attempts().len() == 3);
    let moments: Vec<u64> = host.ran().iter().map(|run| run.at().as_secs() / 60).collect();
    assert_eq!(moments, [0, 10, 20]);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_enforced_to_the_end() {
    let stubborn = Script::forever().out("begun").ignore(Signal::TERM);
    let (host, manager) = on(ScriptedHost::new().on("backup", stubborn));
    let grace = StopPolicy { grace: m(2), ..StopPolicy::default() };
    let error = manager.run(Command::new("backup").timeout(m(60)).stop(grace)).await.unwrap_err();
    let Error::TimedOut { result, limit: TimeLimit::Total(limit) } = error else {
        panic!("{error:?}")
    };
    assert_eq!((limit, result.stdout()), (m(60), b"begun\n".as_slice()));
    assert_eq!(result.status(), Some(Exit::Signal(Signal::KILL)));
    let sent = host.assert_ran("backup").signals();
    let to_group = |signal, after| SentSignal { signal, to: SignalTarget::Group, after };
    assert_eq!(sent, [to_group(Signal::TERM, m(60)), to_group(Signal::KILL, m(62))]);
    host.assert_nothing_left();
}

#[tokio::test(start_paused = true)]
async fn an_idle_timeout_is_measured_from_the_last_output() {
    let script = Script::forever().wait(m(1)).err("still").wait(m(4)).out("here");
    let (host, manager) = on(ScriptedHost::new().on("x", script));
    let error = manager.run(Command::new("x").idle_timeout(m(5))).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { limit: TimeLimit::Idle(_), .. }));
    assert_eq!(host.assert_ran("x").signals()[0].after, m(10));
}

#[tokio::test(start_paused = true)]
async fn a_server_is_awaited_read_signalled_and_stopped() {
    let script = Script::forever()
        .wait(m(1))
        .out("listening")
        .interrupted_by(Signal::HUP, Script::new().out("reloaded"))
        .on_signal(Signal::TERM, Script::new().out("bye").wait(m(3)).exit(0));
    let (host, manager) = on(ScriptedHost::new().on("serve", script));
    let grace = StopPolicy { grace: m(5), ..StopPolicy::default() };
    let server = manager.start(Command::new("serve").stop(grace)).await.unwrap();
    let mut cursor = server.cursor();
    assert_eq!(cursor.stdout(), b"");
    server.wait_for_line(|line| line.text() == "listening").await.unwrap();
    assert_eq!(cursor.stdout(), b"listening\n");
    server.signal(Signal::HUP).unwrap();
    server.wait_for_line(|line| line.text() == "reloaded").await.unwrap();
    let result = server.stop().await.unwrap();
    assert_eq!((result.code(), result.killed_by().is_some()), (0, true));
    assert_eq!(cursor.stdout(), b"reloaded\nbye\n");
    let run = host.assert_ran("serve");
    assert!(run.got(Signal::HUP) && run.got(Signal::TERM) && !run.got(Signal::KILL));
    assert_eq!(run.signals()[1].after, m(1), "the stop was a matter of no time");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_printed_after_the_stop() {
    let script = Script::new().out("tick").wait(m(1)).repeat();
    let (_host, manager) = on(ScriptedHost::new().on("tick", script));
    let ticking = manager.start(Command::new("tick")).await.unwrap();
    tokio::time::sleep(m(3) + Duration::from_secs(1)).await;
    let result = ticking.stop().await.unwrap();
    assert_eq!(result.stdout(), b"tick\ntick\ntick\ntick\n");
    tokio::time::sleep(m(10)).await;
    assert_eq!(ticking.wait().await.unwrap().stdout(), result.stdout());
}

#[tokio::test(start_paused = true)]
async fn what_is_given_as_input_is_recorded() {
    let (host, manager) = on(ScriptedHost::new()
        .on("cat", Script::new().echo())
        .on("deaf", Script::new())
        .on("ask", Script::new().read_line().out("hello").read_all()));
    let cat = manager.run(Command::new("cat").stdin("0")).await.unwrap();
    assert_eq!(cat.stdout(), b"0");
    assert_eq!(host.assert_ran("cat").input(), b"0");

    let large = vec![b'x'; 1_000_000];
    let cat = Command::new("cat").stdin(large.clone());
    assert_eq!(manager.run(cat).await.unwrap().stdout(), large);

    assert!(manager.run(Command::new("deaf").stdin(large)).await.unwrap().success());

    let ask = manager.start(Command::new("ask").stdin(Stdin::Piped)).await.unwrap();
    ask.write("me\n").await.unwrap();
    ask.wait_for_line(|line| line.text() == "hello").await.unwrap();
    let run = host.assert_ran("ask");
    assert_eq!((run.input(), run.input_closed()), (b"me\n".to_vec(), false));
    ask.close_stdin();
    assert!(ask.wait().await.unwrap().success());
    assert!(run.input_closed());
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_flows_in_simulated_time() {
    let produce = Script::new().wait(m(10)).out("b").wait(m(10)).out("a");
    let (host, manager) = on(ScriptedHost::new()
        .on("produce", produce)
        .on("pass", Script::new().echo())
        .on("sort", Script::new().read_all().wait(m(5)).out("a").out("b")));
    let stages = ["produce", "pass", "sort"].map(|name| Command::new(name).timeout(m(30)));
    let sorted = manager.pipeline(stages).run().await.unwrap();
    assert!(sorted.success());
    assert_eq!(sorted.stdout(), b"a\nb\n");
    let run = host.assert_ran("sort");
    assert_eq!((run.input(), run.input_closed()), (b"b\na\n".to_vec(), true));
}

#[tokio::test(start_paused = true)]
async fn the_first_stage_is_cut_off_when_the_last_has_enough() {
    let endless = Script::new().out("y").wait(Duration::from_secs(1)).repeat();
    let (_host, manager) =
        on(ScriptedHost::new().on("yes", endless).on("head", Script::new().read_line().out("y")));
    let head = manager.pipeline(["yes", "head"].map(Command::new)).run().await.unwrap();
    assert!(head.success());
    let first = head.stages()[0].as_ref().unwrap();
    assert_eq!(first.status(), Some(Exit::Signal(Signal::PIPE)));
}

#[tokio::test(start_paused = true)]
async fn a_pool_has_its_slots() {
    let (host, manager) = on(ScriptedHost::new().on("job *", Script::new().wait(m(10))));
    let pool = ProcessPool::new(&manager, 2);
    let jobs = (0..6).map(|number| (number, Command::shell(format!("job {number}"))));
    let results = pool.run_all(jobs).await;
    assert_eq!(results.len(), 6);
    let moments: Vec<u64> = host.ran().iter().map(|run| run.at().as_secs() / 60).collect();
    assert_eq!(moments, [0, 0, 10, 10, 20, 20]);
    host.assert_ran_in_order((0..6).map(|number| format!("job {number}")));
}

#[tokio::test(start_paused = true)]
async fn events_are_those_of_a_real_run() {
    let (_host, manager) = on(ScriptedHost::new().on("x", Script::new().exit(2)));
    let mut events = manager.events();
    manager.run(Command::new("x")).await.unwrap();
    let Some(Event::ProcessStarted(started)) = events.next().await else { panic!("not started") };
    assert!(started.pid > 4_194_304, "no real process has this number");
    let end = loop {
        if let Event::ProcessCompleted(completed) = events.next().await.unwrap() {
            break completed.end;
        }
    };
    assert_eq!(end.exit_code, Some(2));
}

#[tokio::test(start_paused = true)]
async fn strays_are_in_the_result() {
    let daemon = Grandchild::new("/usr/bin/daemon -d", Script::forever()).outside_group();
    let (host, manager) = on(ScriptedHost::new().on("x", Script::new().leave(daemon)));
    let result = manager.run(Command::new("x")).await.unwrap();
    assert!(result.success() && result.leaked());
    assert_eq!(result.strays()[0].command, "/usr/bin/daemon -d");
    host.assert_nothing_left();
}

#[tokio::test(start_paused = true)]
async fn merged_outputs_are_in_order() {
    let (_host, manager) =
        on(ScriptedHost::new().on("x", Script::new().out("1").err("2").out("3")));
    let result = manager.run(Command::new("x").merge_stderr()).await.unwrap();
    assert_eq!((result.stdout(), result.stderr()), (b"1\n2\n3\n".as_slice(), b"".as_slice()));
}

#[tokio::test(start_paused = true)]
async fn a_gate_holds_until_it_is_opened() {
    let (reached, go) = (Gate::new(), Gate::new());
    let script = Script::new().open(&reached).hold_until(&go).out("went");
    let (_host, manager) = on(ScriptedHost::new().on("x", script));
    let held = manager.start(Command::new("x")).await.unwrap();
    reached.opened().await;
    tokio::time::sleep(m(10)).await;
    assert!(held.pid().is_some() && !go.is_open());
    go.open();
    assert_eq!(held.wait().await.unwrap().stdout(), b"went\n");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_future_kills_and_so_does_a_dropped_manager() {
    let (host, manager) = on(ScriptedHost::new().on("*", Script::forever()));
    let run = manager.run(Command::new("a"));
    assert!(tokio::time::timeout(m(1), run).await.is_err());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(host.assert_ran("a").exit(), Some(Exit::Signal(Signal::KILL)));

    let kept = manager.start(Command::new("b")).await.unwrap();
    drop(manager);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(host.assert_ran("b").exit(), Some(Exit::Signal(Signal::KILL)));
    assert!(kept.wait().await.is_ok());
    host.assert_nothing_left();
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_before_it_has_a_number_is_ended_too() {
    let (host, manager) = on(ScriptedHost::new().on("*", Script::forever()));
    let stages = ["a", "b", "c"].map(Command::new);
    let pipeline = manager.pipeline(stages).run();
    assert!(tokio::time::timeout(Duration::ZERO, pipeline).await.is_err());
    assert!(tokio::time::timeout(Duration::ZERO, manager.run(Command::new("d"))).await.is_err());
    let started = manager.start(Command::new("e"));
    assert!(tokio::time::timeout(Duration::ZERO, started).await.is_err());
    tokio::time::sleep(m(1)).await;
    assert!(manager.active().is_empty(), "{:?}", manager.active());
    host.assert_nothing_left();
}

#[tokio::test(start_paused = true)]
async fn one_host_serves_several_managers() {
    let (host, manager) = on(ScriptedHost::new().on("*", Script::new().wait(m(1))));
    let other = ProcessManager::with_host(host.clone());
    let (one, two) = tokio::join!(manager.run(Command::new("a")), other.run(Command::new("b")));
    assert!(one.unwrap().success() && two.unwrap().success());
    assert_ne!(host.assert_ran("a").pid(), host.assert_ran("b").pid());
    host.assert_ran_times(Pattern::any(), 2);
}

#[tokio::test]
async fn real_time_does_as_well() {
    let script = Script::new().out("a").wait(Duration::from_millis(20)).out("b");
    let (_host, manager) = on(ScriptedHost::new().on("x", script));
    // Not the duration of the run: that counts from when the engine has noted its start.
    let from = tokio::time::Instant::now();
    let result = manager.run(Command::new("x")).await.unwrap();
    assert_eq!(result.stdout(), b"a\nb\n");
    assert!(from.elapsed() >= Duration::from_millis(20));
}

#[test]
fn a_host_needs_no_runtime_before_it_is_used() {
    let host = ScriptedHost::new().on("x", Script::forever());
    host.assert_nothing_ran();
    host.assert_nothing_left();
}
