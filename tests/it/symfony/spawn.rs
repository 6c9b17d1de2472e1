//! Results, arguments, working folder, environment and `PATH`.

use std::os::unix::fs::symlink;

use pitcrew::{Command, Error, ProcessManager, StartErrorKind};

use crate::common::commands::{run, sh};
use crate::common::own_process::test;

#[test]
fn symfony_get_output_and_get_error_output() {
    test(async {
        let line = "n=0; while [ $n -lt 3 ]; do echo foo; echo ERROR >&2; n=$((n+1)); done";
        let result = run(sh(line)).await;
        assert_eq!(result.stdout(), b"foo\nfoo\nfoo\n");
        assert_eq!(result.stderr(), b"ERROR\nERROR\nERROR\n");
    });
}

#[test]
fn symfony_zero_as_output() {
    test(async {
        assert_eq!(run(Command::new("printf").arg("0")).await.stdout(), b"0");
    });
}

#[test]
fn symfony_chained_commands_output() {
    test(async {
        assert_eq!(run(sh("echo 1 ; echo 1")).await.stdout(), b"1\n1\n");
        assert_eq!(run(sh("echo 2 && echo 2")).await.stdout(), b"2\n2\n");
    });
}

#[test]
fn symfony_exit_code_text() {
    test(async {
        let message =
            async |line: &str| run(sh(line)).await.ensure_success().unwrap_err().to_string();
        assert!(message("exit 127").await.ends_with("exit 127 (no such program)"));
        assert!(message("exit 126").await.ends_with("exit 126 (not executable)"));
        assert!(message("kill -TERM $$").await.ends_with("signal TERM"));
    });
}

#[test]
fn symfony_must_run() {
    test(async {
        let result = run(sh("echo fine")).await.ensure_success().unwrap();
        assert_eq!((result.code(), result.stdout()), (0, &b"fine\n"[..]));
        assert!(matches!(run(sh("exit 1")).await.ensure_success(), Err(Error::Failed(_))));
    });
}

#[test]
fn symfony_invalid_cwd() {
    test(async {
        let folder = tempfile::tempdir().unwrap();
        assert!(run(Command::new("true").cwd(folder.path())).await.success());
        let missing = folder.path().join("notfound");
        let error = ProcessManager::new().run(Command::new("true").cwd(&missing)).await;
        let error = error.unwrap_err();
        assert!(error.to_string().contains(missing.to_str().unwrap()), "{error}");
        let Error::Start { error, .. } = error else { panic!("{error:?}") };
        assert_eq!(error.kind, StartErrorKind::CwdNotFound);
        // A file is none either.
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(ProcessManager::new().run(Command::new("true").cwd(&file)).await.is_err());
    });
}

#[test]
fn symfony_escape_argument() {
    test(async {
        let odd = [
            "a\"b%c%",
            "a\"b^c^",
            "a\nb'c",
            "a^b c!",
            "a!b\tc",
            "a\\\\\"\\\"",
            "éÉèÈàÀöä",
            "",
            "1",
            "1.1",
            "$HOME",
            "*",
            "-n",
            "--",
            "`true`",
            "a;b",
            "~",
            "a\r\nb",
            "\u{1b}[31m",
        ];
        for argument in odd {
            let result = run(Command::new("printf").args(["%s", argument])).await;
            assert_eq!(result.stdout_lossy(), argument, "{argument:?}");
            let result = run(sh("printf %s \"$1\"").arg(argument)).await;
            assert_eq!(result.stdout_lossy(), argument, "{argument:?} in a shell");
        }
    });
}

#[test]
fn symfony_raw_command_line() {
    test(async {
        let line = "for a in \"a\" \"\" \"b\"; do printf '<%s>' \"$a\"; done";
        assert_eq!(run(sh(line)).await.stdout(), b"<a><><b>");
    });
}

