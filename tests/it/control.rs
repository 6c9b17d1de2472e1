//! Commands for a running project: `ps`, `logs`, `events`, `start`, `stop`, `scale` and others.

use crate::common::ask::run;
use crate::common::events::{about, kind};
use crate::common::{self, Project, Running, long_sleep};

/// A project of processes that do nothing for long, and more of the file; running.
fn up(more: &str) -> (Project, Running) {
    let project = Project::shop(more);
    let running = project.up(["--keep"]);
    running.wait_out("hi");
    // The line may be there before exec is known to have succeeded.
    project.ask(["wait", "web"]).code(0);
    (project, running)
}

/// Ends it and proves that nothing is left.
#[track_caller]
fn down(project: &Project, running: Running) {
    project.down(running);
    assert!(!project.socket().exists(), "the socket stays");
}

#[test]
fn without_a_running_project_every_command_says_so_with_code_1() {
    let project = Project::new("[project]\nname = 'shop'\n[process]\nweb = 'true'\n");
    for args in [
        &["ps"][..],
        &["why", "web"],
        &["logs"],
        &["events"],
        &["start", "web"],
        &["stop", "web"],
        &["restart", "web"],
        &["kill", "web"],
        &["signal", "HUP", "web"],
        &["scale", "web", "2"],
        &["enqueue", "pool", "--", "true"],
        &["send", "web", "x"],
        &["wait", "web"],
        &["down"],
    ] {
        let mut command = project.pitcrew([]);
        command.args(args);
        run(command).code(1).err("shop is not running");
    }
    // Not even the file is: that is another matter.
    Project::empty().ask(["ps"]).code(2).err("procfile.toml");
}

#[test]
fn an_unknown_name_is_code_2_with_the_nearest_one() {
    let (project, running) = up("");
    for args in [
        &["start", "wob"][..],
        &["stop", "wob"],
        &["why", "wob"],
        &["logs", "wob"],
        &["wait", "wob"],
        &["scale", "wob", "1"],
        &["send", "wob", "x"],
        &["signal", "HUP", "wob"],
    ] {
        let mut command = project.pitcrew([]);
        command.args(args);
        run(command).code(2).err("did you mean `web`?");
    }
    // A process is no suggestion for a pool.
    let said = project.ask(["enqueue", "wob", "--", "true"]).code(2).err("unknown name `wob`");
    assert!(!said.err.contains("did you mean"), "{said:?}");
    down(&project, running);
}

#[test]
fn ps_shows_what_is_and_why() {
    let (project, running) = up("bad = 'exit 3'\n[process.api]\ncommand = 'true'\nport = 8080\n\
         depends_on = { bad = 'succeeded' }\n[process.late]\ncommand = 'true'\nautostart = false\n");
    project.ask(["wait", "bad", "--for", "completed"]).code(0);
    let status = project.ask(["ps", "--json"]).code(0).json();
    assert_eq!(status["project"], "shop");
    assert_eq!(status["pid"], running.guardian());
    assert_eq!(status["ready"], false);
    let web = project.one("web");
    assert_eq!(web["state"], "ready");
    assert!(web["pid"].as_u64().unwrap() > 1 && web["uptime_ms"].is_u64(), "{web}");
    let bad = project.one("bad");
    assert_eq!((&bad["state"], &bad["exit_code"]), (&"failed".into(), &3.into()));
    assert!(bad["why"].as_str().unwrap().starts_with("exit 3 after"), "{bad}");
    let api = project.one("api");
    assert_eq!((&api["state"], &api["port"]), (&"skipped".into(), &8080.into()));
    assert_eq!(project.one("late")["state"], "idle");
    let table = project.ask(["ps"]).code(0);
    let mut lines = table.out.lines();
    assert!(lines.next().unwrap().starts_with("NAME"), "{table:?}");
    assert!(lines.next().unwrap().starts_with("web   running"), "{table:?}");
    let why = project.ask(["why", "api"]).code(0).out("api skipped: bad cannot succeed: exit 3");
    why.out("\n  bad failed: exit 3 after");
    let why = project.ask(["why", "--json", "api"]).code(0).json();
    assert_eq!((&why["name"], &why["state"]), (&"api".into(), &"skipped".into()));
    assert_eq!(why["chain"][0]["name"], "bad");
    assert_eq!(why["chain"][0]["condition"], "succeeded");
    down(&project, running);
}

