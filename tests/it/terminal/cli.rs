//! `screen`, `keys` and `wait --screen` on real programs, and the example that uses them.

use std::path::Path;

use crate::common::{self, Project, Running, binary};

/// A project with a shell in a terminal.
fn up(more: &str) -> (Project, Running) {
    let project = Project::new(&format!(
        "[process.sh]\ncommand = ['bash', '--norc', '-i']\ntty = true\nenv = {{ PS1 = 'sh> ' }}\n\
         [process.plain]\ncommand = 'exec sleep {}'\n{more}",
        common::long_sleep()
    ));
    let running = project.up(["--keep", "--quiet"]);
    running.wait_err("sh started");
    (project, running)
}

#[track_caller]
fn wait_screen(project: &Project, name: &str, pattern: &str) {
    project.ask(["wait", name, "--screen", pattern, "--timeout", "30s"]).code(0);
}

#[test]
fn a_shell_is_looked_at_and_typed_into() {
    let (project, running) = up("");
    wait_screen(&project, "sh", "^sh>$");
    assert_eq!(project.ask(["screen", "sh"]).code(0).out, "sh>\n");
    project.ask(["keys", "sh", "echo $((6", "*", "7))", "Enter"]).code(0);
    wait_screen(&project, "sh", "^42$");
    project.ask(["send", "sh", "stty size; printf '\\033[31mred\\033[0m\\n'"]).code(0);
    wait_screen(&project, "sh", "^24 80$");
    wait_screen(&project, "sh", "^red$");
    project.ask(["screen", "sh", "--ansi"]).code(0).out("\u{1b}[0;31mred");
    project.ask(["keys", "sh", "--literal", "echo", "Enter"]).code(0);
    wait_screen(&project, "sh", "echo Enter$");
    project.ask(["keys", "sh", "C-u", "-n", "C-u"]).code(0);
    let screen = project.ask(["screen", "sh", "--json"]).code(0).json();
    assert_eq!((&screen["columns"], &screen["rows"]), (&80.into(), &24.into()), "{screen}");
    assert_eq!(screen["running"], true);
    assert!(screen["cursor"]["row"].as_u64().unwrap() > 4, "{screen}");
    project.ask(["keys", "sh", "C-d"]).code(0);
    project.ask(["wait", "sh", "--for", "succeeded", "--timeout", "30s"]).code(0);
    let said = project.ask(["wait", "sh", "--screen", "never"]).code(1);
    let said = said.err("sh has ended without `never`; its last screen (80x24):\n  | sh> echo");
    assert!(said.err.contains("\n  | 42\n"), "{said:?}");
    project.ask(["keys", "sh", "x"]).code(1).err("sh is not running");
    project.down(running);
}

#[test]
fn a_screen_that_does_not_come_is_124_and_the_screen_is_shown() {
    let (project, running) = up("");
    wait_screen(&project, "sh", "^sh>$");
    let said = project.ask(["wait", "sh", "--screen", "never", "--timeout", "50ms"]).code(124);
    said.err("timed out after 50ms; sh does not show `never`; its screen (80x24):\n  | sh>");
    let said = project.ask(["wait", "sh", "--screen", "never", "--timeout", "50ms", "--json"]);
    assert_eq!(said.code(124).json()["matched"], false);
    project.ask(["wait", "sh", "plain", "--screen", "x"]).code(2).err("takes one process");
    project.ask(["wait", "sh", "--screen", "("]).code(2).err("invalid regular expression");
    for args in [&["screen"][..], &["keys"], &["attach"]] {
        let ask = |name: &str| {
            let mut command = project.pitcrew([]);
            command.args(args).arg(name).args((args == ["keys"]).then_some("x"));
            common::ask::run(command)
        };
        // Without a terminal of its own, `attach` fails before.
        if args != ["attach"] {
            ask("plain").code(1).err("plain has no terminal (tty = false)");
            ask("hs").code(2).err("did you mean `sh`?");
        }
    }
    project.ask(["keys", "sh", "C-Entr"]).code(2).err("did you mean `Enter`?");
    project.down(running);
}

#[test]
fn vim_edits_a_file_and_less_scrolls() {
    for program in ["vim", "less"] {
        if !common::is_executable_there(program) {
            println!("left out: there is no {program} here");
            return;
        }
    }
    let more = "[process.vim]\ncommand = ['vim', '-u', 'NONE', '-N', 'notes.txt']\ntty = true\n\
                [process.less]\ncommand = 'seq 500 | less'\ntty = true\n";
    let (project, running) = up(more);
    wait_screen(&project, "vim", "notes.txt");
    project.ask(["keys", "vim", "i", "hello", "Enter", "world", "Escape"]).code(0);
    wait_screen(&project, "vim", "^world$");
    assert_eq!(project.ask(["screen", "vim", "--json"]).json()["full_screen"], true);
    project.ask(["keys", "vim", ":wq", "Enter"]).code(0);
    project.ask(["wait", "vim", "--for", "succeeded", "--timeout", "30s"]).code(0);
    assert_eq!(project.text("notes.txt"), "hello\nworld\n");
    wait_screen(&project, "less", "^23$");
    project.ask(["keys", "less", "G"]).code(0);
    wait_screen(&project, "less", "^500$");
    project.ask(["keys", "less", "PageUp"]).code(0);
    wait_screen(&project, "less", "^460$");
    project.ask(["keys", "less", "q"]).code(0);
    project.ask(["wait", "less", "--for", "succeeded", "--timeout", "30s"]).code(0);
    project.down(running);
}

#[test]
fn the_example_passes() {
    let project = Project::empty();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/terminal");
    for file in std::fs::read_dir(example).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), project.path(file.file_name().to_str().unwrap())).unwrap();
    }
    let mut command = project.command("sh");
    let bin = Path::new(binary()).parent().unwrap().display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    command.arg("test.sh").env("PATH", format!("{bin}:{path}"));
    let said = common::ask::run(command).code(0);
    assert!(said.out.contains("> tea") && said.out.ends_with("the menu works\n"), "{said:?}");
    project.nothing_left_within(common::BOUND);
}