#[test]
fn symfony_prepared_command() {
    test(async {
        let line = "printf '<%s>' \"$1\" \"$2\"";
        let bad = "\"; echo injected; \"";
        let cases = [
            (vec!["abc", "DEF"], "<abc><DEF>".to_owned()),
            (vec![bad, "it's"], format!("<{bad}><it's>")),
            (vec!["only one"], "<only one><>".to_owned()),
            (vec![], "<><>".to_owned()),
        ];
        for (values, expected) in cases {
            assert_eq!(run(sh(line).args(values)).await.stdout_lossy(), expected);
        }
    });
}

#[test]
fn symfony_env_is_inherited() {
    test(async {
        let name = "PITCREW_TEST_INNER";
        let inherited = std::env::var(name).unwrap();
        let line = format!("echo \"${name}|$FOO|${{EMPTY-unset}}|${{NEVER-unset}}\"");
        let result = run(sh(&line).env("FOO", "BAR").env("EMPTY", "")).await;
        assert_eq!(result.stdout_lossy(), format!("{inherited}|BAR||unset\n"));
    });
}

#[test]
fn symfony_env_backup_does_not_delete_existing_vars() {
    test(async {
        let before = std::env::var_os("PATH").unwrap();
        let mut path = before.clone();
        path.push(":/nowhere/else");
        let result = run(sh("echo \"$PATH\"").env("PATH", &path)).await;
        assert_eq!(result.stdout_lossy().trim_end(), path.to_str().unwrap());
        assert_eq!(std::env::var_os("PATH").unwrap(), before);
        let result = run(sh("echo \"${PATH-none}\"").env_remove("PATH").env("A", "1")).await;
        assert!(result.success());
        assert_eq!(std::env::var_os("PATH").unwrap(), before);
    });
}

#[test]
fn symfony_set_bad_env() {
    test(async {
        let result = run(sh("echo fine").env("bad%%", "123").env("also bad", "")).await;
        assert_eq!((result.success(), result.stdout()), (true, &b"fine\n"[..]));
    });
}

#[test]
fn symfony_env_argument() {
    test(async {
        let spec = sh("echo \"$Foo $Baz\"").env("Foo", "Foo").env("Baz", "baz");
        let result = run(spec.clone().env("Foo", "foo").env("Baz", "baZ")).await;
        assert_eq!(result.stdout(), b"foo baZ\n");
        assert_eq!(run(spec).await.stdout(), b"Foo baz\n");
    });
}

#[test]
fn symfony_env_names_differ_by_case() {
    test(async {
        let result = run(sh("echo $Name $NAME").env("Name", "1").env("NAME", "2")).await;
        assert_eq!(result.stdout(), b"1 2\n");
    });
}

#[test]
fn symfony_executable_finder_find() {
    test(async {
        // It is searched where the child would search, and not where we would.
        let folder = tempfile::tempdir().unwrap();
        symlink("/bin/sh", folder.path().join("a-shell-of-ours")).unwrap();
        let command = Command::new("a-shell-of-ours").args(["-c", "echo found"]);
        let there = format!("/nowhere:{}", folder.path().display());
        let result = run(command.clone().env("PATH", there)).await;
        assert_eq!(result.stdout(), b"found\n");
        let error = ProcessManager::new().run(command).await.unwrap_err();
        let Error::Start { error, .. } = error else { panic!("{error:?}") };
        assert_eq!(error.kind, StartErrorKind::ProgramNotFound);
    });
}

#[test]
fn symfony_executable_finder_takes_a_path_as_it_is() {
    test(async {
        let folder = tempfile::tempdir().unwrap();
        symlink("/bin/sh", folder.path().join("ours")).unwrap();
        let command = Command::new("./ours").args(["-c", "echo found"]);
        // A path is looked up from the folder of the child.
        let result = run(command.cwd(folder.path()).env("PATH", "/nowhere")).await;
        assert_eq!(result.stdout(), b"found\n");
    });
}
