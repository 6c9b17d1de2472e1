//! Restarts on file changes, with real tools that save files and real processes.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use crate::common::events::{about, kind, name, of, only};
use crate::common::{self, Project, Running, is_executable_there, times, wait_until};

/// `a` restarts for every save; `b` marks the end of a save.
struct Saves {
    project: Project,
    up: Running,
    /// How often `a` may have restarted for each save: once, except if the machine paused in
    /// the middle of it.
    most: Vec<Option<u32>>,
}

/// What a save must be quicker than to be one for sure; half of the silence that ends it.
const QUICK: Duration = Duration::from_millis(200);

impl Saves {
    fn new(paths: &str, make: impl FnOnce(&Project)) -> Self {
        let project = Project::new(&format!(
            "[options.default]\nstop.grace = '20s'\n\
             [process.a]\ncommand = 'echo \"run $PITCREW_RUN.\"; exec sleep 1000'\n\
             watch = {{ paths = {paths}, debounce = '400ms', suspend_after = 0 }}\n\
             [process.b]\ncommand = 'echo \"seen $PITCREW_RUN.\"; exec sleep 1000'\n\
             watch = {{ paths = ['sentinel'], debounce = '400ms', suspend_after = 0 }}\n"
        ));
        make(&project);
        let up = project.up(["--events", "events"]);
        up.wait_out("a | run 1.");
        up.wait_out("b | seen 1.");
        Self { project, up, most: Vec::new() }
    }

    /// Waits until the save was reported, and then for one more file: all other reports of this
    /// save come before that.
    #[track_caller]
    fn save(&mut self, save: impl FnOnce(&Project)) {
        let round = self.most.len() + 1;
        let begun = Instant::now();
        save(&self.project);
        self.most.push((begun.elapsed() < QUICK).then_some(1));
        let changed = || common::events::read(&self.project.path("events"));
        wait_until("the save is reported", || {
            let since: Vec<_> = changed();
            let since = since.iter().rev().filter(|event| kind(event) == "file_changed");
            since.take_while(|event| name(event) != "b").count() > 0
        });
        self.project.write("sentinel", "");
        self.up.wait_out(&format!("b | seen {}.", round + 1));
    }

    /// Each save was reported once, and every restart for it has run.
    #[track_caller]
    fn check(self, file: &str) {
        self.up.signal(libc::SIGINT);
        self.up.done();
        let events = self.project.events("events");
        let changed = of(&events, "file_changed");
        let rounds: Vec<&[&serde_json::Value]> =
            changed.split_inclusive(|event| name(event) == "b").collect();
        assert_eq!(rounds.len(), self.most.len());
        for (round, most) in rounds.iter().zip(&self.most) {
            let reported = round.len() - 1;
            assert!(reported >= 1 && most.is_none_or(|_| reported == 1), "{round:#?}");
            assert_eq!(round[0]["path"], file, "{round:#?}");
        }
        let restarts = about(&events, "file_changed", "a").len();
        assert_eq!(about(&events, "process_started", "a").len(), restarts + 1);
    }
}

#[track_caller]
fn shell(project: &Project, script: &str) {
    let mut command = project.command("sh");
    command.args(["-ec", script]);
    let done = common::ask::run(command);
    assert_eq!(done.code, 0, "{script}: {}", done.err);
}

fn main_rs(project: &Project) {
    fs::create_dir_all(project.path("src")).unwrap();
    project.write("src/main.rs", "fn main() {}\n");
}

/// A way to save, and the program it needs.
fn each_save_is_one_restart(ways: &[(&str, &str)]) {
    for paths in ["['src/**/*.rs']", "['src']"] {
        let mut saves = Saves::new(paths, main_rs);
        for _ in 0..times(1) {
            for (program, script) in ways.iter().filter(|(needs, _)| is_executable_there(needs)) {
                println!("{program}: {script}");
                saves.save(|project| shell(project, script));
            }
        }
        saves.check("src/main.rs");
    }
}

#[test]
fn a_plain_write_is_one_restart() {
    each_save_is_one_restart(&[
        ("sh", "echo 1 > src/main.rs"),
        ("sh", ": > src/main.rs; echo 2 > src/main.rs; echo 3 >> src/main.rs"),
        ("touch", "touch src/main.rs"),
        ("sed", "sed -i 's/^/x/' src/main.rs"),
    ]);
}

