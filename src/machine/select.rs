//! Names as people give them: `NAME`, `NAME.N`, `@TAG`, `POOL`, `all`.

use super::ProcessId;
use super::lifecycle::Lifecycle;
use super::members::Members;
use crate::spec::{self, Name, Spec};

/// A name that means nothing in this project.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown name `{name}`{}", self.hint())]
pub struct UnknownName {
    /// As it was given.
    pub name: String,
    /// The nearest name there is.
    pub nearest: Option<String>,
}

impl UnknownName {
    fn hint(&self) -> String {
        self.nearest.as_ref().map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
    }
}

/// What the names mean, every process once, in the order of the names.
pub(super) fn select(
    names: &[String],
    spec: &Spec,
    all: &Members,
) -> Result<Vec<ProcessId>, UnknownName> {
    let mut chosen = Vec::new();
    for name in names {
        let found = one(name, spec, all);
        if found.is_empty() && !spec.pools.contains_key(name.as_str()) && name != "all" {
            return Err(UnknownName { name: name.clone(), nearest: nearest(name, spec, all) });
        }
        for id in found {
            if !chosen.contains(&id) {
                chosen.push(id);
            }
        }
    }
    Ok(chosen)
}

fn one(name: &str, spec: &Spec, all: &Members) -> Vec<ProcessId> {
    let by = |test: &dyn Fn(&Lifecycle) -> bool| -> Vec<ProcessId> {
        all.iter().filter(|one| test(one)).map(|one| one.id).collect()
    };
    if name == "all" {
        return by(&|_| true);
    }
    if let Some(tag) = name.strip_prefix('@') {
        return by(&|one| one.spec.tags.contains(tag));
    }
    if let Some(pool) = spec.pools.get(name) {
        return by(&|one| one.spec.pool.as_ref() == Some(&pool.name));
    }
    let exact = by(&|one| one.spec.name.as_str() == name || one.name.as_str() == name);
    if !exact.is_empty() {
        return exact;
    }
    // Without `replicas` the name stays plain, and `worker.1` also names it.
    name.strip_suffix(".1").map_or_else(Vec::new, |plain| {
        by(&|one| one.replica.is_none() && one.spec.name.as_str() == plain)
    })
}

fn nearest(name: &str, spec: &Spec, all: &Members) -> Option<String> {
    let tags = all.iter().flat_map(|one| &one.spec.tags).map(|tag| format!("@{tag}"));
    let names = all.iter().flat_map(|one| [one.spec.name.to_string(), one.name.to_string()]);
    let pools = spec.pools.keys().map(Name::to_string);
    let known: Vec<String> = names.chain(pools).chain(tags).collect();
    spec::nearest(name, known.iter().map(String::as_str)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use crate::machine::{Options, Orchestra};
    use crate::spec::{Locate, load};

    #[test]
    fn an_unknown_name_names_the_nearest() {
        let folder = tempfile::tempdir().unwrap();
        let text = "[process]\nweb = 'x'\napi = { command = 'x', tags = ['backend'] }\n\
            worker = { command = 'x', replicas = 2 }\n\
            [pool.build]\nconcurrency = 1\njobs = ['x', { name = 'bundle', command = 'x' }]\n";
        std::fs::write(folder.path().join("procfile.toml"), text).unwrap();
        let locate = Locate { files: Vec::new(), dir: folder.path().to_owned() };
        let orchestra = Orchestra::new(load(&locate).unwrap().spec, Options::default());
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
            let error = orchestra.select(&[name.to_owned()]).unwrap_err();
            assert_eq!(error.nearest.as_deref(), expected, "{name}");
        }
    }
}
