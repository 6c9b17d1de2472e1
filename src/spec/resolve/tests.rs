//! What a file comes to, and every mistake it can hold, one row each.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::super::fault::{Faults, Source};
use super::super::locate::{Loaded, Locate, load, load_with};
use super::super::{
    Condition, Dependency, Fault, Name, Restart, RetryPolicy, ShutdownOn, Signal, Spec,
    StraysPolicy, procfile,
};
use super::*;

struct Project {
    folder: TempDir,
}

impl Project {
    fn new(text: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        project.with("procfile.toml", text)
    }

    fn with(self, name: &str, text: &str) -> Self {
        fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    /// As if every key were built already.
    fn load(&self) -> Result<Loaded, Faults> {
        load_with(&Locate { files: Vec::new(), dir: self.dir() }, &[])
    }

    fn spec(&self) -> Spec {
        self.load().unwrap_or_else(|faults| panic!("{faults}")).spec
    }
}

fn spec(text: &str) -> Spec {
    Project::new(text).spec()
}

/// Each fault as `line:column message (hint)`.
fn faults(text: &str) -> Vec<String> {
    let told = |fault: &Fault| {
        let (line, column) = (fault.line().unwrap(), fault.column().unwrap());
        let hint = fault.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{line}:{column} {}{hint}", fault.message())
    };
    match Project::new(text).load() {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(told).collect(),
    }
}

/// Every row: a process's keys, and the one fault that is told about them.
#[test]
fn every_mistake_in_a_process_is_told_once_with_its_place() {
    for (keys, fault) in [
        ("comand = 'x'", "3:1 unknown key `comand` in a process (did you mean `command`?)"),
        ("zzz = 'x'", "3:1 unknown key `zzz` in a process"),
        ("port = 'x'", "3:8 expected an integer from 1 to 65535, found the string \"x\""),
        ("port = 0", "3:8 expected an integer from 1 to 65535, found 0"),
        ("port = 0x10000", "3:8 expected an integer from 1 to 65535, found 0x10000"),
        (
            "port = 99999999999999999999",
            "3:8 expected an integer from 1 to 65535, found 99999999999999999999",
        ),
        ("replicas = 0", "3:12 expected an integer from 1 to 10000, found 0"),
        (
            "timeout = 10",
            "3:11 expected a duration such as \"10s\", found the integer 10 (say the unit: \"10s\")",
        ),
        (
            "timeout = '10'",
            "3:11 `10` is not a duration (say the unit, such as \"10s\" or \"10ms\")",
        ),
        (
            "timeout = '10lightyears'",
            "3:11 `10lightyears` is not a duration (the units are d, h, m, s and ms)",
        ),
        ("timeout = '0s'", "3:11 this duration cannot be zero (leave the key out for none)"),
        ("log.max_size = '10MB'", "3:16 `10MB` is not a size (did you mean `MiB`?)"),
        (
            "log.max_size = 10",
            "3:16 expected a size such as \"10MiB\", found the integer 10 (say the unit: \"10B\")",
        ),
        ("log = true", "3:7 expected `false`, or a table, found `true`"),
        ("tty = 'yes'", "3:7 expected a boolean, found the string \"yes\""),
        ("cwd = ''", "3:7 \"\" is no path"),
        (
            "color = 'allways'",
            "3:9 expected \"auto\", \"always\" or \"never\", found \"allways\" (did you mean `always`?)",
        ),
        (
            "tags = ['a b']",
            "3:9 `a b` is not a name (names are made of the letters a to z, digits, `_` and `-`)",
        ),
        ("tags = ['all']", "3:9 the name `all` is reserved (it stands for everything at once)"),
        ("tags = 'a'", "3:8 expected an array of names, found the string \"a\""),
        (
            "depends_on = ['bd']",
            "3:15 process `x` depends on `bd`, which does not exist (did you mean `db`?)",
        ),
        (
            "depends_on = { bd = 'ready' }",
            "3:16 process `x` depends on `bd`, which does not exist (did you mean `db`?)",
        ),
        (
            "depends_on = { db = 'redy' }",
            "3:21 expected \"started\", \"ready\", \"succeeded\" or \"completed\", found \"redy\" (did you mean `ready`?)",
        ),
        (
            "depends_on = { db = { conditon = 'ready' } }",
            "3:23 unknown key `conditon` in a dependency (did you mean `condition`?)",
        ),
        (
            "depends_on = ['db.2']",
            "3:15 process `x` depends on `db.2`, which does not exist (name `db`: all its replicas must fulfil it)",
        ),
        ("depends_on = ['x']", "3:15 dependencies go round in a circle: `x` -> `x`"),
        (
            "options = ['rsut']",
            "3:12 process `x` takes the option set `rsut`, which does not exist (did you mean `rust`?)",
        ),
        (
            "retry = 'patent'",
            "3:9 process `x` names the retry policy `patent`, which does not exist (did you mean `patient`?)",
        ),
        (
            "pool = 'biuld'",
            "3:8 process `x` takes a slot of the pool `biuld`, which does not exist (did you mean `build`?)",
        ),
        ("retry = { attempts = -1 }", "3:22 expected an integer of at least 0, found -1"),
        ("retry = { attempts = 'all' }", "3:22 expected \"unlimited\", found \"all\""),
        (
            "retry = { backoff = { factor = 0.5 } }",
            "3:32 expected a number from 1 to 1000, found 0.5",
        ),
        (
            "retry = { backoff = { factor = nan } }",
            "3:32 expected a number from 1 to 1000, found NaN",
        ),
        ("retry = { backoff = { jitter = 2 } }", "3:32 expected a number from 0 to 1, found 2"),
        (
            "restart = 'never'\nretry = 'patient'",
            "4:1 a retry policy together with `restart = \"never\"` (take one of the two out)",
        ),
        ("stop = { signal = 'TREM' }", "3:19 unknown signal `TREM` (did you mean `TERM`?)"),
        (
            "stop = { grace = '1x' }",
            "3:18 `1x` is not a duration (the units are d, h, m, s and ms)",
        ),
        ("stop = { command = [] }", "3:20 the command is empty (the first entry is the program)"),
        (
            "stop = { keep = ['/usr/bin/adb'] }",
            "3:18 \"/usr/bin/adb\" is a path (name the program without its folder: \"adb\")",
        ),
        ("env = { '' = 1 }", "3:9 the name of a variable cannot be empty (write NAME = \"value\")"),
        (
            "env = { 'A=B' = 1 }",
            "3:9 `A=B` is not the name of a variable: it has a `=` in it (write NAME = \"value\")",
        ),
        (
            "env = { \"A\\u0000\" = 1 }",
            "3:9 a NUL byte cannot be passed to a program (take the \\u0000 out)",
        ),
        (
            "env = { A = \"\\u0000\" }",
            "3:13 a NUL byte cannot be passed to a program (take the \\u0000 out)",
        ),
        ("env = { A = [1] }", "3:13 expected a string, integer, float or boolean, found an array"),
        (
            "env = { A = 1979-05-27 }",
            "3:13 expected a string, integer, float or boolean, found a date",
        ),
        (
            "unset_env = ['A=']",
            "3:14 `A=` is not the name of a variable: it has a `=` in it (write NAME = \"value\")",
        ),
        ("success_exit_codes = [0, 300]", "3:26 expected an integer from 0 to 255, found 300"),
        (
            "ready = {}",
            "3:9 a `ready` check says nothing that can be checked (give it exactly one of: exec, http, tcp, unix, file, log, delay, notify)",
        ),
        (
            "ready = { tcp = 1, file = 'x' }",
            "3:20 a `ready` check has both `tcp` and `file` (give it exactly one of: exec, http, tcp, unix, file, log, delay, notify)",
        ),
        (
            "ready = { http = 'https://x/y' }",
            "3:18 a check cannot use https (use exec = \"curl -fsS https://x/y\")",
        ),
        (
            "ready = { http = 'ftp://x/' }",
            "3:18 `ftp://x/` is not a URL that can be checked (write it like \"http://127.0.0.1:8080/healthz\", or \"/healthz\" for the own `port`)",
        ),
        (
            "ready = { http = '/healthz' }",
            "3:18 this check means the port of `x`, which has none (give it one with `port = 8080`)",
        ),
        (
            "ready = { tcp = 'port' }",
            "3:17 this check means the port of `x`, which has none (give it one with `port = 8080`)",
        ),
        (
            "ready = { tcp = '5432' }",
            "3:17 `5432` is not an address (write the port without quotes: 5432)",
        ),
        (
            "ready = { tcp = 'localhost:0' }",
            "3:17 `localhost:0` is not an address (write a port such as 5432, \"host:port\", or \"port\" for the own `port`)",
        ),
        ("ready = { tcp = 1, status = [200] }", "3:20 `status` says nothing without `http`"),
        (
            "ready = { log = '(' }",
            "3:17 not a regular expression: unclosed group (a TOML string in '…' needs no doubled backslashes)",
        ),
        ("ready = { notify = false }", "3:20 expected `true`, found `false`"),
        (
            "ready = { tcp = 1, interval = '0s' }",
            "3:31 this duration cannot be zero (leave the key out for none)",
        ),
        (
            "health = { log = 'x', tcp = 1 }",
            "3:12 a `health` check cannot have the key `log` (only `ready` knows it)",
        ),
        ("watch = []", "3:9 this array cannot be empty"),
        ("watch = ['[']", "3:10 not a glob: unclosed character class; missing ']'"),
        ("watch = { ignore = ['a'] }", "3:9 `watch` needs the key `paths`"),
        (
            "watch = { paths = ['a'], action = 'reload' }",
            "3:35 `reload` is not an action (the actions are \"restart\", \"signal:NAME\" and \"run:NAME\")",
        ),
        (
            "watch = { paths = ['a'], action = 'signal:HPU' }",
            "3:35 unknown signal `HPU` (did you mean `HUP`?)",
        ),
        (
            "watch = { paths = ['a'], action = 'run:bd' }",
            "3:35 process `x` runs `bd` first, which does not exist (did you mean `db`?)",
        ),
        ("port = 65535\nreplicas = 2", "4:12 2 replicas from port 65535 on need ports above 65535"),
        ("env_file = 'missing'", "3:12 there is no env file"),
        (
            "name = 'y'",
            "3:1 a process cannot have the key `name` (its name is the key of its table)",
        ),
    ] {
        let text = format!(
            "[process.x]\ncommand = 'x'\n{keys}\n[process]\ndb = 'x'\n\
             [options.rust]\n[retry.patient]\n[pool.build]\nconcurrency = 1\n"
        );
        let told = faults(&text);
        assert_eq!(told.len(), 1, "{keys}: {told:#?}");
        let same = if keys.starts_with("env_file") {
            told[0].starts_with(fault)
        } else {
            told[0] == fault
        };
        assert!(same, "{keys}\n  told: {}\nwanted: {fault}", told[0]);
    }
}

#[test]
fn every_mistake_of_a_file_is_told_once_with_its_place() {
    for (text, wanted) in [
        (
            "",
            "1:1 there is no process and no job in this file (write `[process]` and under it `web = \"npm run dev\"`)",
        ),
        (
            "[pool.a]\nconcurrency = 1\n",
            "1:1 there is no process and no job in this file (write `[process]` and under it `web = \"npm run dev\"`)",
        ),
        ("[process]\nx = ''", "2:5 \"\" is no command"),
        ("[process]\nx = []", "2:5 the command is empty (the first entry is the program)"),
        (
            "[process]\nx = ['', 'a']",
            "2:6 the name of the program is empty (the first entry is the program)",
        ),
        (
            "[process]\nx = \"a\\u0000\"",
            "2:5 a NUL byte cannot be passed to a program (take the \\u0000 out)",
        ),
        (
            "[process]\nx = 5",
            "2:5 expected a table, a command or an array of strings, found the integer 5",
        ),
        (
            "[process.x]\nport = 1",
            "1:10 process `x` has no command (say how to run it: `command = \"…\"`)",
        ),
        (
            "[process]\nall = 'x'",
            "2:1 the name `all` is reserved (it stands for everything at once)",
        ),
        (
            "[process]\n'a b' = 'x'",
            "2:1 `a b` is not a name (names are made of the letters a to z, digits, `_` and `-`)",
        ),
        (
            "[process]\n'' = 'x'",
            "2:1 a name cannot be empty (names are made of the letters a to z, digits, `_` and `-`)",
        ),
        (
            "process = 5",
            "1:11 expected a table from a name to a table, a command or an array of strings, found the integer 5",
        ),
        (
            "[procces]\nx = 'x'\n[process]\na = 'x'",
            "1:2 unknown key `procces` (did you mean `process`?)",
        ),
        (
            "[web]\ncommand = 'x'\n[process]\na = 'x'",
            "1:2 unknown key `web` (a process is written as `[process.web]`)",
        ),
        (
            "[project]\nshell = []\n[process]\na = 'x'",
            "2:9 the command is empty (the first entry is the program)",
        ),
        (
            "[project]\noutput = { memory = '0B' }\n[process]\na = 'x'",
            "2:21 this size cannot be zero",
        ),
        (
            "[pool.p]\njobs = ['x']",
            "1:7 pool `p` needs the key `concurrency` (it is the number of slots: `concurrency = 2`)",
        ),
        (
            "[pool.p]\nconcurrency = 0\njobs = ['x']",
            "2:15 expected an integer from 1 to 10000, found 0",
        ),
        ("[pool.p]\nconcurrency = 1\njobs = [{ name = 'x' }]", "3:9 a job needs the key `command`"),
        (
            "[pool.p]\nconcurrency = 1\njobs = [{ command = 'x', watch = ['a'] }]",
            "3:26 a job cannot have the key `watch` (make it a process that names the pool with `pool = …`)",
        ),
        (
            "[pool.p]\nconcurrency = 1\njobs = ['a', { command = 'x', depends_on = ['p'] }]",
            "3:45 dependencies go round in a circle: `p` -> `p.2` -> `p`",
        ),
        (
            "[pool.p]\nconcurrency = 1\njobs = [{ name = 'p', command = 'x' }]",
            "3:18 the name `p` is taken (names are unique over processes, jobs and pools)",
        ),
        (
            "[process]\np = 'x'\n[pool.p]\nconcurrency = 1",
            "3:7 the name `p` is taken (names are unique over processes, jobs and pools)",
        ),
        (
            "[process]\na = 'x'\n[options.o]\ncommand = 'x'",
            "4:1 an option set cannot have the key `command` (every process has a command of its own)",
        ),
        (
            "[process]\na = 'x'\n[options.a]\noptions = ['b']\n[options.b]\noptions = ['a']",
            "6:12 option sets go round in a circle: `a` -> `b` -> `a`",
        ),
        (
            "[process]\na = 'x'\n[options.o]\ndepends_on = ['x']",
            "4:15 option set `o` depends on `x`, which does not exist",
        ),
        (
            "[process.a]\ncommand = 'x'\ndepends_on = ['b']\n[process.b]\ncommand = 'x'\ndepends_on = ['c']\n[process.c]\ncommand = 'x'\ndepends_on = ['a']",
            "9:15 dependencies go round in a circle: `a` -> `b` -> `c` -> `a`",
        ),
        ("[process]\na = 'x'\na = 'y'", "3:1 duplicate key"),
    ] {
        assert_eq!(faults(text), [wanted], "{text}");
    }
}

#[test]
fn several_syntax_errors_are_told_and_what_they_hide_is_not_missed() {
    let text = "[process.a]\ncommand = 'x\nprot = 1\n[process.b]\ncommand = \"x\ndepends_on = ['c']\n[pool.p]\n";
    let told = faults(text);
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(told[0].starts_with("2:13 ") && told[2].starts_with("5:13 "), "{told:#?}");
    assert_eq!(told[1], "3:1 unknown key `prot` in a process (did you mean `port`?)");
}

#[test]
fn keys_that_are_not_built_yet_are_refused_where_they_are_used() {
    let text = "[project]\nreload = true\n[process.x]\ncommand = 'x'\nready = { tcp = 1 }\n\
                health = { tcp = 1 }\nwatch = ['a']\ntty = true\n";
    let project = Project::new(text);
    assert!(project.load().is_ok());
    let request = Locate { files: Vec::new(), dir: project.dir() };
    let told = load(&request).unwrap_err();
    let lines: Vec<_> = told.iter().filter_map(Fault::line).collect();
    assert_eq!(lines, [2, 5, 6, 7, 8]);
    assert!(told.iter().all(|fault| fault.message().ends_with("is not built in this version yet")));
    let off = Project::new("[project]\nreload = false\n[process.x]\ncommand = 'x'\ntty = false\n");
    assert!(load(&Locate { files: Vec::new(), dir: off.dir() }).is_ok());
}

#[test]
fn the_shortest_file_has_every_default() {
    let project = Project::new("[process]\nweb = 'npm run dev'\n");
    let spec = project.spec();
    let web = &spec.processes["web"];
    let shell = vec!["/bin/sh".to_owned(), "-c".to_owned()];
    let script = "npm run dev".to_owned();
    assert_eq!(web.command, super::super::CommandLine::Shell { shell, script });
    assert_eq!(web.cwd, project.dir());
    assert_eq!(
        (web.restart, web.shutdown_on, web.autostart),
        (Restart::Never, ShutdownOn::Never, true)
    );
    assert_eq!(web.retry, RetryPolicy::default());
    assert_eq!((web.replicas, &web.pool, &web.log, web.timeout), (None, &None, &None, None));
    assert_eq!((web.stop.signal, web.stop.grace), (Signal::TERM, Duration::from_secs(10)));
    assert!(web.stop.strays == StraysPolicy::Kill && web.stop.keep.contains("sccache"));
    assert!(web.env.inherit && web.env.set.is_empty() && !web.env.names_port);
    assert_eq!(web.success_exit_codes.iter().copied().collect::<Vec<_>>(), [0]);
    assert_eq!((spec.project.output.memory, spec.project.output.line), (256 << 20, 64 << 10));
}

#[test]
fn the_environment_is_layered_weakest_first() {
    let project = Project::new(
        "[project]\nenv_file = ['p.env', 'none?']\nenv = { B = 'project', C = 'project' }\n\
         [options.default]\nenv_file = 'd.env'\nenv = { D = 'default' }\n\
         [options.one]\nenv_file = 'o.env'\nenv = { E = 1, F = 0x10, G = 2.50, H = true }\n\
         [process.x]\ncommand = 'x'\noptions = ['one']\nenv_file = 'x.env'\nenv = { Z = 'own' }\n\
         unset_env = ['HOME']\ninherit_env = false\n",
    )
    .with("p.env", "A=p\nB=p\nQ=\"two words\"\n")
    .with("d.env", "C=d\nD=d\nI=d\n")
    .with("o.env", "D=o\nE=o\nI=o\n")
    .with("x.env", "\u{feff}export I=x\n# a comment\nZ=x\n");
    let env = &project.spec().processes["x"].env;
    let pairs: IndexMap<&str, &str> =
        env.set.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let wanted = [
        ("A", "p"),
        ("B", "project"),
        ("C", "d"),
        ("D", "o"),
        ("E", "1"),
        ("F", "16"),
        ("G", "2.50"),
        ("H", "true"),
        ("I", "x"),
        ("Q", "two words"),
        ("Z", "own"),
    ];
    assert_eq!(pairs, IndexMap::from(wanted));
    assert!(!env.inherit);
    assert_eq!(env.unset, ["HOME"]);
}

#[test]
fn only_the_own_layer_names_port() {
    for (text, names) in [
        ("[project]\nenv.PORT = 1\n[process.x]\ncommand = 'x'\nport = 2", false),
        ("[options.default]\nenv.PORT = 1\n[process.x]\ncommand = 'x'\nport = 2", false),
        ("[process.x]\ncommand = 'x'\nport = 2\nenv.PORT = 1", true),
        ("[process.x]\ncommand = 'x'\nport = 2\nenv_file = 'p.env'", true),
    ] {
        let project = Project::new(text).with("p.env", "PORT=1\n");
        assert_eq!(project.spec().processes["x"].env.names_port, names, "{text}");
    }
}

#[test]
fn mistakes_in_an_env_file_have_a_line_of_that_file() {
    let project = Project::new("[process.x]\ncommand = 'x'\nenv_file = '.env'\n")
        .with(".env", "A=1\nB C=2\nD=3\n  B C=2\n");
    let told = project.load().unwrap_err();
    let places: Vec<_> =
        told.iter().map(|f| (f.file().file_name().unwrap().to_owned(), f.line())).collect();
    assert_eq!(places, [(".env".into(), Some(2)), (".env".into(), Some(4))]);
    assert!(!told.render(false).contains("B C"), "{told}");
}

#[test]
fn our_own_variables_are_passed_over_with_a_warning() {
    let loaded = Project::new("[process.x]\ncommand = 'x'\nenv = { PITCREW_RUN = 1, A = 1 }\n")
        .load()
        .unwrap();
    assert_eq!(loaded.spec.processes["x"].env.set.len(), 1);
    assert_eq!(loaded.warnings.len(), 1);
    assert!(
        loaded
            .warnings
            .render_warnings(false)
            .starts_with("warning: `PITCREW_RUN` is set by pitcrew")
    );
}

#[test]
fn option_sets_stand_on_top_of_each_other() {
    let spec = spec(
        "[options.default]\nstop = { signal = 'INT', grace = '1s' }\ntags = ['d']\n\
         [options.base]\ntimeout = '1m'\nidle_timeout = '1m'\n\
         [options.a]\noptions = ['base']\ntimeout = '2m'\nstop.grace = '2s'\nretry = { attempts = 1 }\n\
         [options.b]\ntags = ['b']\nlog.keep = 1\n\
         [process.x]\ncommand = 'x'\noptions = ['a', 'b']\nstop.strays = 'leave'\nlog.file = 'x.log'\n",
    );
    let x = &spec.processes["x"];
    assert_eq!(
        (x.stop.signal, x.stop.grace.as_secs(), x.stop.strays),
        (Signal::INT, 2, StraysPolicy::Leave)
    );
    assert_eq!(
        (x.timeout, x.idle_timeout),
        (Some(Duration::from_secs(120)), Some(Duration::from_secs(60)))
    );
    assert_eq!(x.tags.iter().map(Name::as_str).collect::<Vec<_>>(), ["b"]);
    assert_eq!((x.retry.attempts, x.restart), (Some(1), Restart::OnFailure));
    assert_eq!(x.log.as_ref().map(|log| log.keep), Some(1));
}

#[test]
fn a_job_passes_over_what_it_cannot_take() {
    let spec = spec(
        "[options.default]\nreplicas = 2\nwatch = ['a']\npool = 'q'\ntags = ['t']\n\
         [pool.p]\nconcurrency = 1\njobs = ['one', ['two', 'x'], { name = 'three', command = 'three', cwd = 'web' }, 'four']\n\
         [pool.q]\nconcurrency = 1\n",
    );
    let names: Vec<_> = spec.processes.keys().map(Name::as_str).collect();
    assert_eq!(names, ["p.1", "p.2", "three", "p.4"]);
    assert_eq!(spec.pools["p"].jobs, names.iter().map(|&name| Name::new(name)).collect::<Vec<_>>());
    let three = &spec.processes["three"];
    assert_eq!(
        (three.kind, three.replicas, three.pool.as_ref()),
        (ProcessKind::Job, None, Some(&Name::new("p")))
    );
    assert_eq!(three.tags.len(), 1);
    assert!(three.cwd.ends_with("web"));
}

#[test]
fn restart_follows_from_health_and_retry() {
    use Restart::{Always, Never, OnFailure};
    for (keys, restart) in [
        ("", Never),
        ("health = { tcp = 1 }", OnFailure),
        ("retry = 'default'", OnFailure),
        ("retry = { attempts = 1 }", OnFailure),
        ("options = ['set']", OnFailure),
        ("options = ['set']\nrestart = 'never'", Never),
        ("pool = 'retried'", OnFailure),
        ("pool = 'retried'\nrestart = 'never'", Never),
        ("pool = 'plain'", Never),
        ("restart = 'always'\nretry = 'default'", Always),
    ] {
        let text = format!(
            "[options.set]\nretry = 'default'\n[pool.retried]\nconcurrency = 1\nretry = 'default'\n\
             [pool.plain]\nconcurrency = 1\n[process.x]\ncommand = 'x'\n{keys}\n"
        );
        assert_eq!(spec(&text).processes["x"].restart, restart, "{keys}");
    }
    let told = faults(
        "[options.set]\nrestart = 'never'\n[process.x]\ncommand = 'x'\noptions = ['set']\nretry = 'default'",
    );
    assert_eq!(told.len(), 1, "a policy above a `never` is in vain: {told:?}");
}

#[test]
fn policies_inherit_from_the_default_one() {
    let spec = spec(
        "[retry.default]\nattempts = 2\nbackoff = { initial = '1s', factor = 3 }\n\
         [retry.patient]\nattempts = 'unlimited'\nbackoff = { jitter = 0.5 }\n\
         [pool.p]\nconcurrency = 1\nretry = 'patient'\njobs = ['a', { command = 'b', retry = { attempts = 9 } }]\n\
         [process]\nx = 'x'\n",
    );
    let policy = |name: &str| spec.processes[name].retry.clone();
    let (x, a, b) = (policy("x"), policy("p.1"), policy("p.2"));
    assert_eq!((x.attempts, x.initial.as_secs(), x.factor, x.jitter), (Some(2), 1, 3.0, 0.1));
    assert_eq!((a.attempts, a.initial.as_secs(), a.factor, a.jitter), (None, 1, 3.0, 0.5));
    assert_eq!((b.attempts, b.initial.as_secs(), b.factor, b.jitter), (Some(9), 1, 3.0, 0.1));
}

#[test]
fn dependencies_are_written_in_three_forms() {
    let base = "[process]\na = 'x'\nb = 'x'\n[pool.p]\nconcurrency = 1\njobs = ['j']\n[process.x]\ncommand = 'x'\n";
    for (written, wanted) in [
        (
            "depends_on = ['a', 'p.1']",
            vec![("a", Condition::Ready, false), ("p.1", Condition::Ready, false)],
        ),
        (
            "depends_on = { a = 'started', p = 'succeeded' }",
            vec![("a", Condition::Started, false), ("p", Condition::Succeeded, false)],
        ),
        (
            "depends_on.a = { condition = 'completed', restart = true }",
            vec![("a", Condition::Completed, true)],
        ),
        ("depends_on.a = { restart = true }", vec![("a", Condition::Ready, true)]),
    ] {
        let wanted: IndexMap<Name, Dependency> = wanted
            .into_iter()
            .map(|(name, condition, restart)| (Name::new(name), Dependency { condition, restart }))
            .collect();
        assert_eq!(
            spec(&format!("{base}{written}\n")).processes["x"].depends_on,
            wanted,
            "{written}"
        );
    }
}

#[test]
fn log_files_are_off_until_a_folder_or_a_file_is_named() {
    let log = |project: &str, own: &str| {
        let project =
            Project::new(&format!("[project]\n{project}\n[process.x]\ncommand = 'x'\n{own}\n"));
        let log = project.spec().processes["x"].log.clone()?;
        let file = log.file.strip_prefix(project.dir()).unwrap().to_str().unwrap().to_owned();
        Some((file, log.max_size, log.keep))
    };
    assert_eq!(log("", ""), None);
    assert_eq!(log("log.keep = 1", ""), None);
    assert_eq!(log("log.dir = 'l'", ""), Some(("l/x.log".to_owned(), 10 << 20, 5)));
    assert_eq!(
        log("log = { dir = 'l', keep = 1 }", "log.max_size = '1KiB'"),
        Some(("l/x.log".to_owned(), 1024, 1))
    );
    assert_eq!(log("", "log.file = 'o'"), Some(("o".to_owned(), 10 << 20, 5)));
    assert_eq!(log("log.dir = 'l'", "log = false"), None);
}

#[test]
fn the_log_of_a_replica_has_its_number() {
    let policy = super::super::LogPolicy { file: "/l/worker.log".into(), max_size: 1, keep: 1 };
    assert_eq!(policy.path_for(None), PathBuf::from("/l/worker.log"));
    assert_eq!(policy.path_for(Some(2)), PathBuf::from("/l/worker.2.log"));
}

/// The file of the contract, with every key in use.
#[test]
fn the_full_file_resolves() {
    let text = include_str!("../../../tests/procfile/full.toml");
    let project = Project::new(text).with(".env", "A=1\n");
    let spec = project.spec();
    let names: Vec<_> = spec.processes.keys().map(Name::as_str).collect();
    assert_eq!(names, ["db", "migrate", "api", "build.1", "web-bundle"]);
    let api = &spec.processes["api"];
    assert_eq!((api.retry.attempts, api.retry.max.as_secs()), (None, 1));
    assert_eq!(api.retry.reset_after.as_secs(), 30);
    let log = api.log.as_ref().unwrap();
    assert_eq!(log.file, project.dir().join(".pitcrew/logs/api.log"));
}

#[test]
fn a_long_chain_of_dependencies_does_not_overflow() {
    use std::fmt::Write as _;
    let mut text = String::new();
    for n in 0..8_000 {
        _ = write!(text, "[process.p{n}]\ncommand='x'\ndepends_on=['p{}']\n", (n + 1) % 8_000);
    }
    let told = faults(&text);
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("round in a circle"));
}

