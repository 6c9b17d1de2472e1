//! The table of keys. Validation, hints, the schema and `docs/procfile.md` are generated from it; a new
//! key is a line here and a line where it is resolved.

use super::kind::{KeySpec, StringRule, TableRole, TableShape, ValueKind};
use crate::spec::{
    ColorMode, Condition, OnFailure, PortBusy, Restart, ShutdownOn, StdinKind, StraysPolicy,
};

mod checks;

pub(crate) use checks::{ABOUT_PROBES, HEALTH, OF_LISTENERS, READY, UNPROBED};

/// Keys that are validated but not supported yet: using one is a mistake. Remove a key from this list
/// to enable it.
pub(crate) const LATER: &[&str] = &["tty", "ports", "port_offset"];

/// Unsupported values of supported keys.
pub(crate) const LATER_VALUES: &[(&str, &str)] = &[("port", "auto")];

const TEXT: ValueKind = ValueKind::Text(StringRule::Any);
const NAMES: ValueKind = ValueKind::List { of: &ValueKind::Text(StringRule::Name), min: 0 };
const TARGET: ValueKind = ValueKind::Text(StringRule::Target);
const DURATION: ValueKind = ValueKind::Text(StringRule::Duration { zero: true });
const SPAN: ValueKind = ValueKind::Text(StringRule::Duration { zero: false });
const SIZE: ValueKind = ValueKind::Text(StringRule::Size);
const COMMAND: ValueKind =
    ValueKind::Either(&[ValueKind::Text(StringRule::Command), ValueKind::Argv]);
const ENV: ValueKind = ValueKind::Map { key: StringRule::Variable, of: &ValueKind::EnvValue };
const ENV_FILE: ValueKind = ValueKind::OneOrMany(&ValueKind::Text(StringRule::EnvFile));
const PORT: ValueKind = ValueKind::Integer { min: 1, max: 65_535 };
const COUNT: ValueKind = ValueKind::Integer { min: 1, max: 10_000 };
const RETRY_USE: ValueKind =
    ValueKind::Either(&[ValueKind::Text(StringRule::Name), ValueKind::Table(&RETRY)]);
const GLOBS: ValueKind = ValueKind::List { of: &ValueKind::Text(StringRule::Glob), min: 0 };
const SOME_GLOBS: ValueKind = ValueKind::List { of: &ValueKind::Text(StringRule::Glob), min: 1 };
const KEPT_FILES: ValueKind = ValueKind::Integer { min: 0, max: 9_999 };
const CONDITION: ValueKind = ValueKind::Choice(Condition::WORDS);

const CONDITION_USE: ValueKind = ValueKind::Either(&[CONDITION, ValueKind::Table(&DEPENDENCY)]);
const DEPENDS_ON: ValueKind = ValueKind::Either(&[
    ValueKind::List { of: &TARGET, min: 0 },
    ValueKind::Map { key: StringRule::Target, of: &CONDITION_USE },
]);
const WATCH_USE: ValueKind = ValueKind::Either(&[SOME_GLOBS, ValueKind::Table(&WATCH)]);
const LOG_USE: ValueKind = ValueKind::Either(&[ValueKind::Only(false), ValueKind::Table(&LOG)]);

/// All tables except jobs.
const NOT_JOBS: &[TableRole] = &[TableRole::Process, TableRole::OptionSet];

/// The whole file.
pub(crate) static ROOT: TableShape = TableShape {
    name: "procfile",
    label: "the file",
    role: TableRole::Alone,
    one_of: &[],
    keys: &[
        KeySpec::new("project", ValueKind::Table(&PROJECT), "", "Settings of the whole project."),
        KeySpec::new(
            "options",
            ValueKind::Map { key: StringRule::Name, of: &ValueKind::Table(&OPTION_SET) },
            "",
            "Named option sets. `default` applies to every process and job, before all others.",
        ),
        KeySpec::new(
            "retry",
            ValueKind::Map { key: StringRule::Name, of: &ValueKind::Table(&RETRY) },
            "",
            "Named retry policies. `default` is used if none is named; the others inherit missing keys from it.",
        ),
        KeySpec::new(
            "pool",
            ValueKind::Map { key: StringRule::Name, of: &ValueKind::Table(&POOL) },
            "",
            "Queues with a fixed number of slots.",
        ),
        KeySpec::new(
            "process",
            ValueKind::Map { key: StringRule::Name, of: &ValueKind::Runnable(&PROCESS) },
            "",
            "The processes. A command alone stands for a table with only `command`.",
        ),
    ],
};

