//! Rules of the scripted host: which one matches, and its response.

use pitcrew::testing::{Answer, Pattern, Script, ScriptedHost, Sequence};
use pitcrew::{Command, Error, StartErrorKind};

use super::{on, stdout};

fn says(text: &str) -> Script {
    Script::new().out(text)
}

#[tokio::test(start_paused = true)]
async fn the_first_rule_that_matches_answers() {
    let (host, manager) =
        on(ScriptedHost::new().on("git fetch*", says("fetch")).on("git *", says("git")));
    host.add("*", says("any"));
    for (command, wanted) in [
        (Command::new("git").arg("fetch"), "fetch\n"),
        (Command::new("git").args(["fetch", "--all"]), "fetch\n"),
        (Command::new("git").arg("push"), "git\n"),
        (Command::new("ls"), "any\n"),
    ] {
        assert_eq!(stdout(&manager, command).await, wanted);
    }
    host.add_first("git push", says("push"));
    assert_eq!(stdout(&manager, Command::new("git").arg("push")).await, "push\n");
}

#[tokio::test(start_paused = true)]
async fn a_text_pattern_means_programs_and_shell_lines_alike() {
    let (_host, manager) = on(ScriptedHost::new()
        .on("echo *", says("echo"))
        .on("for x*\n*done", says("loop"))
        .on("sh -c 'exit 3'", says("words"))
        .on("exit *", says("line")));
    for (command, wanted) in [
        (Command::new("echo").arg("real"), "echo\n"),
        (Command::new("echo").arg("two words"), "echo\n"),
        (Command::shell("echo real | wc -l"), "echo\n"),
        (Command::shell("for x in 1 2; do\n  f $x\ndone"), "loop\n"),
        (Command::new("sh").args(["-c", "exit 3"]), "words\n"),
        (Command::shell("exit 4"), "line\n"),
    ] {
        assert_eq!(stdout(&manager, command).await, wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn patterns_mean_what_they_say() {
    let (_host, manager) = on(ScriptedHost::new()
        .on(Pattern::argv(["ls", "-la"]), says("argv"))
        .on(Pattern::program("/usr/bin/ls"), says("path"))
        .on(Pattern::program("ls"), says("program"))
        .on(Pattern::process("build"), says("name"))
        .on(Pattern::when(|call| call.cwd().ends_with("web")), says("folder"))
        .on(Pattern::when(|call| call.env("MODE").is_some_and(|mode| mode == "x")), says("env"))
        .on(Pattern::any(), says("any")));
    for (command, wanted) in [
        (Command::new("ls").arg("-la"), "argv\n"),
        (Command::new("ls").arg("-l"), "program\n"),
        (Command::new("/usr/bin/ls"), "path\n"),
        (Command::new("/opt/ls"), "program\n"),
        (Command::new("make").name("build"), "name\n"),
        (Command::new("make").cwd("/src/web"), "folder\n"),
        (Command::new("make").env("MODE", "x"), "env\n"),
        (Command::new("make").env("MODE", "y"), "any\n"),
    ] {
        assert_eq!(stdout(&manager, command).await, wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn outputs_are_exactly_what_was_said() {
    let (_host, manager) = on(ScriptedHost::new()
        .on("nothing", Script::new())
        .on("lines", Script::new().out("a").out("").out("b"))
        .on("bytes", Script::new().out_bytes([0, 255]).err_bytes("e"))
        .on("code", Script::new().err("no").exit(42)));
    assert_eq!(stdout(&manager, Command::new("nothing")).await, "");
    assert_eq!(stdout(&manager, Command::new("lines")).await, "a\n\nb\n");
    let bytes = manager.run(Command::new("bytes")).await.unwrap();
    assert_eq!((bytes.stdout(), bytes.stderr()), ([0, 255].as_slice(), b"e".as_slice()));
    let code = manager.run(Command::new("code")).await.unwrap();
    assert_eq!((code.code(), code.stderr_lossy().as_ref()), (42, "no\n"));
}

#[tokio::test(start_paused = true)]
async fn a_function_can_answer() {
    let host = ScriptedHost::new();
    let asked = host.clone();
    host.add(
        "nth",
        // It may ask the host itself.
        Answer::by(move |call| says(&format!("{} {}", call.line(), asked.ran_like("nth").len()))),
    );
    let (_host, manager) = on(host);
    assert_eq!(stdout(&manager, Command::new("nth")).await, "nth 0\n");
    assert_eq!(stdout(&manager, Command::new("nth")).await, "nth 1\n");
}

#[tokio::test(start_paused = true)]
async fn a_sequence_goes_on_as_it_was_said() {
    let two = || Sequence::new([says("1"), says("2")]);
    let (host, manager) = on(ScriptedHost::new()
        .on("then", two().then(says("more")))
        .on("last", two().then_repeat_last())
        .on("fail", two().then_fail())
        .on("none", Sequence::new([]).then_repeat_last())
        .on("*", says("not this one")));
    for (command, third) in [("then", "more\n"), ("last", "2\n")] {
        for wanted in ["1\n", "2\n", third, third] {
            assert_eq!(stdout(&manager, Command::new(command)).await, wanted);
        }
    }
    stdout(&manager, Command::new("fail")).await;
    stdout(&manager, Command::new("fail")).await;
    let error = manager.run(Command::new("fail")).await.unwrap_err().to_string();
    assert!(
        error.ends_with("unexpected command: fail; its sequence of 2 scripts is used up"),
        "{error}"
    );
    assert!(manager.run(Command::new("none")).await.is_err());
    assert_eq!(host.unexpected().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn every_reason_not_to_start_can_be_had() {
    for kind in [
        StartErrorKind::ProgramNotFound,
        StartErrorKind::CwdNotFound,
        StartErrorKind::NotExecutable,
        StartErrorKind::ArgumentsTooLong,
        StartErrorKind::ResourceLimit,
        StartErrorKind::Other,
    ] {
        let (host, manager) = on(ScriptedHost::new()
            .on("x", Script::refused(kind))
            .on("y", Script::refused_because(kind, "of the weather")));
        let Err(Error::Start { error, .. }) = manager.run(Command::new("x")).await else {
            panic!("it was started")
        };
        assert_eq!(error.kind, kind);
        assert!(!error.message.is_empty());
        let Err(Error::Start { error, .. }) = manager.run(Command::new("y")).await else {
            panic!("it was started")
        };
        assert_eq!((error.kind, error.message.as_str()), (kind, "of the weather"));
        assert_eq!(host.assert_ran("y").refused(), Some(&error));
        host.assert_nothing_unexpected();
    }
}

#[tokio::test(start_paused = true)]
async fn an_unexpected_command_is_an_error_that_names_it() {
    let (host, manager) = on(ScriptedHost::new());
    let shell = manager.run(Command::shell("rm -rf /")).await.unwrap_err().to_string();
    assert!(shell.ends_with("unexpected command: rm -rf /; there is no rule at all"), "{shell}");
    host.add("git *", Script::new());
    host.add(Pattern::program("npm"), Script::new());
    let argv = manager.run(Command::new("rm").args(["-rf", "a b"])).await.unwrap_err().to_string();
    let wanted = "unexpected command: rm -rf 'a b'; no rule matches; there are \"git *\", the \
                  program \"npm\"";
    assert!(argv.ends_with(wanted), "{argv}");
    assert_eq!(host.unexpected().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn unexpected_commands_can_be_allowed() {
    let (host, manager) = on(ScriptedHost::new().on("a", Script::new().exit(1)).allow_unexpected());
    assert!(!manager.run(Command::new("a")).await.unwrap().success());
    let other = manager.run(Command::new("b")).await.unwrap();
    assert!(other.success() && other.stdout().is_empty());
    host.assert_ran_in_order(["a", "b"]);
    host.assert_nothing_unexpected();
}
