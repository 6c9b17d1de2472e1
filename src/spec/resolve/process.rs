//! Resolves one process or job: merged layers with all defaults filled in.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;

use super::super::fault::{Fault, SourceSpan};
use super::super::process::split_at_port;
use super::super::procfile::keys::UNLIMITED;
use super::super::procfile::tree::{TableNode, ValueNode};
use super::super::{
    Check, CommandLine, Condition, Dependency, LogPolicy, Name, ProcessKind, ProcessSpec, Restart,
    RetryPolicy, StdinKind, StopPolicy,
};
use super::environment::EnvFiles;
use super::{DEFAULT, Diagnostics, MergedProcess, checks, dependencies, watch};

/// Builds processes from members of the merged files.
pub(super) struct Resolver<'a> {
    dir: &'a Path,
    pub(super) root: &'a TableNode,
    shell: Vec<String>,
    pub(super) broken: bool,
    env_files: &'a EnvFiles<'a>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(
        dir: &'a Path,
        root: &'a TableNode,
        broken: bool,
        env_files: &'a EnvFiles<'a>,
    ) -> Self {
        let project = root.table("project");
        let mut shell: Vec<String> =
            project.into_iter().flat_map(|keys| keys.texts("shell")).collect();
        if shell.is_empty() {
            shell = vec!["/bin/sh".to_owned(), "-c".to_owned()];
        }
        Self { dir, root, shell, broken, env_files }
    }

    pub(super) fn process(
        &self,
        member: &MergedProcess<'_>,
        findings: &mut Diagnostics,
    ) -> ProcessSpec {
        let keys = &member.keys;
        let env = self.env_files.environment(member, findings);
        contradictions(member, &mut findings.faults);
        if !self.broken && !keys.has("command") && member.job_of.is_none() {
            let fault =
                Fault::at(member.place, format!("process `{}` has no command", member.name));
            findings.faults.push(fault.with_hint("add `command = \"…\"`"));
        }
        let tty = keys.boolean("tty").unwrap_or(false);
        let stop = keys.table("stop");
        let names_stop = stop.is_some_and(|stop| stop.has("signal") || stop.has("command"));
        let no_command = || CommandLine::Argv(vec![String::new()]);
        ProcessSpec {
            name: Name::new(&member.name),
            kind: if member.job_of.is_some() { ProcessKind::Job } else { ProcessKind::Process },
            command: self.command(keys).unwrap_or_else(no_command),
            description: keys.text("description").map(str::to_owned),
            cwd: keys.text("cwd").map_or_else(|| self.dir.to_owned(), |cwd| self.dir.join(cwd)),
            env,
            port: keys.integer("port"),
            url: keys.text("url").map(str::to_owned),
            port_busy: keys.word().unwrap_or_default(),
            color: keys.word().unwrap_or_default(),
            stdin: keys.word().unwrap_or_else(|| default_stdin(member)),
            tty,
            hangs_up: tty && !names_stop,
            depends_on: depends_on(keys),
            ready: self.check(keys, "ready"),
            health: self.check(keys, "health"),
            restart: self.restart(member),
            retry: self.retry(member),
            timeout: keys.duration("timeout"),
            idle_timeout: keys.duration("idle_timeout"),
            stop: self.stop_policy(keys),
            success_exit_codes: success_exit_codes(keys),
            replicas: keys.integer("replicas"),
            pool: member.pool().map(Name::new),
            autostart: keys.boolean("autostart").unwrap_or(true),
            tags: keys.texts("tags").collect(),
            shutdown_on: keys.word().unwrap_or_default(),
            log: self.log(&member.name, keys),
            watch: watch::watch(keys),
        }
    }

    /// Builds a process without own keys, or a job of a pool. Its mistakes are those of other members too,
    /// or of none, so they are not reported.
    pub(super) fn template(
        &self,
        name: &str,
        place: &SourceSpan,
        job_of: Option<&str>,
    ) -> Arc<ProcessSpec> {
        let own = TableNode::default();
        let member = MergedProcess::new(self.root, name, &own, place, job_of);
        Arc::new(self.process(&member, &mut Diagnostics::default()))
    }

    /// The command of a process, a check or a stop policy.
    fn command(&self, keys: &TableNode) -> Option<CommandLine> {
        self.command_line(keys.get("command")?)
    }

    fn command_line(&self, node: &ValueNode) -> Option<CommandLine> {
        if let Some(script) = node.text() {
            let shell = self.shell.clone();
            return Some(CommandLine::Shell { shell, script: script.to_owned() });
        }
        let argv: Vec<String> =
            node.items()?.iter().filter_map(ValueNode::text).map(str::to_owned).collect();
        (!argv.is_empty()).then_some(CommandLine::Argv(argv))
    }

    fn check(&self, keys: &TableNode, role: &str) -> Option<Check> {
        checks::check(keys.table(role)?, self.dir, |node| self.command_line(node))
    }

    /// The retry that is named by the process, its sets or its pool.
    fn named_retry<'m>(&'m self, member: &'m MergedProcess<'_>) -> Option<&'m ValueNode> {
        let of_pool = || self.root.table("pool")?.table(member.pool()?)?.get("retry");
        member.keys.get("retry").or_else(of_pool)
    }

    fn restart(&self, member: &MergedProcess<'_>) -> Restart {
        let is_retried = member.keys.has("health") || self.named_retry(member).is_some();
        let default = if is_retried { Restart::OnFailure } else { Restart::Never };
        member.keys.word().unwrap_or(default)
    }

    fn retry(&self, member: &MergedProcess<'_>) -> RetryPolicy {
        let policy = |name: &str| self.root.table("retry")?.table(name);
        let default = with_keys(RetryPolicy::default(), policy(DEFAULT));
        let node = self.named_retry(member);
        let named = node.and_then(|node| node.table().or_else(|| policy(node.text()?)));
        with_keys(default, named)
    }

    fn stop_policy(&self, keys: &TableNode) -> StopPolicy {
        let default = StopPolicy::default();
        let Some(keys) = keys.table("stop") else { return default };
        let keep = || Arc::new(keys.texts("keep").collect());
        StopPolicy {
            signal: keys.word().unwrap_or(default.signal),
            grace: keys.duration("grace").unwrap_or(default.grace),
            command: self.command(keys),
            strays: keys.word().unwrap_or(default.strays),
            keep: if keys.has("keep") { keep() } else { default.keep },
        }
    }

    fn log(&self, process: &str, keys: &TableNode) -> Option<LogPolicy> {
        if keys.get("log").is_some_and(|node| node.table().is_none()) {
            return None;
        }
        let own = keys.table("log");
        let project = self.root.table("project").and_then(|project| project.table("log"));
        let file = own.and_then(|own| own.text("file")).map(|file| self.dir.join(file));
        let in_folder = || {
            let dir = project?.text("dir")?;
            Some(self.dir.join(dir).join(format!("{process}.log")))
        };
        let mut layers = own.into_iter().chain(project);
        Some(LogPolicy {
            file: file.or_else(in_folder)?,
            max_size: layers.clone().find_map(|keys| keys.size("max_size")).unwrap_or(10 << 20),
            keep: layers.find_map(|keys| keys.integer("keep")).unwrap_or(5),
        })
    }
}