pub(crate) static PROJECT: TableShape = TableShape {
    name: "project",
    label: "`[project]`",
    role: TableRole::Alone,
    one_of: &[],
    keys: &[
        KeySpec::new(
            "name",
            ValueKind::Text(StringRule::Title),
            "name of the folder",
            "Shown in the interface.",
        ),
        KeySpec::new(
            "env_file",
            ENV_FILE,
            "",
            "Files with lines `NAME=value`, for every process and job. A name that ends in `?` may be missing; nothing is loaded that is not named here.",
        ),
        KeySpec::new("env", ENV, "`{}`", "Variables for every process and job."),
        KeySpec::new(
            "shell",
            ValueKind::Argv,
            "`[\"/bin/sh\", \"-c\"]`",
            "How a command given as a string is run: a program and its arguments, the string comes last.",
        ),
        KeySpec::new("output", ValueKind::Table(&OUTPUT), "", "Limits of the output in memory."),
        KeySpec::new(
            "log",
            ValueKind::Table(&PROJECT_LOG),
            "",
            "Log files of all processes; off unless `dir` is set.",
        ),
        KeySpec::new(
            "reload",
            ValueKind::Boolean,
            "`false`",
            "Read the file again when it changes, and apply the difference.",
        ),
        KeySpec::new(
            "port_offset",
            ValueKind::Either(&[PORT, ValueKind::Choice(&["worktree"])]),
            "",
            "Added to every port.",
        ),
    ],
};

static OUTPUT: TableShape = TableShape {
    name: "output",
    label: "`output`",
    role: TableRole::Alone,
    one_of: &[],
    keys: &[
        KeySpec::new(
            "memory",
            SIZE,
            "`\"256MiB\"`",
            "Memory for the output of all processes, including the index.",
        ),
        KeySpec::new(
            "line",
            SIZE,
            "`\"64KiB\"`",
            "The maximum length of a line; a longer one is split into pieces.",
        ),
    ],
};

static PROJECT_LOG: TableShape = TableShape {
    name: "project-log",
    label: "the `log` of the project",
    role: TableRole::Alone,
    one_of: &[],
    keys: &[
        KeySpec::new(
            "dir",
            ValueKind::Text(StringRule::Path),
            "",
            "Folder of the log files, one for each process: `DIR/NAME.log`.",
        ),
        KeySpec::new(
            "max_size",
            SIZE,
            "`\"10MiB\"`",
            "A log file is rotated before it grows over this.",
        ),
        KeySpec::new("keep", KEPT_FILES, "`5`", "How many rotated files are kept."),
    ],
};

static LOG: TableShape = TableShape {
    name: "log",
    label: "the `log` of a process",
    role: TableRole::Alone,
    one_of: &[],
    keys: &[
        KeySpec::new(
            "file",
            ValueKind::Text(StringRule::Path),
            "`DIR/NAME.log`",
            "A log file other than the one in the project's `log.dir`.",
        ),
        KeySpec::new(
            "max_size",
            SIZE,
            "from the project",
            "It is rotated before it grows over this.",
        ),
        KeySpec::new("keep", KEPT_FILES, "from the project", "How many rotated files are kept."),
    ],
};

pub(crate) static RETRY: TableShape = TableShape {
    name: "retry",
    label: "a retry policy",
    role: TableRole::Alone,
    one_of: &[],
    keys: &[
        KeySpec::new(
            "attempts",
            ValueKind::Either(&[
                ValueKind::Integer { min: 0, max: u32::MAX as i64 },
                ValueKind::Choice(&["unlimited"]),
            ]),
            "`5`",
            "The number of retries.",
        ),
        KeySpec::new("backoff", ValueKind::Table(&BACKOFF), "", "How long to wait before a retry."),
        KeySpec::new(
            "reset_after",
            DURATION,
            "`\"30s\"`",
            "A run of at least this duration resets the retry budget.",
        ),
    ],
};

static BACKOFF: TableShape = TableShape {
    name: "backoff",
    label: "`backoff`",
    role: TableRole::Alone,
    one_of: &[],
    keys: &[
        KeySpec::new("initial", DURATION, "`\"500ms\"`", "Before the first retry."),
        KeySpec::new(
            "factor",
            ValueKind::Number { min: 1.0, max: 1000.0 },
            "`2.0`",
            "Growth from one retry to the next.",
        ),
        KeySpec::new("max", DURATION, "`\"30s\"`", "The longest wait."),
        KeySpec::new(
            "jitter",
            ValueKind::Number { min: 0.0, max: 1.0 },
            "`0.1`",
            "Random variation of the delay, as a fraction of it.",
        ),
    ],
};

