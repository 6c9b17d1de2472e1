//! What a file without a mistake comes to.

use super::*;
use crate::spec::StdinKind;

#[test]
fn the_shortest_file_has_every_default() {
    let project = Project::new("[process]\nweb = 'npm run dev'\n");
    let spec = project.spec();
    let web = &spec.processes["web"];
    let shell = vec!["/bin/sh".to_owned(), "-c".to_owned()];
    let script = "npm run dev".to_owned();
    assert_eq!(web.command, crate::spec::CommandLine::Shell { shell, script });
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
    .with("x.env", "\u{feff}export I=x\n# a comment\nZ=x ");
    let env = &project.spec().processes["x"].env;
    let pairs: IndexMap<&str, String> =
        env.set.iter().map(|(k, v)| (k.as_str(), v.text())).collect();
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
    assert_eq!(pairs, wanted.map(|(name, value)| (name, value.to_owned())).into());
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
    let reported = project.load().unwrap_err();
    let places: Vec<_> =
        reported.iter().map(|f| (f.file().file_name().unwrap().to_owned(), f.line())).collect();
    assert_eq!(places, [(".env".into(), Some(2)), (".env".into(), Some(4))]);
    assert!(!reported.render(false).contains("C=2"), "{reported}");
}

#[test]
fn an_unclosed_quote_in_an_env_file_is_reported_where_it_is_opened() {
    for (text, line) in [("A=1\nB=\"x\nC=2\n", 2), ("A=1\n\nB='x\nC=2", 3), ("A=1\nB=2\0", 2)] {
        let project =
            Project::new("[process.x]\ncommand = 'x'\nenv_file = '.env'\n").with(".env", text);
        let reported = project.load().unwrap_err();
        let lines: Vec<_> = reported.iter().map(Fault::line).collect();
        assert_eq!(lines, [Some(line)], "{text:?}: {reported}");
        assert_eq!(
            reported.to_string().contains("never closed"),
            !text.contains('\0'),
            "{reported}"
        );
    }
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
        (Some(Duration::from_mins(2)), Some(Duration::from_mins(1)))
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
    let reported = faults(
        "[options.set]\nrestart = 'never'\n[process.x]\ncommand = 'x'\noptions = ['set']\nretry = 'default'",
    );
    assert_eq!(reported.len(), 1, "a policy above a `never` is in vain: {reported:?}");
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
    let policy = crate::spec::LogPolicy { file: "/l/worker.log".into(), max_size: 1, keep: 1 };
    assert_eq!(policy.path_for(None), PathBuf::from("/l/worker.log"));
    assert_eq!(policy.path_for(Some(2)), PathBuf::from("/l/worker.2.log"));
}

/// The file of the contract, with every key in use.
#[test]
fn the_full_file_resolves() {
    let text = include_str!("../../../../tests/it/procfile/full.toml");
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
fn what_is_watched_is_a_list_or_a_table() {
    let spec = spec(
        "[process]\nx = 'x'\n[process.short]\ncommand = 'x'\nwatch = ['src/**', '../lib']\n\
         [process.long]\ncommand = 'x'\nwatch = { paths = ['a'], ignore = ['b'], debounce = '1s', \
         gitignore = false, suspend_after = 0, action = 'signal:sighup' }\n\
         [process.build]\ncommand = 'x'\nwatch = { paths = ['a'], action = 'run:x' }\n",
    );
    let of = |name: &str| spec.processes[name].watch.as_deref().cloned();
    assert_eq!(of("x"), None);
    let usual = WatchSpec::default();
    let paths = vec!["src/**".to_owned(), "../lib".to_owned()];
    assert_eq!(of("short"), Some(WatchSpec { paths, ..usual.clone() }));
    let a = vec!["a".to_owned()];
    let long = WatchSpec {
        paths: a.clone(),
        ignore: vec!["b".to_owned()],
        gitignore: false,
        debounce: Duration::from_secs(1),
        action: WatchAction::Signal(Signal::HUP),
        suspend_after: 0,
    };
    assert_eq!(of("long"), Some(long));
    let action = WatchAction::Run("x".into());
    assert_eq!(of("build"), Some(WatchSpec { paths: a, action, ..usual }));
}

#[test]
fn what_lasts_reads_an_input_that_stays_open() {
    let project = Project::new(
        "[options.default]\ncwd = '.'\n[options.quiet]\nstdin = 'null'\n\
         [process]\nweb = 'x'\nbuild = 'x'\ncss = { command = 'x', stdin = 'open' }\n\
         cat = { command = 'x', stdin = 'pipe' }\nset = { command = 'x', options = ['quiet'] }\n\
         api = { command = 'x', watch = { paths = ['a'], action = 'run:build' } }\n\
         app = { command = 'x', watch = { paths = ['a'], action = 'run:css' } }\n\
         [pool.p]\nconcurrency = 1\n\
         jobs = [{ name = 'one', command = 'x' }, { name = 'two', command = 'x', stdin = 'open' }]\n",
    );
    let spec = project.spec();
    let wanted = [
        ("web", StdinKind::Open),
        ("build", StdinKind::Null),
        ("css", StdinKind::Open),
        ("cat", StdinKind::Pipe),
        ("set", StdinKind::Null),
        ("api", StdinKind::Open),
        ("one", StdinKind::Null),
        ("two", StdinKind::Open),
    ];
    for (name, stdin) in wanted {
        assert_eq!(spec.processes[name].stdin, stdin, "{name}");
    }
    assert_eq!(spec.pools["p"].template.as_ref().unwrap().stdin, StdinKind::Null);
}

#[test]
fn a_terminal_overrides_the_input_of_a_set_and_hup_follows_term_unless_a_signal_is_named() {
    let file = "[options.default]\nstdin = 'null'\ncolor = 'never'\n[options.term]\ntty = true\n\
                [process]\nplain = 'x'\nown = { command = 'x', tty = true }\n\
                set = { command = 'x', options = ['term'] }\n\
                off = { command = 'x', options = ['term'], tty = false }\n\
                grace = { command = 'x', tty = true, stop = { grace = '1s' } }\n\
                signal = { command = 'x', tty = true, stop = { signal = 'TERM' } }\n\
                command = { command = 'x', tty = true, stop = { command = 'y' } }\n\
                [pool.p]\nconcurrency = 1\njobs = [{ name = 'job', command = 'x', tty = true }]\n";
    let spec = Project::new(file).spec();
    let of = |name: &str| (spec.processes[name].tty, spec.processes[name].hangs_up);
    let (both, tty, none) = ((true, true), (true, false), (false, false));
    let wanted = [
        ("plain", none),
        ("own", both),
        ("set", both),
        ("off", none),
        ("grace", both),
        ("signal", tty),
        ("command", tty),
        ("job", both),
    ];
    for (name, wanted) in wanted {
        assert_eq!(of(name), wanted, "{name}");
    }
}
