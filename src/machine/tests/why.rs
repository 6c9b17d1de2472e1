//! `why`: every state has an explanation, and its chain ends at the root.

use std::sync::Arc;

use super::host::{OnStop, exits, willing};
use super::project::{Draft, ms, needs, project, retried, s};
use super::{Script, World};
use crate::machine::{Explanation, Fact, Input, InputRequest, RunId, SupervisorOptions};
use crate::spec::{CommandLine, Condition, OnFailure, WatchSpec};

fn world(draft: Draft) -> World {
    World::new(draft.spec(), SupervisorOptions { keep: true, ..SupervisorOptions::default() })
}

fn explain(w: &mut World, name: &str) -> Explanation {
    let id = w.ids(&[name])[0];
    Explanation::of(&w.machine.snapshot(w.now), id, w.now).unwrap()
}

#[test]
fn a_run_has_the_cause_of_its_start() {
    let draft = |word: &str| {
        let command = CommandLine::Argv(vec![word.to_owned()]);
        project().process("a", |a| {
            a.command = command;
            a.watch = Some(Arc::new(WatchSpec::default()));
        })
    };
    let slow = Script { on_stop: OnStop::After(s(1)), ..willing() };
    let mut w = world(draft("one")).script("a", [slow]).begin();
    w.advance(s(5));
    assert_eq!(explain(&mut w, "a").to_string(), "a (ready): running");
    w.change("a");
    w.advance(ms(500));
    let stopping = explain(&mut w, "a").to_string();
    assert!(stopping.ends_with("because src/a changed"), "{stopping}");
    w.advance(s(5));
    assert_eq!(
        explain(&mut w, "a").to_string(),
        "a (ready): running; started because src/a changed"
    );
    w.reload(draft("two").spec());
    w.advance(s(5));
    let explanation = explain(&mut w, "a");
    let text = "a (ready): running; started because the procfile was reloaded (reload 1)";
    assert_eq!(explanation.to_string(), text);
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!(json["cause"], serde_json::json!({ "kind": "reload", "reload": 1 }));
    // Each time soon after the previous start, and then once too often.
    for _ in 0..11 {
        w.change("a");
        w.advance(ms(1100));
    }
    let explanation = explain(&mut w, "a");
    assert_eq!(explanation.suspended_by.as_deref(), Some("src/a"));
    let text = explanation.to_string();
    assert_eq!(text.matches("file watching suspended by src/a").count(), 1);
}

#[test]
fn a_suspended_watch_is_shown_during_back_off() {
    let draft = project().process("a", |a| {
        a.watch = Some(Arc::new(WatchSpec { suspend_after: 1, ..WatchSpec::default() }));
        retried(a, 9);
        a.retry.initial = s(5);
    });
    let mut w = world(draft).script("a", [exits(s(1), 1)]).begin();
    w.advance(ms(500));
    w.change("a");
    w.advance(ms(300));
    w.change("a");
    w.advance(s(2));
    let text = explain(&mut w, "a").to_string();
    assert!(text.contains("retry 1 of 9"), "{text}");
    assert!(text.ends_with("; file watching suspended by src/a"), "{text}");
}

#[test]
fn a_queued_process_names_the_holders_of_the_slots() {
    let draft = project().pool("p", 1, |_| {}).job("p", "first", |_| {}).job("p", "second", |_| {});
    let draft = draft.process("after", |after| needs(after, "second", Condition::Succeeded));
    let mut w = world(draft).begin();
    w.advance(s(1));
    assert_eq!(
        explain(&mut w, "after").to_string(),
        "after (waiting): waiting for second to succeed\n\
         \u{20} second (queued): waiting for a free slot of p\n\
         \u{20}   first (ready): running"
    );
}

#[test]
fn a_completed_job_blocks_no_other() {
    let draft = project().pool("p", 1, |_| {});
    let draft =
        ["done", "runs", "next"].iter().fold(draft, |draft, job| draft.job("p", job, |_| {}));
    let draft = draft
        .process("for-ready", |one| needs(one, "p", Condition::Ready))
        .process("for-start", |one| needs(one, "p", Condition::Started));
    let mut w = world(draft).script("done", [exits(s(1), 0)]).begin();
    w.advance(s(2));
    for (name, goal) in [("for-ready", "be ready"), ("for-start", "start")] {
        assert_eq!(
            explain(&mut w, name).to_string(),
            format!(
                "{name} (waiting): waiting for p to {goal}\n\
                 \u{20} next (queued): waiting for a free slot of p\n\
                 \u{20}   runs (ready): running"
            )
        );
    }
    w.stop(&["next"]);
    w.advance(s(1));
    assert!(!explain(&mut w, "for-ready").to_string().contains("done"));
}

#[test]
fn processes_of_a_stopped_pool_name_the_failed_job() {
    let draft = project().pool("p", 2, |pool| pool.on_failure = OnFailure::Stop);
    let draft =
        ["bad", "runs", "queued"].iter().fold(draft, |draft, job| draft.job("p", job, |_| {}));
    let mut w = world(draft).script("bad", [exits(s(1), 3)]).begin();
    w.advance(s(2));
    for (name, state) in [("runs", "stopped"), ("queued", "skipped")] {
        assert_eq!(
            explain(&mut w, name).to_string(),
            format!(
                "{name} ({state}): pool stopped because bad failed\n\
                 \u{20} bad (failed): exit 3 after 1.0s"
            )
        );
    }
    // From now on its state was requested manually.
    w.stop(&["queued"]);
    assert_eq!(explain(&mut w, "queued").to_string(), "queued (stopped): stopped on request");
    w.restart(&["runs"]);
    w.advance(s(1));
    w.stop(&["runs"]);
    w.advance(s(1));
    assert_eq!(explain(&mut w, "runs").to_string(), "runs (stopped): stopped on request");
}

#[test]
fn a_run_that_waits_for_input_says_so_until_it_ends() {
    let mut w = world(project().process("a", |a| retried(a, 1))).script("a", [exits(s(9), 1)]);
    w = w.begin();
    w.advance(s(1));
    let run = RunId { process: w.ids(&["a"])[0], run: 1 };
    let waits =
        |w: &mut World| w.machine.snapshot(w.now).get(run.process).unwrap().waiting_for_input;
    let request = |prompt: Option<&str>, is_secret| {
        let prompt = prompt.map(str::to_owned);
        let waiting = Some(InputRequest { prompt, is_secret });
        Input::Fact(Fact::WaitsForInput { run, waiting })
    };
    w.input(request(Some("Go on?"), false));
    assert_eq!(explain(&mut w, "a").to_string(), "a (ready): waits for input: “Go on?”");
    assert!(waits(&mut w));
    w.input(request(None, true));
    assert_eq!(explain(&mut w, "a").why, "waits for a secret");
    w.input(Input::Fact(Fact::WaitsForInput { run, waiting: None }));
    assert!(!waits(&mut w));
    w.input(request(None, false));
    w.advance(ms(8100));
    assert!(!waits(&mut w), "that run has ended");
    w.advance(s(3));
    w.input(request(None, false));
    assert!(!waits(&mut w), "a fact about an old run");
}