/// Returns the default input. A process that lasts as long as the project gets an input that stays
/// open, because a watcher would exit at the end of its input. A job gets none, because a program such
/// as `rg` would wait for it.
fn default_stdin(member: &MergedProcess<'_>) -> StdinKind {
    let has_result = member.job_of.is_some() || member.is_run_first;
    if has_result { StdinKind::Null } else { StdinKind::Open }
}

/// Rejects combinations of valid keys that contradict each other.
fn contradictions(member: &MergedProcess<'_>, faults: &mut Vec<Fault>) {
    let keys = &member.keys;
    if let (Some(restart), Some(retry)) = (keys.entry("restart"), keys.entry("retry")) {
        // To override a set that names a policy with "never" is the way to opt out of it.
        let is_overridden = member.strength("retry") < member.strength("restart");
        if keys.word() == Some(Restart::Never) && !is_overridden {
            let message = "`retry` has no effect with `restart = \"never\"`";
            let fault =
                Fault::at(&retry.key, message).with_related(&restart.key, "never restarted");
            faults.push(fault.with_hint("remove one of the two"));
        }
    }
    if keys.boolean("tty") == Some(true)
        && let Some(tty) = keys.entry("tty")
    {
        let reasons = [
            ("stdin", "a terminal is its standard input"),
            ("color", "programs ask their terminal for colour"),
        ];
        for (name, reason) in reasons {
            // To override a set with `tty = true` is the way to opt out of it.
            let is_overridden = member.strength(name) < member.strength("tty");
            if let Some(entry) = keys.entry(name).filter(|_| !is_overridden) {
                let message = format!("`{name}` together with `tty = true`");
                let fault = Fault::at(&entry.key, message).with_related(&tty.key, reason);
                faults.push(fault.with_hint("remove one of the two"));
            }
        }
    }
    let (port, replicas): (Option<u16>, Option<u32>) =
        (keys.integer("port"), keys.integer("replicas"));
    if let (Some(port), Some(replicas), Some(entry)) = (port, replicas, keys.entry("replicas"))
        && u32::from(port) + replicas - 1 > u32::from(u16::MAX)
    {
        let message =
            format!("{replicas} replicas from port {port} on would need ports above 65535");
        faults.push(Fault::at(&entry.node.place, message));
    }
    faults.extend(watch::runs_itself(&member.name, keys));
    if keys.has("port") {
        return;
    }
    let names_port = |node: &&ValueNode| node.text().and_then(split_at_port).is_some();
    if let Some(node) = keys.get("url").filter(names_port) {
        faults.push(no_port("`:port`", member, node));
    }
    for role in ["ready", "health"] {
        let Some(check) = keys.table(role) else { continue };
        let tcp = check.get("tcp").filter(|node| node.text() == Some("port"));
        let is_path = |node: &&ValueNode| node.text().is_some_and(|url| url.starts_with('/'));
        if let Some(node) = tcp.or_else(|| check.get("http").filter(is_path)) {
            faults.push(no_port("this check", member, node));
        }
    }
}

