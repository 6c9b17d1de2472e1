//! Keys of other tools (process-compose, compose, pm2, supervisord, systemd, mprocs, pitchfork, Tilt,
//! Kubernetes). Each is a mistake whose hint is the corresponding key of pitcrew.

use super::keys::ROOT;
use super::kind::{TableRole, TableShape};
use process::PROCESS_WORDS;

mod process;

/// The names of one setting in other tools.
#[derive(Debug)]
pub(crate) struct ForeignKey {
    /// Compared without regard to case, `_` and `-`: `workingDir` is `working_dir`.
    pub(crate) words: &'static [&'static str],
    /// Our key, with dots if it is nested; empty if there is none.
    pub(crate) ours: &'static str,
    /// What to write if the value has a different form; else empty.
    how: &'static str,
}

/// The foreign keys of one kind of table.
#[derive(Debug)]
pub(crate) struct ForeignTable {
    pub(crate) is_for: fn(&TableShape) -> bool,
    pub(crate) rows: &'static [ForeignKey],
}

impl ForeignKey {
    pub(crate) fn hint(&self) -> String {
        if self.how.is_empty() {
            format!("write `{}` instead", self.ours)
        } else {
            self.how.to_owned()
        }
    }

    /// Our key with the same value, if it is a key of the same table.
    pub(crate) fn same_value(&self) -> Option<&'static str> {
        (self.how.is_empty() && !self.ours.contains('.')).then_some(self.ours)
    }

    /// Our key in the same table, whatever the value is.
    pub(crate) fn outer_key(&self) -> &'static str {
        self.ours.split('.').next().unwrap_or_default()
    }
}

/// Finds a foreign key in a table of this shape.
pub(crate) fn find(shape: &TableShape, word: &str) -> Option<&'static ForeignKey> {
    let word = folded(word);
    let rows = DICTIONARIES.iter().filter(|one| (one.is_for)(shape)).flat_map(|one| one.rows);
    let mut rows = rows.into_iter();
    rows.find(|row| row.words.iter().any(|known| folded(known) == word))
}

/// Finds our value for a value of another tool, among `words`.
pub(crate) fn find_value(value: &str, words: &[&str]) -> Option<&'static str> {
    let found = VALUES.iter().find(|(theirs, ours)| *theirs == value && words.contains(ours));
    found.map(|(_, ours)| *ours)
}

/// Returns the hint for a line that is not TOML: a section of supervisord, a line of a Procfile.
pub(crate) fn line_hint(line: &str) -> Option<String> {
    let line = line.trim();
    if let Some(section) = line.strip_prefix('[') {
        let (kind, name) = section.strip_suffix(']')?.split_once(':')?;
        return match kind {
            "program" | "fcgi-program" | "eventlistener" => {
                Some(format!("write `[process.{name}]`"))
            }
            "group" => Some(format!("write `tags = [\"{name}\"]` in each of its processes")),
            _ => None,
        };
    }
    let (name, command) = line.split_once(": ")?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let is_line = !name.is_empty() && name.chars().all(is_name) && !command.trim().is_empty();
    is_line.then(|| format!("write `{name} = {:?}` under `[process]`", command.trim()))
}

fn folded(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

const fn same(words: &'static [&'static str], ours: &'static str) -> ForeignKey {
    ForeignKey { words, ours, how: "" }
}

const fn row(words: &'static [&'static str], ours: &'static str, how: &'static str) -> ForeignKey {
    ForeignKey { words, ours, how }
}

/// All tables of foreign keys; a test checks each against the table of keys.
pub(crate) const DICTIONARIES: &[ForeignTable] = &[
    ForeignTable { is_for: |shape| shape.name == ROOT.name, rows: ROOT_WORDS },
    ForeignTable { is_for: |shape| shape.name == "project", rows: PROJECT_WORDS },
    ForeignTable {
        is_for: |shape| {
            matches!(shape.role, TableRole::Process | TableRole::OptionSet | TableRole::Job)
        },
        rows: PROCESS_WORDS,
    },
    ForeignTable { is_for: |shape| shape.role == TableRole::Pool, rows: POOL_WORDS },
    ForeignTable {
        is_for: |shape| matches!(shape.role, TableRole::Ready | TableRole::Health),
        rows: CHECK_WORDS,
    },
    ForeignTable { is_for: |shape| shape.name == "retry", rows: RETRY_WORDS },
    ForeignTable { is_for: |shape| shape.name == "backoff", rows: BACKOFF_WORDS },
    ForeignTable { is_for: |shape| shape.name == "stop", rows: STOP_WORDS },
    ForeignTable { is_for: |shape| shape.name == "watch", rows: WATCH_WORDS },
    ForeignTable { is_for: |shape| matches!(shape.name, "log" | "project-log"), rows: LOG_WORDS },
    ForeignTable { is_for: |shape| shape.name == "dependency", rows: DEPENDENCY_WORDS },
];

