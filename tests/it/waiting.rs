//! Waiting for conditions: `wait`, `start` and `restart --wait`, `up --detach --wait`.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};

use crate::common::ask::Said;
use crate::common::{self, Project, Text, children_of, long_sleep, send, wait_until};

/// Ends a project in the background and proves that nothing is left.
#[track_caller]
fn down(project: &Project) {
    project.ask(["down"]).code(0);
    project.nothing_left_within(common::BOUND);
}

/// The process that the shell knows.
fn guardian(project: &Project) -> u32 {
    let status = project.ask(["ps", "--json"]).code(0).json();
    u32::try_from(status["pid"].as_u64().unwrap()).unwrap()
}

/// A command that waits, and its output so far.
struct Waiting {
    child: Child,
    err: Text,
}

impl Waiting {
    fn start<const N: usize>(project: &Project, args: [&str; N]) -> Self {
        let mut command = project.pitcrew(args);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let err = Text::read(child.stderr.take().unwrap());
        Self { child, err }
    }

    /// Waits until it has sent its request and printed the awaited names.
    #[track_caller]
    fn says(&self, wanted: &str) {
        assert!(self.err.wait(wanted).is_some(), "no {wanted:?} in {}", self.err.lossy());
    }

    /// Its exit code, or the negative number of the signal that ended it.
    #[track_caller]
    fn end(mut self) -> (i32, String) {
        let mut status = None;
        wait_until("the waiting ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        self.err.wait_end();
        let status = status.unwrap();
        let code = status.code().unwrap_or_else(|| -status.signal().unwrap_or(0));
        (code, self.err.lossy())
    }
}

#[test]
fn a_succeeded_process_satisfies_wait_without_a_condition() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process]\nweb = 'exec sleep {sleep}'\nmigrate = {{ command = 'true', tags = ['db'] }}\n\
         [process.seed]\ncommand = 'true'\ndepends_on = {{ migrate = 'succeeded' }}\ntags = ['db']\n\
         [process.lazy]\ncommand = 'true'\nautostart = false\ntags = ['db']\n\
         [pool.build]\nconcurrency = 1\njobs = ['true', 'true']\n"
    ));
    project.ask(["up", "--detach", "--wait"]).code(0);
    project.ask(["wait", "build", "seed", "--for", "succeeded"]).code(0);
    for names in ["all", "@db", "build", "migrate", "build.1"] {
        project.ask(["wait", names]).code(0);
    }
    project.ask(["start", "migrate", "--wait"]).code(0);
    project.ask(["restart", "all", "--wait"]).code(0);
    project.ask(["restart", "@db", "--wait"]).code(0);
    // A name in the request counts even without autostart.
    project.ask(["wait", "migrate", "--for", "succeeded"]).code(0);
    let never = project.ask(["wait", "migrate", "--for", "ready"]).code(1);
    never.err("migrate succeeded: exit 0").err("it no longer runs");
    let json = project.ask(["wait", "web", "migrate", "--json"]).code(0).json();
    assert_eq!((&json["ok"], &json["ending"]), (&true.into(), &().into()));
    down(&project);
}

#[test]
fn wait_ends_when_it_is_there_when_it_cannot_be_and_when_time_is_up() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process]\nweb = 'exec sleep {sleep}'\n\
         [process.one]\ncommand = 'for i in $(seq 30); do echo line $i.; done; exit 3'\n\
         [process.after]\ncommand = 'true'\ndepends_on = {{ one = 'succeeded' }}\n\
         [process.late]\ncommand = 'true'\nautostart = false\n"
    ));
    project.ask(["up", "--detach"]).code(0);
    project.ask(["wait", "web"]).code(0);
    project.ask(["wait", "one", "--for", "completed"]).code(0);
    project.ask(["wait", "one", "--for", "succeeded"]).code(1).err("one failed: exit 3");
    let failed = project.ask(["wait", "one"]).code(1);
    let lines: Vec<&str> = failed.err.lines().filter(|line| line.starts_with("one | ")).collect();
    assert_eq!((lines.len(), lines[0], lines[19]), (20, "one | line 11.", "one | line 30."));
    // For a skipped process, the lines of the failed one; once, however many were skipped.
    let skipped = project.ask(["wait", "after", "one"]).code(1);
    assert_eq!(skipped.err.matches("one | line 30.").count(), 1, "{skipped:?}");
    let json = project.ask(["wait", "after", "--json"]).code(1).json();
    assert_eq!(json["processes"][0]["last_output"]["name"], "one");
    let why = project.ask(["why", "after"]).code(0);
    why.out("  one failed: exit 3").out("    one | line 30.");
    let late = project.ask(["wait", "late", "--timeout", "50ms"]).code(124);
    late.err("timed out after 50ms").err("not started); start it with `pitcrew start late`");
    // A process that is started meanwhile.
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| project.ask(["wait", "late", "--for", "succeeded", "--json"]));
        project.ask(["start", "late"]).code(0);
        waiting.join().unwrap().code(0);
    });
    down(&project);
}

