//! Resolves target names: `NAME`, `NAME.N`, `@TAG`, `POOL`, `all`.

use indexmap::IndexSet;

use super::ProcessId;
use super::lifecycle::Lifecycle;
use super::members::Members;
use crate::spec::{self, Name, ProcessSpec, Spec};

/// A name that does not exist in this project.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown name `{name}`{}", self.hint())]
pub struct UnknownName {
    pub name: String,
    /// The most similar existing name.
    pub nearest: Option<String>,
}

impl UnknownName {
    fn hint(&self) -> String {
        self.nearest.as_ref().map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
    }
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
            Err(UnknownName { name: name.clone(), nearest: nearest(name, spec, members) })
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

fn nearest(name: &str, spec: &Spec, members: &Members) -> Option<String> {
    let tags = members.iter().flat_map(|process| &process.spec.tags);
    let names = members.iter().flat_map(|process| [&process.spec.name, &process.name]);
    let names = names.chain(spec.pools.keys()).map(Name::to_string);
    let known: Vec<String> = names.chain(tags.map(|tag| format!("@{tag}"))).collect();
    spec::nearest(name, known.iter().map(String::as_str)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
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
    }
}