#[test]
fn start_stop_restart_and_kill_answer_when_it_has_happened() {
    let sleep = long_sleep();
    let (project, running) = up(&format!(
        "[process.late]\ncommand = 'exec sleep {sleep}'\nautostart = false\ndepends_on = ['db']\n\
         [process.db]\ncommand = 'exec sleep {sleep}'\nautostart = false\n\
         [process.lost]\ncommand = ['no-such-program']\nautostart = false\n"
    ));
    project.ask(["start", "late"]).code(0).out("late: running");
    let (late, db) = (project.one("late"), project.one("db"));
    assert_eq!((&late["state"], &db["state"]), (&"ready".into(), &"ready".into()));
    // Again changes nothing.
    project.ask(["start", "late"]).code(0);
    assert_eq!(project.one("late")["pid"], late["pid"]);
    project.ask(["restart", "late", "--wait"]).code(0);
    let again = project.one("late");
    assert_eq!((&again["run"], &again["restarts"]), (&2.into(), &1.into()));
    assert_ne!(again["pid"], late["pid"]);
    project.ask(["stop", "late"]).code(0);
    assert_eq!(project.one("late")["state"], "stopped");
    project.ask(["kill", "db", "web"]).code(0);
    assert_eq!(project.one("db")["signal"], "KILL");
    // What rests can be stopped too, and restarted.
    project.ask(["stop", "all"]).code(0);
    project.ask(["restart", "web"]).code(0);
    project.ask(["start", "lost"]).code(1).err("no such program");
    let json = project.ask(["start", "--json", "lost"]).code(1).json();
    assert_eq!((&json["ok"], &json["processes"][0]["ok"]), (&false.into(), &false.into()));
    down(&project, running);
}

#[test]
fn a_signal_reaches_running_processes_and_is_not_a_stop() {
    let (project, running) = up(
        "[process.a]\ncommand = '''trap 'echo got it' USR1; echo set; while :; do sleep 0.02; done'''\n",
    );
    running.wait_out("set");
    project.ask(["signal", "USR1", "a"]).code(0);
    running.wait_out("got it");
    project.ask(["signal", "SIGKILL", "web"]).code(0);
    project.ask(["wait", "web", "--for", "completed"]).code(0);
    assert_eq!(project.one("web")["state"], "failed");
    project.ask(["signal", "HUP", "web"]).code(1).err("web is not running");
    project.ask(["signal", "NOSUCH", "a"]).code(2);
    down(&project, running);
}

#[test]
fn scale_makes_more_and_fewer_and_none() {
    let sleep = long_sleep();
    let (project, running) = up(&format!(
        "[process.worker]\ncommand = 'echo $PITCREW_REPLICA $PORT; exec sleep {sleep}'\n\
         replicas = 1\nport = 9000\n[process.boss]\ncommand = 'exec sleep {sleep}'\n\
         depends_on = ['worker']\n[pool.p]\nconcurrency = 1\njobs = ['true']\n"
    ));
    project.ask(["scale", "worker", "3"]).code(0).out("worker.3: running");
    running.wait_out("worker.3 | 3 9002");
    assert_eq!(project.one("worker.3")["replica"], 3);
    project.ask(["scale", "worker", "2"]).code(0);
    assert!(project.one("worker.3").is_null() && project.one("worker.2")["ready"] == true);
    project.ask(["scale", "worker", "0"]).code(0);
    let left = project.one("worker.1");
    assert_eq!((&left["state"], &left["pid"]), (&"stopped".into(), &serde_json::Value::Null));
    assert!(project.one("worker.2").is_null());
    project.ask(["stop", "boss"]).code(0);
    project.ask(["scale", "worker", "2"]).code(0);
    // It waits for all of them, the new one too.
    project.ask(["restart", "boss", "--wait"]).code(0);
    // The name stays plain without the key, and the second one has a number.
    project.ask(["scale", "web", "2"]).code(0).out("web.2: running");
    assert!(project.one("web").is_object());
    project.ask(["scale", "p", "2"]).code(2).err("`p` is not a process");
    project.ask(["scale", "worker", "99999"]).code(2);
    down(&project, running);
}

