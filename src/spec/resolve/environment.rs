//! Resolves the environment of a process from its layers and env files.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use indexmap::IndexMap;

use super::super::Environment;
use super::super::env_file::{
    BareNameValue, EnvContent, EnvFile, EnvPipes, LowerLayers, is_descriptor, read,
};
use super::super::environment::{EnvValue, NEVER_INHERITED};
use super::super::fault::{Fault, SourceSpan, shown_path};
use super::super::port::port_variable;
use super::super::procfile::tree::{TableNode, ValueNode};
use super::{Diagnostics, MergedProcess};

/// Variables that pitcrew sets for every child; values in the file are ignored.
const SET_BY_PITCREW: &[&str] =
    &["PITCREW_SESSION", "PITCREW_PROCESS", "PITCREW_RUN", "PITCREW_REPLICA", "PITCREW_POOL"];

/// The context for reading env files. It has no `Debug`: the environment holds secrets.
pub(crate) struct EnvReading<'a> {
    /// Pitcrew's own environment.
    pub(crate) inherited: HashMap<OsString, OsString>,
    pub(crate) pipes: EnvPipes,
    /// Called with the path of a pipe that has been silent for a second.
    pub(crate) waiting: &'a dyn Fn(&Path),
}

impl<'a> EnvReading<'a> {
    /// Uses the environment of this process.
    pub(crate) fn inheriting(pipes: EnvPipes, waiting: &'a dyn Fn(&Path)) -> Self {
        Self { inherited: std::env::vars_os().collect(), pipes, waiting }
    }
}

/// The state of an env file.
#[derive(Debug, Clone)]
enum EnvFileState {
    Missing,
    /// It cannot be read, which was reported.
    Unreadable,
    /// What it holds is unknown.
    Skipped,
    File(Rc<EnvFile>),
    Pipe(Rc<EnvFile>),
}

/// The env files of a project, each read once.
pub(super) struct EnvFiles<'a> {
    dir: &'a Path,
    root: &'a TableNode,
    reading: &'a EnvReading<'a>,
    ports: PortVariableNames,
    read: RefCell<BTreeMap<PathBuf, EnvFileState>>,
}

/// The variables in which pitcrew passes the ports of all processes: `PITCREW_PORT_WEB`, and of a process
/// with replicas `PITCREW_PORT_WEB_1` and so on. The number of replicas by the variable of the process.
#[derive(Debug)]
struct PortVariableNames(BTreeMap<String, u32>);

impl PortVariableNames {
    fn of(members: &[MergedProcess<'_>]) -> Self {
        let members = members.iter().filter(|member| member.keys.has("port"));
        let replicas = |member: &MergedProcess<'_>| member.keys.integer("replicas").unwrap_or(0);
        Self(members.map(|member| (port_variable(&member.name), replicas(member))).collect())
    }

    fn contains(&self, name: &str) -> bool {
        let is_replica = |(process, number): (&str, &str)| {
            let count = self.0.get(process).copied().unwrap_or(0);
            let number = number.parse().ok().filter(|n: &u32| n.to_string() == number);
            number.is_some_and(|number| (1..=count).contains(&number))
        };
        self.0.contains_key(name) || name.rsplit_once('_').is_some_and(is_replica)
    }
}

impl<'a> EnvFiles<'a> {
    pub(super) fn new(
        dir: &'a Path,
        root: &'a TableNode,
        reading: &'a EnvReading<'a>,
        members: &[MergedProcess<'_>],
    ) -> Self {
        let ports = PortVariableNames::of(members);
        Self { dir, root, reading, ports, read: RefCell::default() }
    }

    /// Returns all env files that were looked for, sorted by name: first the files, then the pipes, devices
    /// and descriptors.
    pub(super) fn paths(self) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let (mut files, mut pipes) = (Vec::new(), Vec::new());
        for (path, state) in self.read.into_inner() {
            let is_pipe = matches!(state, EnvFileState::Pipe(_) | EnvFileState::Skipped);
            if is_pipe || is_descriptor(&path) { &mut pipes } else { &mut files }.push(path);
        }
        (files, pipes)
    }

