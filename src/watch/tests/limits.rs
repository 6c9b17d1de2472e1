//! Tests of the kernel's limits.

use super::*;

fn one(paths: &'static [&'static str]) -> impl FnOnce(&Path) -> Vec<WatchTarget> {
    |top| vec![target("a", top, paths, &[])]
}

#[test]
fn when_the_queue_overflows_something_has_changed() {
    let mut site = Site::new(&["src/**/*.rs"], |top| files(top, &["src/x.rs", "src/d/y.rs"]));
    let most: usize = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events")
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    for n in 0..most {
        fs::write(site.path(&format!("src/{n}.txt")), "").unwrap();
    }
    // These changes are not seen.
    site.write("src/new/deep/z.rs");
    fs::remove_dir_all(site.path("src/d")).unwrap();
    let reported = site.settle();
    assert_eq!(reported, ["src/new/deep/z.rs"], "the newest is named");
    assert_eq!(site.folders(), ["", "src", "src/new", "src/new/deep"]);
    site.write("src/new/deep/z.rs");
    assert_eq!(site.settle(), ["src/new/deep/z.rs"]);
}

#[test]
fn folders_beyond_the_limit_are_polled_until_there_is_room() {
    let make = |top: &Path| files(top, &["src/a/x.rs", "src/b/x.rs", "src/c/x.rs"]);
    let mut site = Site::of(Kind::Limited(4), one(&["src/**/*.rs"]), make);
    assert!(site.tree.polled.len() >= 3, "{:?}", site.tree.polled);
    for file in ["src/a/x.rs", "src/b/x.rs", "src/c/x.rs"] {
        fs::write(site.path(file), "another size").unwrap();
        assert_eq!(site.poll(), [file]);
        assert_eq!(site.poll(), [] as [&str; 0]);
    }
    site.write("src/d/e/f.rs");
    assert_eq!(site.poll(), ["src/d/e/f.rs"]);
    fs::remove_file(site.path("src/b/x.rs")).unwrap();
    assert_eq!(site.poll(), ["src/b/x.rs"]);
    site.rename("src/d", "src/g");
    let mut reported = site.poll();
    reported.sort();
    assert_eq!(reported, ["src/d", "src/g/e/f.rs"]);
    fs::write(site.path("src/.gitignore"), "a\n").unwrap();
    site.poll();
    fs::write(site.path("src/a/x.rs"), "yet another size").unwrap();
    assert_eq!(site.poll(), [] as [&str; 0]);
    // The limit was raised.
    site.tree.max_folders = usize::MAX;
    site.poll();
    assert!(site.tree.polled.is_empty(), "{:?}", site.tree.polled);
    fs::write(site.path("src/c/x.rs"), "").unwrap();
    assert_eq!(site.settle(), ["src/c/x.rs"]);
}

#[test]
fn without_the_kernel_everything_is_polled() {
    let make = |top: &Path| {
        files(top, &["src/x.rs", "lib/y.rs"]);
        link(top, "../lib", "src/lib");
        link(top, "x.rs", "src/z.rs");
    };
    let mut site = Site::of(Kind::Polled, one(&["src/**/*.rs"]), make);
    fs::write(site.path("src/x.rs"), "other").unwrap();
    let mut reported = site.poll();
    reported.sort();
    assert_eq!(reported, ["src/x.rs", "src/z.rs"]);
    fs::write(site.path("lib/y.rs"), "other").unwrap();
    assert_eq!(site.poll(), ["src/lib/y.rs"]);
    fs::remove_dir_all(site.path("src")).unwrap();
    assert!(!site.poll().is_empty());
    site.write("src/x.rs");
    assert_eq!(site.poll(), ["src/x.rs"]);
    assert_eq!(site.poll(), [] as [&str; 0]);
}
