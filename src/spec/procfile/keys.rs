//! The one table of what a file may say. Checking, hints, the schema and `docs/procfile.md` are made
//! from it; a new key is a line here and a line where it is resolved.

use super::kind::{Key, Kind, Role, Rule, Shape};

mod checks;

pub(crate) use checks::{ABOUT_PROBES, HEALTH, OF_LISTENERS, READY, UNPROBED};

/// Keys that are read and checked, but that this version does not act on yet: using one is a
/// mistake. The key comes to life by taking it out of this list.
pub(crate) const LATER: &[&str] = &["tty", "ports", "port_offset"];

/// The same for one value of a key that is built otherwise.
pub(crate) const LATER_VALUES: &[(&str, &str)] = &[("port", "auto")];

const TEXT: Kind = Kind::Text(Rule::Any);
const NAMES: Kind = Kind::List { of: &Kind::Text(Rule::Name), min: 0 };
const TARGET: Kind = Kind::Text(Rule::Target);
const DURATION: Kind = Kind::Text(Rule::Duration { zero: true });
const SPAN: Kind = Kind::Text(Rule::Duration { zero: false });
const SIZE: Kind = Kind::Text(Rule::Size);
const COMMAND: Kind = Kind::Either(&[Kind::Text(Rule::Command), Kind::Argv]);
const ENV: Kind = Kind::Map { key: Rule::Variable, of: &Kind::EnvValue };
const ENV_FILE: Kind = Kind::OneOrMany(&Kind::Text(Rule::EnvFile));
const PORT: Kind = Kind::Integer { min: 1, max: 65_535 };
const COUNT: Kind = Kind::Integer { min: 1, max: 10_000 };
const RETRY_USE: Kind = Kind::Either(&[Kind::Text(Rule::Name), Kind::Table(&RETRY)]);
const GLOBS: Kind = Kind::List { of: &Kind::Text(Rule::Glob), min: 0 };
const SOME_GLOBS: Kind = Kind::List { of: &Kind::Text(Rule::Glob), min: 1 };
const KEPT_FILES: Kind = Kind::Integer { min: 0, max: 9_999 };
const CONDITION: Kind = Kind::Choice(&["started", "ready", "succeeded", "completed"]);

const CONDITION_USE: Kind = Kind::Either(&[CONDITION, Kind::Table(&DEPENDENCY)]);
const DEPENDS_ON: Kind = Kind::Either(&[
    Kind::List { of: &TARGET, min: 0 },
    Kind::Map { key: Rule::Target, of: &CONDITION_USE },
]);
const WATCH_USE: Kind = Kind::Either(&[SOME_GLOBS, Kind::Table(&WATCH)]);
const LOG_USE: Kind = Kind::Either(&[Kind::Only(false), Kind::Table(&LOG)]);

/// Tables that are no job.
const NOT_JOBS: &[Role] = &[Role::Process, Role::OptionSet];

/// The whole file.
pub(crate) static ROOT: Shape = Shape {
    name: "procfile",
    label: "the file",
    role: Role::Alone,
    one_of: &[],
    keys: &[
        Key::new("project", Kind::Table(&PROJECT), "", "What holds for the project as a whole."),
        Key::new(
            "options",
            Kind::Map { key: Rule::Name, of: &Kind::Table(&OPTION_SET) },
            "",
            "Named option sets. `default` is taken by every process and job, before all others.",
        ),
        Key::new(
            "retry",
            Kind::Map { key: Rule::Name, of: &Kind::Table(&RETRY) },
            "",
            "Named retry policies. `default` is used where none is named; the others inherit from it what they do not say.",
        ),
        Key::new(
            "pool",
            Kind::Map { key: Rule::Name, of: &Kind::Table(&POOL) },
            "",
            "Queues with a fixed number of slots.",
        ),
        Key::new(
            "process",
            Kind::Map { key: Rule::Name, of: &Kind::Runnable(&PROCESS) },
            "",
            "The processes. A command alone stands for a table with only `command`.",
        ),
    ],
};

