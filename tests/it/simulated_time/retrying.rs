//! Retries and back-off.

use pitcrew::machine::ProjectExit;
use pitcrew::spec::StartErrorKind;
use pitcrew::testing::{Script, ScriptedHost, Sequence};

use super::project::{Project, m, moments, s};

const FLAKY: &str = "
    [process.a]
    command = ['flaky']
    restart = 'on-failure'
    retry = { attempts = 5, backoff = { initial = '1m', factor = 2, max = '5m', jitter = 0 } }
";

#[tokio::test(start_paused = true)]
async fn back_off_grows_to_its_bound() {
    let host = ScriptedHost::new().on("flaky", Script::new().exit(1));
    let mut project = Project::start(FLAKY, host);
    assert_eq!(project.finish().await, ProjectExit::Quiet { well: false });
    // Each ends immediately; then 1, 2, 4, 5 and 5 minutes.
    let minutes = [0, 1, 3, 7, 12, 17].map(|n| m(n).as_secs_f64());
    assert_eq!(rounded(&project), minutes);
    assert_eq!(project.story("a").last(), Some(&"gave_up"));
}

/// To the tenth of a second: the end of a run takes a moment of simulated time too.
fn rounded(project: &Project) -> Vec<f64> {
    moments(&project.runs("a")).into_iter().map(|at| (at * 10.0).round() / 10.0).collect()
}

#[tokio::test(start_paused = true)]
async fn the_try_that_succeeds_is_the_last() {
    let fail = || Script::new().wait(s(20)).err("no").exit(1);
    let sequence = Sequence::new([fail(), fail()]).then(Script::new().out("yes"));
    let mut project = Project::start(FLAKY, ScriptedHost::new().on("flaky", sequence));
    assert_eq!(project.finish().await, ProjectExit::Quiet { well: true });
    assert_eq!(rounded(&project), [0.0, 80.0, 220.0]);
    assert_eq!(project.printed("a"), "no\nno\nyes\n");
    let story = project.story("a");
    assert_eq!(story.iter().filter(|kind| **kind == "retrying").count(), 2);
    assert_eq!(story.last(), Some(&"completed"));
}

#[tokio::test(start_paused = true)]
async fn a_long_life_gives_the_tries_back() {
    // Lives of 20 seconds use up five tries; one of half a minute gives them back.
    let short = || Script::new().wait(s(20)).exit(1);
    let long = Script::new().wait(s(31)).exit(1);
    let sequence = Sequence::new([short(), short(), long]).then(short());
    let mut project = Project::start(FLAKY, ScriptedHost::new().on("flaky", sequence));
    project.finish().await;
    assert_eq!(project.runs("a").len(), 3 + 5);
}

#[tokio::test(start_paused = true)]
async fn a_shortage_is_tried_again_and_a_missing_program_is_not() {
    let short = || Script::refused(StartErrorKind::ResourceLimit);
    let sequence = Sequence::new([short(), short()]).then(Script::new());
    let mut project = Project::start(FLAKY, ScriptedHost::new().on("flaky", sequence));
    assert_eq!(project.finish().await, ProjectExit::Quiet { well: true });
    assert_eq!(rounded(&project), [0.0, 60.0, 180.0]);

    let missing = Script::refused(StartErrorKind::ProgramNotFound);
    let mut project = Project::start(FLAKY, ScriptedHost::new().on("flaky", missing));
    assert_eq!(project.finish().await, ProjectExit::Quiet { well: false });
    assert_eq!(project.runs("a").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_back_off_takes_effect_immediately() {
    let host = ScriptedHost::new().on("flaky", Script::new().exit(1));
    let mut project = Project::start(FLAKY, host);
    tokio::time::sleep(m(2)).await;
    project.stop("a");
    project.finish().await;
    assert_eq!(project.runs("a").len(), 2);
    assert!(project.handle.clock().now().since_start() < m(2) + s(1));
}

#[tokio::test(start_paused = true)]
async fn the_clock_stands_while_suspended() {
    let host = ScriptedHost::new().on("flaky", Script::new().exit(1));
    let mut project = Project::start(FLAKY, host);
    tokio::time::sleep(s(30)).await;
    project.handle.clock().suspend();
    tokio::time::sleep(m(60)).await;
    assert_eq!(project.runs("a").len(), 1, "it waits for its next try");
    project.handle.clock().resume();
    tokio::time::sleep(s(29)).await;
    assert_eq!(project.runs("a").len(), 1, "30 of 60 seconds were left");
    tokio::time::sleep(s(2)).await;
    assert_eq!(project.runs("a").len(), 2);
    project.stop("a");
    project.finish().await;
}
