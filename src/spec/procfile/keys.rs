//! The table of keys. Validation, hints, the schema and `docs/procfile.md` are generated from it; the
//! doc comment of a key is its description there.

use super::kind::ValueKind::{
    Argv, Boolean, Choice, Either, EnvValue, Integer, List, Map, Number, OneOrMany, Only, Runnable,
    Table, Text,
};
use super::kind::{KeySpec, StringRule, TableRole, TableShape, ValueKind, keys};
use crate::spec::{
    ColorMode, Condition, OnFailure, PortBusy, Restart, ShutdownOn, Signal, StdinKind,
    StraysPolicy, WatchAction,
};

mod checks;

pub(crate) use checks::{HEALTH, LISTENER_CHECKS, PROBE_KEYS, READY, UNPROBED_CHECKS};

/// Keys that are validated but not supported yet: using one is a mistake. To enable a key, remove it
/// from this list.
pub(crate) const LATER: &[&str] = &["ports", "port_offset"];

/// Unsupported values of supported keys.
pub(crate) const LATER_VALUES: &[(&str, &str)] = &[("port", "auto")];

const NAME: ValueKind = Text(StringRule::Name);
const PATH: ValueKind = Text(StringRule::Path);
const NAMES: ValueKind = List { of: &NAME, min: 0 };
const TARGET: ValueKind = Text(StringRule::Target);
const DURATION: ValueKind = Text(StringRule::Duration { zero: true });
const NONZERO_DURATION: ValueKind = Text(StringRule::Duration { zero: false });
const SIZE: ValueKind = Text(StringRule::Size);
const COMMAND: ValueKind = Either(&[Text(StringRule::Command), Argv]);
const ENV: ValueKind = Map { key: StringRule::Variable, of: &EnvValue };
const ENV_FILE: ValueKind = OneOrMany(&Text(StringRule::EnvFile));
const PORT: ValueKind = Integer { min: 1, max: 65_535 };
const COUNT: ValueKind = Integer { min: 1, max: 10_000 };
const RETRY_VALUE: ValueKind = Either(&[NAME, Table(&RETRY)]);
const GLOBS: ValueKind = List { of: &Text(StringRule::Glob), min: 0 };
const ONE_OR_MORE_GLOBS: ValueKind = List { of: &Text(StringRule::Glob), min: 1 };
const KEPT_FILES: ValueKind = Integer { min: 0, max: 9_999 };
const CONDITION: ValueKind = Choice(Condition::WORDS);

const CONDITION_VALUE: ValueKind = Either(&[CONDITION, Table(&DEPENDENCY)]);
const DEPENDS_ON: ValueKind =
    Either(&[List { of: &TARGET, min: 0 }, Map { key: StringRule::Target, of: &CONDITION_VALUE }]);
const WATCH_VALUE: ValueKind = Either(&[ONE_OR_MORE_GLOBS, Table(&WATCH)]);
const LOG_VALUE: ValueKind = Either(&[Only(false), Table(&LOG)]);

/// A type whose values are the words of one key, so that a table returns a word only as the type of its key.
pub(crate) trait KeyWord: std::str::FromStr {
    const KEY: &'static str;
}

macro_rules! key_words {
    ($($key:literal: $Type:ident),+) => {
        $(impl KeyWord for $Type {
            const KEY: &'static str = $key;
        })+
    };
}

key_words! {
    "action": WatchAction, "color": ColorMode, "condition": Condition,
    "on_failure": OnFailure, "port_busy": PortBusy, "restart": Restart, "shutdown_on": ShutdownOn,
    "signal": Signal, "stdin": StdinKind, "strays": StraysPolicy
}

/// The word for any number of retries.
pub(crate) const UNLIMITED: &str = "unlimited";

/// All tables except jobs.
const NOT_JOBS: &[TableRole] = &[TableRole::Process, TableRole::OptionSet];

/// The whole file.
pub(crate) static ROOT: TableShape = TableShape::new("procfile", "the file").keys(keys! {
    /// Settings of the whole project.
    project: Table(&PROJECT);
    /// Named option sets. `default` applies to every process and job, before all others.
    options: Map { key: StringRule::Name, of: &Table(&OPTION_SET) };
    /// Named retry policies. `default` is used if none is named; the others inherit missing keys
    /// from it.
    retry: Map { key: StringRule::Name, of: &Table(&RETRY) };
    /// Queues with a fixed number of slots.
    pool: Map { key: StringRule::Name, of: &Table(&POOL) };
    /// The processes. A command alone stands for a table with only `command`.
    process: Map { key: StringRule::Name, of: &Runnable(&PROCESS) };
});

