//! Random programs on the whole engine. Invariants: each run has one end event, after its last byte; slots are never
//! exceeded; nothing is left.

use std::collections::HashMap;
use std::time::Duration;

use pitcrew::Signal;
use pitcrew::output::SourceSelection;
use pitcrew::testing::{Answer, Grandchild, Script, ScriptedHost};
use proptest::prelude::*;

use super::project::{ALL, Project, end, m};

/// What a run does.
#[derive(Debug, Clone)]
struct Life {
    steps: Vec<(u8, u16)>,
    end: u8,
    stubborn: bool,
}

fn life() -> impl Strategy<Value = Life> {
    let steps = prop::collection::vec((0..6_u8, 0..2_000_u16), 0..8);
    (steps, 0..4_u8, any::<bool>()).prop_map(|(steps, end, stubborn)| Life { steps, end, stubborn })
}

impl Life {
    fn script(&self) -> Script {
        let script = self.steps.iter().fold(Script::new(), |script, (kind, amount)| {
            let amount = *amount;
            match kind {
                0 => script.wait(Duration::from_millis(u64::from(amount) * 100)),
                1 => script.out(format!("out {amount}")),
                2 => script.err_bytes(vec![b'e'; usize::from(amount) * 50]),
                3 => script.leave(Grandchild::new("left", Script::new().wait(m(1)).out("late"))),
                4 => {
                    let away = Script::forever().ignore(Signal::TERM);
                    script.leave(Grandchild::new("away", away).outside_group())
                }
                _ => script.close_stderr(),
            }
        });
        let script = match self.end {
            0 => script.out("last"),
            1 => script.out("last").exit(1),
            2 => script.out("last").die("SEGV".parse().unwrap()),
            _ => script.run_on(),
        };
        if self.stubborn { script.ignore(Signal::TERM) } else { script }
    }
}

const FILE: &str = "
    [retry.default]
    attempts = 2
    reset_after = '1d'
    backoff = { initial = '10s', jitter = 0.5 }
    [options.default]
    timeout = '3m'
    idle_timeout = '2m'
    stop = { grace = '5s' }
    [process.a]
    command = 'a'
    restart = 'on-failure'
    [process.b]
    command = 'b'
    depends_on = ['a']
    [pool.work]
    concurrency = 2
    jobs = ['job', 'job', 'job', 'job']
";

/// Lines there are, by process and run.
fn lines(project: &Project) -> HashMap<(String, u32), usize> {
    let store = project.handle.store();
    let mut lines = HashMap::new();
    for line in store.read(&SourceSelection::All, 0, ALL).lines() {
        let name = store.name(line.source).unwrap().to_string();
        *lines.entry((name, line.run)).or_default() += 1;
    }
    lines
}

/// Checks all invariants on one project; returns its events, with their times.
async fn laws(lives: Vec<Life>, stop_after: Option<u64>) -> Vec<String> {
    let host = ScriptedHost::new();
    let (watched, next) = (host.clone(), std::sync::atomic::AtomicUsize::new(0));
    host.add(
        "*",
        Answer::by(move |call| {
            if call.line() == "job" {
                let jobs = watched.ran_like("job");
                assert!(jobs.iter().filter(|run| run.is_running()).count() < 2, "too many at once");
            }
            let place = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            lives.get(place % lives.len()).unwrap().script()
        }),
    );
    let mut project = Project::start(FILE, host);
    if let Some(seconds) = stop_after {
        let handle = project.handle.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            let asked = pitcrew::machine::ShutdownReason::Asked;
            handle.send(pitcrew::machine::Intent::Shutdown(asked));
        });
    }
    let mut at_end = HashMap::new();
    let (mut started, mut story) = (0, Vec::new());
    loop {
        let event = project.next_event().await;
        story.push(describe(&project, &event));
        match (event.kind(), event.subject()) {
            ("project_stopped", _) => break,
            ("process_started", _) => started += 1,
            (_, Some(of)) if end(&event).is_some() => {
                let run = (of.name.to_string(), of.run);
                let count = lines(&project).get(&run).copied().unwrap_or_default();
                assert!(at_end.insert(run.clone(), count).is_none(), "{run:?} ended twice");
            }
            _ => {}
        }
    }
    project.finish().await;
    let after = lines(&project);
    assert_eq!(at_end.len(), started, "a run without an end");
    assert_eq!(project.host.ran().len(), started);
    for (run, count) in at_end {
        assert_eq!(after.get(&run).copied().unwrap_or_default(), count, "{run:?} printed on");
    }
    let last = |script: &pitcrew::testing::Run| {
        script.exit().is_some_and(|exit| exit.shell_code() < 2) && script.signals().is_empty()
    };
    let ended_alone = project.host.ran().iter().filter(|run| last(run)).count();
    let kept = project.handle.store().read(&SourceSelection::All, 0, ALL);
    let lasts = kept.lines().filter(|line| line.bytes == b"last\n").count();
    assert!(lasts >= ended_alone, "{lasts} of {ended_alone} last lines are there");
    story
}

/// An event and its time, without the wall time.
fn describe(project: &Project, event: &pitcrew::Event) -> String {
    let mut event = serde_json::to_value(event).unwrap();
    event.as_object_mut().unwrap().remove("time");
    format!("{:?} {event}", project.handle.clock().now().since_start())
}

fn in_simulated_time<T>(test: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap().block_on(test)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_run_has_one_end_after_its_last_byte(
        lives in prop::collection::vec(life(), 1..6),
        stop_after in prop::option::of(0..600_u64),
    ) {
        let story = in_simulated_time(laws(lives.clone(), stop_after));
        // Both runs of a project are equal, to the millisecond.
        assert_eq!(in_simulated_time(laws(lives, stop_after)), story);
    }
}