#[test]
fn a_save_of_an_editor_is_one_restart() {
    each_save_is_one_restart(&[
        // With the old file renamed, with the old file copied, and without any of that; as users have
        // it, with a swap file.
        (
            "vim",
            "vim -es -u NONE -c 'set swapfile backupcopy=no backup' -c 's/^/x/|wq' src/main.rs",
        ),
        ("vim", "vim -es -u NONE -c 'set swapfile backupcopy=yes' -c 's/^/x/|wq' src/main.rs"),
        (
            "vim",
            "vim -es -u NONE -c 'set swapfile nobackup nowritebackup' -c 's/^/x/|wq' src/main.rs",
        ),
        // The same without vim: it tries whether it may make files, renames, writes, removes.
        ("sh", "cd src; : > 4913; rm 4913; mv main.rs main.rs~; echo 1 > main.rs; rm main.rs~"),
        // emacs
        (
            "sh",
            "cd src; ln -s u@h.1:2 .#main.rs; mv main.rs main.rs~; echo 1 > main.rs; rm .#main.rs",
        ),
        // JetBrains
        (
            "sh",
            "cd src; echo 1 > main.rs___jb_tmp___; mv main.rs main.rs___jb_old___; \
             mv main.rs___jb_tmp___ main.rs; rm main.rs___jb_old___",
        ),
    ]);
}

#[test]
fn a_checkout_of_a_thousand_files_is_one_restart() {
    if !is_executable_there("git") {
        return println!("there is no git");
    }
    let git = "git -c user.name=x -c user.email=x@x -c init.defaultBranch=one -c gc.auto=0";
    let make = |project: &Project| {
        fs::create_dir_all(project.path("src")).unwrap();
        let write = |text: &str| format!("for i in $(seq 1000); do echo {text} > src/f$i.rs; done");
        let commit = format!("{git} add src; {git} commit -qm x");
        shell(
            project,
            &format!(
                "{}; {git} init -q; {commit}; {git} checkout -qb two; {}; {commit}",
                write("1"),
                write("2")
            ),
        );
    };
    let mut saves = Saves::new("['src/**']", make);
    for _ in 0..times(1) {
        for branch in ["one", "two"] {
            saves.save(|project| shell(project, &format!("{git} checkout -q {branch}")));
        }
    }
    let Saves { project, up, most } = saves;
    up.signal(libc::SIGINT);
    up.done();
    let events = project.events("events");
    let reported: Vec<u64> = about(&events, "file_changed", "a")
        .iter()
        .map(|event| event["more"].as_u64().unwrap() + 1)
        .collect();
    // Where the machine stood still in the middle, one file may be in both halves.
    let extra = (reported.len() - most.len()) as u64;
    let files = 1000 * most.len() as u64;
    assert!((files..=files + extra).contains(&reported.iter().sum::<u64>()), "{reported:?}");
    assert!(extra == 0 || most.contains(&None), "{reported:?}");
}

#[test]
fn settings_that_are_swapped_behind_a_link_are_one_restart() {
    let make = |project: &Project| {
        for version in ["config/..1", "config/..2"] {
            fs::create_dir_all(project.path(version)).unwrap();
            project.write(&format!("{version}/app.yaml"), version);
        }
        symlink("..1", project.path("config/..data")).unwrap();
        symlink("..data/app.yaml", project.path("config/app.yaml")).unwrap();
    };
    let mut saves = Saves::new("['config/*.yaml']", make);
    for round in 0..times(4) {
        saves.save(|project| {
            let next = if round % 2 == 0 { "..2" } else { "..1" };
            symlink(next, project.path("config/new")).unwrap();
            fs::rename(project.path("config/new"), project.path("config/..data")).unwrap();
        });
    }
    saves.check("config/app.yaml");
}

