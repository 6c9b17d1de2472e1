//! Output of commands on a terminal and in a pipe: colours, tables and widths.

use std::process::Command;

use crate::common::pty::Terminal;
use crate::common::{self, Project, Running, long_sleep};

const ESCAPE: char = '\u{1b}';

fn up() -> (Project, Running) {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process]\nweb = 'echo \"hi from web, and a line that is longer than a narrow screen\"; exec sleep {sleep}'\n\
         [process.api]\ncommand = 'echo hi from api; exit 3'\ndepends_on = ['web']\n\
         [process.later]\ncommand = 'true'\ndepends_on = {{ api = 'succeeded' }}\n"
    ));
    let running = project.up(["--keep"]);
    running.wait_out("hi from api");
    project.ask(["wait", "api", "--for", "completed"]).code(0);
    (project, running)
}

/// What a command shows on a terminal of this width.
#[track_caller]
fn shown(project: &Project, args: &[&str], columns: u16, set: impl FnOnce(&mut Command)) -> String {
    let mut command = project.command(common::binary());
    command.args(args).env("TERM", "xterm").env_remove("NO_COLOR");
    set(&mut command);
    let mut terminal = Terminal::start_sized(command, 24, columns);
    assert_eq!(terminal.ended().code(), Some(0), "{}", terminal.shown.lossy());
    terminal.shown.wait_end();
    terminal.shown.lossy().replace('\r', "")
}

const LOOKS: [&[&str]; 5] = [&["ps"], &["logs"], &["why", "later"], &["events"], &["graph"]];

#[test]
fn a_terminal_gets_colours_and_a_pipe_none() {
    let (project, running) = up();
    for args in LOOKS {
        let coloured = shown(&project, args, 120, |_| {});
        assert!(coloured.contains(ESCAPE), "{args:?}: {coloured}");
        for plain in [
            shown(&project, args, 120, |command| _ = command.env("NO_COLOR", "1")),
            shown(&project, args, 120, |command| _ = command.env("TERM", "dumb")),
            shown(&project, &[&["--color", "never"], args].concat(), 120, |_| {}),
        ] {
            assert!(!plain.contains(ESCAPE), "{args:?}: {plain}");
        }
        let mut command = project.command(common::binary());
        command.args(args);
        let piped = common::ask::run(command).code(0).out;
        assert!(!piped.contains(ESCAPE), "{args:?}: {piped}");
        let mut command = project.command(common::binary());
        command.args(["--color", "always"]).args(args).env("NO_COLOR", "1");
        let forced = common::ask::run(command).code(0).out;
        // Events are JSON there, which is never coloured.
        assert_eq!(forced.contains(ESCAPE), args != ["events"], "{args:?}: {forced}");
    }
    let json = shown(&project, &["--color", "always", "ps", "--json"], 120, |_| {});
    assert!(!json.contains(ESCAPE), "{json}");
    project.down(running);
}

#[test]
fn events_are_a_table_on_a_terminal_and_lines_of_json_elsewhere() {
    let (project, running) = up();
    let table = shown(&project, &["--color", "never", "events"], 120, |_| {});
    let mut rows = table.lines();
    let head: Vec<&str> = rows.next().unwrap().split_whitespace().collect();
    assert_eq!(head, ["TIME", "NAME", "EVENT", "CAUSE"]);
    let row = rows.find(|row| row.contains("  web      started, pid ")).unwrap();
    assert!(row.ends_with("project start"), "{row}");
    assert!(table.contains("api      failed: exit 3 after "), "{table}");
    for args in [&["events", "--json"][..], &["--color", "always", "events", "--json"]] {
        let json = shown(&project, args, 120, |_| {});
        assert!(json.lines().all(|line| line.starts_with("{\"seq\":")), "{json}");
    }
    assert_eq!(project.ask(["events"]).code(0).jsons().len(), table.lines().count() - 1);
    // New events continue the table.
    let mut command = project.command(common::binary());
    command.args(["events", "-f"]).env("TERM", "xterm");
    let mut terminal = Terminal::start_sized(command, 24, 120);
    assert!(terminal.shown.wait_part("TIME"));
    project.ask(["restart", "web"]).code(0);
    assert!(terminal.shown.wait_part("manual"));
    project.down(running);
    terminal.ended();
}

#[test]
fn names_have_the_colour_they_have_in_up_and_widths_are_those_of_the_terminal() {
    let (project, running) = up();
    let logs = shown(&project, &["logs"], 120, |_| {});
    assert!(logs.contains("\u{1b}[36mweb   |\u{1b}[0m hi from web"), "{logs}");
    assert!(logs.contains("\u{1b}[33mapi   |\u{1b}[0m hi from api"), "{logs}");
    let narrow = shown(&project, &["--color", "never", "ps"], 40, |_| {});
    assert!(narrow.lines().all(|line| line.chars().count() <= 40), "{narrow}");
    assert!(narrow.contains('…'), "{narrow}");
    // What is printed is never cut, and in a pipe nothing is.
    let lines = shown(&project, &["--color", "never", "logs"], 20, |_| {});
    assert!(lines.contains("longer than a narrow screen"), "{lines}");
    let whole = project.ask(["ps"]).code(0).out;
    assert!(!whole.contains('…') && whole.contains("exit 3"), "{whole}");
    project.down(running);
}

#[test]
fn the_jobs_of_a_pool_hang_together_with_it_in_every_form() {
    let project = Project::new(
        "[process.api]\ncommand = 'true'\ndepends_on = { build = 'succeeded' }\n\
         [pool.build]\nconcurrency = 1\njobs = ['true', { name = 'web', command = 'true' }]\n",
    );
    for (form, wanted) in [
        ("tree", "api\n└─ build (succeeded)\n   ├─ build.1 (job)\n   └─ web (job)\n"),
        ("mermaid", "  n0 -->|succeeded| n3\n  n3 -.- n1\n  n3 -.- n2\n"),
        ("dot", "  \"build\" -> \"web\" [style=dotted, arrowhead=none];\n}\n"),
    ] {
        project.ask(["graph", "--format", form]).code(0).out(wanted);
    }
    let json = project.ask(["graph", "--json"]).code(0).json();
    let pools: Vec<_> = json["nodes"].as_array().unwrap().iter().map(|one| &one["pool"]).collect();
    assert_eq!(
        pools,
        [&serde_json::Value::Null, &"build".into(), &"build".into(), &serde_json::Value::Null]
    );
}

#[test]
fn a_command_with_no_wait_describes_what_follows() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process]\nweb = 'trap \"\" TERM; echo up; while :; do sleep {sleep}; done'\n\
         [pool.build]\nconcurrency = 1\njobs = ['exec sleep {sleep}']\n"
    ));
    let running = project.up(["--keep"]);
    running.wait_out("up");
    let job = project.ask(["enqueue", "build", "--json", "--", "true"]).code(0).json();
    assert_eq!(job["processes"][0]["state"], "queued", "{job}");
    let stopped = project.ask(["stop", "web", "--no-wait", "--json"]).code(0).json();
    assert_eq!(stopped["processes"][0]["state"], "stopping", "{stopped}");
    project.ask(["down", "--kill"]).code(0);
    running.done();
    assert!(project.carriers().is_empty());
}
