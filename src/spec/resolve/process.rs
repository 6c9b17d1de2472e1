//! Resolves one process or job: merged layers with all defaults filled in.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;

use super::super::fault::Fault;
use super::super::procfile::tree::{TableNode, Value, ValueNode};
use super::super::{
    Check, CommandLine, Condition, Dependency, LogPolicy, Name, ProcessKind, ProcessSpec, Restart,
    RetryPolicy, StdinKind, StopPolicy,
};
use super::environment::{EnvFiles, EnvironmentOwner};
use super::layers::OptionLayers;
use super::{DEFAULT, Diagnostics, MergedProcess, ProjectPaths, checks, dependencies, watch};

/// Builds processes from members of the merged files.
pub(super) struct Resolver<'a> {
    dir: &'a Path,
    root: &'a TableNode,
    shell: Vec<String>,
    stop: StopPolicy,
    broken: bool,
    env_files: &'a EnvFiles<'a>,
    /// The processes named by `run:NAME` of a watch.
    run_first: BTreeSet<&'a str>,
    findings: &'a mut Diagnostics,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(
        home: &'a ProjectPaths,
        root: &'a TableNode,
        broken: bool,
        env_files: &'a EnvFiles<'a>,
        findings: &'a mut Diagnostics,
    ) -> Self {
        let keys = root.table("project");
        let shell: Vec<String> =
            keys.into_iter().flat_map(|keys| keys.texts("shell")).map(str::to_owned).collect();
        let usual = || vec!["/bin/sh".to_owned(), "-c".to_owned()];
        Self {
            dir: &home.dir,
            root,
            shell: if shell.is_empty() { usual() } else { shell },
            stop: StopPolicy::default(),
            broken,
            env_files,
            run_first: BTreeSet::new(),
            findings,
        }
    }

    /// Sets the processes that a watch runs first.
    pub(super) fn runs_first(mut self, names: impl Iterator<Item = &'a str>) -> Self {
        self.run_first.extend(names);
        self
    }

    pub(super) fn process(
        &mut self,
        member: &MergedProcess<'_>,
        layers: &OptionLayers<'_>,
    ) -> ProcessSpec {
        let keys = &layers.merged;
        let pool = member.job_of.or_else(|| keys.text("pool"));
        let is_in_pool = pool.is_some();
        let owner = EnvironmentOwner { name: &member.name, root: self.root, layers, is_in_pool };
        let env = self.env_files.environment(owner, self.findings);
        self.contradictions(member, layers);
        ProcessSpec {
            name: Name::new(&member.name),
            kind: member.kind,
            command: self.own_command(member, keys),
            description: keys.text("description").map(str::to_owned),
            cwd: keys.text("cwd").map_or_else(|| self.dir.to_owned(), |cwd| self.dir.join(cwd)),
            env,
            port: keys.integer("port"),
            port_busy: keys.choice("port_busy").unwrap_or_default(),
            color: keys.choice("color").unwrap_or_default(),
            stdin: self.stdin(member, keys),
            depends_on: depends_on(keys),
            ready: self.check(keys, "ready"),
            health: self.check(keys, "health"),
            restart: self.restart(keys, pool),
            retry: self.retry(keys, pool),
            timeout: keys.duration("timeout"),
            idle_timeout: keys.duration("idle_timeout"),
            stop: self.stop_policy(keys.table("stop")),
            success_exit_codes: success_exit_codes(keys),
            replicas: keys.integer("replicas"),
            pool: pool.map(Name::new),
            autostart: keys.boolean("autostart").unwrap_or(true),
            tags: keys.texts("tags").map(Name::new).collect(),
            shutdown_on: keys.choice("shutdown_on").unwrap_or_default(),
            log: self.log(&member.name, keys),
            watch: watch::watch(keys),
        }
    }

    /// Returns the default input. A process that lasts as long as the project gets an input that stays
    /// open, because a watcher would exit at the end of its input. A job gets none, because a program such
    /// as `rg` would wait for it.
    fn stdin(&self, member: &MergedProcess<'_>, keys: &TableNode) -> StdinKind {
        let is_for_its_result =
            member.kind == ProcessKind::Job || self.run_first.contains(member.name.as_str());
        let usual = if is_for_its_result { StdinKind::Null } else { StdinKind::Open };
        keys.choice("stdin").unwrap_or(usual)
    }

    /// Rejects combinations of valid keys that contradict each other.
    fn contradictions(&mut self, member: &MergedProcess<'_>, layers: &OptionLayers<'_>) {
        let keys = &layers.merged;
        if let (Some(restart), Some(retry)) = (keys.entry("restart"), keys.entry("retry")) {
            // Overriding a set that names a policy with "never" is the way to opt out of it.
            let in_vain = layers.strength("retry") >= layers.strength("restart");
            if keys.choice("restart") == Some(Restart::Never) && in_vain {
                let message = "a retry policy together with `restart = \"never\"`";
                let fault = Fault::at(&retry.key, message).also(&restart.key, "never restarted");
                let hint = "remove one of the two";
                self.findings.faults.push(fault.with_hint(hint));
            }
        }
        let port: Option<u16> = keys.integer("port");
        let replicas: Option<u32> = keys.integer("replicas");
        if let (Some(port), Some(replicas), Some(entry)) = (port, replicas, keys.entry("replicas"))
            && u32::from(port) + replicas - 1 > u32::from(u16::MAX)
        {
            let message = format!("{replicas} replicas from port {port} on need ports above 65535");
            self.findings.faults.push(Fault::at(&entry.node.place, message));
        }
        self.findings.faults.extend(watch::runs_itself(&member.name, keys));
        for check in ["ready", "health"] {
            let Some(check) = keys.table(check).filter(|_| !keys.has("port")) else { continue };
            let tcp = check.get("tcp").filter(|node| node.text() == Some("port"));
            let path = |node: &&ValueNode| node.text().is_some_and(|url| url.starts_with('/'));
            if let Some(node) = tcp.or_else(|| check.get("http").filter(path)) {
                let message =
                    format!("this check means the port of `{}`, which has none", member.name);
                let fault =
                    Fault::at(&node.place, message).with_hint("give it one with `port = 8080`");
                self.findings.faults.push(fault);
            }
        }
    }

    fn own_command(&mut self, member: &MergedProcess<'_>, keys: &TableNode) -> CommandLine {
        let told = self.broken || keys.has("command") || member.kind == ProcessKind::Job;
        if !told {
            let message = format!("process `{}` has no command", member.name);
            let fault = Fault::at(member.place, message);
            self.findings.faults.push(fault.with_hint("say how to run it: `command = \"…\"`"));
        }
        let nothing = CommandLine::Argv(vec![String::new()]);
        keys.get("command").and_then(|node| self.command(node)).unwrap_or(nothing)
    }

    fn command(&self, node: &ValueNode) -> Option<CommandLine> {
        if let Some(script) = node.text() {
            let shell = self.shell.clone();
            return Some(CommandLine::Shell { shell, script: script.to_owned() });
        }
        let argv: Vec<String> =
            node.items()?.iter().filter_map(ValueNode::text).map(str::to_owned).collect();
        (!argv.is_empty()).then_some(CommandLine::Argv(argv))
    }

    fn check(&self, keys: &TableNode, which: &str) -> Option<Check> {
        checks::check(keys.table(which)?, self.dir, |node| self.command(node))
    }

    /// The retry that is named by the process, its sets or its pool.
    fn named_retry<'k>(&self, keys: &'k TableNode, pool: Option<&str>) -> Option<&'k ValueNode>
    where
        'a: 'k,
    {
        let pools = self.root.table("pool");
        let of_pool = || pools?.table(pool?)?.get("retry");
        keys.get("retry").or_else(of_pool)
    }

    fn restart(&self, keys: &TableNode, pool: Option<&str>) -> Restart {
        let is_retried = keys.has("health") || self.named_retry(keys, pool).is_some();
        let usual = if is_retried { Restart::OnFailure } else { Restart::Never };
        keys.choice("restart").unwrap_or(usual)
    }

    fn retry(&self, keys: &TableNode, pool: Option<&str>) -> RetryPolicy {
        let policies = self.root.table("retry");
        let policy = |name| policies.and_then(|policies| policies.table(name));
        let usual = inherit(RetryPolicy::default(), policy(DEFAULT));
        let Some(node) = self.named_retry(keys, pool) else { return usual };
        inherit(usual, node.table().or_else(|| policy(node.text()?)))
    }

    fn stop_policy(&self, keys: Option<&TableNode>) -> StopPolicy {
        let mut stop = self.stop.clone();
        let Some(keys) = keys else { return stop };
        if let Some(signal) = keys.text("signal").and_then(|signal| signal.parse().ok()) {
            stop.signal = signal;
        }
        if let Some(grace) = keys.duration("grace") {
            stop.grace = grace;
        }
        stop.command = keys.get("command").and_then(|node| self.command(node));
        stop.strays = keys.choice("strays").unwrap_or_default();
        if keys.has("keep") {
            stop.keep = Arc::new(keys.texts("keep").map(str::to_owned).collect());
        }
        stop
    }

    fn log(&self, name: &str, keys: &TableNode) -> Option<LogPolicy> {
        let node = keys.get("log");
        if node.is_some_and(|node| node.table().is_none()) {
            return None;
        }
        let own = node.and_then(ValueNode::table);
        let project = self.root.table("project").and_then(|project| project.table("log"));
        let file = own.and_then(|own| own.text("file")).map(|file| self.dir.join(file));
        let in_folder = || {
            let dir = project?.text("dir")?;
            Some(self.dir.join(dir).join(format!("{name}.log")))
        };
        let layers = [own, project];
        let mut layers = layers.iter().flatten();
        Some(LogPolicy {
            file: file.or_else(in_folder)?,
            max_size: layers.clone().find_map(|keys| keys.size("max_size")).unwrap_or(10 << 20),
            keep: layers.find_map(|keys| keys.integer("keep")).unwrap_or(5),
        })
    }
}