pub(crate) static PROJECT: Shape = Shape {
    name: "project",
    label: "`[project]`",
    role: Role::Alone,
    one_of: &[],
    keys: &[
        Key::new("name", Kind::Text(Rule::Title), "name of the folder", "Shown in the interface."),
        Key::new(
            "env_file",
            ENV_FILE,
            "",
            "Files with lines `NAME=value`, for every process and job. A name that ends in `?` may be missing; nothing is loaded that is not named here.",
        ),
        Key::new("env", ENV, "`{}`", "Variables for every process and job."),
        Key::new(
            "shell",
            Kind::Argv,
            "`[\"/bin/sh\", \"-c\"]`",
            "How a command given as a string is run: a program and its arguments, the string comes last.",
        ),
        Key::new("output", Kind::Table(&OUTPUT), "", "Bounds of what is kept of the output."),
        Key::new(
            "log",
            Kind::Table(&PROJECT_LOG),
            "",
            "Log files of all processes; off unless `dir` is set.",
        ),
        Key::new(
            "reload",
            Kind::Boolean,
            "`false`",
            "Read the file again when it changes, and apply the difference.",
        ),
        Key::new(
            "port_offset",
            Kind::Either(&[PORT, Kind::Choice(&["worktree"])]),
            "",
            "Added to every port.",
        ),
    ],
};

static OUTPUT: Shape = Shape {
    name: "output",
    label: "`output`",
    role: Role::Alone,
    one_of: &[],
    keys: &[
        Key::new(
            "memory",
            SIZE,
            "`\"256MiB\"`",
            "Kept in memory over all processes, text and index counted.",
        ),
        Key::new(
            "line",
            SIZE,
            "`\"64KiB\"`",
            "The longest line kept whole; a longer one is kept in pieces.",
        ),
    ],
};

static PROJECT_LOG: Shape = Shape {
    name: "project-log",
    label: "the `log` of the project",
    role: Role::Alone,
    one_of: &[],
    keys: &[
        Key::new(
            "dir",
            Kind::Text(Rule::Path),
            "",
            "Folder of the log files, one for each process: `DIR/NAME.log`.",
        ),
        Key::new(
            "max_size",
            SIZE,
            "`\"10MiB\"`",
            "A log file is rotated before it grows over this.",
        ),
        Key::new("keep", KEPT_FILES, "`5`", "How many rotated files are kept."),
    ],
};

static LOG: Shape = Shape {
    name: "log",
    label: "the `log` of a process",
    role: Role::Alone,
    one_of: &[],
    keys: &[
        Key::new(
            "file",
            Kind::Text(Rule::Path),
            "`DIR/NAME.log`",
            "Another log file than the one in the project's `log.dir`.",
        ),
        Key::new("max_size", SIZE, "from the project", "It is rotated before it grows over this."),
        Key::new("keep", KEPT_FILES, "from the project", "How many rotated files are kept."),
    ],
};

pub(crate) static RETRY: Shape = Shape {
    name: "retry",
    label: "a retry policy",
    role: Role::Alone,
    one_of: &[],
    keys: &[
        Key::new(
            "attempts",
            Kind::Either(&[
                Kind::Integer { min: 0, max: u32::MAX as i64 },
                Kind::Choice(&["unlimited"]),
            ]),
            "`5`",
            "Extra tries after the first.",
        ),
        Key::new("backoff", Kind::Table(&BACKOFF), "", "How long to wait before a retry."),
        Key::new(
            "reset_after",
            DURATION,
            "`\"30s\"`",
            "A run that lasted this long gives the whole budget back.",
        ),
    ],
};

static BACKOFF: Shape = Shape {
    name: "backoff",
    label: "`backoff`",
    role: Role::Alone,
    one_of: &[],
    keys: &[
        Key::new("initial", DURATION, "`\"500ms\"`", "Before the first retry."),
        Key::new(
            "factor",
            Kind::Number { min: 1.0, max: 1000.0 },
            "`2.0`",
            "Growth from one retry to the next.",
        ),
        Key::new("max", DURATION, "`\"30s\"`", "The longest wait."),
        Key::new(
            "jitter",
            Kind::Number { min: 0.0, max: 1.0 },
            "`0.1`",
            "Share of the wait by which it varies, up or down.",
        ),
    ],
};

