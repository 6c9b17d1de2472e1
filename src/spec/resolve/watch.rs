//! Resolves `watch` to a [`WatchSpec`].

use std::sync::Arc;

use super::super::fault::{Fault, SourceSpan};
use super::super::procfile::tree::TableNode;
use super::super::{Name, WatchAction, WatchSpec};

/// Returns the watch of a process.
pub(super) fn watch(keys: &TableNode) -> Option<Arc<WatchSpec>> {
    let default = WatchSpec::default();
    let Some(table) = keys.get("watch")?.table() else {
        return Some(Arc::new(WatchSpec { paths: keys.texts("watch").collect(), ..default }));
    };
    Some(Arc::new(WatchSpec {
        paths: table.texts("paths").collect(),
        ignore: table.texts("ignore").collect(),
        gitignore: table.boolean("gitignore").unwrap_or(default.gitignore),
        debounce: table.duration("debounce").unwrap_or(default.debounce),
        action: table.word().unwrap_or(default.action),
        suspend_after: table.integer("suspend_after").unwrap_or(default.suspend_after),
    }))
}

/// Returns the process or job that a watch runs first, and where it is named.
pub(super) fn runs_first(keys: &TableNode) -> Option<(&SourceSpan, Name)> {
    let node = keys.table("watch")?.get("action")?;
    let WatchAction::Run(name) = node.word()? else { return None };
    Some((&node.place, name))
}

/// Returns the fault of a watch that runs its own process first.
pub(super) fn runs_itself(process: &str, keys: &TableNode) -> Option<Fault> {
    let (place, name) = runs_first(keys)?;
    (name.as_str() == process).then(|| {
        let message = format!("process `{process}` runs itself first");
        Fault::at(place, message)
            .with_hint("name what builds it, or leave `action` out to restart it")
    })
}
