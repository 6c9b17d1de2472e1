//! Resolves the environment of a process from its layers and env files.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use indexmap::IndexMap;

use super::super::Environment;
use super::super::env_file::{
    BareNameValue, EnvContent, EnvFile, EnvPipes, LowerLayers, is_descriptor, read,
};
use super::super::environment::{EnvValue, NEVER_INHERITED};
use super::super::fault::{Fault, shown_path};
use super::super::port::port_variable;
use super::super::procfile::tree::{TableNode, ValueNode};
use super::Diagnostics;
use super::layers::OptionLayers;

/// Variables that pitcrew sets for every child; values in the file are ignored.
const OURS: &[&str] =
    &["PITCREW_SESSION", "PITCREW_PROCESS", "PITCREW_RUN", "PITCREW_REPLICA", "PITCREW_POOL"];

/// The context for reading env files.
pub(crate) struct EnvReading<'a> {
    /// Pitcrew's own environment.
    pub(crate) inherited: HashMap<OsString, OsString>,
    pub(crate) pipes: EnvPipes,
    /// Called with the path of a pipe that has been silent for a second.
    pub(crate) waiting: &'a dyn Fn(&Path),
}

impl fmt::Debug for EnvReading<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The environment holds secrets.
        f.debug_struct("EnvReading").field("pipes", &self.pipes).finish_non_exhaustive()
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
#[derive(Debug)]
pub(super) struct EnvFiles<'a> {
    dir: &'a Path,
    reading: &'a EnvReading<'a>,
    ports: PortVariables,
    read: RefCell<BTreeMap<PathBuf, EnvFileState>>,
}

/// The variables in which pitcrew tells the ports of all processes: `PITCREW_PORT_WEB`, and of a process with
/// replicas `PITCREW_PORT_WEB_1` and so on.
#[derive(Debug, Default)]
pub(super) struct PortVariables {
    /// The number of replicas by the variable of the process.
    replicas: BTreeMap<String, u32>,
}

impl PortVariables {
    pub(super) fn add(&mut self, process: &str, replicas: u32) {
        self.replicas.insert(port_variable(process), replicas);
    }

    fn contains(&self, name: &str) -> bool {
        let is_replica = |(process, number): (&str, &str)| {
            let count = self.replicas.get(process).copied().unwrap_or(0);
            let number = number.parse().ok().filter(|n: &u32| n.to_string() == number);
            number.is_some_and(|number| (1..=count).contains(&number))
        };
        self.replicas.contains_key(name) || name.rsplit_once('_').is_some_and(is_replica)
    }
}

/// The process whose environment is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct EnvironmentOwner<'a> {
    pub(super) name: &'a str,
    pub(super) root: &'a TableNode,
    pub(super) layers: &'a OptionLayers<'a>,
    pub(super) is_in_pool: bool,
}

impl<'a> EnvFiles<'a> {
    pub(super) fn new(dir: &'a Path, reading: &'a EnvReading<'a>, ports: PortVariables) -> Self {
        Self { dir, reading, ports, read: RefCell::default() }
    }