pub(crate) static PROJECT: TableShape = TableShape::new("project", "`[project]`").keys(keys! {
    /// Shown in the interface.
    name: Text(StringRule::Title), default("name of the folder");
    /// Files with lines `NAME=value`, for every process and job. A file whose name ends in `?` may
    /// be missing. No other env files are loaded.
    env_file: ENV_FILE;
    /// Variables for every process and job.
    env: ENV, default("`{}`");
    /// The program and arguments that run a command given as a string, which is the last argument.
    shell: Argv, default("`[\"/bin/sh\", \"-c\"]`");
    /// Limits of the output in memory.
    output: Table(&OUTPUT);
    /// Log files of all processes; off unless `dir` is set.
    log: Table(&PROJECT_LOG);
    /// Reload the file when it changes.
    reload: Boolean, default("`false`");
    /// Added to every port.
    port_offset: Either(&[PORT, Choice(&["worktree"])]);
});

static OUTPUT: TableShape = TableShape::new("output", "`output`").keys(keys! {
    /// Memory for the output of all processes, including the index.
    memory: SIZE, default("`\"256MiB\"`");
    /// The maximum length of a line; a longer one is split into pieces.
    line: SIZE, default("`\"64KiB\"`");
});

static PROJECT_LOG: TableShape =
    TableShape::new("project-log", "the `log` of the project").keys(keys! {
        /// Folder of the log files, one for each process: `DIR/NAME.log`.
        dir: PATH;
        /// The maximum size of a log file; it is rotated before it exceeds this.
        max_size: SIZE, default("`\"10MiB\"`");
        /// The number of rotated files that are kept.
        keep: KEPT_FILES, default("`5`");
    });

static LOG: TableShape = TableShape::new("log", "the `log` of a process").keys(keys! {
    /// A log file other than the one in the project's `log.dir`.
    file: PATH, default("`DIR/NAME.log`");
    /// The maximum size of the file; it is rotated before it exceeds this.
    max_size: SIZE, default("from the project");
    /// The number of rotated files that are kept.
    keep: KEPT_FILES, default("from the project");
});

pub(crate) static RETRY: TableShape = TableShape::new("retry", "a retry policy").keys(keys! {
    /// The number of retries.
    attempts: Either(&[Integer { min: 0, max: u32::MAX as i64 }, Choice(&[UNLIMITED])]),
        default("`5`");
    /// The delays before retries.
    backoff: Table(&BACKOFF);
    /// A run of at least this duration resets the retry budget.
    reset_after: DURATION, default("`\"30s\"`");
});

static BACKOFF: TableShape = TableShape::new("backoff", "`backoff`").keys(keys! {
    /// The delay before the first retry.
    initial: DURATION, default("`\"500ms\"`");
    /// Factor by which the delay grows with each retry.
    factor: Number { min: 1.0, max: 1000.0 }, default("`2.0`");
    /// The longest delay.
    max: DURATION, default("`\"30s\"`");
    /// Random variation of the delay, as a fraction of it.
    jitter: Number { min: 0.0, max: 1.0 }, default("`0.1`");
});

pub(crate) static POOL: TableShape = TableShape::new("pool", "a pool")
    .keys(keys! {
        /// The number of slots: the maximum number of members alive at the same time.
        concurrency: COUNT, required();
        /// The policy for its jobs and member processes that name none.
        retry: RETRY_VALUE;
        /// What happens after the first final failure of a member: `stop` skips queued members and
        /// stops running ones.
        on_failure: Choice(OnFailure::WORDS), default("`\"continue\"`");
        /// Whether it starts with the project.
        autostart: Boolean, default("`true`");
        /// Its jobs, in the order they are queued.
        jobs: List { of: &Runnable(&JOB), min: 0 }, default("`[]`");
    })
    .role(TableRole::Pool);

pub(crate) static PROCESS: TableShape =
    TableShape::new("process", "a process").keys(PROCESS_KEYS).role(TableRole::Process);

