//! Laravel's fake processes, on the scripted host: results, patterns, sequences, strays.

use std::time::Duration;

use pitcrew::testing::{Answer, Pattern, Script, ScriptedHost, Sequence};
use pitcrew::{Command, Error, ProcessManager, ProcessPool, Signal, StartErrorKind, TimeLimit};

use crate::common::commands::sh;

/// A host, and a manager on it.
pub(crate) fn fake(host: ScriptedHost) -> (ScriptedHost, ProcessManager) {
    let manager = ProcessManager::with_host(host.clone());
    (host, manager)
}

/// The message of the failure of `make` with this script.
async fn complaint(script: Script) -> String {
    let (_host, manager) = fake(ScriptedHost::new().on("make", script.exit(1)));
    let result = manager.run(Command::new("make")).await.unwrap();
    assert!(!result.success());
    result.ensure_success().unwrap_err().to_string()
}

#[tokio::test(start_paused = true)]
async fn laravel_basic_process_fake() {
    let (host, manager) = fake(ScriptedHost::new().on("*", Script::new()));
    for command in [sh("ls -la"), Command::new("ls").arg("-la")] {
        let result = manager.run(command).await.unwrap();
        assert!(result.success() && result.code() == 0);
        // Not a newline, as Laravel's fakes have it.
        assert_eq!((result.stdout(), result.stderr()), (&b""[..], &b""[..]));
    }
    host.assert_ran_times("ls -la", 2);
}

#[tokio::test(start_paused = true)]
async fn laravel_process_fake_with_multi_line_command() {
    const LINES: &str = "cat <<'EOF'\nfirst\nsecond\nEOF\nls -la";
    let (host, manager) = fake(
        ScriptedHost::new()
            .on("cat <<'EOF'*ls -la", Script::new().out("lines"))
            .on("*", Script::new().out("any")),
    );
    assert_eq!(manager.run(sh(LINES)).await.unwrap().stdout(), b"lines\n");
    assert_eq!(manager.run(sh("ls\n-la")).await.unwrap().stdout(), b"any\n");
    host.assert_ran(LINES);
}