pub(crate) static POOL: TableShape = TableShape {
    name: "pool",
    label: "a pool",
    role: TableRole::Pool,
    one_of: &[],
    keys: &[
        KeySpec::new(
            "concurrency",
            COUNT,
            "",
            "The number of slots: the maximum number of members alive at the same time.",
        )
        .required(),
        KeySpec::new(
            "retry",
            RETRY_USE,
            "",
            "The policy for its jobs and member processes that name none.",
        ),
        KeySpec::new(
            "on_failure",
            ValueKind::Choice(OnFailure::WORDS),
            "`\"continue\"`",
            "What happens after the first final failure of a member: `stop` skips queued members and stops running ones.",
        ),
        KeySpec::new(
            "autostart",
            ValueKind::Boolean,
            "`true`",
            "Whether it starts with the project.",
        ),
        KeySpec::new(
            "jobs",
            ValueKind::List { of: &ValueKind::Runnable(&JOB), min: 0 },
            "`[]`",
            "Its jobs, in the order they are queued.",
        ),
    ],
};

pub(crate) static PROCESS: TableShape = TableShape {
    name: "process",
    label: "a process",
    role: TableRole::Process,
    one_of: &[],
    keys: PROCESS_KEYS,
};

pub(crate) static OPTION_SET: TableShape = TableShape {
    name: "options",
    label: "an option set",
    role: TableRole::OptionSet,
    one_of: &[],
    keys: PROCESS_KEYS,
};

pub(crate) static JOB: TableShape = TableShape {
    name: "job",
    label: "a job",
    role: TableRole::Job,
    one_of: &[],
    keys: PROCESS_KEYS,
};

const PROCESS_KEYS: &[KeySpec] = &[
    KeySpec::new("name", ValueKind::Text(StringRule::Name), "`POOL.N`", "The name of the job; N counts all jobs of the pool from 1.").only(&[TableRole::Job]),
    KeySpec::new("command", COMMAND, "", "A string is run by the project's `shell`. An array is a program and its arguments: no shell, nothing is expanded; a program with a slash is relative to `cwd`, one without is searched in the child's `PATH`.").required().only(&[TableRole::Process, TableRole::Job]),
    KeySpec::new("description", TEXT, "", "Shown in the interface."),
    KeySpec::new("options", NAMES, "`[]`", "Named option sets; later ones win, the own keys win over all, `default` is always first. Keys of a set that a job cannot take are passed over for jobs. A set that names sets stands on top of them."),
    KeySpec::new("cwd", ValueKind::Text(StringRule::Path), "folder of the file", "The working folder. It must exist at the start."),
    KeySpec::new("env", ENV, "`{}`", "Added variables; they win over everything below."),
    KeySpec::new("unset_env", ValueKind::List { of: &ValueKind::Text(StringRule::Variable), min: 0 }, "`[]`", "Removed from what is inherited."),
    KeySpec::new("env_file", ENV_FILE, "", "Files with lines `NAME=value`; they win over the project's. A name that ends in `?` may be missing."),
    KeySpec::new("inherit_env", ValueKind::Boolean, "`true`", "Start from pitcrew's own environment."),
    KeySpec::new("port", PORT, "", "Sets `PORT` (replica N: port + N − 1) unless the own `env` or `env_file` does, fills the PORT column, and is what `\"port\"` means in a check. Every process of the project finds it as `PITCREW_PORT_NAME`. Two processes cannot have the same one."),
    KeySpec::new("port_busy", ValueKind::Choice(PortBusy::WORDS), "`\"fail\"`", "What happens when another program listens on `port` before a start. `fail`: the start fails with the error `port_busy`, and is not retried. `wait`: it waits up to 20 s for the port, then fails. `next`: it gets the next free port of the following 20."),
    KeySpec::new("ports", ValueKind::Map { key: StringRule::Name, of: &PORT }, "`{}`", "More ports of the process."),
    KeySpec::new("color", ValueKind::Choice(ColorMode::WORDS), "`\"auto\"`", "For children without a terminal: whether they are asked for colour (`FORCE_COLOR`, `CLICOLOR_FORCE`, `CARGO_TERM_COLOR`, `PYTHONUNBUFFERED`). `auto`: when their output is shown in colour."),
    KeySpec::new("stdin", ValueKind::Choice(StdinKind::WORDS), "`\"open\"`; `\"null\"` for jobs and for what a watch runs first", "What it reads. `open`: an input that never ends and never brings anything, so a watcher stays. `null`: `/dev/null`. `pipe`: lines can be sent from the interface and the command line."),
    KeySpec::new("tty", ValueKind::Boolean, "`false`", "Give it a pseudo-terminal."),
    KeySpec::new(
        "depends_on",
        DEPENDS_ON,
        "`[]`",
        "What must hold before it starts. The list form means `ready`.",
    ),
    KeySpec::new("ready", ValueKind::Table(&READY), "", "When it counts as ready; without it, as soon as it has started."),
    KeySpec::new("health", ValueKind::Table(&HEALTH), "", "Checked from the moment it is ready; failing it ends the run, and `restart` decides what follows.").only(NOT_JOBS),
    KeySpec::new("restart", ValueKind::Choice(Restart::WORDS), "see right", "Whether a run that ended by itself is followed by another. Default: `on-failure` where `health` is set or a `retry` is named (by the process, its sets or its pool; a table counts), else `never`."),
    KeySpec::new("retry", RETRY_USE, "`\"default\"`", "How many times it is tried again, and how long between: the name of a policy, or a policy."),
    KeySpec::new("timeout", SPAN, "", "The longest life of one run."),
    KeySpec::new("idle_timeout", SPAN, "", "The longest silence on both outputs."),
    KeySpec::new("stop", ValueKind::Table(&STOP), "", "How it is stopped."),
    KeySpec::new("success_exit_codes", ValueKind::List { of: &ValueKind::Integer { min: 0, max: 255 }, min: 1 }, "`[0]`", "Exit codes that mean success."),
    KeySpec::new("watch", WATCH_USE, "", "Files whose change restarts it; globs relative to `cwd`.").only(NOT_JOBS),
    KeySpec::new("replicas", COUNT, "", "The number of replicas: `worker.1`, `worker.2` …; `PITCREW_REPLICA` is set. Without the key the name stays plain.").only(NOT_JOBS),
    KeySpec::new("pool", ValueKind::Text(StringRule::Name), "", "It takes a slot of that pool while it is alive.").only(NOT_JOBS),
    KeySpec::new("autostart", ValueKind::Boolean, "`true`", "Whether it starts with the project."),
    KeySpec::new("tags", NAMES, "`[]`", "For `@TAG` on the command line."),
    KeySpec::new("shutdown_on", ValueKind::Choice(ShutdownOn::WORDS), "`\"never\"`", "Whether its end for good ends the project, with its exit code."),
    KeySpec::new("log", LOG_USE, "from the project", "Where the raw bytes of both outputs go; `false`: nowhere."),
];

