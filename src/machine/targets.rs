//! Resolves target names: `NAME`, `NAME.N`, `@TAG`, `POOL`, `all`.

use indexmap::IndexSet;

use super::ProcessId;
use super::lifecycle::Lifecycle;
use super::members::Members;
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

/// Resolves names to targets.
pub(super) fn targets(
    names: &[String],
    spec: &Spec,
    members: &Members,
) -> Result<Vec<Target>, UnknownName> {
    let target = |name: &String| {
        let target = Target::of(name, spec);
        let may_be_empty = matches!(target, Target::All | Target::Pool(_));
        if may_be_empty || members.iter().any(|process| target.includes_member(process)) {
            Ok(target)
        } else {
            Err(unknown_name(name, NameKind::Several, spec, members))
        }
    };
    names.iter().map(target).collect()
}

/// Resolves names to members, each once, in the order of the names.
pub(super) fn select(
    names: &[String],
    spec: &Spec,
    members: &Members,
) -> Result<Vec<ProcessId>, UnknownName> {
    let mut selected = IndexSet::new();
    for target in targets(names, spec, members)? {
        selected.extend(members.ids_where(|process| target.includes_member(process)));
    }
    Ok(selected.into_iter().collect())
}

/// The error for a name that is not of this kind, with the most similar name of the kind.
pub(super) fn unknown_name(
    name: &str,
    kind: NameKind,
    spec: &Spec,
    members: &Members,
) -> UnknownName {
    let processes = spec.processes.values().filter(|spec| spec.kind == ProcessKind::Process);
    let names = members.iter().flat_map(|process| [&process.spec.name, &process.name]);
    let names = names.map(Name::to_string);
    let pools = spec.pools.keys().map(Name::to_string);
    let tags = members.iter().flat_map(|process| &process.spec.tags);
    let known: Vec<String> = match kind {
        NameKind::Several => names.chain(pools).chain(tags.map(|tag| format!("@{tag}"))).collect(),
        NameKind::One => names.collect(),
        NameKind::Process => processes.map(|spec| spec.name.to_string()).collect(),
        NameKind::Terminal => {
            let with_terminal = members.iter().filter(|process| process.spec.tty);
            let names = with_terminal.flat_map(|process| [&process.spec.name, &process.name]);
            names.map(Name::to_string).collect()
        }
        NameKind::Pool => pools.collect(),
    };
    UnknownName::new(name, known.iter().map(String::as_str))
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
