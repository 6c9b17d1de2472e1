//! Mistakes on the command line, global options, help and version.

use crate::common::Project;

#[test]
fn an_unknown_name_is_code_2_with_the_nearest_one() {
    let project = Project::new("[process]\nbackend = 'true'\n");
    let done = project.up_done(["backnd"]);
    done.assert_code(2);
    done.assert_err("backnd");
    done.assert_err("`backend`");
}

#[test]
fn an_unknown_command_or_flag_is_code_2() {
    let project = Project::new("[process]\na = 'true'\n");
    let done = project.run(["upp"]);
    done.assert_code(2);
    done.assert_err("did you mean `up`?");
    for (word, near) in [("wyh", "why"), ("strat", "start"), ("ecec", "exec"), ("inti", "init")] {
        let done = project.run([word]);
        done.assert_code(2);
        done.assert_err(&format!("unknown command `{word}`; did you mean `{near}`?"));
    }
    project.run(["man", "wyh"]).assert_err("did you mean `why`?");
    let done = project.run(["signal", "HPU", "a"]);
    done.assert_code(2);
    done.assert_err("did you mean `HUP`?");
    project.run(["up", "--no-such-flag"]).assert_code(2);
    project.run(["exec"]).assert_code(2);
    project.run(["init"]).assert_code(2);
}

#[test]
fn a_dash_is_no_file_to_write() {
    let project = Project::new("[process]\na = 'echo a'\n");
    for flag in ["--events", "--log-file"] {
        let done = project.up_done([flag, "-"]);
        done.assert_code(2);
        done.assert_err("use /dev/stdout");
    }
    assert!(!project.path("-").exists());
    let printed = project.up_done(["--quiet", "--events", "/dev/stdout"]).out;
    assert!(printed.lines().all(|line| line.starts_with("{\"seq\":")), "{printed}");
    assert!(printed.contains("\"process_completed\""), "{printed}");
}

#[test]
fn global_options_stand_before_or_after_the_command() {
    let project = Project::empty();
    project.write("other.toml", "[process]\na = 'echo other'\n");
    std::fs::create_dir(project.path("sub")).unwrap();
    project.write("sub/procfile.toml", "[process]\na = 'echo sub'\n");
    for (args, wanted) in [
        (&["-f", "other.toml", "up", "--no-tui"][..], "a | other\n"),
        (&["up", "-f", "other.toml", "--no-tui"], "a | other\n"),
        (&["up", "--no-tui", "--file=other.toml"], "a | other\n"),
        (&["up", "--no-tui", "-C", "sub"], "a | sub\n"),
        (&["-C", "sub", "up", "--no-tui", "-f", "../other.toml", "-v"], "a | other\n"),
        (&["up", "--no-tui", "-C", "sub", "--color", "always"], "\x1b[36ma |\x1b[0m sub\n"),
    ] {
        let mut command = project.pitcrew([]);
        command.args(args);
        let done = project.finished(command);
        done.assert_code(0);
        assert_eq!(done.out, wanted, "{args:?}");
    }
    let twice = project.run(["-C", "sub", "check", "-C", "sub"]);
    twice.assert_code(2);
    twice.assert_err("cannot be used multiple times");
}

#[test]
fn help_and_version_are_code_0_on_stdout() {
    let project = Project::empty();
    let help = project.run(["--help"]);
    help.assert_code(0);
    help.assert_out("exec");
    for args in [&["--version"][..], &["-V"], &["up", "--version"], &["logs", "-V"]] {
        let mut command = project.pitcrew([]);
        command.args(args);
        let version = project.finished(command);
        version.assert_code(0);
        assert_eq!(version.out, concat!("pitcrew ", env!("CARGO_PKG_VERSION"), "\n"), "{args:?}");
    }
    project.run(["up", "--help"]).assert_out("--no-watch");
}

#[test]
fn a_file_that_is_missing_is_code_2() {
    Project::empty().up_done([]).assert_code(2);
}

#[test]
fn a_file_named_with_f_is_relative_to_c() {
    let project = Project::new("[process]\na = 'true'\n");
    std::fs::create_dir(project.path("sub")).unwrap();
    project.write("sub/other.toml", "[process]\nb = 'pwd'\n");
    let done = project.run(["-C", "sub", "-f", "other.toml", "up", "--no-tui"]);
    done.assert_code(0);
    assert_eq!(done.out, format!("b | {}\n", project.path("sub").display()));
}