#[test]
fn a_job_that_is_enqueued_takes_its_turn_and_stays() {
    let sleep = long_sleep();
    let (project, running) = up(&format!(
        "[options.default]\nenv = {{ GREETING = 'hello' }}\n\
         [pool.build]\nconcurrency = 1\njobs = ['exec sleep {sleep}']\n"
    ));
    let name = project.ask(["enqueue", "build", "--", "sh", "-c", "echo $GREETING $0", "a b"]);
    assert_eq!(name.code(0).out, "build.2\n");
    project.ask(["why", "build.2"]).code(0).out("build.2 is queued").out("  build.1 is running");
    project.ask(["enqueue", "build", "--name", "mine", "--", "true"]).code(0).out("mine\n");
    project.ask(["enqueue", "build", "--name", "mine", "--", "true"]).code(1).err("is taken");
    project.ask(["enqueue", "build", "--name", "a b", "--", "true"]).code(2);
    project.ask(["enqueue", "web", "--", "true"]).code(2).err("`web` is not a pool");
    project.ask(["stop", "build.1"]).code(0);
    running.wait_out("build.2 | hello a b");
    project.ask(["wait", "build.2", "mine", "--for", "succeeded"]).code(0);
    // It can be run again.
    project.ask(["restart", "build.2"]).code(0);
    assert_eq!(project.one("build.2")["run"], 2);
    project.ask(["wait", "build.2", "--for", "succeeded"]).code(0);
    assert_eq!(project.ask(["run", "build.2"]).code(0).out, "hello a b\n");
    down(&project, running);
}

#[test]
fn a_line_that_is_sent_is_read() {
    let (project, running) = up("[process.cat]\ncommand = 'cat'\nstdin = 'pipe'\n");
    project.ask(["send", "cat", "wörd $HOME"]).code(0);
    running.wait_out("cat | wörd $HOME");
    project.ask(["send", "web", "x"]).code(1).err("stdin = \"pipe\"");
    project.ask(["stop", "cat"]).code(0);
    project.ask(["send", "cat", "x"]).code(1).err("cat is not running");
    // A new run has a new input.
    project.ask(["start", "cat"]).code(0);
    project.ask(["send", "cat", "again"]).code(0);
    running.wait_out("cat | again");
    down(&project, running);
}

#[test]
fn logs_are_exact_filtered_and_followed() {
    let (project, running) = up("[process.a]\n\
         command = '''printf 'one\\n\\377two\\n'; echo three >&2; printf end'''\n\
         [process.ask]\ncommand = 'while read line; do echo \"$line\"; done'\nstdin = 'pipe'\n");
    project.ask(["wait", "a", "--for", "completed"]).code(0);
    let lines = project.ask(["logs", "a", "--json", "--stream", "out"]).code(0).jsons();
    assert_eq!(lines[0]["text"], "one");
    assert_eq!(lines[1]["base64"], "/3R3bw==");
    assert_eq!((&lines[2]["text"], &lines[2]["partial"]), (&"end".into(), &true.into()));
    assert_eq!(project.ask(["logs", "a", "--stream", "err"]).code(0).out, "a   | three\n");
    assert_eq!(
        project.ask(["logs", "-n", "1", "a", "--grep", "^(one|three)$"]).out.lines().count(),
        1
    );
    assert_eq!(project.ask(["logs", "-n", "0"]).code(0).out, "");
    assert_eq!(project.ask(["logs", "a", "--since", "2999-01-01T00:00:00Z"]).code(0).out, "");
    project.ask(["logs", "--grep", "("]).code(2).err("invalid regular expression");
    project.ask(["logs", "--since", "yesterday"]).code(2).err("invalid time `yesterday`");
    let follower = project.start(project.pitcrew(["logs", "-f", "ask"]));
    for number in 0..20 {
        project.ask(["send", "ask", &format!("line {number}")]).code(0);
    }
    follower.wait_out("ask | line 19");
    down(&project, running);
    // It ends with the project, and has had every line once.
    let done = follower.done();
    done.assert_code(0);
    let all: Vec<String> = (0..20).map(|number| format!("ask | line {number}")).collect();
    assert_eq!(done.out.lines().collect::<Vec<_>>(), all);
}

#[test]
fn logs_of_a_project_that_is_over_come_from_its_files() {
    let project = Project::new(
        "[project]\nlog = { dir = 'logs', max_size = '1KiB', keep = 9 }\n\
         [process]\na = 'seq 1 500'\n[process.w]\ncommand = 'echo w'\nreplicas = 2\n",
    );
    project.up_done(["--quiet"]).assert_code(0);
    let said = project.ask(["logs", "a"]).code(0);
    let all: Vec<String> = (1..=500).map(|number| format!("a | {number}")).collect();
    assert_eq!(said.out.lines().collect::<Vec<_>>(), all);
    assert_eq!(project.ask(["logs", "-n", "1", "w.2"]).code(0).out, "w.2 | w\n");
    assert_eq!(project.ask(["logs", "--grep", "^49.$"]).code(0).out.lines().count(), 10);
    project.ask(["logs", "-f"]).code(1).err("-f");
}