pub(crate) static OPTION_SET: TableShape =
    TableShape::new("options", "an option set").keys(PROCESS_KEYS).role(TableRole::OptionSet);

pub(crate) static JOB: TableShape =
    TableShape::new("job", "a job").keys(PROCESS_KEYS).role(TableRole::Job);

const PROCESS_KEYS: &[KeySpec] = keys! {
    /// The name of the job; N counts all jobs of the pool from 1.
    name: NAME, default("`POOL.N`"), only(&[TableRole::Job]);
    /// A string is run by the project's `shell`. An array is a program and its arguments, without a
    /// shell and without expansion; a program with a slash is relative to `cwd`, one without is
    /// searched in the child's `PATH`.
    command: COMMAND, required(), only(&[TableRole::Process, TableRole::Job]);
    /// Shown in the interface.
    description: Text(StringRule::Any);
    /// Named option sets; later ones override earlier ones, the process's own keys override all,
    /// `default` always comes first. Jobs ignore the keys of a set that a job cannot have. A set
    /// overrides the sets that it names.
    options: NAMES, default("`[]`");
    /// The working folder. It must exist when the process starts.
    cwd: PATH, default("folder of the file");
    /// Added variables; they override all lower layers.
    env: ENV, default("`{}`");
    /// Variables that are not inherited.
    unset_env: List { of: &Text(StringRule::Variable), min: 0 }, default("`[]`");
    /// Files with lines `NAME=value`; they override the project's. A file whose name ends in `?`
    /// may be missing.
    env_file: ENV_FILE;
    /// Whether it inherits pitcrew's own environment.
    inherit_env: Boolean, default("`true`");
    /// Sets `PORT` (replica N: port + N − 1) unless the process's own `env` or `env_file` does,
    /// fills the PORT column, and is what `"port"` means in a check. Every process of the project
    /// gets it as `PITCREW_PORT_NAME`. Two processes cannot have the same port.
    port: PORT;
    /// What happens when another program listens on `port` before a start. `fail`: the start fails
    /// with the error `port_busy`, and is not retried. `wait`: it waits up to 20 s for the port,
    /// then fails. `next`: it gets the next free port of the following 20.
    port_busy: Choice(PortBusy::WORDS), default("`\"fail\"`");
    /// A page of the process, shown in the interface and opened with `b`. `:port` in it stands for
    /// the port in effect.
    url: Text(StringRule::Page);
    /// More ports of the process.
    ports: Map { key: StringRule::Name, of: &PORT }, default("`{}`");
    /// Whether children without a terminal are told to print colour (`FORCE_COLOR`,
    /// `CLICOLOR_FORCE`, `CARGO_TERM_COLOR`, `PYTHONUNBUFFERED`). `auto`: if their output is shown
    /// in colour.
    color: Choice(ColorMode::WORDS), default("`\"auto\"`");
    /// The standard input. `open`: an input that stays open without data, so that a watcher does
    /// not exit. `null`: `/dev/null`. `pipe`: lines can be sent from the interface and the command
    /// line.
    stdin: Choice(StdinKind::WORDS),
        default("`\"open\"`; `\"null\"` for jobs and for processes that a watch runs first");
    /// Whether it gets a terminal: a pseudo-terminal that is its input and both outputs, kept whether
    /// somebody looks at it or not. Excludes `stdin` and `color`. At a stop HUP follows TERM after
    /// 100 ms, unless `stop.signal` is set.
    tty: Boolean, default("`false`");
    /// The conditions that must hold before it starts. The list form means `ready`.
    depends_on: DEPENDS_ON, default("`[]`");
    /// The check that makes it ready; without it, it is ready as soon as it has started.
    ready: Table(&READY);
    /// A check that runs while it is ready; a failure ends the run, and `restart` decides what
    /// follows.
    health: Table(&HEALTH), only(NOT_JOBS);
    /// Whether a run that ended by itself is followed by another. Default: `on-failure` where
    /// `health` is set or a `retry` is named (by the process, its sets or its pool; a table
    /// counts), else `never`.
    restart: Choice(Restart::WORDS), default("`\"never\"`, see meaning");
    /// The number of retries and the delays between them: the name of a policy, or a policy.
    retry: RETRY_VALUE, default("`\"default\"`");
    /// The maximum duration of one run.
    timeout: NONZERO_DURATION;
    /// The maximum time without output on both streams.
    idle_timeout: NONZERO_DURATION;
    /// How it is stopped.
    stop: Table(&STOP);
    /// Exit codes that mean success.
    success_exit_codes: List { of: &Integer { min: 0, max: 255 }, min: 1 }, default("`[0]`");
    /// Files whose change restarts it; globs relative to `cwd`.
    watch: WATCH_VALUE, only(NOT_JOBS);
    /// The number of replicas: `worker.1`, `worker.2` …; `PITCREW_REPLICA` is set. Without the key
    /// the name has no number.
    replicas: COUNT, only(NOT_JOBS);
    /// The pool that limits it: it holds a slot while it is alive.
    pool: NAME, only(NOT_JOBS);
    /// Whether it starts with the project.
    autostart: Boolean, default("`true`");
    /// Tags, for `@TAG` on the command line.
    tags: NAMES, default("`[]`");
    /// Shut down the project with this process's exit code when it has failed (`failure`) or ended
    /// (`exit`) for good.
    shutdown_on: Choice(ShutdownOn::WORDS), default("`\"never\"`");
    /// The log file for the raw bytes of both outputs; `false`: none.
    log: LOG_VALUE, default("from the project");
};

