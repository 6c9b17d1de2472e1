//! `watch`, resolved.

use std::sync::Arc;

use super::super::WatchSpec;
use super::super::fault::Fault;
use super::super::procfile::tree::{TableNode, ValueNode};

/// What a process watches, if it does.
pub(super) fn watch(keys: &TableNode) -> Option<Arc<WatchSpec>> {
    let node = keys.get("watch")?;
    let usual = WatchSpec::default();
    let Some(table) = node.table() else {
        let paths = node.items()?.iter().filter_map(ValueNode::text).map(str::to_owned).collect();
        return Some(Arc::new(WatchSpec { paths, ..usual }));
    };
    let texts = |key| table.texts(key).map(str::to_owned).collect();
    Some(Arc::new(WatchSpec {
        paths: texts("paths"),
        ignore: texts("ignore"),
        gitignore: table.boolean("gitignore").unwrap_or(usual.gitignore),
        debounce: table.duration("debounce").unwrap_or(usual.debounce),
        action: table.choice("action").unwrap_or(usual.action),
        suspend_after: table.integer("suspend_after").unwrap_or(usual.suspend_after),
    }))
}

/// The process or job that a watch runs first.
pub(super) fn runs_first(keys: &TableNode) -> Option<&str> {
    keys.table("watch")?.text("action")?.strip_prefix("run:")
}

/// A process that has to run before its own new run.
pub(super) fn runs_itself(name: &str, keys: &TableNode) -> Option<Fault> {
    let node = keys.table("watch")?.get("action")?;
    (runs_first(keys)? == name).then(|| {
        let message = format!("process `{name}` runs itself first");
        let hint = "name what builds it, or leave `action` out to restart it";
        Fault::at(&node.place, message).with_hint(hint)
    })
}