#[test]
fn a_process_that_fails_immediately_never_becomes_ready() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process]\nweb = 'exec sleep {sleep}'\n\
         [process.bad]\ncommand = 'echo no; exit 3'\nautostart = false\ntags = ['t']\n\
         [process.late]\ncommand = 'exec sleep {sleep}'\nautostart = false\nready = {{ file = 'no' }}\n"
    ));
    project.ask(["up", "--detach", "--wait"]).code(0);
    for args in [["start", "bad", "--wait"], ["restart", "@t", "--wait"]] {
        project.ask(args).code(1).err("bad failed: exit 3").err("bad | no");
    }
    project.ask(["start", "bad", "--no-wait"]).code(0);
    project.ask(["wait", "bad", "web"]).code(1).err("bad failed: exit 3");
    let late = project.ask(["start", "late", "--wait", "--timeout", "300ms"]).code(124);
    late.err("timed out after 300ms; waiting for late (starting: ");
    down(&project);
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let project = Project::new("[process]\nweb = 'exec sleep 1000'\n");
    project.ask(["up", "--detach"]).code(0);
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    for args in
        [&["ps"][..], &["logs"], &["check", "--json"], &["schema"], &["exec", "--", "echo", "x"]]
    {
        let mut command = project.pitcrew([]);
        command.args(args).stdout(full()).stderr(Stdio::piped());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let is_empty = args == ["logs"];
        assert_eq!(output.status.code(), Some(i32::from(!is_empty)), "{args:?}: {said}");
        assert_eq!(said.contains("cannot write to standard output"), !is_empty, "{args:?}: {said}");
    }
    down(&project);
    // Nor is what an engine in the background has to say lost.
    let log = std::fs::read_dir(project.path("../state/pitcrew")).unwrap().next().unwrap().unwrap();
    let log = log.path().join("up.log");
    std::fs::remove_file(&log).unwrap();
    std::os::unix::fs::symlink("/dev/full", &log).unwrap();
    project.ask(["up", "--detach"]).code(1).err("up.log: No space left on device");
}

#[test]
fn what_could_not_be_started_is_named_in_the_background_too() {
    let project = Project::new("[process]\nweb = 'exec sleep 1000'\nbad = ['slep', '1']\n");
    project.ask(["up", "--detach"]).code(0).err("bad failed: no such program \"slep\"");
    down(&project);
}

#[test]
fn a_pool_is_there_when_what_depends_on_it_may_start() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[pool.build]\nconcurrency = 1\non_failure = 'stop'\njobs = ['exit 1', 'true']\n\
         [process.after]\ncommand = 'exec sleep {sleep}'\ndepends_on = {{ build = 'completed', slots = 'completed' }}\n\
         [pool.slots]\nconcurrency = 1\n[process.user]\ncommand = 'exit 1'\npool = 'slots'\n"
    ));
    project.ask(["up", "--detach"]).code(0);
    project.ask(["wait", "after"]).code(0);
    project.ask(["wait", "build", "slots", "--for", "completed"]).code(0);
    project.ask(["wait", "build"]).code(1).err("build.1 failed: exit 1");
    down(&project);
}

