//! Resolves target names: `NAME`, `NAME.N`, `@TAG`, `POOL`, `all`.

use indexmap::IndexSet;

use super::lifecycle::Lifecycle;
use super::{ProcessId, Supervisor};
use crate::spec::{self, Name, ProcessKind, ProcessSpec, Spec};

/// A name that does not exist in this project.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown name `{name}`{}", spec::suggestion(self.nearest.as_deref()))]
pub struct UnknownName {
    pub name: String,
    /// The most similar existing name.
    pub nearest: Option<String>,
}

impl UnknownName {
    /// Finds the most similar of the known names; of `web.3` the process `web` counts too.
    pub fn new<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Self {
        let nearest = spec::nearest(name, known.clone());
        let nearest = nearest.or_else(|| spec::nearest(name.rsplit_once('.')?.0, known));
        Self { name: name.to_owned(), nearest: nearest.map(str::to_owned) }
    }
}

/// The kind of names that an argument accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameKind {
    /// NAME, NAME.N, @TAG, POOL or all.
    Several,
    /// One process, replica or job.
    One,
    /// A process of the file, for all its replicas.
    Process,
    /// One process or replica with a terminal.
    Terminal,
    Pool,
}

/// The meaning of one name on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `all`
    All,
    /// `@TAG`
    Tag(String),
    /// A pool: all processes that use its slots.
    Pool(String),
    /// A process with its replicas, one replica, or a job.
    Process(String),
}

impl Target {
    fn of(name: &str, spec: &Spec) -> Self {
        if name == "all" {
            Self::All
        } else if let Some(tag) = name.strip_prefix('@') {
            Self::Tag(tag.to_owned())
        } else if spec.pools.contains_key(name) {
            Self::Pool(name.to_owned())
        } else {
            Self::Process(name.to_owned())
        }
    }

    fn includes_member(&self, process: &Lifecycle) -> bool {
        self.includes(&process.name, process.replica, &process.spec)
    }

    /// Whether the target includes the process or replica `name` with this spec.
    pub fn includes(&self, name: &Name, replica: Option<u32>, spec: &ProcessSpec) -> bool {
        match self {
            Self::All => true,
            Self::Tag(tag) => spec.tags.contains(tag.as_str()),
            Self::Pool(pool) => spec.pool.as_ref().is_some_and(|name| name.as_str() == pool),
            Self::Process(wanted) => {
                let is_first = || wanted.strip_suffix(".1") == Some(spec.name.as_str());
                // A process without `replicas` has a plain name, and is also `NAME.1`.
                spec.name.as_str() == wanted
                    || name.as_str() == wanted
                    || replica.is_none() && is_first()
            }
        }
    }
}

impl Supervisor {
    /// Resolves names of the command line to targets, which stay valid when members are added or
    /// removed.
    pub fn targets(&self, names: &[String]) -> Result<Vec<Target>, UnknownName> {
        let target = |name: &String| {
            let target = Target::of(name, &self.spec);
            let may_be_empty = matches!(target, Target::All | Target::Pool(_));
            let mut members = self.members.iter();
            if may_be_empty || members.any(|process| target.includes_member(process)) {
                Ok(target)
            } else {
                Err(self.unknown_name(name, NameKind::Several))
            }
        };
        names.iter().map(target).collect()
    }

    /// Returns the members that names of the command line mean now, each once, in the order of the
    /// names.
    pub fn select(&self, names: &[String]) -> Result<Vec<ProcessId>, UnknownName> {
        let mut selected = IndexSet::new();
        for target in self.targets(names)? {
            selected.extend(self.members.ids_where(|process| target.includes_member(process)));
        }
        Ok(selected.into_iter().collect())
    }

    /// Returns the error for a name that is not of this kind, with the most similar name of the kind.
    pub fn unknown_name(&self, name: &str, kind: NameKind) -> UnknownName {
        let names_of =
            |process: &Lifecycle| [process.spec.name.to_string(), process.name.to_string()];
        let members = self.members.iter();
        let pools = self.spec.pools.keys().map(Name::to_string);
        let known: Vec<String> = match kind {
            NameKind::Several => {
                let tags = self.members.iter().flat_map(|process| &process.spec.tags);
                let tags = tags.map(|tag| format!("@{tag}"));
                members.flat_map(names_of).chain(pools).chain(tags).collect()
            }
            NameKind::One => members.flat_map(names_of).collect(),
            NameKind::Process => {
                let specs = self.spec.processes.values();
                let processes = specs.filter(|spec| spec.kind == ProcessKind::Process);
                processes.map(|spec| spec.name.to_string()).collect()
            }
            NameKind::Terminal => {
                members.filter(|process| process.spec.tty).flat_map(names_of).collect()
            }
            NameKind::Pool => pools.collect(),
        };
        UnknownName::new(name, known.iter().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::NameKind;
    use crate::machine::{Supervisor, SupervisorOptions};
    use crate::spec::{ProjectLocator, load};

    #[test]
    fn an_unknown_name_names_the_nearest() {
        let folder = tempfile::tempdir().unwrap();
        let text = "[process]\nweb = 'x'\napi = { command = 'x', tags = ['backend'] }\n\
            worker = { command = 'x', replicas = 2 }\n\
            [pool.build]\nconcurrency = 1\njobs = ['x', { name = 'bundle', command = 'x' }]\n";
        std::fs::write(folder.path().join("procfile.toml"), text).unwrap();
        let locate =
            ProjectLocator { files: Vec::new(), dir: folder.path().to_owned(), stdin: None };
        let supervisor = Supervisor::new(load(&locate).unwrap().spec, SupervisorOptions::default());
        for (name, expected) in [
            ("wbe", Some("web")),
            ("aip", Some("api")),
            ("wb", Some("web")),
            ("wbe.1", Some("web")),
            ("web.3", Some("web")),
            ("wroker", Some("worker")),
            ("worker.22", Some("worker.2")),
            ("biuld", Some("build")),
            ("build.11", Some("build.1")),
            ("bundel", Some("bundle")),
            ("@bakend", Some("@backend")),
            ("backnd", Some("@backend")),
            ("zzzzzz", None),
        ] {
            let error = supervisor.select(&[name.to_owned()]).unwrap_err();
            assert_eq!(error.nearest.as_deref(), expected, "{name}");
        }
        for (name, kind, expected) in [
            ("wbe", NameKind::Pool, None),
            ("biuld", NameKind::Pool, Some("build")),
            ("biuld", NameKind::Process, None),
            ("bundel", NameKind::Process, None),
            ("bundel", NameKind::One, Some("bundle")),
            ("@bakend", NameKind::One, None),
        ] {
            let error = supervisor.unknown_name(name, kind);
            assert_eq!(error.nearest.as_deref(), expected, "{name} {kind:?}");
        }
    }
}