#[test]
fn events_come_without_a_gap_from_the_first_to_the_last() {
    let (project, running) = up("");
    let follower = project.start(project.pitcrew(["events", "-f"]));
    project.ask(["restart", "web"]).code(0);
    let past = project.ask(["events"]).code(0).jsons();
    assert_eq!(past[0]["seq"], 1);
    assert_eq!(about(&past, "process_started", "web").len(), 2);
    let later = project.ask(["events", "--after", "2"]).code(0).jsons();
    assert_eq!(later[0]["seq"], 3);
    down(&project, running);
    let done = follower.done();
    done.assert_code(0);
    let events: Vec<serde_json::Value> =
        done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    common::events::check(&events);
    assert_eq!(kind(events.last().unwrap()), "project_stopped");
}

#[test]
fn down_ends_everything_in_order_or_immediately() {
    let script = "trap : TERM; echo deaf; while :; do sleep 0.05; done";
    let (project, running) = up(&format!("[process.deaf]\ncommand = '{script}'\n"));
    running.wait_out("deaf | deaf");
    let json = project.ask(["down", "--kill", "--json"]).code(0).json();
    assert_eq!(json, serde_json::json!({ "ok": true, "project": "shop", "left": [] }));
    running.done().assert_code(0);
    project.ask(["down"]).code(1).err("is not running");
}

#[test]
fn the_graph_needs_no_running_project() {
    let project = Project::new(
        "[process]\ndb = 'true'\n[process.api]\ncommand = 'true'\ndepends_on = ['db', 'p']\n\
         [pool.p]\nconcurrency = 1\njobs = ['true']\n",
    );
    let tree = "api\n├─ db (ready)\n└─ p (ready)\n   └─ p.1 (job)\n";
    assert_eq!(project.ask(["graph"]).code(0).out, tree);
    project.ask(["graph", "--format", "mermaid"]).code(0).out("n1 -->|ready| n0");
    project.ask(["graph", "--format", "dot"]).code(0).out("\"api\" -> \"db\" [label=\"ready\"];");
    let json = project.ask(["graph", "--format", "json"]).code(0).json();
    assert_eq!(json["edges"][0]["to"], "db");
}

#[test]
fn run_beside_a_running_project_uses_it_and_leaves_it_as_it_was() {
    let sleep = long_sleep();
    let (project, running) = up(&format!(
        "[process.db]\ncommand = 'exec sleep {sleep}'\nautostart = false\n\
         [process.once]\ncommand = 'true'\n\
         [process.tests]\ncommand = 'echo testing; exit 7'\nautostart = false\n\
         depends_on = {{ db = 'ready', web = 'ready', once = 'succeeded' }}\n"
    ));
    project.ask(["wait", "once", "--for", "succeeded"]).code(0);
    let said = project.ask(["run", "tests"]).code(7);
    assert_eq!(said.out, "testing\n");
    let db = project.one("db");
    assert_eq!((&db["state"], &db["run"]), (&"stopped".into(), &1.into()));
    assert_eq!(project.one("web")["run"], 1);
    assert_eq!(project.one("once")["run"], 1);
    project.ask(["run", "web"]).code(1).err("web is running in the project");
    down(&project, running);
}

#[test]
fn two_concurrent_commands_both_get_a_response() {
    let (project, running) = up("");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for args in [["restart", "web"], ["stop", "web"], ["start", "web"]] {
                    // The command of the other client may conflict, but that is reported.
                    let said = project.ask(args);
                    assert!(said.code == 0 || said.code == 1, "{said:?}");
                }
            });
        }
    });
    project.ask(["start", "web"]).code(0);
    assert_eq!(project.one("web")["state"], "ready");
    down(&project, running);
}

#[test]
fn a_file_that_has_become_faulty_does_not_hide_the_project() {
    let (project, running) = up("");
    project.write("procfile.toml", "nonsense");
    assert_eq!(project.one("web")["state"], "ready");
    down(&project, running);
}

#[test]
fn a_socket_that_was_left_behind_is_no_obstacle() {
    let (project, running) = up("");
    // The guardian is stopped, so that it ends nothing; the engine has no time to take its socket along.
    let (guardian, engine) = (running.guardian(), running.engine());
    common::send(guardian, libc::SIGSTOP);
    common::wait_until("it stands still", || {
        common::stat(guardian).is_some_and(|stat| stat.state == 'T')
    });
    common::send(engine, libc::SIGKILL);
    common::send(guardian, libc::SIGKILL);
    running.forget();
    project.nothing_left_within(common::BOUND);
    assert!(project.socket().exists());
    project.ask(["ps"]).code(1).err("is not running");
    let running = project.up(["--keep"]);
    running.wait_out("hi");
    project.ask(["wait", "web"]).code(0);
    down(&project, running);
}