    /// Builds the environment of one process from the weakest layer on: project, option sets, own keys;
    /// in each of them the env files come first, then `env`.
    pub(super) fn environment(
        &self,
        member: &MergedProcess<'_>,
        findings: &mut Diagnostics,
    ) -> Environment {
        let mut builder = EnvironmentBuilder {
            member,
            files: self,
            inherit: member.keys.boolean("inherit_env").unwrap_or(true),
            unset: member.keys.texts("unset_env").collect(),
            set: IndexMap::new(),
            added: IndexMap::new(),
            is_incomplete: false,
        };
        let mut names_port = false;
        for table in self.root.table("project").into_iter().chain(member.layers.iter().copied()) {
            self.layer(table, &mut builder, findings);
            // True in the end if the last layer, its own keys, sets it.
            names_port = builder.added.contains_key("PORT");
            let added = std::mem::take(&mut builder.added);
            builder.set.extend(added);
        }
        let EnvironmentBuilder { inherit, unset, set, .. } = builder;
        Environment { inherit, unset, set, names_port }
    }

    /// Adds the variables of one table.
    fn layer(
        &self,
        table: &TableNode,
        builder: &mut EnvironmentBuilder<'_>,
        findings: &mut Diagnostics,
    ) {
        for node in table.items("env_file") {
            match self.file(node, findings) {
                EnvFileState::File(file) | EnvFileState::Pipe(file) => {
                    let expanded = file.expand(builder);
                    findings.faults.extend(expanded.mistakes);
                    findings.warnings.extend(expanded.warnings);
                    let ours =
                        expanded.variables.keys().filter(|name| self.is_set_by_pitcrew(name));
                    let places = ours.filter_map(|name| Some((name, file.place_of(name)?)));
                    findings.warnings.extend(places.map(|(name, place)| overridden(name, &place)));
                    builder.added.extend(expanded.variables);
                }
                EnvFileState::Skipped => builder.is_incomplete = true,
                EnvFileState::Missing | EnvFileState::Unreadable => {}
            }
        }
        for (name, entry) in table.table("env").into_iter().flat_map(TableNode::iter) {
            if self.is_set_by_pitcrew(name) {
                findings.warnings.push(overridden(name, &entry.key));
            }
            if let Some(value) = entry.node.text() {
                builder.added.insert(name.to_owned(), value.into());
            }
        }
        builder.added.retain(|name, _| !self.is_set_by_pitcrew(name));
    }

    /// Whether pitcrew sets a variable for every process, over all files.
    fn is_set_by_pitcrew(&self, name: &str) -> bool {
        SET_BY_PITCREW.contains(&name) || self.ports.contains(name)
    }

    fn file(&self, node: &ValueNode, findings: &mut Diagnostics) -> EnvFileState {
        let Some(text) = node.text() else { return EnvFileState::Unreadable };
        let optional = text.strip_suffix('?');
        let path = self.dir.join(optional.unwrap_or(text));
        let known = self.read.borrow().get(&path).cloned();
        let state = known.unwrap_or_else(|| {
            let state = self.read(&path, node, findings);
            self.read.borrow_mut().insert(path.clone(), state.clone());
            state
        });
        if matches!(state, EnvFileState::Missing) && optional.is_none() {
            let message = format!("env file {} does not exist", shown_path(&path));
            let hint = "append `?` to its name if it may be missing";
            findings.faults.push(Fault::at(&node.place, message).with_hint(hint));
        }
        state
    }