const ROOT_WORDS: &[ForeignKey] = &[
    same(
        &[
            "processes",
            "procs",
            "services",
            "service",
            "daemons",
            "daemon",
            "programs",
            "program",
            "apps",
            "app",
            "commands",
            "tasks",
            "task",
            "local_resource",
        ],
        "process",
    ),
    same(&["retries", "retry_policies"], "retry"),
    row(&["scripts"], "process", "write each as `[process.NAME]`"),
    row(&["defaults", "default"], "options.default", "write it as `[options.default]`"),
    row(
        &["environment", "global_env", "vars", "variables"],
        "project.env",
        "write `env` under `[project]`",
    ),
    row(&["env_files", "dotenv"], "project.env_file", "write `env_file` under `[project]`"),
    row(
        &["log_location", "logging", "logs"],
        "project.log",
        "write `log = { dir = \"…\" }` under `[project]`",
    ),
    row(
        &["scrollback", "log_length"],
        "project.output",
        "write `output = { memory = \"256MiB\" }` under `[project]`",
    ),
    row(
        &["groups", "group", "namespaces", "profiles"],
        "",
        "give the processes `tags`: `@TAG` names them on the command line",
    ),
    row(
        &["extends", "includes", "imports", "include"],
        "",
        "give several files instead: `pitcrew -f base.toml -f procfile.toml`; later ones win",
    ),
    row(
        &["version", "log_level", "is_strict", "ordered_shutdown", "disable_env_expansion"],
        "",
        "leave it out: it has no meaning here",
    ),
    row(
        &[
            "settings",
            "keymap_procs",
            "keymap_term",
            "keymap_copy",
            "hide_keymap_window",
            "mouse_scroll_speed",
            "proc_list_width",
            "proc_list_title",
            "theme",
            "keys",
        ],
        "",
        "leave it out: the interface has a file of its own, `config.toml` in pitcrew's folder under `~/.config`",
    ),
    row(
        &["volumes", "networks", "secrets", "configs", "images"],
        "",
        "a container is run by a command: `command = \"exec docker run --rm IMAGE\"`",
    ),
    row(
        &["hooks", "on_project_start", "pre_window", "on_all_finished"],
        "",
        "make it a process of its own that the others name in `depends_on`",
    ),
    row(
        &["runner", "runners"],
        "",
        "there are no runners yet: put the program that starts it elsewhere into `command`",
    ),
    row(&["schedule", "cron"], "", "there is no schedule yet: let cron call `pitcrew start NAME`"),
];

const PROJECT_WORDS: &[ForeignKey] = &[
    same(&["environment", "variables", "vars"], "env"),
    same(&["env_files", "dotenv", "environment_file"], "env_file"),
    same(&["title", "project_name"], "name"),
    row(&["log_dir", "log_location", "log_file"], "log.dir", "write `log = { dir = \"…\" }`"),
    row(&["scrollback"], "output.memory", "write `output = { memory = \"256MiB\" }`"),
    row(
        &["include", "includes", "extends"],
        "",
        "give several files instead: `pitcrew -f base.toml -f procfile.toml`; later ones win",
    ),
];

const POOL_WORDS: &[ForeignKey] = &[
    same(
        &["max_processes", "max", "size", "slots", "workers", "parallel", "parallelism", "limit"],
        "concurrency",
    ),
    same(&["tasks", "commands", "processes"], "jobs"),
    same(&["auto_start"], "autostart"),
];

