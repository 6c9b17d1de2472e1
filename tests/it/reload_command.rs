//! The command `reload`: output, effects and exit codes.

use crate::common::{self, Project, Running, long_sleep};
use serde_json::json;

/// A script that prints the number of its run, and keeps running.
fn stays(word: &str, sleep: &str) -> String {
    format!("command = 'echo \"{word} $PITCREW_RUN.\"; exec sleep {sleep}'\n")
}

fn up(sleep: &str) -> (Project, Running) {
    let project = Project::new(&format!(
        "[project]\nname = 'shop'\n[process.web]\n{}[process.gone]\n{}[process.same]\n{}",
        stays("web", sleep),
        stays("gone", sleep),
        stays("same", sleep),
    ));
    let running = project.up(["--keep"]);
    for word in ["web", "gone", "same"] {
        running.wait_out(&format!("{word} 1."));
    }
    (project, running)
}

fn other(sleep: &str) -> String {
    format!(
        "[project]\nname = 'shop'\n[process.web]\n{}env = {{ A = 'b' }}\n[process.same]\n{}\
         tags = ['x']\n[process.new]\n{}",
        stays("other", sleep),
        stays("same", sleep),
        stays("new", sleep),
    )
}

#[test]
fn a_dry_run_names_the_processes_that_the_reload_restarts() {
    let sleep = long_sleep();
    let (project, running) = up(&sleep);
    assert_eq!(project.ask(["reload"]).code(0).out, "no changes\n");
    project.write("procfile.toml", &other(&sleep));
    let same = "+ new\n~ web\n~ same\n- gone\n";
    let dry = project.ask(["reload", "--dry-run"]).code(0);
    assert_eq!(dry.out, format!("{same}web would restart: changed command, env\n"));
    let json = project.ask(["reload", "--dry-run", "--json"]).code(0).json();
    let expected = json!({
        "ok": true, "dry_run": true, "added": ["new"], "changed": ["web", "same"],
        "removed": ["gone"], "restarted": [{ "name": "web", "because": ["command", "env"] }],
        "faults": [],
    });
    assert_eq!(json, expected);
    assert_eq!(project.one("web").get("run").unwrap(), 1);
    assert_eq!(project.one("gone").get("state").unwrap(), "ready");
    let done = project.ask(["reload"]).code(0);
    assert_eq!(done.out, format!("{same}web restarts: changed command, env\n"));
    running.wait_out("other 2.");
    running.wait_out("new 1.");
    common::wait_until("it is gone", || project.one("gone").is_null());
    assert_eq!(project.one("same").get("run").unwrap(), 1);
    // The cause of the run is shown as text and as JSON.
    project.ask(["wait", "web"]).code(0);
    project.ask(["why", "web"]).code(0).out("because the procfile was reloaded");
    let why = project.ask(["why", "web", "--json"]).code(0).json();
    assert_eq!(why.get("cause").unwrap(), &json!({ "kind": "reload", "reload": 2 }));
    project.down(running);
}

#[test]
fn a_faulty_file_is_code_2_with_its_carets_and_changes_nothing() {
    let sleep = long_sleep();
    let (project, running) = up(&sleep);
    project.write("procfile.toml", "[process.web]\ncomand = 'x'\n[process.gone]\ncwd = 3\n");
    let checked = project.ask(["check"]).code(2);
    for args in [&["reload"][..], &["reload", "--dry-run"]] {
        let mut command = project.pitcrew([]);
        command.args(args);
        let said = common::ask::run(command).code(2);
        assert_eq!(said.out, "");
        let mistakes = checked.err.rsplit_once('\n').unwrap().0;
        assert_eq!(said.err, format!("{mistakes}; nothing has changed\n"));
        assert!(said.err.contains("^^^^^^") && said.err.contains("did you mean `command`?"));
    }
    let json = project.ask(["reload", "--json"]).code(2).json();
    assert_eq!(json.get("ok").unwrap(), false);
    assert_eq!(json.get("faults"), project.ask(["check", "--json"]).code(2).json().get("faults"));
    for name in ["web", "gone", "same"] {
        assert_eq!(project.one(name).get("run").unwrap(), 1);
    }
    // A dry run emits no event; the two others emit one each.
    let events = project.ask(["events"]).code(0).jsons();
    assert_eq!(common::events::of(&events, "config_rejected").len(), 2);
    project.down(running);
}

#[test]
fn without_a_running_project_and_while_one_ends_it_is_code_1() {
    let project = Project::new(
        "[project]\nname = 'shop'\n[process]\n\
         deaf = 'trap \"\" TERM; echo deaf.; while :; do sleep 0.05; done'\n",
    );
    project.ask(["reload"]).code(1).err("shop is not running");
    let running = project.up([]);
    running.wait_out("deaf.");
    running.signal(libc::SIGINT);
    running.wait_err("signal INT: stopping deaf");
    project.ask(["reload"]).code(1).err("the project is shutting down");
    project.ask(["down", "--kill"]).code(0);
    running.forget();
    project.nothing_left_within(common::BOUND);
}

#[test]
fn a_restart_says_which_files_have_changed_since_they_were_read() {
    let sleep = long_sleep();
    let project = Project::empty();
    project.write(".env", "A=1\n");
    project.write(
        "procfile.toml",
        &format!("[process.web]\nenv_file = '.env'\n{}", stays("web", &sleep)),
    );
    let running = project.up(["--keep"]);
    running.wait_out("web 1.");
    let quiet = project.ask(["restart", "web"]).code(0);
    assert_eq!(quiet.err, "");
    let json = project.ask(["restart", "--json", "web"]).code(0).json();
    assert_eq!(json["changed_files"], json!(null));

    project.write(".env", "A=22\n");
    let wanted = "pitcrew: .env has changed since it was read; `pitcrew reload` applies it\n";
    assert_eq!(project.ask(["restart", "web"]).code(0).err, wanted);
    let json = project.ask(["restart", "--json", "web"]).code(0).json();
    assert_eq!(json["changed_files"], json!([".env"]));
    // A dry run applies nothing.
    project.ask(["reload", "--dry-run"]).code(0);
    assert_eq!(project.ask(["restart", "web"]).code(0).err, wanted);
    project.ask(["reload"]).code(0);
    assert_eq!(project.ask(["restart", "web"]).code(0).err, "");
    // Nor does a file with mistakes.
    project.write("procfile.toml", "nonsense");
    project.ask(["reload"]).code(2);
    project.ask(["restart", "web"]).code(0).err("procfile.toml has changed");
    project.down(running);
}