#[test]
fn what_has_ended_is_started_and_the_project_stays_for_that() {
    let project = Project::new(
        "[process.a]\ncommand = 'cat file; test -e good'\nwatch = ['file', 'good']\n\
         [process.b]\ncommand = 'echo once'\n",
    );
    project.write("file", "first\n");
    let up = project.up(["--events", "events"]);
    up.wait_err("a failed: exit 1");
    project.write("file", "second\n");
    up.wait_out("a | second");
    wait_until("it has failed again", || {
        common::events::read(&project.path("events"))
            .iter()
            .filter(|event| kind(event) == "process_completed" && name(event) == "a")
            .count()
            == 2
    });
    project.write("good", "");
    up.wait_err("a succeeded");
    up.signal(libc::SIGTERM);
    up.done();
    let events = project.events("events");
    let started = about(&events, "process_started", "a");
    let causes: Vec<_> = started.iter().map(|event| event["cause"].clone()).collect();
    let changed = |path: &str| serde_json::json!({ "kind": "file_changed", "path": path });
    assert_eq!(causes, [serde_json::json!({ "kind": "start" }), changed("file"), changed("good")]);
    assert_eq!(about(&events, "process_started", "b").len(), 1);
}

#[test]
fn no_watch_and_run_watch_nothing() {
    let project = Project::new("[process.a]\ncommand = 'echo hello'\nwatch = ['*']\n");
    let done = project.up_done(["--no-watch"]);
    done.assert_code(0);
    assert_eq!(done.out, "a | hello\n");
    project.run(["run", "a"]).assert_code(0);
}

#[test]
fn a_restart_for_a_file_never_overlaps() {
    let project = Project::new(
        "[process.a]\nwatch = { paths = ['file'], debounce = '1ms', suspend_after = 0 }\n\
         command = '''trap 'sleep 0.05; rmdir alone; exit' TERM\n\
         mkdir alone || { echo overlap; exit; }\necho \"run $PITCREW_RUN.\"\n\
         while :; do sleep 0.02; done'''\n",
    );
    project.write("file", "");
    let up = project.up(["--events", "events"]);
    up.wait_out("a | run 1.");
    // At any moment of its life: changes come while it starts, runs and stops.
    for n in 0..times(60) {
        project.write("file", &n.to_string());
        std::thread::sleep(Duration::from_millis(u64::from(n * 7 % 41)));
    }
    project.write("last", "");
    wait_until("it is quiet", || {
        let events = common::events::read(&project.path("events"));
        let starts = about(&events, "process_started", "a").len();
        let ends = about(&events, "process_killed", "a").len();
        starts == ends + 1 && up.out.count(&format!("a | run {starts}.")) == 1
    });
    up.signal(libc::SIGINT);
    let done = up.done();
    assert!(!done.out.contains("overlap"), "{done}");
    let events = project.events("events");
    for killed in &about(&events, "process_killed", "a")[..] {
        assert!(killed["by"] == "file_change" || killed["by"] == "shutdown", "{killed}");
    }
}

#[test]
fn a_process_that_writes_its_watched_files_is_suspended_and_the_file_named() {
    let project = Project::new(
        "[process.a]\ncommand = 'echo \"$PITCREW_RUN\" > src/out; exec sleep 1000'\n\
         watch = { paths = ['src'], debounce = '20ms' }\n",
    );
    fs::create_dir(project.path("src")).unwrap();
    let up = project.up(["--events", "events"]);
    up.wait_err("file watching suspended: src/out changed right after");
    wait_until("the last run has written", || project.text("src/out") == "11\n");
    // Another change does nothing: it would be reported before the end.
    project.write("src/other", "");
    std::thread::sleep(Duration::from_millis(300));
    up.signal(libc::SIGINT);
    up.done();
    let events = project.events("events");
    let suspended = only(&events, "watch_suspended", "a");
    assert_eq!((&suspended["path"], &suspended["restarts"]), (&"src/out".into(), &10.into()));
    assert_eq!(about(&events, "process_started", "a").len(), 11);
}

#[test]
fn the_pre_restart_run_decides_whether_the_process_restarts() {
    let project = Project::new(
        "[process.build]\ncommand = 'cat src/a > built; test \"$(cat src/a)\" != bad'\n\
         autostart = false\n\
         [process.a]\ncommand = 'echo \"with $(cat built).\"; exec sleep 1000'\n\
         watch = { paths = ['src/*'], debounce = '20ms', action = 'run:build' }\n",
    );
    fs::create_dir(project.path("src")).unwrap();
    project.write("src/a", "one");
    project.write("built", "one");
    let up = project.up(["--events", "events"]);
    up.wait_out("| with one.");
    project.write("src/a", "bad");
    up.wait_err("a: src/a changed, but build did not succeed (exit 1 after");
    project.write("src/a", "two");
    up.wait_out("| with two.");
    up.signal(libc::SIGINT);
    up.done();
    let events = project.events("events");
    assert_eq!(about(&events, "process_started", "a").len(), 2);
    assert_eq!(about(&events, "file_changed", "a").last().unwrap()["action"], "run:build");
}

