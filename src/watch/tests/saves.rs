//! Ways in which editors and tools save a file: each is one change of that file only.

use super::*;

type Way = (&'static str, fn(&Site));

const FILE: &str = "src/main.rs";

const WAYS: &[Way] = &[
    ("written", |site| site.write(FILE)),
    ("truncated, then written", |site| {
        fs::File::create(site.path(FILE)).unwrap();
        fs::write(site.path(FILE), "more").unwrap();
    }),
    ("vim, the old file renamed", |site| {
        site.write("src/.main.rs.swp");
        site.write("src/4913");
        fs::remove_file(site.path("src/4913")).unwrap();
        site.rename(FILE, "src/main.rs~");
        site.write(FILE);
        fs::remove_file(site.path("src/main.rs~")).unwrap();
        fs::remove_file(site.path("src/.main.rs.swp")).unwrap();
    }),
    ("vim, the old file copied", |site| {
        site.write("src/main.rs~");
        site.write(FILE);
        fs::remove_file(site.path("src/main.rs~")).unwrap();
    }),
    ("emacs", |site| {
        link(&site.top, "user@host.1:2", "src/.#main.rs");
        site.rename(FILE, "src/main.rs~");
        site.write(FILE);
        fs::remove_file(site.path("src/.#main.rs")).unwrap();
    }),
    ("emacs saving by itself", |site| {
        site.write("src/#main.rs#");
        site.write(FILE);
        fs::remove_file(site.path("src/#main.rs#")).unwrap();
    }),
    ("JetBrains", |site| {
        site.write("src/main.rs___jb_tmp___");
        site.rename(FILE, "src/main.rs___jb_old___");
        site.rename("src/main.rs___jb_tmp___", FILE);
        fs::remove_file(site.path("src/main.rs___jb_old___")).unwrap();
    }),
    ("sed -i", |site| {
        site.write("src/sedAbC123");
        site.rename("src/sedAbC123", FILE);
    }),
    ("removed and made", |site| {
        fs::remove_file(site.path(FILE)).unwrap();
        site.write(FILE);
    }),
];

#[test]
fn each_way_is_one_change_of_that_file() {
    for paths in ["src/**/*.rs", "src/**", "src", FILE] {
        let mut site = Site::new(&[paths], |top| files(top, &[FILE, "src/lib.rs"]));
        for (way, save) in WAYS {
            for time in 0..3 {
                save(&site);
                let reported = site.batch();
                assert_eq!(reported, Some((FILE.to_owned(), 0)), "{way} by {paths}, time {time}");
            }
        }
    }
}

#[test]
fn each_way_is_seen_by_polling_too() {
    let paths = |top: &Path| vec![target("a", top, &["src/**"], &[])];
    let mut site = Site::of(Kind::Polled, paths, |top| files(top, &[FILE]));
    for (way, save) in WAYS {
        // File timestamps have a resolution of some milliseconds; a different size is seen too.
        fs::write(site.path(FILE), "old").unwrap();
        site.poll();
        save(&site);
        site.tree.begin_poll();
        assert_eq!(site.batch(), Some((FILE.to_owned(), 0)), "{way}");
    }
}

#[test]
fn opening_a_file_in_an_editor_is_none() {
    let mut site = Site::new(&["src/**"], |top| files(top, &[FILE]));
    site.write("src/.main.rs.swp");
    link(&site.top, "user@host.1:2", "src/.#main.rs");
    site.write("src/#main.rs#");
    fs::read(site.path(FILE)).unwrap();
    fs::read_dir(site.path("src")).unwrap().count();
    fs::set_permissions(site.path(FILE), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    assert_eq!(site.batch(), None);
}

#[test]
fn a_thousand_files_are_one_batch() {
    let names: Vec<String> = (0..1000).map(|n| format!("src/d{}/f{n}.rs", n % 50)).collect();
    let mut site =
        Site::new(&["src/**/*.rs"], |top| names.iter().for_each(|name| write(top, name)));
    for name in &names {
        fs::remove_file(site.path(name)).unwrap();
        site.write(name);
    }
    assert_eq!(site.batch(), Some(("src/d0/f0.rs".to_owned(), 999)));
}

#[test]
fn settings_that_are_swapped_behind_links_change() {
    for paths in [&["config/*.yaml"][..], &["config/app.yaml"], &["config/**"]] {
        let mut site = Site::new(paths, |top| {
            files(top, &["config/..1/app.yaml", "config/..1/other"]);
            link(top, "..1", "config/..data");
            link(top, "..data/app.yaml", "config/app.yaml");
        });
        for n in 2..6 {
            site.write(&format!("config/..{n}/app.yaml"));
            link(&site.top, &format!("..{n}"), "config/..data_tmp");
            site.rename("config/..data_tmp", "config/..data");
            fs::remove_dir_all(site.path(&format!("config/..{}", n - 1))).unwrap();
            let reported = site.settle();
            assert!(
                reported.contains(&"config/app.yaml".to_owned()),
                "{paths:?} {n}: {reported:?}"
            );
        }
        // The target of the link itself.
        site.write("config/..5/app.yaml");
        let reported = site.settle();
        assert!(reported.contains(&"config/app.yaml".to_owned()), "{paths:?}: {reported:?}");
    }
}
