//! Tests of warnings: valid files that probably do not do what is intended.

use super::*;

/// Each warning as `line:column message`.
fn warnings(text: &str) -> Vec<String> {
    let project = Project::new(text).with("a-file", "");
    let loaded = project.load().unwrap_or_else(|faults| panic!("{faults}"));
    let reported = |fault: &Fault| {
        let (line, column) = (fault.line().unwrap(), fault.column().unwrap());
        assert!(fault.hint().is_some(), "there is a way out");
        format!("{line}:{column} {}", fault.message())
    };
    loaded.warnings.iter().map(reported).collect()
}

/// Keys of a process, and the one warning about them; empty for none.
const IN_A_PROCESS: &[(&str, &str)] = &[
    ("cwd = 'no/such'", "3:7 the folder no/such does not exist"),
    ("cwd = 'a-file'", "3:7 the folder a-file is not a folder"),
    ("cwd = '.'", ""),
    // Another one may make it.
    ("cwd = 'no/such'\ndepends_on = { once = 'succeeded' }", ""),
    ("cwd = '~/app'", "3:7 `~` is not expanded in a path"),
    ("cwd = '$HOME/app'", "3:7 `$HOME` is not expanded in a path"),
    ("cwd = '${ROOT}/app'", "3:7 `${ROOT}` is not expanded in a path"),
    ("log = { file = '~/x.log' }", "3:16 `~` is not expanded in a path"),
    (
        "ready = { unix = '$XDG_RUNTIME_DIR/x.sock' }",
        "3:18 `$XDG_RUNTIME_DIR` is not expanded in a path",
    ),
    ("health = { file = '~/x' }", "3:19 `~` is not expanded in a path"),
    ("watch = ['$SRC/**']", "3:10 `$SRC` is not expanded in a path"),
    ("watch = { paths = ['src', '~/x'] }", "3:27 `~` is not expanded in a path"),
    ("watch = ['a$', 'b~', 'c$1']", ""),
    ("env_file = ['$HOME/.env?']", "3:13 `$HOME` is not expanded in a path"),
    ("env = { PATH = '$HOME/bin:/bin' }", "3:16 `$HOME` is not expanded in `env`"),
    ("env = { PATH = '/bin:~/bin' }", "3:16 `~` is not expanded in `env`"),
    ("env = { PASSWORD = 'a$b', PATH = '/bin' }", ""),
    (
        "depends_on = { again = 'succeeded' }",
        "3:16 `x` waits for `again` to succeed, but `again` restarts after each success",
    ),
    (
        "depends_on = { again = { condition = 'completed' } }",
        "3:16 `x` waits for `again` to end permanently, but `again` restarts after each success",
    ),
    ("depends_on = ['again']", ""),
    ("depends_on = { once = 'succeeded' }", ""),
    (
        "watch = { paths = ['src'], action = 'run:again' }",
        "3:37 `x` runs `again` first when its files change, but `again` restarts after each success",
    ),
    ("watch = { paths = ['src'], action = 'run:once' }", ""),
];

/// Commands, and the one warning about them.
const COMMANDS: &[(&str, &str)] = &[
    (
        "['server', '--port', '$PORT']",
        "2:32 `$PORT` is not expanded: an array runs without a shell",
    ),
    ("['$HOME/bin/x']", "2:12 `$HOME` is not expanded: an array runs without a shell"),
    ("['npm run dev']", "2:12 the whole text `npm run dev` is the name of the program"),
    ("['awk', '$1 > 2 { print $NF }']", ""),
    ("['~/bin/server']", "2:12 `~` is not expanded: an array runs without a shell"),
    ("['sh', '-c', '$PORT']", ""),
    ("['awk', '{ print $NF }', '$1']", ""),
    ("'server --port $PORT'", ""),
];

#[test]
fn what_can_only_fail_is_warned_about_once_with_its_place() {
    let others = "[process]\nonce = 'x'\nagain = { command = 'x', restart = 'always' }\n";
    let in_a_process = IN_A_PROCESS
        .iter()
        .map(|(keys, wanted)| (format!("[process.x]\ncommand = 'x'\n{keys}\n{others}"), *wanted));
    let commands = COMMANDS
        .iter()
        .map(|(command, wanted)| (format!("[process.x]\ncommand = {command}\n{others}"), *wanted));
    for (text, wanted) in in_a_process.chain(commands) {
        assert_eq!(warnings(&text).join("\n"), wanted, "{text}");
    }
    let project = "[project]\nlog = { dir = '~/logs' }\n[process]\na = 'x'\n";
    let wanted = "2:15 `~` is not expanded in a path";
    assert_eq!(warnings(project), [wanted]);
}

#[test]
fn what_stands_in_an_option_set_is_warned_about_once() {
    let text = "[options.default]\ncwd = '~/x'\n[process]\na = 'x'\nb = 'x'\nc = 'x'\n";
    assert_eq!(warnings(text).len(), 1);
}
