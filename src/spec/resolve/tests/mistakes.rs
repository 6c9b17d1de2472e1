//! Every mistake a file can hold, a row each.

use super::*;

/// Keys of a process, and the one fault that is reported about them.
const IN_A_PROCESS: &[(&str, &str)] = &[
    ("comand = 'x'", "3:1 unknown key `comand` in a process (did you mean `command`?)"),
    ("zzz = 'x'", "3:1 unknown key `zzz` in a process (`pitcrew schema` lists all keys)"),
    ("port = 'x'", "3:8 expected an integer from 1 to 65535, found the string \"x\""),
    (
        "port = '8080'",
        "3:8 expected an integer from 1 to 65535, found the string \"8080\" (write 8080)",
    ),
    (
        "stop = { zzz = 1 }",
        "3:10 unknown key `zzz` in `stop` (its keys are: signal, grace, command, strays, keep)",
    ),
    ("port = 0", "3:8 expected an integer from 1 to 65535, found 0"),
    ("port = 0x10000", "3:8 expected an integer from 1 to 65535, found 0x10000"),
    (
        "port = 99999999999999999999",
        "3:8 expected an integer from 1 to 65535, found 99999999999999999999",
    ),
    ("replicas = 0", "3:12 expected an integer from 1 to 10000, found 0"),
    (
        "timeout = 10",
        "3:11 expected a duration such as \"10s\", found the integer 10 (write \"10s\")",
    ),
    ("timeout = '10'", "3:11 `10` is not a duration (add the unit, such as \"10s\" or \"10ms\")"),
    (
        "timeout = '10lightyears'",
        "3:11 `10lightyears` is not a duration (units are d, h, m, s, ms)",
    ),
    ("timeout = '0s'", "3:11 this duration cannot be zero (omit the key instead)"),
    ("log.max_size = '10MB'", "3:16 `10MB` is not a size (did you mean `MiB`?)"),
    (
        "log.max_size = 10",
        "3:16 expected a size such as \"10MiB\", found the integer 10 (write \"10B\")",
    ),
    ("log = true", "3:7 expected `false`, or a table, found `true`"),
    (
        "tty = 'yes'",
        "3:7 expected a boolean, found the string \"yes\" (write `true` or `false`, without quotes)",
    ),
    (
        "tty = true\nstdin = 'pipe'",
        "4:1 `stdin` together with `tty = true` (remove one of the two)",
    ),
    (
        "color = 'always'\ntty = true",
        "3:1 `color` together with `tty = true` (remove one of the two)",
    ),
    ("cwd = ''", "3:7 the path is empty"),
    (
        "env = { A = { from_env = 'B' } }",
        "3:13 `from_env` is not supported yet (write `NAME=$B` in an `env_file`; `B` itself is inherited)",
    ),
    (
        "port = { from_env = 'WEB_PORT' }",
        "3:8 `from_env` is not supported yet (write an integer from 1 to 65535)",
    ),
    (
        "color = 'allways'",
        "3:9 expected \"auto\", \"always\" or \"never\", found \"allways\" (did you mean `always`?)",
    ),
    (
        "tags = ['a b']",
        "3:9 invalid name `a b` (names are made of the letters a to z, digits, `_` and `-`)",
    ),
    ("tags = ['all']", "3:9 the name `all` is reserved (it means all processes)"),
    ("tags = 'a'", "3:8 expected an array of names, found the string \"a\" (write [\"a\"])"),
    (
        "depends_on = 'db'",
        "3:14 expected an array of names, or a table from the name of a process, job or pool to \"started\", \"ready\", \"succeeded\" or \"completed\", or a table, found the string \"db\" (write [\"db\"])",
    ),
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
        "3:15 process `x` depends on `db.2`, which does not exist (depend on `db`; the condition must hold for all replicas)",
    ),
    ("depends_on = ['x']", "3:15 circular dependency: `x` -> `x`"),
    (
        "options = ['rsut']",
        "3:12 process `x` uses option set `rsut`, which does not exist (did you mean `rust`?)",
    ),
    (
        "retry = 'patent'",
        "3:9 process `x` uses retry policy `patent`, which does not exist (did you mean `patient`?)",
    ),
    (
        "pool = 'biuld'",
        "3:8 process `x` uses pool `biuld`, which does not exist (did you mean `build`?)",
    ),
    ("retry = { attempts = -1 }", "3:22 expected an integer of at least 0, found -1"),
    (
        "retry = { attempts = 'all' }",
        "3:22 expected an integer of at least 0, or \"unlimited\", found \"all\"",
    ),
    ("retry = { backoff = { factor = 0.5 } }", "3:32 expected a number from 1 to 1000, found 0.5"),
    ("retry = { backoff = { factor = nan } }", "3:32 expected a number from 1 to 1000, found NaN"),
    ("retry = { backoff = { jitter = 2 } }", "3:32 expected a number from 0 to 1, found 2"),
    (
        "restart = 'never'\nretry = 'patient'",
        "4:1 `retry` has no effect with `restart = \"never\"` (remove one of the two)",
    ),
    ("stop = { signal = 'TREM' }", "3:19 unknown signal `TREM` (did you mean `TERM`?)"),
    ("stop = { grace = '1x' }", "3:18 `1x` is not a duration (units are d, h, m, s, ms)"),
    ("stop = { command = [] }", "3:20 the command is empty (the first entry is the program)"),
    (
        "stop = { keep = ['/usr/bin/adb'] }",
        "3:18 \"/usr/bin/adb\" is a path (name the program without its folder: \"adb\")",
    ),
    ("env = { '' = 1 }", "3:9 a variable name cannot be empty (write NAME = \"value\")"),
    (
        "env = { 'A=B' = 1 }",
        "3:9 `A=B` is not a variable name: it contains `=` (write NAME = \"value\")",
    ),
    ("env = { \"A\\u0000\" = 1 }", "3:9 NUL bytes are not allowed (remove the \\u0000)"),
    ("env = { A = \"\\u0000\" }", "3:13 NUL bytes are not allowed (remove the \\u0000)"),
    ("env = { A = [1] }", "3:13 expected a string, integer, float or boolean, found an array"),
    ("env = { A = 1979-05-27 }", "3:13 expected a string, integer, float or boolean, found a date"),
    (
        "unset_env = ['A=']",
        "3:14 `A=` is not a variable name: it contains `=` (write NAME = \"value\")",
    ),
    ("success_exit_codes = [0, 300]", "3:26 expected an integer from 0 to 255, found 300"),
    (
        "ready = {}",
        "3:9 a `ready` check needs one of: exec, http, tcp, unix, file, log, delay, notify",
    ),
    ("ready = { tcp = 1, file = 'x' }", "3:20 only one of `tcp` and `file` is allowed"),
    (
        "ready = { http = 'https://x/y' }",
        "3:18 a check cannot use https (use exec = \"curl -fsS https://x/y\")",
    ),
    (
        "ready = { http = 'ftp://x/' }",
        "3:18 `ftp://x/` is not an http URL (write it like \"http://127.0.0.1:8080/healthz\", or \"/healthz\" for the process's own `port`)",
    ),
    (
        "ready = { http = '/healthz' }",
        "3:18 this check needs a `port`, which `x` does not have (give it one with `port = 8080`)",
    ),
    (
        "url = 'http://localhost:port/'",
        "3:7 `:port` needs a `port`, which `x` does not have (give it one with `port = 8080`)",
    ),
    (
        "url = 'localhost:3000'",
        "3:7 `localhost:3000` is not an http or https URL (write it like \"http://localhost:port/admin\")",
    ),
    (
        "ready = { tcp = 'port' }",
        "3:17 this check needs a `port`, which `x` does not have (give it one with `port = 8080`)",
    ),
    (
        "ready = { tcp = '5432' }",
        "3:17 `5432` is not an address (write the port without quotes: 5432)",
    ),
    (
        "ready = { tcp = 'localhost:0' }",
        "3:17 `localhost:0` is not an address (write a port such as 5432, \"host:port\", or \"port\" for the process's own `port`)",
    ),
    (
        "ready = { log = 'x', timeout = '1s', interval = '1s' }",
        "3:38 `interval` has no effect with `log`, which is not probed",
    ),
    (
        "ready = { delay = '1s', failures = 1 }",
        "3:25 `failures` has no effect with `delay`, which is not probed",
    ),
    ("ready = { tcp = 1, status = [200] }", "3:20 `status` has no effect without `http`"),
    (
        "ready = { log = '(' }",
        "3:17 not a regular expression: unclosed group (a TOML string in '…' needs no doubled backslashes)",
    ),
    ("ready = { notify = false }", "3:20 expected `true`, found `false`"),
    (
        "ready = { tcp = 1, interval = '0s' }",
        "3:31 this duration cannot be zero (omit the key instead)",
    ),
    (
        "health = { log = 'x', tcp = 1 }",
        "3:12 a `health` check cannot have the key `log` (only allowed in `ready`)",
    ),
    ("watch = []", "3:9 this array cannot be empty"),
    ("watch = ['[']", "3:10 not a glob: unclosed character class; missing ']'"),
    ("watch = { ignore = ['a'] }", "3:9 `watch` needs the key `paths`"),
    (
        "watch = { paths = ['a'], action = 'reload' }",
        "3:35 `reload` is not an action (expected \"restart\", \"signal:NAME\" or \"run:NAME\")",
    ),
    (
        "watch = { paths = ['a'], action = 'signal:HPU' }",
        "3:35 unknown signal `HPU` (did you mean `HUP`?)",
    ),
    (
        "watch = { paths = ['a'], action = 'run:bd' }",
        "3:35 process `x` runs `bd` first, which does not exist (did you mean `db`?)",
    ),
    (
        "watch = { paths = ['a'], action = 'run:x' }",
        "3:35 process `x` runs itself first (name what builds it, or leave `action` out to restart it)",
    ),
    (
        "watch = ['src/*/../lib']",
        "3:10 \"src/*/../lib\" has `..` after a wildcard (use `..` only at the beginning)",
    ),
    (
        "port = 65535\nreplicas = 2",
        "4:12 2 replicas from port 65535 on would need ports above 65535",
    ),
    ("env_file = 'missing'", "3:12 env file "),
    (
        "name = 'y'",
        "3:1 a process cannot have the key `name` (the name is `NAME` in `[process.NAME]`)",
    ),
];

