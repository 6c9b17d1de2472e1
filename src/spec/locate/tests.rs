//! Finding files, trusting them, and several of them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::*;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    folder
}

fn load_in(dir: &Path, files: &[&str]) -> Result<LoadedProject, Faults> {
    load(&ProjectLocator {
        files: files.iter().map(PathBuf::from).collect(),
        dir: dir.to_owned(),
        stdin: None,
    })
}

/// The only fault's message and hint.
fn refused(dir: &Path, files: &[&str]) -> (String, String) {
    let faults = load_in(dir, files).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults}");
    let fault = faults.iter().next().unwrap();
    (fault.message().to_owned(), fault.hint().unwrap_or_default().to_owned())
}

const WEB: &str = "[process]\nweb = 'run'\n";

#[test]
fn the_file_is_found_here_or_in_the_nearest_folder_above() {
    let root = folder(&[
        ("procfile.toml", "[process]\nouter = 'x'\n"),
        ("a/procfile.toml", WEB),
        ("a/procfile.local.toml", "[process]\nlocal = 'x'\n"),
        ("a/b/c/note.txt", ""),
    ]);
    let dir = root.path().canonicalize().unwrap();
    for from in ["a", "a/b/c"] {
        let spec = load_in(&dir.join(from), &[]).unwrap().spec;
        let names: Vec<_> = spec.processes.keys().map(super::super::Name::as_str).collect();
        assert_eq!(names, ["web", "local"]);
        assert_eq!(spec.project.file, dir.join("a/procfile.toml"));
        assert_eq!(spec.project.dir, dir.join("a"));
        assert_eq!(spec.project.name, "a");
        assert_eq!(
            spec.project.files,
            [dir.join("a/procfile.toml"), dir.join("a/procfile.local.toml")]
        );
        assert_eq!(spec.processes["web"].cwd, dir.join("a"));
    }
}

#[test]
fn a_link_that_leads_nowhere_is_not_passed_over_for_a_file_above() {
    let root = folder(&[("procfile.toml", WEB), ("a/note.txt", "")]);
    std::os::unix::fs::symlink("gone", root.path().join("a/procfile.toml")).unwrap();
    assert!(refused(&root.path().join("a"), &[]).0.contains("a link that cannot be followed"));
    fs::remove_file(root.path().join("a/procfile.toml")).unwrap();
    assert!(load_in(&root.path().join("a"), &[]).is_ok());
    std::os::unix::fs::symlink("gone", root.path().join("procfile.local.toml")).unwrap();
    assert!(refused(root.path(), &[]).0.contains("procfile.local.toml is a link"));
}