pub(crate) static POOL: Shape = Shape {
    name: "pool",
    label: "a pool",
    role: Role::Pool,
    one_of: &[],
    keys: &[
        Key::new(
            "concurrency",
            COUNT,
            "",
            "Number of slots: at most so many members are alive at once.",
        )
        .required(),
        Key::new(
            "retry",
            RETRY_USE,
            "",
            "Policy for its jobs, and for its member processes, that name none.",
        ),
        Key::new(
            "on_failure",
            Kind::Choice(&["continue", "stop"]),
            "`\"continue\"`",
            "What the first member that fails for good does: `stop` makes queued ones `skipped` and running ones `stopped`.",
        ),
        Key::new("autostart", Kind::Boolean, "`true`", "Whether it starts with the project."),
        Key::new(
            "jobs",
            Kind::List { of: &Kind::Runnable(&JOB), min: 0 },
            "`[]`",
            "Its jobs, in the order they are queued.",
        ),
    ],
};

pub(crate) static PROCESS: Shape = Shape {
    name: "process",
    label: "a process",
    role: Role::Process,
    one_of: &[],
    keys: PROCESS_KEYS,
};

pub(crate) static OPTION_SET: Shape = Shape {
    name: "options",
    label: "an option set",
    role: Role::OptionSet,
    one_of: &[],
    keys: PROCESS_KEYS,
};

pub(crate) static JOB: Shape =
    Shape { name: "job", label: "a job", role: Role::Job, one_of: &[], keys: PROCESS_KEYS };

const PROCESS_KEYS: &[Key] = &[
    Key::new("name", Kind::Text(Rule::Name), "`POOL.N`", "The name of the job; N counts all jobs of the pool from 1.").only(&[Role::Job]),
    Key::new("command", COMMAND, "", "A string is run by the project's `shell`. An array is a program and its arguments: no shell, nothing is expanded; a program with a slash is relative to `cwd`, one without is searched in the child's `PATH`.").required().only(&[Role::Process, Role::Job]),
    Key::new("description", TEXT, "", "Shown in the interface."),
    Key::new("options", NAMES, "`[]`", "Named option sets; later ones win, the own keys win over all, `default` is always first. Keys of a set that a job cannot take are passed over for jobs. A set that names sets stands on top of them."),
    Key::new("cwd", Kind::Text(Rule::Path), "folder of the file", "The working folder. It must exist at the start."),
    Key::new("env", ENV, "`{}`", "Added variables; they win over everything below."),
    Key::new("unset_env", Kind::List { of: &Kind::Text(Rule::Variable), min: 0 }, "`[]`", "Removed from what is inherited."),
    Key::new("env_file", ENV_FILE, "", "Files with lines `NAME=value`; they win over the project's. A name that ends in `?` may be missing."),
    Key::new("inherit_env", Kind::Boolean, "`true`", "Start from pitcrew's own environment."),
    Key::new("port", PORT, "", "Sets `PORT` (replica N: port + N − 1) unless the own `env` or `env_file` does, fills the PORT column, and is what `\"port\"` means in a check. Every process of the project finds it as `PITCREW_PORT_NAME`. Two processes cannot have the same one."),
    Key::new("port_busy", Kind::Choice(&["fail", "wait", "next"]), "`\"fail\"`", "What happens when another program listens on `port` before a start. `fail`: the start fails with the error `port_busy`, and is not retried. `wait`: it waits up to 20 s for the port, then fails. `next`: it gets the next free port of the following 20."),
    Key::new("ports", Kind::Map { key: Rule::Name, of: &PORT }, "`{}`", "More ports of the process."),
    Key::new("color", Kind::Choice(&["auto", "always", "never"]), "`\"auto\"`", "For children without a terminal: whether they are asked for colour (`FORCE_COLOR`, `CLICOLOR_FORCE`, `CARGO_TERM_COLOR`, `PYTHONUNBUFFERED`). `auto`: when their output is shown in colour."),
    Key::new("stdin", Kind::Choice(&["open", "null", "pipe"]), "`\"open\"`; `\"null\"` for jobs and for what a watch runs first", "What it reads. `open`: an input that never ends and never brings anything, so a watcher stays. `null`: `/dev/null`. `pipe`: lines can be sent from the interface and the command line."),
    Key::new("tty", Kind::Boolean, "`false`", "Give it a pseudo-terminal."),
    Key::new(
        "depends_on",
        DEPENDS_ON,
        "`[]`",
        "What must hold before it starts. The list form means `ready`.",
    ),
    Key::new("ready", Kind::Table(&READY), "", "When it counts as ready; without it, as soon as it has started."),
    Key::new("health", Kind::Table(&HEALTH), "", "Checked from the moment it is ready; failing it ends the run, and `restart` decides what follows.").only(NOT_JOBS),
    Key::new("restart", Kind::Choice(&["never", "on-failure", "always"]), "see right", "Whether a run that ended by itself is followed by another. Default: `on-failure` where `health` is set or a `retry` is named (by the process, its sets or its pool; a table counts), else `never`."),
    Key::new("retry", RETRY_USE, "`\"default\"`", "How many times it is tried again, and how long between: the name of a policy, or a policy."),
    Key::new("timeout", SPAN, "", "The longest life of one run."),
    Key::new("idle_timeout", SPAN, "", "The longest silence on both outputs."),
    Key::new("stop", Kind::Table(&STOP), "", "How it is stopped."),
    Key::new("success_exit_codes", Kind::List { of: &Kind::Integer { min: 0, max: 255 }, min: 1 }, "`[0]`", "Exit codes that mean success."),
    Key::new("watch", WATCH_USE, "", "Files whose change restarts it; globs relative to `cwd`.").only(NOT_JOBS),
    Key::new("replicas", COUNT, "", "How many of it run: `worker.1`, `worker.2` …; `PITCREW_REPLICA` is set. Without the key the name stays plain.").only(NOT_JOBS),
    Key::new("pool", Kind::Text(Rule::Name), "", "It takes a slot of that pool while it is alive.").only(NOT_JOBS),
    Key::new("autostart", Kind::Boolean, "`true`", "Whether it starts with the project."),
    Key::new("tags", NAMES, "`[]`", "For `@TAG` on the command line."),
    Key::new("shutdown_on", Kind::Choice(&["never", "failure", "exit"]), "`\"never\"`", "Whether its end for good ends the project, with its exit code."),
    Key::new("log", LOG_USE, "from the project", "Where the raw bytes of both outputs go; `false`: nowhere."),
];

