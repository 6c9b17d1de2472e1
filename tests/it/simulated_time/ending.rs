//! The end of a run and its output.

use pitcrew::machine::Event;
use pitcrew::testing::{Grandchild, Pattern, Script, ScriptedHost};

use super::project::{Project, end, m, s};

#[tokio::test(start_paused = true)]
async fn the_end_is_reported_after_the_last_byte() {
    let file = "[process.a]\ncommand = 'print'\n";
    let script = (0..2_000).fold(Script::new(), |script, n| script.out(format!("line {n}")));
    let script = script.out_bytes("no newline").exit(1);
    let mut project = Project::start(file, ScriptedHost::new().on("print", script));
    loop {
        let event = project.next_event().await;
        if end(&event).is_some() {
            break;
        }
    }
    let printed = project.printed("a");
    assert!(printed.ends_with("line 1999\nno newline"), "{} bytes", printed.len());
    project.finish().await;
    assert_eq!(project.printed("a"), printed, "nothing came after the end");
}

#[tokio::test(start_paused = true)]
async fn a_stray_that_holds_the_outputs_does_not_hold_up_the_end() {
    let file = "[process.a]\ncommand = 'x'\nstop = { strays = 'leave' }\n";
    let chatty = Script::new().wait(s(1)).out("late").wait(m(60)).out("much too late");
    let script = Script::new().out("early").leave(Grandchild::new("chatty", chatty));
    let host = ScriptedHost::new().on("x", script);
    let mut project = Project::start(file, host.clone());
    let from = project.handle.clock().now();
    let ended = loop {
        let event = project.next_event().await;
        if let Event::ProcessCompleted(e) = event {
            break e.end;
        }
    };
    assert!(ended.leaked && ended.success);
    let took = project.handle.clock().now().since(from);
    assert!(took < s(1), "{took:?}");
    assert_eq!(project.printed("a"), "early\n");
    // It prints to a pipe that is closed by now, which ends it.
    tokio::time::sleep(m(61)).await;
    project.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_prompt_is_seen_before_its_line_ends() {
    let file = "[process.a]\ncommand = 'ask'\n";
    let script = Script::new().out_bytes("name? ").wait(m(10)).out_bytes("\n");
    let mut project = Project::start(file, ScriptedHost::new().on("ask", script));
    tokio::time::sleep(s(1)).await;
    let store = project.handle.store();
    let partials = store.partials(&pitcrew::output::SourceSelection::All);
    assert_eq!(partials[0].1.bytes, b"name? ");
    project.finish().await;
}

#[tokio::test(start_paused = true)]
async fn outputs_closed_early_are_no_end() {
    let file = "[process.a]\ncommand = 'daemon'\n";
    let script = Script::new().out("bye").close_stdout().close_stderr().wait(m(10)).exit(4);
    let mut project = Project::start(file, ScriptedHost::new().on("daemon", script));
    project.finish().await;
    let end = project.events.iter().find_map(end).unwrap();
    assert_eq!(end.exit_code, Some(4));
    assert!(end.duration_ms >= 600_000 && end.duration_ms < 601_000, "{}", end.duration_ms);
}

#[tokio::test(start_paused = true)]
async fn stdin_stays_open_for_a_process_that_wants_it() {
    let file = "[process.a]\ncommand = 'repl'\nstdin = 'pipe'\n[process.b]\ncommand = 'cat'\nstdin = 'null'\n";
    let host = ScriptedHost::new()
        .on("repl", Script::new().read_line().out("end of input"))
        .on("cat", Script::new().read_all().out("end of input"));
    let mut project = Project::start(file, host);
    tokio::time::sleep(m(10)).await;
    assert_eq!(
        (project.printed("a").as_str(), project.printed("b").as_str()),
        ("", "end of input\n")
    );
    assert!(!project.run("a").input_closed());
    project.shut_down().await;
    assert!(project.run("a").input_closed());
}

#[tokio::test(start_paused = true)]
async fn replicas_are_distinguished() {
    let file = "[process.worker]\ncommand = 'work'\nreplicas = 3\nport = 4000\n";
    let host = ScriptedHost::new().on(Pattern::process("worker.2"), Script::new().exit(1));
    host.add(Pattern::process("worker"), Script::new());
    let mut project = Project::start(file, host);
    project.finish().await;
    let ports: Vec<String> = project
        .runs("worker")
        .iter()
        .map(|run| run.call().env("PORT").unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(ports, ["4000", "4001", "4002"]);
    let exits: Vec<_> =
        project.host.ran().iter().map(|run| run.exit().unwrap().shell_code()).collect();
    assert_eq!(exits, [0, 1, 0]);
}