#[test]
fn a_run_is_not_ended_when_what_runs_first_has_taken_its_program_away() {
    let project = Project::new(
        "[process.build]\ncommand = 'rm program'\nautostart = false\n\
         [process.a]\ncommand = ['./program', '1000']\n\
         watch = { paths = ['src'], debounce = '20ms', action = 'run:build' }\n",
    );
    fs::copy("/bin/sleep", project.path("program")).unwrap();
    let up = project.up(["--events", "events"]);
    up.wait_err("a started");
    project.write("src", "anew");
    let reported = up.wait_err("it keeps running");
    assert!(reported.contains("src changed, but a cannot be restarted"), "{reported}");
    assert!(reported.contains("no such program"), "{reported}");
    up.signal(libc::SIGINT);
    up.done();
    assert_eq!(about(&project.events("events"), "process_started", "a").len(), 1);
}

#[test]
fn a_signal_is_sent_instead() {
    let project = Project::new(
        "[process.a]\nwatch = { paths = ['conf'], action = 'signal:HUP' }\n\
         command = '''trap 'echo \"read $(cat conf).\"' HUP\necho up\n\
         while :; do sleep 0.02; done'''\n",
    );
    let up = project.up(["--events", "events"]);
    up.wait_out("a | up");
    project.write("conf", "anew");
    up.wait_out("a | read anew.");
    up.signal(libc::SIGINT);
    up.done();
    assert_eq!(of(&project.events("events"), "process_started").len(), 1);
}

#[test]
fn pitcrews_own_files_are_no_change() {
    let project = Project::new(
        "[project]\nlog = { dir = 'log files' }\n\
         [process.a]\ncommand = 'echo \"run $PITCREW_RUN.\"; while :; do echo x; sleep 0.01; done'\n\
         watch = { paths = ['**'], debounce = '20ms' }\nlog = { max_size = '1KiB' }\n\
         [process.b]\ncommand = 'echo x; exec sleep 1000'\nlog = { file = 'b.out' }\n",
    );
    let up = project.up(["--events", "events", "--log-file", "pitcrew.log"]);
    up.wait_out("a | run 1.");
    wait_until("logs are rotated", || project.path("log files/a.log.3").exists());
    project.write("mine", "");
    up.wait_out("a | run 2.");
    up.signal(libc::SIGINT);
    up.done();
    let events = project.events("events");
    assert_eq!(only(&events, "file_changed", "a")["path"], "mine");
}

#[test]
fn where_the_kernel_takes_no_more_it_says_which_setting_and_polls() {
    for (limit, number, setting) in [
        ("max_inotify_watches", 3, "max_user_watches"),
        ("max_inotify_instances", 0, "max_user_instances"),
    ] {
        let project = Project::new(
            "[process.a]\ncommand = 'echo \"run $PITCREW_RUN.\"; exec sleep 1000'\nwatch = ['src']\n",
        );
        fs::create_dir_all(project.path("src/a/b")).unwrap();
        let mut command = project.command("unshare");
        let script = format!(
            "echo {number} > /proc/sys/user/{limit} && exec {} up --no-tui",
            common::binary()
        );
        command.args(["--user", "--map-root-user", "sh", "-c", &script]);
        let probe = project.finished({
            let mut probe = project.command("unshare");
            let limit = format!("echo {number} > /proc/sys/user/{limit}");
            probe.args(["--user", "--map-root-user", "sh", "-c", &limit]);
            probe
        });
        if probe.status.code() != Some(0) {
            return println!("left out: this user cannot set limits");
        }
        let up = project.start(command);
        up.wait_err(&format!("(fs.inotify.{setting} is"));
        up.wait_out("a | run 1.");
        project.write("src/a/b/new", "");
        up.wait_out("a | run 2.");
        let said = up.err.lossy();
        assert!(!said.contains("No space left"), "{said}");
        up.signal(libc::SIGINT);
        up.done();
    }
}