    fn read(&self, path: &Path, node: &ValueNode, findings: &mut Diagnostics) -> EnvFileState {
        let parse = |bytes: &[u8], findings: &mut Diagnostics| {
            let file = EnvFile::parse(path.to_owned(), bytes);
            findings.faults.extend_from_slice(&file.mistakes);
            findings.warnings.extend_from_slice(&file.warnings);
            Rc::new(file)
        };
        match read(path, self.reading.pipes, self.reading.waiting) {
            Ok(EnvContent::Missing) => EnvFileState::Missing,
            Ok(EnvContent::Skipped) => EnvFileState::Skipped,
            Ok(EnvContent::File(bytes)) => EnvFileState::File(parse(&bytes, findings)),
            Ok(EnvContent::Pipe(bytes)) => EnvFileState::Pipe(parse(&bytes, findings)),
            Err(reason) => {
                let message = format!("cannot read the env file {}: {reason}", shown_path(path));
                findings.faults.push(Fault::at(&node.place, message));
                EnvFileState::Unreadable
            }
        }
    }
}

fn overridden(name: &str, place: &SourceSpan) -> Fault {
    Fault::at(place, format!("`{name}` is set by pitcrew; this value is ignored"))
}

/// The environment of a process while its layers are added.
struct EnvironmentBuilder<'a> {
    member: &'a MergedProcess<'a>,
    files: &'a EnvFiles<'a>,
    inherit: bool,
    unset: Vec<String>,
    /// Set by lower layers.
    set: IndexMap<String, EnvValue>,
    /// Set by the current layer.
    added: IndexMap<String, EnvValue>,
    /// Whether an env file was not read.
    is_incomplete: bool,
}

impl EnvironmentBuilder<'_> {
    /// The value in pitcrew's own environment.
    fn own(&self, name: &str) -> Option<EnvValue> {
        self.files.reading.inherited.get(OsStr::new(name)).cloned().map(EnvValue::from)
    }

    /// The value that the process inherits. `PWD` is its own working folder, not that of pitcrew.
    fn inherited(&self, name: &str) -> Option<EnvValue> {
        if !self.is_passed_on(name) {
            return None;
        }
        if name == "PWD" { Some(EnvValue::set_at_start(name)) } else { self.own(name) }
    }

    fn is_passed_on(&self, name: &str) -> bool {
        let is_unset = self.unset.iter().any(|unset| unset == name);
        self.inherit && !is_unset && !NEVER_INHERITED.contains(&name)
    }

    /// Whether pitcrew sets a variable at the start of the process, over lower layers.
    fn is_set_at_start(&self, name: &str) -> bool {
        match name {
            "PORT" => self.member.keys.has("port"),
            "PITCREW_SESSION" | "PITCREW_PROCESS" | "PITCREW_RUN" => true,
            "PITCREW_REPLICA" => self.member.keys.has("replicas"),
            "PITCREW_POOL" => self.member.pool().is_some(),
            name => self.files.ports.contains(name),
        }
    }
}

impl LowerLayers for EnvironmentBuilder<'_> {
    fn value(&self, name: &str) -> Option<EnvValue> {
        if self.is_set_at_start(name) {
            return Some(EnvValue::set_at_start(name));
        }
        let set = self.added.get(name).or_else(|| self.set.get(name)).cloned();
        set.or_else(|| self.inherited(name))
    }

    fn bare_name(&self, name: &str) -> BareNameValue {
        if name == "PWD" {
            return BareNameValue::Value(EnvValue::set_at_start(name));
        }
        match (self.own(name), self.value(name)) {
            (Some(value), _) => BareNameValue::Value(value),
            (None, Some(_)) => BareNameValue::Unchanged,
            (None, None) if self.is_incomplete => BareNameValue::Unchanged,
            (None, None) => BareNameValue::Missing,
        }
    }

    fn is_incomplete(&self) -> bool {
        self.is_incomplete
    }

    fn hint(&self, name: &str) -> Option<String> {
        let process = &self.member.name;
        if name == "PORT" {
            return Some(format!(
                "`{process}` has no `port`, which would set it; `${{PORT:-3000}}` is 3000 then"
            ));
        }
        let is_withheld = self.own(name).is_some() && !self.is_passed_on(name);
        is_withheld.then(|| {
            format!(
                "it is set for pitcrew but not passed on to `{process}`: a line `{name}` without a value inherits it"
            )
        })
    }

    fn names(&self) -> Vec<String> {
        let set = self.added.keys().chain(self.set.keys()).cloned();
        let inherited = self.files.reading.inherited.keys().filter_map(|name| name.to_str());
        let inherited = inherited.filter(|name| self.is_passed_on(name)).map(str::to_owned);
        set.chain(inherited).chain(self.files.ports.0.keys().cloned()).collect()
    }
}