#[test]
fn a_process_removed_from_the_file_is_no_longer_waited_for() {
    let sleep = long_sleep();
    let web = format!("web = {{ command = 'exec sleep {sleep}', ready = {{ file = 'never' }} }}\n");
    let other = format!("[process]\nother = 'exec sleep {sleep}'\n");
    let project = Project::new(&format!("{other}{web}"));
    project.ask(["up", "--detach"]).code(0);
    let waiting = Waiting::start(&project, ["wait", "web"]);
    let all = Waiting::start(&project, ["wait", "all"]);
    waiting.says("waiting for web (starting");
    all.says("waiting for web (starting");
    project.write("procfile.toml", &other);
    project.ask(["reload"]).code(0);
    let (code, said) = waiting.end();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("web is stopped: no longer part of the project"), "{said}");
    assert_eq!(all.end().0, 0, "all that is left is ready");
    down(&project);
}

#[test]
fn detach_returns_when_all_has_started_or_is_ready_or_cannot_be() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process]\nweb = 'exec sleep {sleep}'\nbad = ['no-such-program']\n\
         [process.never]\ncommand = 'true'\nautostart = false\n\
         [process.soon]\ncommand = 'exec sleep {sleep}'\nready = {{ file = 'there' }}\n"
    ));
    // To have started is enough.
    project.ask(["up", "--detach"]).code(0);
    assert_eq!(project.one("soon")["state"], "starting");
    std::fs::write(project.path("there"), "").unwrap();
    assert_eq!(project.one("web")["state"], "ready");
    assert_eq!(project.one("never")["state"], "idle");
    down(&project);
    let bad = project.ask(["up", "--detach", "--wait"]).code(1);
    bad.err("bad failed: no such program").err("running processes continue in the background");
    // The rest is left alone.
    assert_eq!(project.one("web")["state"], "ready");
    down(&project);
    project.ask(["up", "--detach", "--wait", "web"]).code(0);
    down(&project);
    project.ask(["up", "--wait"]).code(2);
}

#[test]
fn detach_of_a_project_that_runs_is_a_success_and_waits_for_it() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.web]\ncommand = 'exec sleep {sleep}'\nready = {{ file = 'there' }}\n\
         [process.late]\ncommand = 'exec sleep {sleep}'\nautostart = false\n"
    ));
    project.ask(["up", "--detach"]).code(0);
    let again = project.ask(["up", "--detach"]).code(0);
    again.err("is already running (pid ").err(", since ");
    project.ask(["up", "--detach", "--wait", "--timeout", "100ms"]).code(124).err("continues");
    let waiting = Waiting::start(&project, ["up", "--detach", "--wait"]);
    waiting.says("waiting for web");
    std::fs::write(project.path("there"), "").unwrap();
    assert_eq!(waiting.end().0, 0);
    // Names are for `start`; what only shows is for `attach`.
    let named = "use `pitcrew start late` to start it there";
    project.ask(["up", "--detach", "late"]).code(1).err("is already running").err(named);
    project.ask(["up", "--no-tui", "late"]).code(1).err("is already running").err(named);
    project.ask(["up", "--no-tui"]).code(1).err("is already running").err("`pitcrew attach`");
    assert_eq!(project.one("late")["state"], "idle");
    down(&project);
}

