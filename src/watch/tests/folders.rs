//! Tests of which folders are watched, and of folders that appear and disappear.

use super::*;

#[test]
fn only_folders_that_can_hold_a_match_are_read() {
    let site = Site::new(&["packages/*/src/**/*.ts", "Cargo.toml"], |top| {
        files(
            top,
            &[
                "packages/a/src/x/y.ts",
                "packages/a/node_modules/z/y.ts",
                "other/z.ts",
                "Cargo.toml",
            ],
        );
    });
    assert_eq!(
        site.folders(),
        ["", "packages", "packages/a", "packages/a/src", "packages/a/src/x"]
    );
}

#[test]
fn what_is_ignored_is_not_read_and_does_not_count() {
    let targets = |top: &Path| {
        let free = WatchTarget { gitignore: false, ..target("b", top, &["target/**"], &[]) };
        vec![target("a", top, &["**"], &["gen", "*.tmp"]), free]
    };
    let mut site = Site::of(Kind::Watched, targets, |top| {
        files(top, &["src/a", "target/x/y", "gen/z", ".git/x/y", ".pitcrew/x/y", "logs/y/z"]);
        fs::write(top.join(".gitignore"), "/target\n*.log\n").unwrap();
    });
    assert_eq!(site.folders(), ["", "src", "target", "target/x"]);
    let ignored =
        ["gen/z", "src/x.tmp", "src/x.log", ".git/index", ".pitcrew/y", "own.log", "own.log.1"];
    files(&site.top, &ignored);
    files(&site.top, &["logs/web.log", "src/b", "target/x/y"]);
    assert_eq!(site.settle(), ["src/b", "1:target/x/y"]);
}

#[test]
fn a_changed_gitignore_takes_effect_immediately() {
    let mut site = Site::new(&["**/*.rs"], |top| {
        files(top, &["a/x.rs", "b/x.rs"]);
        fs::write(top.join(".gitignore"), "a\n").unwrap();
    });
    assert_eq!(site.folders(), ["", "b"]);
    fs::write(site.path(".gitignore"), "b\n").unwrap();
    site.settle();
    assert_eq!(site.folders(), ["", "a"]);
    files(&site.top, &["a/x.rs", "b/x.rs"]);
    assert_eq!(site.settle(), ["a/x.rs"]);
    fs::remove_file(site.path(".gitignore")).unwrap();
    site.settle();
    assert_eq!(site.folders(), ["", "a", "b"]);
}

#[test]
fn a_gitignore_above_the_globs_counts() {
    let mut site = Site::new(&["src/a/*.rs"], |top| {
        files(top, &["src/a/x.rs"]);
        fs::write(top.join(".gitignore"), "y.rs\n").unwrap();
    });
    files(&site.top, &["src/a/y.rs"]);
    assert_eq!(site.settle(), [] as [&str; 0]);
    fs::write(site.path(".gitignore"), "x.rs\n").unwrap();
    site.settle();
    files(&site.top, &["src/a/y.rs", "src/a/x.rs"]);
    assert_eq!(site.settle(), ["src/a/y.rs"]);
}

#[test]
fn files_in_folders_that_are_made_count_however_deep() {
    let mut site = Site::new(&["src/**/*.rs"], |top| files(top, &["src/x.rs"]));
    for n in 0..50 {
        let file = format!("src/n{n}/a/b/c.rs");
        site.write(&file);
        assert_eq!(site.settle(), [file.as_str()]);
        // Watched from now on.
        site.write(&file);
        assert_eq!(site.settle(), [file]);
    }
    fs::create_dir_all(site.path("src/empty/in/there")).unwrap();
    assert_eq!(site.settle(), [] as [&str; 0]);
}