/// `policy`, with what `keys` say put in its place.
fn inherit(policy: RetryPolicy, keys: Option<&TableNode>) -> RetryPolicy {
    let Some(keys) = keys else { return policy };
    let backoff = keys.table("backoff");
    let wait = |key| backoff.and_then(|backoff: &TableNode| backoff.duration(key));
    let number = |key| backoff.and_then(|backoff: &TableNode| backoff.float(key));
    RetryPolicy {
        attempts: match keys.get("attempts").map(|node| &node.value) {
            Some(Value::Text(_)) => None,
            Some(Value::Integer(_)) => keys.integer("attempts"),
            _ => policy.attempts,
        },
        initial: wait("initial").unwrap_or(policy.initial),
        factor: number("factor").unwrap_or(policy.factor),
        max: wait("max").unwrap_or(policy.max),
        jitter: number("jitter").unwrap_or(policy.jitter),
        reset_after: keys.duration("reset_after").unwrap_or(policy.reset_after),
    }
}

fn depends_on(keys: &TableNode) -> IndexMap<Name, Dependency> {
    let one = |(name, _, value): (&str, _, Option<&ValueNode>)| {
        let long = value.and_then(ValueNode::table);
        let word = value.and_then(ValueNode::text).or_else(|| long?.text("condition"));
        let condition = word.and_then(|word| word.parse().ok()).unwrap_or(Condition::Ready);
        let restart = long.and_then(|long| long.boolean("restart")).unwrap_or(false);
        (Name::new(name), Dependency { condition, restart })
    };
    dependencies(keys).into_iter().map(one).collect()
}

fn success_exit_codes(keys: &TableNode) -> BTreeSet<i32> {
    let code = |node: &ValueNode| {
        let Value::Integer(code) = node.value else { return None };
        i32::try_from(code).ok()
    };
    let codes: BTreeSet<i32> = keys.items("success_exit_codes").iter().filter_map(code).collect();
    if codes.is_empty() { BTreeSet::from([0]) } else { codes }
}
