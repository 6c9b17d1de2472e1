//! Order of starts and stops, and slots of pools.

use pitcrew::machine::{Intent, ProjectExit};
use pitcrew::testing::{Pattern, Script, ScriptedHost};

use super::project::{Project, m, moments, s};

/// Takes a while to stop.
fn slow(seconds: u64) -> Script {
    Script::forever().on_signal(pitcrew::Signal::TERM, Script::new().wait(s(seconds)))
}

#[tokio::test(start_paused = true)]
async fn a_project_stops_in_the_opposite_order() {
    let file = "
        [process.db]
        command = 'db'
        [process.api]
        command = 'api'
        depends_on = ['db']
        [process.web]
        command = 'web'
        depends_on = ['api']
        [process.alone]
        command = 'alone'
    ";
    let host =
        ScriptedHost::new().on("web", slow(3)).on("api", slow(5)).on(Pattern::any(), slow(1));
    let mut project = Project::start(file, host);
    tokio::time::sleep(m(60)).await;
    assert_eq!(project.shut_down().await, ProjectExit::Asked);
    let started: Vec<String> =
        project.host.ran().iter().map(|run| run.call().line().to_owned()).collect();
    let place = |name: &str| started.iter().position(|line| line == name).unwrap();
    assert!(place("db") < place("api") && place("api") < place("web"));
    // When each process was signalled, in seconds after the start of the shutdown.
    let asked = |name: &str| {
        let run = project.run(name);
        let sent = run.signals();
        assert_eq!(sent.len(), 1, "{sent:?}");
        (run.at() + sent[0].after).checked_sub(m(60)).unwrap().as_secs()
    };
    assert_eq!((asked("web"), asked("alone"), asked("api"), asked("db")), (0, 0, 3, 8));
}

#[tokio::test(start_paused = true)]
async fn a_second_shutdown_ends_everything_immediately() {
    let file = "[process]\na = 'a'\nb = 'b'\n";
    let stubborn = Script::forever().ignore(pitcrew::Signal::TERM);
    let mut project = Project::start(file, ScriptedHost::new().on("*", stubborn));
    tokio::time::sleep(m(1)).await;
    let shutdown = || Intent::Shutdown(pitcrew::machine::ShutdownReason::Asked);
    project.handle.send(shutdown());
    tokio::time::sleep(s(2)).await;
    project.handle.send(shutdown());
    project.finish().await;
    for name in ["a", "b"] {
        assert_eq!(project.signals(name), [("TERM".into(), 60.0), ("KILL".into(), 62.0)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_pool_fills_its_slots_and_no_more() {
    let jobs: Vec<String> = (1..=10).map(|n| format!("'job {n}'")).collect();
    let file = format!("[pool.work]\nconcurrency = 3\njobs = [{}]\n", jobs.join(", "));
    let host = ScriptedHost::new();
    // Each looks how many run beside it. Odd ones take 10 minutes, even ones 20.
    let watched = host.clone();
    let script = pitcrew::testing::Answer::by(move |call| {
        let others = watched.ran().iter().filter(|run| run.is_running()).count();
        let number: u64 = call.line().trim_start_matches("job ").parse().unwrap();
        Script::new().out(others.to_string()).wait(m(if number.is_multiple_of(2) {
            20
        } else {
            10
        }))
    });
    host.add("job *", script);
    let mut project = Project::start(&file, host);
    assert_eq!(project.finish().await, ProjectExit::Quiet { well: true });
    let started: Vec<u64> = moments(&project.host.ran()).iter().map(|at| *at as u64 / 60).collect();
    // 1, 2 and 3 immediately; 4 and 5 when 1 and 3 are done; and so on, with no slot ever idle.
    assert_eq!(started, [0, 0, 0, 10, 10, 20, 20, 30, 30, 40]);
    let lines: Vec<String> = project.host.ran().iter().map(ToString::to_string).collect();
    assert_eq!(lines, (1..=10).map(|n| format!("job {n}")).collect::<Vec<_>>());
    let beside: Vec<String> = (1..=10).map(|n| project.printed(&format!("work.{n}"))).collect();
    let wanted = ["0", "1", "2", "1", "2", "1", "2", "1", "2", "1"].map(|n| format!("{n}\n"));
    assert_eq!(beside, wanted);
}

/// `web` waits for the success of `migrate`.
const MIGRATED: &str = "
    [process.migrate]
    command = 'migrate'
    [process.web]
    command = 'web'
    depends_on = { migrate = 'succeeded' }
";

#[tokio::test(start_paused = true)]
async fn a_dependant_on_success_starts_after_it() {
    let host = ScriptedHost::new()
        .on("migrate", Script::new().wait(m(45)))
        .on("web", Script::new().out("serving"));
    let mut project = Project::start(MIGRATED, host);
    project.finish().await;
    assert_eq!(project.run("web").at().as_secs(), 45 * 60);
}

#[tokio::test(start_paused = true)]
async fn what_depends_on_a_failure_never_starts() {
    let host = ScriptedHost::new().on("migrate", Script::new().wait(m(45)).exit(1));
    let mut project = Project::start(MIGRATED, host);
    assert_eq!(project.finish().await, ProjectExit::Quiet { well: false });
    project.host.assert_not_ran("web");
    assert_eq!(project.story("web").last(), Some(&"skipped"));
}
