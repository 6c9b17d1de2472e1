//! Random file operations, read in batches of any size: every difference is reported, by inotify
//! and by polling.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// An operation on files.
#[derive(Clone, Debug)]
enum Deed {
    Write(usize),
    Remove(usize),
    Folder(usize),
    Rename(usize, usize),
    Link(usize, usize),
    Ignore(usize, usize),
    /// Reads the events so far.
    Look,
}

const NAMES: [&str; 14] = [
    "src",
    "src/a.rs",
    "src/b.rs",
    "src/d",
    "src/d/a.rs",
    "src/d/e",
    "src/d/e/b.rs",
    "src/d/t.txt",
    "src/f",
    "src/f/e",
    "out",
    "out/a.rs",
    "out/d",
    "out/d/e",
];
const IGNORE_RULES: [&str; 4] = ["", "d\n", "*.rs\n!a.rs\n", "/src/f\n"];

fn deed() -> impl Strategy<Value = Deed> {
    let name = || 0..NAMES.len();
    prop_oneof![
        5 => name().prop_map(Deed::Write),
        2 => name().prop_map(Deed::Remove),
        2 => name().prop_map(Deed::Folder),
        3 => (name(), name()).prop_map(|(a, b)| Deed::Rename(a, b)),
        1 => (name(), name()).prop_map(|(a, b)| Deed::Link(a, b)),
        1 => (0..IGNORE_RULES.len(), 0..2_usize).prop_map(|(a, b)| Deed::Ignore(a, b)),
        4 => Just(Deed::Look),
    ]
}

/// Operations that are impossible are skipped.
fn perform(site: &Site, deed: &Deed, count: usize) {
    let path = |name: &usize| site.path(NAMES[*name]);
    _ = match deed {
        // A different size each time, because polling compares sizes.
        Deed::Write(name) => fs::write(path(name), "x".repeat(count + 1)),
        Deed::Remove(name) if path(name).is_symlink() => fs::remove_file(path(name)),
        Deed::Remove(name) if path(name).is_dir() => fs::remove_dir_all(path(name)),
        Deed::Remove(name) => fs::remove_file(path(name)),
        Deed::Folder(name) => fs::create_dir_all(path(name)),
        Deed::Rename(from, to) => fs::rename(path(from), path(to)),
        Deed::Link(goal, name) => symlink(path(goal), path(name)),
        Deed::Ignore(rules, place) => {
            let folder = ["", "src"][*place];
            fs::write(site.path(folder).join(".gitignore"), IGNORE_RULES[*rules])
        }
        Deed::Look => Ok(()),
    };
}

/// Returns the files that count with their sizes, by a simple independent walk.
fn files_now(site: &Site) -> BTreeMap<String, u64> {
    let mut walk = ignore::WalkBuilder::new(&site.top);
    walk.standard_filters(false).git_ignore(true).require_git(false).parents(false);
    let mut found = BTreeMap::new();
    for entry in walk.build().flatten() {
        let path = entry.path().strip_prefix(&site.top).unwrap().display().to_string();
        let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
        let is_rust = entry.path().extension().is_some_and(|end| end == "rs");
        if is_file && is_rust && path.starts_with("src/") {
            found.insert(path, entry.metadata().unwrap().len());
        }
    }
    found
}

fn run(kind: Kind, deeds: &[Deed]) {
    let make = |top: &Path| files(top, &["src/a.rs", "src/d/a.rs", "out/a.rs"]);
    let mut site = Site::of(kind, |top| vec![target("a", top, &["src/**/*.rs"], &[])], make);
    let (mut before, mut rules) = (files_now(&site), false);
    for (count, deed) in deeds.iter().chain([&Deed::Look]).enumerate() {
        perform(&site, deed, count);
        rules |= matches!(deed, Deed::Ignore(..));
        if !matches!(deed, Deed::Look) {
            continue;
        }
        let reported = if kind == Kind::Watched { site.settle() } else { site.poll() };
        let now = files_now(&site);
        // Files that become ignored or are no longer ignored have not changed.
        if !rules {
            let is_reported = |path: &String| {
                let of = |reported: &String| {
                    path == reported
                        || path.starts_with(&format!("{reported}/"))
                        || *reported == "."
                };
                reported.iter().any(of)
            };
            for path in now.keys().chain(before.keys()) {
                let same = now.get(path) == before.get(path);
                assert!(
                    same || is_reported(path),
                    "{path} changed, and was not reported in {reported:?}"
                );
            }
        }
        (before, rules) = (now, false);
        assert_eq!(site.settle(), [] as [&str; 0], "nothing is reported twice");
        hold(&site);
    }
}

/// The tree that is updated step by step equals a tree built from scratch.
fn hold(site: &Site) {
    let mut sitting = 0;
    for (wd, watch) in &site.tree.watches {
        sitting += watch.nodes.len();
        assert!(!watch.nodes.is_empty() || !watch.hops.is_empty(), "{wd} is watched for nobody");
        assert!(watch.nodes.iter().all(|id| site.tree.nodes.contains_key(id)));
    }
    for (id, node) in &site.tree.nodes {
        let of_parent = node.parent.map(|parent| &site.tree.nodes[&parent].children[&node.name]);
        assert_eq!(of_parent.unwrap_or(id), id);
    }
    if site.tree.kernel.is_some() && site.tree.max_folders == usize::MAX {
        assert_eq!(sitting, site.tree.nodes.len(), "everybody sits");
    }
    assert!(site.tree.polled.keys().all(|id| site.tree.nodes.contains_key(id)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_time: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_missed(deeds in proptest::collection::vec(deed(), 0..40)) {
        run(Kind::Watched, &deeds);
    }

    #[test]
    fn nothing_is_missed_by_polling(deeds in proptest::collection::vec(deed(), 0..40)) {
        run(Kind::Polled, &deeds);
    }

    #[test]
    fn nothing_is_missed_with_little_room(deeds in proptest::collection::vec(deed(), 0..40)) {
        run(Kind::Limited(6), &deeds);
    }
}