static DEPENDENCY: TableShape = TableShape {
    name: "dependency",
    label: "a dependency",
    role: TableRole::Alone,
    one_of: &[],
    keys: &[
        KeySpec::new("condition", CONDITION, "`\"ready\"`", "What must hold."),
        KeySpec::new(
            "restart",
            ValueKind::Boolean,
            "`false`",
            "A new run of the dependency restarts this one too, once the condition holds again.",
        ),
    ],
};

static STOP: TableShape = TableShape {
    name: "stop",
    label: "`stop`",
    role: TableRole::Alone,
    one_of: &[],
    keys: &[
        KeySpec::new(
            "signal",
            ValueKind::Text(StringRule::Signal),
            "`\"TERM\"`",
            "Sent to the group first.",
        ),
        KeySpec::new(
            "grace",
            DURATION,
            "`\"10s\"`",
            "The grace period, after which the whole tree is killed.",
        ),
        KeySpec::new("command", COMMAND, "", "Runs instead of the signal."),
        KeySpec::new(
            "strays",
            ValueKind::Choice(StraysPolicy::WORDS),
            "`\"kill\"`",
            "Descendants that outlive the leader: `kill` ends the whole tree, `group` only the rest of the group, `leave` none.",
        ),
        KeySpec::new(
            "keep",
            ValueKind::List { of: &ValueKind::Text(StringRule::Program), min: 0 },
            "browsers and shared daemons",
            "Programs that are never ended as strays. Your list replaces the default one.",
        ),
    ],
};

static WATCH: TableShape = TableShape {
    name: "watch",
    label: "`watch`",
    role: TableRole::Alone,
    one_of: &[],
    keys: &[
        KeySpec::new("paths", SOME_GLOBS, "", "Globs relative to `cwd`.").required(),
        KeySpec::new("ignore", GLOBS, "`[]`", "Globs of files that are ignored."),
        KeySpec::new(
            "debounce",
            DURATION,
            "`\"200ms\"`",
            "The quiet time after the last change before the action.",
        ),
        KeySpec::new(
            "action",
            ValueKind::Text(StringRule::Action),
            "`\"restart\"`",
            "`signal:HUP` sends a signal instead; `run:NAME` runs NAME first, and restarts only if it succeeded.",
        ),
        KeySpec::new("gitignore", ValueKind::Boolean, "`true`", "Honour `.gitignore`."),
        KeySpec::new(
            "suspend_after",
            ValueKind::Integer { min: 0, max: 10_000 },
            "`10`",
            "The number of consecutive restarts that suspends the watch; 0: never.",
        ),
    ],
};