#[tokio::test(start_paused = true)]
async fn laravel_process_fake_exit_codes() {
    for code in [0, 1, 2, 127, 255] {
        let (_host, manager) = fake(ScriptedHost::new().on("ls", Script::new().exit(code)));
        // Also for a process that is started and awaited, which Laravel refuses.
        let started = manager.start(Command::new("ls")).await.unwrap();
        for result in [started.wait().await, manager.run(Command::new("ls")).await] {
            let result = result.unwrap();
            assert_eq!((result.code(), result.success()), (code, code == 0));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn laravel_process_fake_with_custom_output() {
    for (script, out) in [
        (Script::new(), ""),
        (Script::new().out("one"), "one\n"),
        (Script::new().out("one").out("two"), "one\ntwo\n"),
        (Script::new().out("one\ntwo"), "one\ntwo\n"),
        (Script::new().out("one").out("").out("two"), "one\n\ntwo\n"),
        (Script::new().out(""), "\n"),
        (Script::new().out_bytes("no newline"), "no newline"),
        (Script::new().out("0"), "0\n"),
    ] {
        let (_host, manager) = fake(ScriptedHost::new().on("ls", script));
        assert_eq!(manager.run(Command::new("ls")).await.unwrap().stdout(), out.as_bytes());
    }
}

#[tokio::test(start_paused = true)]
async fn laravel_process_fake_with_error_output() {
    let script = Script::new().out("fine").err("one").err("two");
    let (_host, manager) = fake(ScriptedHost::new().on("ls", script));
    let result = manager.run(Command::new("ls")).await.unwrap();
    assert_eq!((result.stdout(), result.stderr()), (&b"fine\n"[..], &b"one\ntwo\n"[..]));
    assert!(result.stderr_contains("two") && !result.stdout_contains("two"));
}

#[tokio::test(start_paused = true)]
async fn laravel_customized_fakes_per_command() {
    let (_host, manager) = fake(
        ScriptedHost::new()
            .on("ls *", Script::new().out("ls command"))
            .on("cat *", Script::new().out("cat command"))
            .on("echo *", Answer::by(|call| Script::new().out(call.line())))
            .on(Pattern::argv(["touch", "a b"]), Script::new().exit(3)),
    );
    assert_eq!(manager.run(sh("ls -la")).await.unwrap().stdout(), b"ls command\n");
    assert_eq!(manager.run(sh("cat composer.json")).await.unwrap().stdout(), b"cat command\n");
    // Program and arguments are meant by the same patterns; in Laravel they escape them.
    let echo = manager.run(Command::new("echo").arg("a b")).await.unwrap();
    assert_eq!(echo.stdout(), b"echo 'a b'\n");
    assert_eq!(manager.run(Command::new("touch").arg("a b")).await.unwrap().code(), 3);
}

#[tokio::test(start_paused = true)]
async fn laravel_process_fake_sequences() {
    let both = Sequence::new([Script::new().out("ls 1"), Script::new().err("ls 2").exit(1)]);
    let (_host, manager) = fake(
        ScriptedHost::new()
            .on("ls *", both.then(Script::new().out("ls more")))
            .on("cat *", Sequence::new([Script::new().out("cat 1")]).then_repeat_last()),
    );
    let first = manager.run(sh("ls -la")).await.unwrap();
    let cat = manager.run(sh("cat a")).await.unwrap();
    let second = manager.run(Command::new("ls").arg("-l")).await.unwrap();
    let third = manager.run(sh("ls -la")).await.unwrap();
    assert_eq!((first.stdout(), cat.stdout()), (&b"ls 1\n"[..], &b"cat 1\n"[..]));
    assert_eq!((second.code(), second.stderr()), (1, &b"ls 2\n"[..]));
    assert_eq!(third.stdout(), b"ls more\n");
}

#[tokio::test(start_paused = true)]
async fn laravel_process_fake_sequences_can_return_empty_results_when_sequence_is_empty() {
    let once = Sequence::new([Script::new().out("once")]).then(Script::new());
    let (_host, manager) = fake(ScriptedHost::new().on("ls", once));
    for wanted in [&b"once\n"[..], b"", b""] {
        let result = manager.run(Command::new("ls")).await.unwrap();
        assert_eq!((result.stdout(), result.success()), (wanted, true));
    }
}

#[tokio::test(start_paused = true)]
async fn laravel_process_fake_sequences_can_throw_when_sequence_is_empty() {
    let once = Sequence::new([Script::new().out("once")]).then_fail();
    let (host, manager) = fake(ScriptedHost::new().on("ls", once));
    assert!(manager.run(Command::new("ls")).await.is_ok());
    let error = manager.run(Command::new("ls")).await.unwrap_err().to_string();
    assert!(error.contains("its sequence of 1 script is used up"), "{error}");
    assert_eq!(host.unexpected().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn laravel_process_with_environment_variables_and_sequences() {
    let by = |call: &pitcrew::testing::Call| {
        let text = |name| call.env(name).unwrap_or_default().to_string_lossy().into_owned();
        Script::new().out(text("FOO") + "-" + &text("BAR"))
    };
    let (host, manager) = fake(ScriptedHost::new().on("printenv *", Answer::by(by)));
    for (bar, wanted) in [("1", b"a-1\n"), ("2", b"a-2\n")] {
        let printenv = sh("printenv FOO BAR").env("FOO", "a").env("BAR", bar);
        assert_eq!(manager.run(printenv).await.unwrap().stdout(), wanted);
    }
    host.assert_ran_times("printenv *", 2);
    let has = |value: &'static str| {
        Pattern::when(move |call| call.env("BAR").is_some_and(|bar| bar == value))
    };
    host.assert_ran_times(has("1"), 1);
    host.assert_ran_times(has("2"), 1);
}

#[tokio::test(start_paused = true)]
async fn laravel_stray_processes_can_be_prevented_with_string_command() {
    let (host, manager) = fake(ScriptedHost::new().on("cat *", Script::new()));
    let error = manager.run(sh("touch /stray")).await.unwrap_err();
    let Error::Start { error, .. } = error else { panic!("{error:?}") };
    assert_eq!(error.kind, StartErrorKind::Other);
    assert!(error.message.contains("unexpected command: touch /stray"), "{}", error.message);
    assert_eq!(host.unexpected().len(), 1);
    assert!(!std::path::Path::new("/stray").exists());
}

#[tokio::test(start_paused = true)]
async fn laravel_stray_processes_can_be_prevented_with_array_command() {
    let (host, manager) = fake(ScriptedHost::new());
    let error = manager.run(Command::new("touch").arg("a stray")).await.unwrap_err();
    assert!(error.to_string().contains("unexpected command: touch 'a stray'"), "{error}");
    // Recorded as well, where Laravel forgets it.
    assert_eq!(host.unexpected()[0].call().argv(), ["touch", "a stray"]);
}

#[tokio::test(start_paused = true)]
async fn laravel_stray_processes_are_faked_only_when_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stray");
    let (host, manager) = fake(ScriptedHost::new().allow_unexpected());
    assert!(manager.run(Command::new("touch").arg(&file)).await.unwrap().success());
    assert!(!file.exists(), "nothing real is run");
    host.assert_ran_times(Pattern::program("touch"), 1);
    host.assert_nothing_unexpected();
}

#[tokio::test(start_paused = true)]
async fn laravel_process_fake_throw_shorthand() {
    let missing = Script::refused(StartErrorKind::ProgramNotFound);
    let broken = Script::refused_because(StartErrorKind::Other, "fake exception message");
    let (_host, manager) = fake(ScriptedHost::new().on("ls", broken).on("nmp", missing));
    for outcome in [
        manager.run(Command::new("ls")).await,
        manager.start(Command::new("ls")).await.map(|_| unreachable!("it was started")),
    ] {
        assert!(outcome.unwrap_err().to_string().contains("fake exception message"));
    }
    let error = manager.run(Command::new("nmp")).await.unwrap_err();
    assert!(matches!(error, Error::Start { ref error, .. }
        if error.kind == StartErrorKind::ProgramNotFound));
}

#[tokio::test(start_paused = true)]
async fn laravel_fake_processes_can_throw() {
    assert_eq!(complaint(Script::new()).await, "the command `make` failed: exit 1");
    assert_eq!(
        complaint(Script::new().err("Hello World")).await,
        "the command `make` failed: exit 1\nstderr:\n    Hello World"
    );
    assert_eq!(
        complaint(Script::new().out("Hello").out("0").err("World")).await,
        "the command `make` failed: exit 1\nstdout:\n    Hello\n    0\nstderr:\n    World"
    );
}

#[tokio::test(start_paused = true)]
async fn laravel_fake_processes_that_succeed_do_not_throw() {
    let (_host, manager) = fake(ScriptedHost::new().on("make", Script::new().err("a warning")));
    let result = manager.run(Command::new("make")).await.unwrap();
    let result = result.ensure_success().unwrap();
    assert_eq!(result.stderr(), b"a warning\n");
}

#[tokio::test(start_paused = true)]
async fn laravel_fake_invoked_process_can_be_stopped() {
    let (host, manager) = fake(ScriptedHost::new().on("serve", Script::forever().out("up")));
    let server = manager.start(Command::new("serve")).await.unwrap();
    server.wait_for_line(|line| line.text() == "up").await.unwrap();
    assert!(host.assert_ran("serve").is_running() && server.pid().is_some());
    let result = server.stop().await.unwrap();
    assert_eq!((result.code(), result.success()), (143, false));
    let run = host.assert_ran("serve");
    assert!(!run.is_running() && run.got(Signal::TERM) && server.pid().is_none());
}

#[tokio::test(start_paused = true)]
async fn laravel_fake_invoked_process_does_time_out() {
    // Laravel's fakes never do; here the start does not wait for it, so a test can hold it.
    let (host, manager) = fake(ScriptedHost::new().on("backup", Script::forever()));
    let limit = Duration::from_hours(1);
    let error = manager.run(Command::new("backup").timeout(limit)).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { limit: TimeLimit::Total(known), .. }
        if known == limit));
    assert_eq!(host.assert_ran("backup").signals()[0].after, limit);
}

#[tokio::test(start_paused = true)]
async fn laravel_fake_process_pool() {
    let (host, manager) = fake(
        ScriptedHost::new()
            .on("good *", Answer::by(|call| Script::new().out(call.line())))
            .on("bad", Script::new().err("no").exit(1)),
    );
    let pool = ProcessPool::new(&manager, 2);
    let good = [("first", sh("good 1")), ("second", sh("good 2"))];
    let results = pool.run_all(good).await;
    assert!(results.success());
    assert_eq!(results.get(&"second").unwrap().as_ref().unwrap().stdout(), b"good 2\n");
    let mixed = pool.run_all([("first", sh("good 3")), ("second", Command::new("bad"))]).await;
    assert!(!mixed.success());
    assert_eq!(mixed.get(&"second").unwrap().as_ref().unwrap().code(), 1);
    host.assert_ran_times("good *", 3);
}

#[tokio::test(start_paused = true)]
async fn laravel_fake_process_pipe() {
    let (host, manager) = fake(
        ScriptedHost::new()
            .on("cat *", Script::new().out("Hello, world").out("foo").out("bar"))
            .on("cut", Script::new().out("so much").err("cannot read").exit(1))
            .on("grep *", Script::new().read_all().out("foo")),
    );
    let grep = || Command::new("grep").args(["-i", "foo"]);
    let found = manager.pipeline([sh("cat test"), grep()]).run().await.unwrap();
    assert_eq!((found.success(), found.stdout()), (true, &b"foo\n"[..]));
    assert_eq!(host.assert_ran("grep *").input(), b"Hello, world\nfoo\nbar\n");
    let failed = manager.pipeline([Command::new("cut"), grep()]).run().await.unwrap();
    assert!(!failed.success());
    let error = failed.ensure_success().unwrap_err().to_string();
    assert!(error.contains("`cut` failed: exit 1") && error.contains("cannot read"), "{error}");
}