static DEPENDENCY: Shape = Shape {
    name: "dependency",
    label: "a dependency",
    role: Role::Alone,
    one_of: &[],
    keys: &[
        Key::new("condition", CONDITION, "`\"ready\"`", "What must hold."),
        Key::new(
            "restart",
            Kind::Boolean,
            "`false`",
            "A new run of the dependency restarts this one too, once the condition holds again.",
        ),
    ],
};

static STOP: Shape = Shape {
    name: "stop",
    label: "`stop`",
    role: Role::Alone,
    one_of: &[],
    keys: &[
        Key::new("signal", Kind::Text(Rule::Signal), "`\"TERM\"`", "Sent to the group first."),
        Key::new(
            "grace",
            DURATION,
            "`\"10s\"`",
            "After this the group is killed, whatever happened.",
        ),
        Key::new("command", COMMAND, "", "Runs instead of the signal."),
        Key::new(
            "strays",
            Kind::Choice(&["kill", "group", "leave"]),
            "`\"kill\"`",
            "Descendants that are left when the leader has ended: `kill` ends the whole tree, `group` only the rest of the group, `leave` none.",
        ),
        Key::new(
            "keep",
            Kind::List { of: &Kind::Text(Rule::Program), min: 0 },
            "browsers and shared daemons",
            "Programs that are never ended as strays. A list of your own replaces the default one.",
        ),
    ],
};

static WATCH: Shape = Shape {
    name: "watch",
    label: "`watch`",
    role: Role::Alone,
    one_of: &[],
    keys: &[
        Key::new("paths", SOME_GLOBS, "", "Globs relative to `cwd`.").required(),
        Key::new("ignore", GLOBS, "`[]`", "Globs of what is not watched."),
        Key::new(
            "debounce",
            DURATION,
            "`\"200ms\"`",
            "Silence after the last change before anything happens.",
        ),
        Key::new(
            "action",
            Kind::Text(Rule::Action),
            "`\"restart\"`",
            "`signal:HUP` sends a signal instead; `run:NAME` runs NAME first, and restarts only if it succeeded.",
        ),
        Key::new("gitignore", Kind::Boolean, "`true`", "Honour `.gitignore`."),
        Key::new(
            "suspend_after",
            Kind::Integer { min: 0, max: 10_000 },
            "`10`",
            "So many restarts in a row suspend the watch; 0: never.",
        ),
    ],
};