/// Checks a text without a file on disk, and that every fault is inside of it.
fn check(text: &str) {
    let source = Source::new("procfile.toml".into(), text.to_owned());
    let mut findings = Findings::default();
    let file = procfile::read(Arc::clone(&source), procfile::keys::LATER, &mut findings.faults);
    let home = Home { file: "/none/procfile.toml".into(), dir: "/none".into(), files: Vec::new() };
    resolve(&home, &[file], &mut findings);
    let faults = Faults::sorted(findings.faults, &[source]);
    let lines: Vec<&str> = text.split('\n').collect();
    for fault in &faults {
        let (line, column) = (fault.line().unwrap(), fault.column().unwrap());
        let characters = lines[line - 1].chars().count();
        assert!((1..=characters + 1).contains(&column), "{line}:{column} in {text:?}");
    }
    let rendered = faults.render(false);
    assert!(!rendered.chars().any(|c| c != '\n' && c.is_control()), "{rendered:?}");
}

#[test]
fn a_file_with_any_byte_broken_is_told_without_a_panic() {
    let text = include_str!("../../../tests/procfile/full.toml");
    let breaks = ["", "\"", "[", "\u{1b}", "=", "\n", "é"];
    // Neighbours break differently, so that one pass is enough.
    for (at, with) in (0..text.len()).zip(breaks.iter().cycle()) {
        if let (Some(before), Some(after)) = (text.get(..at), text.get(at + 1..)) {
            check(&format!("{before}{with}{after}"));
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_told_without_a_panic(text in "\\PC*|(?s).*|[\\[\\]={}\"'a-c.\n0-9, ]*") {
        check(&text);
    }

    #[test]
    fn any_value_of_any_key_is_told_without_a_panic(
        key in prop::sample::select(vec![
            "command", "options", "cwd", "env", "unset_env", "port", "color", "stdin", "tty", "depends_on",
            "ready", "health", "restart", "retry", "timeout", "stop", "success_exit_codes", "watch",
            "replicas", "pool", "tags", "log",
        ]),
        value in "[0-9]{1,25}|-?[0-9]\\.[0-9]e[0-9]{1,4}|'[^'\\n\r\\x00-\\x1f\\x7f]*'|\\[('[a-z]*',? ?){0,3}\\]|\\{ ?[a-z]{1,5} = ('[a-z:/.(]*'|[0-9]+) ?\\}|true|inf",
    ) {
        check(&format!("[process.x]\ncommand = 'x'\n{key} = {value}\n"));
    }
}