/// The fault of a value that uses the port of a process without one.
fn no_port(what: &str, member: &MergedProcess<'_>, node: &ValueNode) -> Fault {
    let message = format!("{what} needs a `port`, which `{}` does not have", member.name);
    Fault::at(&node.place, message).with_hint("give it one with `port = 8080`")
}

/// Returns the policy with the values of `keys` in place of its own.
fn with_keys(policy: RetryPolicy, keys: Option<&TableNode>) -> RetryPolicy {
    let Some(keys) = keys else { return policy };
    let backoff = keys.table("backoff");
    let duration = |key| backoff?.duration(key);
    let number = |key| backoff?.float(key);
    RetryPolicy {
        attempts: match keys.text("attempts") {
            Some(UNLIMITED) => None,
            Some(_) | None => keys.integer("attempts").or(policy.attempts),
        },
        initial: duration("initial").unwrap_or(policy.initial),
        factor: number("factor").unwrap_or(policy.factor),
        max: duration("max").unwrap_or(policy.max),
        jitter: number("jitter").unwrap_or(policy.jitter),
        reset_after: keys.duration("reset_after").unwrap_or(policy.reset_after),
    }
}

fn depends_on(keys: &TableNode) -> IndexMap<Name, Dependency> {
    let dependency = |(name, _, value): (&str, _, Option<&ValueNode>)| {
        let table = value.and_then(ValueNode::table);
        let condition = value.and_then(ValueNode::word).or_else(|| table?.word());
        let condition = condition.unwrap_or(Condition::Ready);
        let restart = table.and_then(|table| table.boolean("restart")).unwrap_or(false);
        (Name::new(name), Dependency { condition, restart })
    };
    dependencies(keys).into_iter().map(dependency).collect()
}

fn success_exit_codes(keys: &TableNode) -> BTreeSet<i32> {
    let codes: BTreeSet<i32> = keys.integers("success_exit_codes").collect();
    if codes.is_empty() { BTreeSet::from([0]) } else { codes }
}