#[test]
fn of_many_concurrent_starts_one_starts_and_the_others_find_it() {
    let sleep = long_sleep();
    let project = Project::new(&format!("[process]\nweb = 'exec sleep {sleep}'\n"));
    let all: Vec<Said> = std::thread::scope(|scope| {
        let all: Vec<_> =
            (0..30).map(|_| scope.spawn(|| project.ask(["up", "--detach"]))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(all.iter().all(|said| said.code == 0), "{all:?}");
    let found = all.iter().filter(|said| said.err.contains("is already running")).count();
    assert_eq!(found, 29, "{all:?}");
    assert_eq!(project.one("web")["run"], 1);
    down(&project);
}

#[test]
fn a_project_that_ends_before_it_is_ready_is_no_success() {
    let sleep = long_sleep();
    let file = |guard: &str| {
        format!(
            "[project]\nname = 'shop'\n\
             [process.web]\ncommand = 'exec sleep {sleep}'\nready = {{ file = 'never' }}\n\
             [process.guard]\n{guard}"
        )
    };
    let lines = "for i in $(seq 30); do echo line $i.; done";
    let project = Project::new("");
    for (guard, more, code, reason) in [
        ("exit 3'\nshutdown_on = 'exit'\n", "--no-watch", 3, "guard ended (shutdown_on)"),
        ("exit 0'\nshutdown_on = 'exit'\n", "--no-watch", 1, "guard ended (shutdown_on)"),
        ("exit 5'\n", "--fail-fast", 5, "guard failed (fail-fast)"),
    ] {
        project.write("procfile.toml", &file(&format!("command = '{lines}; {guard}")));
        let said = project.ask(["up", "--detach", "--wait", more]).code(code);
        let said = said.err("shop has ended before it was ready: ").err(reason);
        let shown = said.err.matches("guard | line ").count();
        assert_eq!(shown, if code == 1 { 0 } else { 20 }, "{said:?}");
        project.nothing_left_within(common::BOUND);
    }
}

/// A project whose only process runs and never gets ready.
fn never_ready() -> Project {
    let sleep = long_sleep();
    Project::new(&format!(
        "[project]\nname = 'shop'\n\
         [process.web]\ncommand = 'exec sleep {sleep}'\nready = {{ file = 'never' }}\n"
    ))
}

/// A start in the background and a `wait`, both of which wait for `web`.
fn two_clients(project: &Project) -> [Waiting; 2] {
    let start = Waiting::start(project, ["up", "--detach", "--wait"]);
    start.says("waiting for web");
    let wait = Waiting::start(project, ["wait", "web"]);
    wait.says("waiting for web");
    [start, wait]
}

#[test]
fn waiting_clients_learn_immediately_that_the_project_has_ended() {
    let project = never_ready();
    // Stopped by another.
    let clients = two_clients(&project);
    project.ask(["down"]).code(0);
    let [start, wait] = clients.map(Waiting::end);
    assert_eq!((start.0, wait.0), (1, 1), "{start:?}, {wait:?}");
    assert!(start.1.contains("shop has ended before it was ready: stop requested"), "{start:?}");
    assert!(wait.1.contains("the project is shutting down: stop requested"), "{wait:?}");
    project.nothing_left_within(common::BOUND);
    // Its engine killed.
    let clients = two_clients(&project);
    send(children_of(guardian(&project))[0], libc::SIGKILL);
    let [start, wait] = clients.map(Waiting::end);
    assert!(start.0 != 0 && wait.0 == 1, "{start:?}, {wait:?}");
    let killed = "shop has ended before it was ready: its engine was killed";
    assert!(start.1.contains(killed), "{start:?}");
    assert!(wait.1.contains("the project ended before it responded"), "{wait:?}");
    project.nothing_left_within(common::BOUND);
}

#[test]
fn a_signal_ends_the_waiting_and_leaves_the_project() {
    let project = never_ready();
    let start = Waiting::start(&project, ["up", "--detach", "--wait"]);
    start.says("waiting for web");
    send(start.child.id(), libc::SIGINT);
    let (code, said) = start.end();
    assert_eq!(code, -libc::SIGINT, "{said}");
    assert!(said.contains("shop continues in the background; `pitcrew down` stops it"), "{said}");
    assert_eq!(project.one("web")["state"], "starting");
    down(&project);
}

#[test]
fn detach_gives_up_in_time_and_tells_what_went_wrong() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.gate]\ncommand = 'exec sleep {sleep}'\n\
         [process.after]\ncommand = 'true'\ndepends_on = {{ gate = 'succeeded' }}\n"
    ));
    let late = project.ask(["up", "--detach", "--timeout", "2500ms"]).code(124);
    late.err("waiting for after; run `pitcrew why after`").err("continues in the background");
    assert_eq!(project.one("after")["state"], "waiting");
    down(&project);
    project.ask(["up", "--detach", "--events", "no/such/folder"]).code(1).err("no/such/folder");
    project.nothing_left_within(common::BOUND);
}