const CHECK_WORDS: &[ForeignKey] = &[
    row(
        &["http_get", "url", "path"],
        "http",
        "write `http = \"http://127.0.0.1:8080/healthz\"`, or `\"/healthz\"` for the own `port`",
    ),
    row(
        &["scheme", "host", "headers"],
        "http",
        "write the whole address as `http = \"http://…\"`; for more use `exec = \"curl …\"`",
    ),
    row(
        &["tcp_socket", "port", "socket"],
        "tcp",
        "write `tcp = 8080`, `\"host:8080\"`, or `\"port\"` for the own `port`",
    ),
    same(&["command", "cmd"], "exec"),
    row(&["test"], "exec", "write `exec = \"curl -fsS http://127.0.0.1:8080/\"`"),
    row(&["period_seconds", "period", "every"], "interval", "write `interval = \"1s\"`"),
    row(&["timeout_seconds"], "probe_timeout", "write `probe_timeout = \"5s\"`"),
    row(
        &["initial_delay_seconds", "start_period", "start_delay"],
        "initial_delay",
        "leave it out: misses before the first success do not count. Else write `initial_delay = \"1s\"`",
    ),
    row(&["start_interval"], "interval", "leave it out: `interval` does not slow the start down"),
    same(&["success_threshold"], "successes"),
    same(&["failure_threshold", "retries", "max_failures"], "failures"),
    row(&["status_code", "status_codes"], "status", "write `status = [200]`"),
    row(
        &["output", "pattern", "regex", "log_line", "line"],
        "log",
        "write `log = \"…\"`, a regular expression",
    ),
    row(&["sleep", "wait"], "delay", "write `delay = \"2s\"`"),
];

const RETRY_WORDS: &[ForeignKey] = &[
    same(
        &["max_attempts", "max_restarts", "max_retries", "retries", "count", "max", "startretries"],
        "attempts",
    ),
    row(
        &["delay", "interval", "initial", "initial_delay", "restart_delay", "backoff_seconds"],
        "backoff.initial",
        "write `backoff = { initial = \"1s\", factor = 1.0 }`",
    ),
    row(&["max_delay", "max_backoff"], "backoff.max", "write `backoff = { max = \"30s\" }`"),
    row(&["multiplier", "factor"], "backoff.factor", "write `backoff = { factor = 2.0 }`"),
    row(&["jitter"], "backoff.jitter", "write `backoff = { jitter = 0.1 }`"),
    same(&["min_uptime", "window"], "reset_after"),
];

const BACKOFF_WORDS: &[ForeignKey] = &[
    same(&["delay", "base", "min", "start"], "initial"),
    same(&["multiplier", "exponent"], "factor"),
    same(&["cap", "limit", "max_delay"], "max"),
];

const STOP_WORDS: &[ForeignKey] = &[
    row(
        &["timeout", "timeout_seconds", "grace_period", "wait"],
        "grace",
        "write `grace = \"10s\"`",
    ),
    same(&["cmd", "exec", "shutdown_command"], "command"),
    same(&["stop_signal", "kill_signal"], "signal"),
    row(&["send_keys"], "signal", "write `signal = \"INT\"`"),
    row(&["parent_only", "kill_mode"], "strays", "write `strays = \"leave\"`"),
];

const WATCH_WORDS: &[ForeignKey] = &[
    same(&["files", "globs", "include", "patterns"], "paths"),
    row(&["path"], "paths", "write `paths = [\"src\"]`"),
    same(&["exclude", "ignored", "ignore_watch"], "ignore"),
    row(&["delay"], "debounce", "write `debounce = \"200ms\"`"),
    row(
        &["on_change", "exec", "command", "run"],
        "action",
        "write `action = \"run:NAME\"`, the name of a process",
    ),
];

const LOG_WORDS: &[ForeignKey] = &[
    row(
        &["max_size_mb", "maxbytes", "rotate", "rotation"],
        "max_size",
        "write `max_size = \"10MiB\"`",
    ),
    same(&["max_backups", "backups", "max_files"], "keep"),
];

const DEPENDENCY_WORDS: &[ForeignKey] = &[same(&["state", "until", "when"], "condition")];

/// Values that other tools have for ours.
pub(crate) const VALUES: &[(&str, &str)] = &[
    ("no", "never"),
    ("false", "never"),
    ("yes", "always"),
    ("true", "always"),
    ("unless-stopped", "always"),
    ("unexpected", "on-failure"),
    ("exit_on_failure", "never"),
    ("process_started", "started"),
    ("service_started", "started"),
    ("process_healthy", "ready"),
    ("service_healthy", "ready"),
    ("healthy", "ready"),
    ("process_log_ready", "ready"),
    ("process_completed", "completed"),
    ("process_completed_successfully", "succeeded"),
    ("service_completed_successfully", "succeeded"),
];
