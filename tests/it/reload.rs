//! Reloading the file of a running project, with real files and processes.

use crate::common::events::{about, kind, of, only};
use crate::common::{self, Project, Running, times, wait_until};
use serde_json::{Value, json};

/// The events so far.
fn all_events(project: &Project) -> Vec<Value> {
    common::events::read(&project.path("events"))
}

/// How often the file was read again, with mistakes or without.
fn readings(project: &Project) -> usize {
    let events = all_events(project);
    events.iter().filter(|event| kind(event).starts_with("config_")).count()
}

/// Writes the file and has it read.
#[track_caller]
fn reload(project: &Project, up: &Running, text: &str) {
    let before = readings(project);
    project.write("procfile.toml", text);
    up.signal(libc::SIGUSR1);
    wait_until("it was read", || readings(project) > before);
}

fn names(event: &Value, field: &str) -> Vec<String> {
    let names = event[field].as_array().unwrap().iter();
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// A script that prints its run and its version, and keeps running.
fn stays(word: &str) -> String {
    format!("command = 'echo \"{word} $PITCREW_RUN.\"; exec sleep 1000'\n")
}

#[test]
fn by_signal_the_difference_is_applied_and_every_cause_names_the_reload() {
    let old = format!(
        "[process.same]\n{}[process.limits]\n{}[process.other]\n{}\
         [process.gone]\n{}depends_on = ['base']\n[process.base]\n{}",
        stays("same"),
        stays("limits"),
        stays("old"),
        stays("gone"),
        stays("base"),
    );
    let new = format!(
        "# A comment.\n[process.same]\n{}[process.limits]\n{}timeout = '1h'\nstop.grace = '9s'\n\
         [process.other]\n{}[process.new]\n{}[process.rests]\nautostart = false\n{}",
        stays("same"),
        stays("limits"),
        stays("new"),
        stays("new"),
        stays("rests"),
    );
    let project = Project::new(&old);
    let up = project.up(["--events", "events"]);
    for word in ["same", "limits", "old", "gone", "base"] {
        up.wait_out(&format!("| {word} 1."));
    }
    reload(&project, &up, &new);
    up.wait_out("| new 2.");
    up.wait_out("new    | new 1.");
    up.wait_err(
        "pitcrew | procfile reloaded: new: new, rests; changed: limits, other; \
         removed: gone, base",
    );
    up.wait_err("other is stopping (TERM): procfile reloaded");
    wait_until("they are gone", || {
        about(&all_events(&project), "process_killed", "base").len() == 1
    });
    // Nothing is different any more.
    reload(&project, &up, &format!("{new}# Another comment.\n"));
    up.wait_err("procfile reloaded: no changes");
    up.signal(libc::SIGINT);
    up.done();
    let events = project.events("events");
    let reloaded = of(&events, "config_reloaded");
    assert_eq!(names(reloaded[0], "added"), ["new", "rests"]);
    assert_eq!(names(reloaded[0], "changed"), ["limits", "other"]);
    assert_eq!(names(reloaded[0], "removed"), ["gone", "base"]);
    assert_eq!(reloaded[0]["cause"], json!({ "kind": "signal", "signal": "USR1" }));
    assert_eq!((&reloaded[0]["reload"], &reloaded[1]["reload"]), (&json!(1), &json!(2)));
    let cause = json!({ "kind": "reload", "reload": 1 });
    for (wanted, whom) in [("process_killed", "gone"), ("process_killed", "base")] {
        let killed = only(&events, wanted, whom);
        assert_eq!((&killed["by"], &killed["cause"]), (&json!("reload"), &cause));
    }
    let killed = about(&events, "process_killed", "other")[0];
    assert_eq!((&killed["by"], &killed["cause"]), (&json!("reload"), &cause));
    assert_eq!(about(&events, "process_started", "other")[1]["cause"], cause);
    assert_eq!(only(&events, "process_started", "new")["cause"], cause);
    for whom in ["same", "limits"] {
        assert_eq!(about(&events, "process_started", whom).len(), 1, "{whom}");
    }
    assert!(about(&events, "process_started", "rests").is_empty());
    let end = |whom: &str| {
        events.iter().position(|e| kind(e) == "process_killed" && e["name"] == whom).unwrap()
    };
    assert!(end("gone") < end("base"), "who depends goes first");
}

#[test]
fn a_mistake_at_any_byte_changes_nothing() {
    let text = "[project]\nname = \"x\"\n[process.a]\n\
                command = 'echo \"run $PITCREW_RUN.\"; exec sleep 1000'\nport = 80\n\
                env = { A = 1 } # why\n[process.b]\ncommand = ['sleep', '1000']\n";
    let project = Project::new(text);
    let up = project.up(["--events", "events"]);
    up.wait_out("| run 1.");
    wait_until("both run", || of(&all_events(&project), "process_started").len() == 2);
    for at in 0..text.len() {
        // No TOML has this byte anywhere.
        let mut broken = text.as_bytes().to_vec();
        broken[at] = 1;
        std::fs::write(project.path("procfile.toml"), &broken).unwrap();
        up.signal(libc::SIGUSR1);
        wait_until("it was read", || readings(&project) > at);
    }
    // Each read prints a line with the place of the mistake.
    up.wait_err("procfile rejected: 1 mistake; nothing has changed");
    assert!(up.err.lossy().contains("procfile.toml:2:"), "{}", up.err.lossy());
    // Put right, it is the same again.
    reload(&project, &up, text);
    up.signal(libc::SIGINT);
    up.done();
    let events = project.events("events");
    let rejected = of(&events, "config_rejected");
    assert_eq!(rejected.len(), text.len());
    for event in rejected {
        let fault = &event["faults"][0];
        assert!(fault["line"].as_u64().is_some() && fault["message"].is_string(), "{event}");
        assert_eq!(event["cause"]["kind"], "signal");
    }
    let reloaded = of(&events, "config_reloaded");
    assert_eq!(reloaded.len(), 1);
    assert!(["added", "changed", "removed"].iter().all(|what| names(reloaded[0], what).is_empty()));
    assert_eq!(of(&events, "process_started").len(), 2);
}

#[test]
fn the_files_are_watched_where_the_project_says_so() {
    let text = |word: &str| {
        format!(
            "[project]\nreload = true\nenv_file = ['.env', 'later.env?']\n[process.a]\n\
             command = 'echo \"{word} $A $B $PITCREW_RUN.\"; exec sleep 1000'\n"
        )
    };
    let project = Project::empty();
    project.write("procfile.toml", &text("one"));
    project.write(".env", "A=a\nB=b\n");
    let up = project.up(["--events", "events"]);
    up.wait_out("| one a b 1.");
    // The file itself, as an editor saves it.
    project.write("new", &text("two"));
    std::fs::rename(project.path("new"), project.path("procfile.toml")).unwrap();
    up.wait_out("| two a b 2.");
    // An env file, and another that is created only now.
    project.write(".env", "A=x\nB=b\n");
    up.wait_out("| two x b 3.");
    project.write("later.env", "B=y\n");
    up.wait_out("| two x y 4.");
    // The local file is created, and removed.
    project
        .write("procfile.local.toml", "[process.local]\ncommand = 'echo here; exec sleep 1000'\n");
    up.wait_out("| here");
    std::fs::remove_file(project.path("procfile.local.toml")).unwrap();
    wait_until("it goes", || about(&all_events(&project), "process_killed", "local").len() == 1);
    // A mistake, and then none.
    project.write("procfile.toml", "[project]\nreload = tru");
    up.wait_err("procfile rejected: 1 mistake");
    // An env file that is missing, and then is there.
    project.write("procfile.toml", &text("three").replace("later.env?", "later.env', 'must.env"));
    up.wait_err("does not exist");
    project.write("must.env", "B=m\n");
    up.wait_out("| three x m 5.");
    // Not watched any more.
    project.write("procfile.toml", &text("four").replace("reload = true", "reload = false"));
    up.wait_out("| four x y 6.");
    project.write("procfile.toml", &text("five"));
    project.write(".env", "A=z\n");
    up.signal(libc::SIGUSR1);
    up.wait_out("| five z y 7.");
    up.signal(libc::SIGINT);
    up.done();
    let events = project.events("events");
    let starts = about(&events, "process_started", "a");
    assert_eq!(starts.len(), 7);
    let reloads = of(&events, "config_reloaded");
    let path = |at: usize| reloads[at]["cause"]["path"].as_str().unwrap_or("none");
    assert_eq!([path(0), path(1), path(2)], ["procfile.toml", ".env", "later.env"]);
    assert_eq!(path(3), "procfile.local.toml");
}

#[test]
fn files_that_were_named_are_watched_wherever_they_are() {
    let project = Project::new("");
    std::fs::create_dir(project.path("deploy")).unwrap();
    let base = |word: &str| format!("[project]\nreload = true\n[process.a]\n{}", stays(word));
    project.write("deploy/base.toml", &base("one"));
    project.write("over.toml", "[process.a]\nenv = { X = 1 }\n");
    let args =
        ["-f", "deploy/base.toml", "-f", "over.toml", "up", "--no-tui", "--events", "events"];
    let mut command = project.command(common::binary());
    command.args(args);
    let up = project.start(command);
    up.wait_out("| one 1.");
    project.write("deploy/base.toml", &base("two"));
    up.wait_out("| two 2.");
    project.write("over.toml", "[process.a]\nenv = { X = 2 }\n");
    up.wait_out("| two 3.");
    // An unwatched file, then a watched one: only the second is reported.
    project.write("procfile.local.toml", "[process.b]\ncommand = 'true'\n");
    project.write("deploy/base.toml", &base("three"));
    up.wait_out("| three 4.");
    up.signal(libc::SIGINT);
    up.done();
    let events = project.events("events");
    assert!(about(&events, "process_started", "b").is_empty());
}

#[test]
fn a_change_that_needs_no_new_run_applies_immediately() {
    let of = |rest: &str| {
        format!(
            "[process.a]\ncommand = '''echo \"up $PITCREW_RUN.\"\n\
             while :; do echo tick; sleep 0.02; done'''\n{rest}"
        )
    };
    let project = Project::new(&of("log.file = 'one.log'\nready = { log = 'never' }\n"));
    let up = project.up(["--events", "events"]);
    up.wait_out("a | up 1.");
    // The line was printed before the check existed.
    reload(&project, &up, &of("log.file = 'two.log'\nready = { log = '^up' }\n"));
    up.wait_err("a is ready, log /^up/: up 1.");
    wait_until("the other log has lines", || project.path("two.log").exists());
    // Watched from now on.
    let watched = "watch = { paths = ['src'], debounce = '20ms' }\n";
    reload(&project, &up, &of(&format!("log.file = 'two.log'\n{watched}")));
    std::fs::create_dir(project.path("src")).unwrap();
    project.write("src/x", "");
    up.wait_out("a | up 2.");
    reload(&project, &up, &of("timeout = '1ms'\n"));
    up.wait_err("a failed: timed out after 1ms");
    up.signal(libc::SIGINT);
    up.done();
    let events = project.events("events");
    assert_eq!(about(&events, "process_started", "a").len(), 2);
    let ready = about(&events, "process_ready", "a");
    assert_eq!(ready[0]["answer"], "up 1.");
    assert!(project.text("one.log").starts_with("up 1.\n"));
    let second = project.text("two.log");
    let until_it_ran_anew = second.split("up 2.").next().unwrap();
    assert!(until_it_ran_anew.lines().all(|line| line == "tick"), "{second}");
    project.nothing_left_within(std::time::Duration::from_secs(10));
}

#[test]
fn many_concurrent_reloads_end_with_the_latest_file() {
    let text = |n: u32| format!("[process.a]\n{}", stays(&format!("v{n}")));
    let project = Project::new(&text(0));
    let up = project.up(["--events", "events"]);
    up.wait_out("| v0 1.");
    let last = times(40);
    for n in 1..=last {
        // Never half a file: that would be a mistake, and would be reported.
        project.write("next", &text(n));
        std::fs::rename(project.path("next"), project.path("procfile.toml")).unwrap();
        up.signal(libc::SIGUSR1);
    }
    wait_until("the last one runs", || {
        up.out.lossy().lines().any(|line| line.starts_with(&format!("a | v{last} ")))
    });
    up.signal(libc::SIGINT);
    up.done();
    let events = project.events("events");
    assert!(of(&events, "config_rejected").is_empty());
}

#[test]
fn a_file_that_is_gone_or_another_one_changes_nothing() {
    let text = format!("[project]\nreload = true\n[process.a]\n{}", stays("one"));
    let project = Project::new(&text);
    let up = project.up(["--events", "events"]);
    up.wait_out("| one 1.");
    std::fs::rename(project.path("procfile.toml"), project.path("aside")).unwrap();
    up.wait_err("procfile rejected: 1 mistake; nothing has changed");
    // A folder of that name.
    std::fs::create_dir(project.path("procfile.toml")).unwrap();
    let before = readings(&project);
    up.signal(libc::SIGUSR1);
    wait_until("it was read", || readings(&project) > before);
    std::fs::remove_dir(project.path("procfile.toml")).unwrap();
    std::fs::rename(project.path("aside"), project.path("procfile.toml")).unwrap();
    up.wait_err("procfile reloaded: no changes");
    up.signal(libc::SIGINT);
    up.done();
    let events = project.events("events");
    assert_eq!(of(&events, "process_started").len(), 1);
    assert!(of(&events, "config_rejected").len() >= 2);
}