static DEPENDENCY: TableShape = TableShape::new("dependency", "a dependency").keys(keys! {
    /// The condition that must hold.
    condition: CONDITION, default("`\"ready\"`");
    /// A new run of the dependency restarts this one too, once the condition holds again.
    restart: Boolean, default("`false`");
});

static STOP: TableShape = TableShape::new("stop", "`stop`").keys(keys! {
    /// The signal that is sent to the process group first.
    signal: Text(StringRule::Signal), default("`\"TERM\"`");
    /// The grace period, after which the whole tree is killed.
    grace: DURATION, default("`\"10s\"`");
    /// A command that runs instead of the signal.
    command: COMMAND;
    /// Descendants that outlive the leader: `kill` ends the whole tree, `group` only the rest of
    /// the group, `leave` none.
    strays: Choice(StraysPolicy::WORDS), default("`\"kill\"`");
    /// Programs that are never ended as strays. Your list replaces the default one.
    keep: List { of: &Text(StringRule::Program), min: 0 }, default("browsers and shared daemons");
});

static WATCH: TableShape = TableShape::new("watch", "`watch`").keys(keys! {
    /// Globs relative to `cwd`.
    paths: ONE_OR_MORE_GLOBS, required();
    /// Globs of files that are ignored.
    ignore: GLOBS, default("`[]`");
    /// The quiet time after the last change before the action.
    debounce: DURATION, default("`\"200ms\"`");
    /// `signal:HUP` sends a signal instead; `run:NAME` runs NAME first, and restarts only if it
    /// succeeded.
    action: Text(StringRule::Action), default("`\"restart\"`");
    /// Honour `.gitignore`.
    gitignore: Boolean, default("`true`");
    /// The number of consecutive restarts that suspends the watch; 0: never.
    suspend_after: Integer { min: 0, max: 10_000 }, default("`10`");
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_as_the_type_of_its_key() {
        let tables = [&PROCESS, &POOL, &DEPENDENCY, &STOP, &WATCH];
        let has = |key: &str, is_kind: &dyn Fn(&ValueKind) -> bool| {
            let keys = tables.iter().flat_map(|table| table.keys);
            keys.filter(|spec| spec.name == key).any(|spec| is_kind(&spec.kind))
        };
        for (key, words) in [
            (ColorMode::KEY, ColorMode::WORDS),
            (Condition::KEY, Condition::WORDS),
            (OnFailure::KEY, OnFailure::WORDS),
            (PortBusy::KEY, PortBusy::WORDS),
            (Restart::KEY, Restart::WORDS),
            (ShutdownOn::KEY, ShutdownOn::WORDS),
            (StdinKind::KEY, StdinKind::WORDS),
            (StraysPolicy::KEY, StraysPolicy::WORDS),
        ] {
            assert!(has(key, &|kind| matches!(kind, Choice(known) if *known == words)), "{key}");
        }
        assert!(has(Signal::KEY, &|kind| matches!(kind, Text(StringRule::Signal))));
        assert!(has(WatchAction::KEY, &|kind| matches!(kind, Text(StringRule::Action))));
    }
}