/// Whole files, and the one fault that is reported about them.
const IN_A_FILE: &[(&str, &str)] = &[
    (
        "",
        "1:1 this file declares no process and no job (write `[process]` and under it `web = \"npm run dev\"`)",
    ),
    (
        "[pool.a]\nconcurrency = 1\n",
        "1:1 this file declares no process and no job (write `[process]` and under it `web = \"npm run dev\"`)",
    ),
    ("[process]\nx = ''", "2:5 the command is empty"),
    ("[process]\nx = []", "2:5 the command is empty (the first entry is the program)"),
    (
        "[process]\nx = ['', 'a']",
        "2:6 the name of the program is empty (the first entry is the program)",
    ),
    ("[process]\nx = \"a\\u0000\"", "2:5 NUL bytes are not allowed (remove the \\u0000)"),
    (
        "[process]\nx = 5",
        "2:5 expected a table, a command or an array of strings, found the integer 5",
    ),
    ("[process.x]\nport = 1", "1:10 process `x` has no command (add `command = \"…\"`)"),
    ("[process]\nall = 'x'", "2:1 the name `all` is reserved (it means all processes)"),
    (
        "[process]\n'a b' = 'x'",
        "2:1 invalid name `a b` (names are made of the letters a to z, digits, `_` and `-`)",
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
    ("[project]\noutput = { memory = '0B' }\n[process]\na = 'x'", "2:21 this size cannot be zero"),
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
        "3:45 circular dependency: `p` -> `p.2` -> `p`",
    ),
    (
        "[pool.p]\nconcurrency = 1\n[process.y]\ncommand = 'y'\npool = 'p'\ndepends_on = ['p']",
        "6:15 circular dependency: `p` -> `y` -> `p`",
    ),
    (
        "[pool.p]\nconcurrency = 1\njobs = [{ name = 'p', command = 'x' }]",
        "3:18 the name `p` is taken (names of processes, jobs and pools must be unique)",
    ),
    (
        "[process]\np = 'x'\n[pool.p]\nconcurrency = 1",
        "3:7 the name `p` is taken (names of processes, jobs and pools must be unique)",
    ),
    (
        "[process]\na = 'x'\n[options.o]\ncommand = 'x'",
        "4:1 an option set cannot have the key `command` (each process has its own command)",
    ),
    (
        "[process]\na = 'x'\n[options.a]\noptions = ['b']\n[options.b]\noptions = ['a']",
        "6:12 circular option sets: `a` -> `b` -> `a`",
    ),
    (
        "[process]\na = 'x'\n[options.o]\ndepends_on = ['x']",
        "4:15 option set `o` depends on `x`, which does not exist",
    ),
    (
        "[process.a]\ncommand = 'x'\ndepends_on = ['b']\n[process.b]\ncommand = 'x'\ndepends_on = ['c']\n[process.c]\ncommand = 'x'\ndepends_on = ['a']",
        "9:15 circular dependency: `a` -> `b` -> `c` -> `a`",
    ),
    ("[process]\na = 'x'\na = 'y'", "3:1 duplicate key"),
];