#[test]
fn folders_that_are_moved_in_and_out_and_about_count() {
    let mut site = Site::new(&["src/**/*.rs"], |top| {
        files(top, &["src/x.rs", "out/d/e/a.rs", "src/texts/a.txt"]);
    });
    site.rename("out/d", "src/d");
    assert_eq!(site.settle(), ["src/d/e/a.rs"]);
    site.rename("src/d", "src/f");
    assert_eq!(site.settle(), ["src/d", "src/f/e/a.rs"]);
    site.write("src/f/e/a.rs");
    assert_eq!(site.settle(), ["src/f/e/a.rs"]);
    site.rename("src/f", "out/f");
    assert_eq!(site.settle(), ["src/f"]);
    site.write("out/f/e/a.rs");
    // Losing a folder without matching files is not a change.
    site.rename("src/texts", "out/texts");
    assert_eq!(site.settle(), [] as [&str; 0]);
}

#[test]
fn what_is_not_there_yet_or_goes_is_seen_to_come() {
    let mut site = Site::new(&["a/b/*.rs", "../beside/x"], |_| {});
    assert_eq!(site.settle(), [] as [&str; 0]);
    site.write("a/b/x.rs");
    assert_eq!(site.settle(), ["a/b/x.rs"]);
    site.write("../beside/x");
    assert_eq!(site.settle(), ["../beside/x"]);
    for _ in 0..3 {
        fs::remove_dir_all(site.path("a")).unwrap();
        assert!(!site.settle().is_empty());
        site.write("a/b/x.rs");
        assert_eq!(site.settle(), ["a/b/x.rs"]);
        site.write("a/b/x.rs");
        assert_eq!(site.settle(), ["a/b/x.rs"]);
    }
}

#[test]
fn a_project_that_is_moved_away_and_comes_back_is_watched_again() {
    let mut site = Site::new(&["src/*.rs"], |top| files(top, &["src/x.rs"]));
    let beside = site.top.with_file_name("elsewhere");
    fs::rename(&site.top, &beside).unwrap();
    assert!(!site.settle().is_empty());
    fs::write(beside.join("src/x.rs"), "not ours").unwrap();
    assert_eq!(site.settle(), [] as [&str; 0]);
    fs::rename(&beside, &site.top).unwrap();
    assert_eq!(site.settle(), ["src/x.rs"]);
    site.write("src/x.rs");
    assert_eq!(site.settle(), ["src/x.rs"]);
}

#[test]
fn one_folder_in_place_of_another_counts() {
    let mut site = Site::new(&["live/*.rs"], |top| {
        files(top, &["live/x.rs", "next/x.rs"]);
        files(top, &["releases/1/x.rs"]);
    });
    fs::remove_dir_all(site.path("live")).unwrap();
    site.rename("next", "live");
    assert!(site.settle().contains(&"live/x.rs".to_owned()));
    site.write("live/x.rs");
    assert_eq!(site.settle(), ["live/x.rs"]);
}

#[test]
fn links_to_folders_are_followed_and_do_not_go_round() {
    let mut site = Site::new(&["src/**/*.rs"], |top| {
        files(top, &["src/a/x.rs", "lib/y.rs", "releases/1/z.rs", "releases/2/z.rs"]);
        link(top, "../lib", "src/lib");
        link(top, "..", "src/a/up");
        link(top, "/", "src/a/root");
        link(top, ".", "src/self");
        link(top, "../releases/now", "src/now");
        link(top, "1", "releases/now");
        link(top, "nowhere", "src/nowhere");
    });
    assert_eq!(site.folders(), ["", "src", "src/a", "src/lib", "src/now"]);
    files(&site.top, &["lib/y.rs"]);
    assert_eq!(site.settle(), ["src/lib/y.rs"]);
    // The second link now points elsewhere.
    link(&site.top, "2", "releases/new");
    site.rename("releases/new", "releases/now");
    assert!(site.settle().contains(&"src/now/z.rs".to_owned()));
    files(&site.top, &["releases/1/z.rs"]);
    assert_eq!(site.settle(), [] as [&str; 0]);
    files(&site.top, &["releases/2/z.rs"]);
    assert_eq!(site.settle(), ["src/now/z.rs"]);
    // The target of the link is gone.
    fs::remove_dir_all(site.path("lib")).unwrap();
    assert!(!site.settle().is_empty());
    files(&site.top, &["lib/y.rs"]);
    assert!(site.settle().contains(&"src/lib/y.rs".to_owned()));
}