#[test]
fn a_file_above_that_others_can_write_is_refused_but_can_be_named() {
    let root = folder(&[("procfile.toml", WEB), ("a/note.txt", "")]);
    let file = root.path().join("procfile.toml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let (message, hint) = refused(&root.path().join("a"), &[]);
    assert!(message.ends_with("was found by searching upward, but it can be written by others"));
    assert_eq!(hint, format!("if you trust it, name it explicitly: `-f {}`", file.display()));
    assert!(load_in(&root.path().join("a"), &["../procfile.toml"]).is_ok());
    assert!(load_in(root.path(), &[]).is_ok(), "it was not found by searching upward");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
    assert!(load_in(&root.path().join("a"), &[]).is_ok(), "the user's own group");
}

#[test]
fn a_local_file_above_is_held_to_the_same_rule() {
    let root = folder(&[("procfile.toml", WEB), ("procfile.local.toml", ""), ("a/note.txt", "")]);
    let file = root.path().join("procfile.local.toml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o602)).unwrap();
    assert!(refused(&root.path().join("a"), &[]).0.contains("procfile.local.toml"));
}

#[test]
fn missing_files_are_named_with_a_hint() {
    let root = folder(&[]);
    let (message, hint) = refused(root.path(), &[]);
    assert!(message.starts_with("no procfile.toml in "), "{message}");
    assert_eq!(hint, "create one, or name the file with `-f FILE`");
    let (message, hint) = refused(root.path(), &["dev.toml"]);
    assert_eq!(message, "dev.toml does not exist");
    assert!(hint.starts_with("`-f` is relative to /"), "{hint}");
}

#[test]
fn a_file_that_is_no_text_or_too_large_is_refused() {
    let root = folder(&[]);
    fs::write(root.path().join("binary.toml"), b"a = 1\n\"\xff\xfe\"").unwrap();
    let faults = load_in(root.path(), &["binary.toml"]).unwrap_err();
    let fault = faults.iter().next().unwrap();
    assert_eq!((fault.line(), fault.column()), (Some(2), Some(2)));
    assert_eq!(fault.message(), "this byte is not UTF-8");
    fs::write(root.path().join("large.toml"), "#".repeat((1 << 20) + 1)).unwrap();
    assert_eq!(refused(root.path(), &["large.toml"]).0, "large.toml is larger than 1 MiB");
    fs::create_dir(root.path().join("folder.toml")).unwrap();
    assert!(refused(root.path(), &["folder.toml"]).0.starts_with("cannot read folder.toml: "));
}

#[test]
fn nesting_without_end_is_refused_and_not_followed() {
    let root = folder(&[("deep.toml", &format!("a = {}", "[".repeat(500_000)))]);
    assert!(load_in(root.path(), &["deep.toml"]).is_err());
}

#[test]
fn later_files_win_key_by_key() {
    let root = folder(&[
        (
            "a.toml",
            "[project]\nenv = { A = 'a', B = 'a' }\nlog = { dir = 'logs', keep = 2 }\n\
             [process.web]\ncommand = 'run'\nenv = { X = 'a', Y = 'a' }\ntags = ['one', 'two']\n\
             stop = { signal = 'INT', grace = '1s' }\n\
             [pool.build]\nconcurrency = 1\njobs = ['x', 'y']\n\
             [retry.default]\nattempts = 1\nreset_after = '9s'\n",
        ),
        (
            "sub/b.toml",
            "[project]\nenv.B = 'b'\nlog.keep = 9\n\
             [process.web]\nenv.Y = 'b'\ntags = ['three']\nstop.grace = '2s'\ncwd = 'there'\n\
             [process]\nnew = 'new'\n\
             [pool.build]\nconcurrency = 5\n\
             [retry.default]\nattempts = 2\n",
        ),
    ]);
    let dir = root.path().canonicalize().unwrap();
    let spec = load_in(&dir, &["a.toml", "sub/b.toml"]).unwrap().spec;
    let web = &spec.processes["web"];
    let env: Vec<_> = web.env.set.iter().map(|(k, v)| format!("{k}={}", v.text())).collect();
    assert_eq!(env, ["A=a", "B=b", "X=a", "Y=b"]);
    assert_eq!(web.tags.iter().map(super::super::Name::as_str).collect::<Vec<_>>(), ["three"]);
    assert_eq!((web.stop.signal, web.stop.grace.as_secs()), (super::super::Signal::INT, 2));
    assert_eq!(web.cwd, dir.join("there"), "relative to the first file");
    let log = web.log.clone().unwrap();
    assert_eq!((log.file, log.keep), (dir.join("logs/web.log"), 9));
    assert_eq!((web.retry.attempts, web.retry.reset_after.as_secs()), (Some(2), 9));
    assert_eq!(spec.pools["build"].concurrency, 5);
    assert_eq!(spec.pools["build"].jobs.len(), 2);
    assert!(spec.processes.contains_key("new"));
}

#[test]
fn a_fault_is_in_the_file_that_holds_the_value() {
    let root = folder(&[
        ("a.toml", "[process.web]\ncommand = 'run'\ndepends_on = ['db']\n"),
        ("b.toml", "[process]\ndb = 'run'\n[process.web]\ndepends_on = ['bd']\nretry = 'x'\n"),
    ]);
    let faults = load_in(root.path(), &["a.toml", "b.toml"]).unwrap_err();
    let places: Vec<_> =
        faults.iter().map(|f| (f.file().to_str().unwrap(), f.line().unwrap())).collect();
    assert_eq!(places, [("b.toml", 4), ("b.toml", 5)]);
}

#[test]
fn mistakes_of_all_files_are_reported_in_their_order() {
    let root = folder(&[("a.toml", "x = 1\n[process]\na = 1\n"), ("b.toml", "y = 1\n")]);
    let faults = load_in(root.path(), &["a.toml", "b.toml"]).unwrap_err();
    let places: Vec<_> =
        faults.iter().map(|f| (f.file().to_str().unwrap(), f.line().unwrap())).collect();
    assert_eq!(places, [("a.toml", 1), ("a.toml", 3), ("b.toml", 1)]);
}