#[test]
fn every_mistake_in_a_process_is_reported_once_with_its_place() {
    for &(keys, fault) in IN_A_PROCESS {
        let text = format!(
            "[process.x]\ncommand = 'x'\n{keys}\n[process]\ndb = 'x'\n\
             [options.rust]\n[retry.patient]\n[pool.build]\nconcurrency = 1\n"
        );
        let reported = faults(&text);
        assert_eq!(reported.len(), 1, "{keys}: {reported:#?}");
        let same = if keys.starts_with("env_file") {
            reported[0].starts_with(fault)
        } else {
            reported[0] == fault
        };
        assert!(same, "{keys}\n  reported: {}\nwanted: {fault}", reported[0]);
    }
}

#[test]
fn every_mistake_of_a_file_is_reported_once_with_its_place() {
    for &(text, wanted) in IN_A_FILE {
        assert_eq!(faults(text), [wanted], "{text}");
    }
}

#[test]
fn several_syntax_errors_are_reported_and_keys_hidden_by_them_are_not_missing() {
    let text = "[process.a]\ncommand = 'x\nprot = 1\n[process.b]\ncommand = \"x\ndepends_on = ['c']\n[pool.p]\n";
    let reported = faults(text);
    assert_eq!(reported.len(), 3, "{reported:#?}");
    assert!(reported[0].starts_with("2:13 ") && reported[2].starts_with("5:13 "), "{reported:#?}");
    assert_eq!(reported[1], "3:1 unknown key `prot` in a process (did you mean `port`?)");
}

#[test]
fn keys_that_are_not_built_yet_are_refused_where_they_are_used() {
    let text = "[process.x]\ncommand = 'x'\nports = { web = 80 }\n";
    let project = Project::new(text);
    assert!(project.load().is_ok());
    let request = ProjectLocator { files: Vec::new(), dir: project.dir(), stdin: None };
    let reported = load(&request).unwrap_err();
    let lines: Vec<_> = reported.iter().filter_map(Fault::line).collect();
    assert_eq!(lines, [3]);
    assert!(reported.iter().all(|fault| fault.message().ends_with("is not supported yet")));
}