#[test]
fn folders_that_link_to_each_other_are_read_once() {
    let site = Site::new(&["src/**/*.rs"], |top| {
        for n in 0..10 {
            fs::create_dir_all(top.join(format!("src/d{n}"))).unwrap();
            for m in 0..10 {
                link(top, &format!("../d{m}"), &format!("src/d{n}/l{m}"));
            }
        }
    });
    assert!(site.folders().len() < 200, "{}", site.folders().len());
}

#[test]
fn two_processes_share_the_folders_and_not_the_changes() {
    let targets = |top: &Path| {
        let base = top.join("web");
        vec![target("a", top, &["src/**/*.rs"], &[]), target("b", &base, &["../src/**/*.ts"], &[])]
    };
    let mut site =
        Site::of(Kind::Watched, targets, |top| files(top, &["src/d/a.rs", "src/d/a.ts"]));
    assert_eq!(site.folders(), ["", "src", "src/d"]);
    files(&site.top, &["src/d/a.rs"]);
    assert_eq!(site.settle(), ["src/d/a.rs"]);
    files(&site.top, &["src/d/a.ts"]);
    assert_eq!(site.settle(), ["1:../src/d/a.ts"]);
}

#[test]
fn other_rules_keep_what_is_watched() {
    let mut site = Site::new(&["a/*.rs"], |top| files(top, &["a/x.rs", "b/x.rs"]));
    let before = site.tree.watches.len();
    site.plan.targets = vec![target("a", &site.top, &["b/*.rs"], &[])];
    site.tree.replace(CompiledPlan::new(&site.plan), Duration::MAX);
    assert_eq!(site.settle(), [] as [&str; 0]);
    assert_eq!(
        (site.folders(), site.tree.watches.len()),
        (vec![String::new(), "b".into()], before)
    );
    files(&site.top, &["a/x.rs", "b/x.rs"]);
    assert_eq!(site.settle(), ["b/x.rs"]);
}

#[test]
fn what_cannot_be_seen_is_said() {
    let paths = ["scr/**/*.rs", "dist/app.js", "src/*.rs", "none.toml", "no/where.toml"];
    let site = Site::new(&paths, |top| {
        files(top, &["src/a.rs", "dist/app.js"]);
        fs::write(top.join(".gitignore"), "dist\n").unwrap();
    });
    let reported: Vec<String> =
        messages::warnings(&site.tree, &site.plan).into_iter().map(|(_, text)| text).collect();
    assert_eq!(
        reported,
        [
            "watched path `scr` does not exist yet",
            "watched path `dist` is ignored by `.gitignore`; set `gitignore = false` in `watch` to watch it",
            "watched path `no` does not exist yet",
        ]
    );
}

#[test]
fn what_changes_while_folders_are_read_for_the_first_time_counts_once_processes_run() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().canonicalize().unwrap();
    files(&top, &["src/x.rs"]);
    let written = fs::metadata(top.join("src/x.rs")).unwrap().modified().unwrap();
    let written = written.duration_since(std::time::UNIX_EPOCH).unwrap();
    let second = Duration::from_secs(1);
    for (run_starts, changed) in [(written.saturating_sub(second), true), (written + second, false)]
    {
        let targets = vec![target("a", &top, &["src/**"], &[])];
        let plan = WatchPlan { top: top.clone(), targets, own: Vec::new() };
        let mut tree =
            FolderTree::new(CompiledPlan::new(&plan), Some(Inotify::open().unwrap()), usize::MAX);
        tree.run_starts.set(run_starts);
        tree.work(usize::MAX);
        assert_eq!(!tree.changes.is_empty(), changed);
    }
}