    /// Returns all env files that were looked for, sorted by name: first the files, then the pipes, devices
    /// and descriptors.
    pub(super) fn paths(self) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let all = self.read.into_inner().into_iter();
        let (pipes, files): (Vec<_>, Vec<_>) = all.partition(|(path, read)| {
            matches!(read, EnvFileState::Pipe(_) | EnvFileState::Skipped) || is_descriptor(path)
        });
        let paths =
            |all: Vec<(PathBuf, EnvFileState)>| all.into_iter().map(|(path, _)| path).collect();
        (paths(files), paths(pipes))
    }

    /// Builds the environment of one process from the weakest layer on: project, option sets, own keys;
    /// in each of them the env files come first, then `env`.
    pub(super) fn environment(
        &self,
        owner: EnvironmentOwner<'_>,
        findings: &mut Diagnostics,
    ) -> Environment {
        let keys = &owner.layers.merged;
        let mut so_far = EnvironmentBuilder {
            owner,
            reading: self.reading,
            ports: &self.ports,
            inherit: keys.boolean("inherit_env").unwrap_or(true),
            unset: keys.texts("unset_env").map(str::to_owned).collect(),
            set: IndexMap::new(),
            added: IndexMap::new(),
            is_incomplete: false,
        };
        let mut names_port = false;
        let project = owner.root.table("project");
        for table in project.into_iter().chain(owner.layers.tables.iter().copied()) {
            self.layer(table, &mut so_far, findings);
            if owner.layers.own().is_some_and(|own| std::ptr::eq(own, table)) {
                names_port = so_far.added.contains_key("PORT");
            }
            let added = std::mem::take(&mut so_far.added);
            so_far.set.extend(added);
        }
        let EnvironmentBuilder { inherit, unset, set, .. } = so_far;
        Environment { inherit, unset, set, names_port }
    }

    /// Adds the variables of one table.
    fn layer(
        &self,
        table: &TableNode,
        so_far: &mut EnvironmentBuilder<'_>,
        findings: &mut Diagnostics,
    ) {
        for node in table.items("env_file") {
            match self.file(node, findings) {
                EnvFileState::File(file) | EnvFileState::Pipe(file) => {
                    let expanded = file.expand(so_far);
                    findings.faults.extend(expanded.mistakes);
                    findings.warnings.extend(expanded.warnings);
                    let ours = expanded.variables.keys().filter(|name| self.is_ours(name));
                    let places = ours.filter_map(|name| Some((name, file.place_of(name)?)));
                    findings.warnings.extend(places.map(|(name, place)| overridden(name, &place)));
                    so_far.added.extend(expanded.variables);
                }
                EnvFileState::Skipped => so_far.is_incomplete = true,
                EnvFileState::Missing | EnvFileState::Unreadable => {}
            }
        }
        for (name, entry) in table.table("env").into_iter().flat_map(TableNode::iter) {
            if self.is_ours(name) {
                findings.warnings.push(overridden(name, &entry.key));
            }
            if let Some(value) = entry.node.text() {
                so_far.added.insert(name.to_owned(), value.into());
            }
        }
        so_far.added.retain(|name, _| !self.is_ours(name));
    }

    /// Whether pitcrew sets a variable for every process, over all files.
    fn is_ours(&self, name: &str) -> bool {
        OURS.contains(&name) || self.ports.contains(name)
    }

    fn file(&self, node: &ValueNode, findings: &mut Diagnostics) -> EnvFileState {
        let Some(text) = node.text() else { return EnvFileState::Unreadable };
        let (name, may_be_missing) = match text.strip_suffix('?') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let path = self.dir.join(name);
        let known = self.read.borrow().get(&path).cloned();
        let read = known.unwrap_or_else(|| {
            let read = self.read(&path, node, findings);
            self.read.borrow_mut().insert(path.clone(), read.clone());
            read
        });
        if matches!(read, EnvFileState::Missing) && !may_be_missing {
            let message = format!("there is no env file {}", shown_path(&path));
            let hint = "append `?` to its name if it may be missing";
            findings.faults.push(Fault::at(&node.place, message).with_hint(hint));
        }
        read
    }

    fn read(&self, path: &Path, node: &ValueNode, findings: &mut Diagnostics) -> EnvFileState {
        let parse = |bytes: &[u8], findings: &mut Diagnostics| {
            let file = EnvFile::parse(path.to_owned(), bytes);
            findings.faults.extend_from_slice(file.mistakes());
            findings.warnings.extend_from_slice(file.warnings());
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

fn overridden(name: &str, place: &super::SourceSpan) -> Fault {
    Fault::at(place, format!("`{name}` is set by pitcrew; this value is ignored"))
}

/// What a process has so far.
struct EnvironmentBuilder<'a> {
    owner: EnvironmentOwner<'a>,
    reading: &'a EnvReading<'a>,
    ports: &'a PortVariables,
    inherit: bool,
    unset: Vec<String>,
    /// Set by lower layers.
    set: IndexMap<String, EnvValue>,
    /// Set by the current layer.
    added: IndexMap<String, EnvValue>,
    is_incomplete: bool,
}

impl EnvironmentBuilder<'_> {
    fn own(&self, name: &str) -> Option<EnvValue> {
        self.reading.inherited.get(OsStr::new(name)).cloned().map(EnvValue::from)
    }

    /// The value that the process inherits. `PWD` is its own working folder, not that of pitcrew.
    fn inherited(&self, name: &str) -> Option<EnvValue> {
        let is_working_folder = name == "PWD" && self.inherit;
        let value =
            || if is_working_folder { Some(EnvValue::set_at_start(name)) } else { self.own(name) };
        value().filter(|_| self.is_passed_on(name))
    }

    fn is_passed_on(&self, name: &str) -> bool {
        let is_unset = self.unset.iter().any(|unset| unset == name);
        self.inherit && !is_unset && !NEVER_INHERITED.contains(&name)
    }

    /// Whether pitcrew sets a variable at the start of the process, over lower layers.
    fn is_set_at_start(&self, name: &str) -> bool {
        let EnvironmentOwner { layers, is_in_pool, .. } = self.owner;
        match name {
            "PORT" => layers.merged.has("port"),
            "PITCREW_SESSION" | "PITCREW_PROCESS" | "PITCREW_RUN" => true,
            "PITCREW_REPLICA" => layers.merged.has("replicas"),
            "PITCREW_POOL" => is_in_pool,
            name => self.ports.contains(name),
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

    fn set_alone(&self, name: &str) -> BareNameValue {
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
        let process = self.owner.name;
        if name == "PORT" {
            let none = format!("`{process}` has no `port`, which would set it");
            return Some(format!("{none}; `${{PORT:-3000}}` is 3000 then"));
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
        let inherited = self.reading.inherited.keys().filter_map(|name| name.to_str());
        let inherited = inherited.filter(|name| self.is_passed_on(name)).map(str::to_owned);
        set.chain(inherited).chain(self.ports.replicas.keys().cloned()).collect()
    }
}
