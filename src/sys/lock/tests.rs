use super::*;

fn folders(base: &Path, home: &str, file: &Path) -> ProjectDirs {
    fs::create_dir_all(base.join("runtime")).unwrap();
    ProjectDirs::with(file, |name| match name {
        "XDG_RUNTIME_DIR" => Some(base.join("runtime").into()),
        "HOME" => Some(base.join(home).into()),
        _ => None,
    })
    .unwrap()
}

fn project(base: &Path) -> PathBuf {
    let base = base.canonicalize().unwrap();
    fs::create_dir(base.join("shop")).unwrap();
    let file = base.join("shop/procfile.toml");
    fs::write(&file, "").unwrap();
    file
}

#[track_caller]
fn busy(folders: &ProjectDirs) -> Holder {
    match Lock::take(folders, "later") {
        Err(LockError::Busy(holder)) => *holder,
        other => panic!("{other:?}"),
    }
}

/// Takes a lock that was released: a child that another test has just forked can hold it until its exec.
fn take_free(folders: &ProjectDirs) -> Lock {
    let mut attempts = (0..100_000).map(|_| {
        std::thread::yield_now();
        Lock::take(folders, "later")
    });
    attempts.find_map(Result::ok).unwrap()
}

#[test]
fn a_second_lock_names_the_holder_of_the_first() {
    let base = tempfile::tempdir().unwrap();
    let file = project(base.path());
    let folders = folders(base.path(), "home", &file);
    let first = Lock::take(&folders, "2026-01-02T03:04:05Z").unwrap();
    let holder = busy(&folders);
    let pid = std::process::id();
    assert_eq!((holder.pid, holder.file.as_path()), (pid, file.as_path()));
    let text = LockError::Busy(Box::new(holder)).to_string();
    assert_eq!(text, format!("already running (pid {pid}, since 2026-01-02T03:04:05Z)"));
    drop(first);
    drop(take_free(&folders));
}

#[test]
fn a_changed_or_cleaned_home_does_not_allow_a_second_session() {
    let base = tempfile::tempdir().unwrap();
    let file = project(base.path());
    let one = folders(base.path(), "home", &file);
    let _first = Lock::take(&one, "first").unwrap();
    let other = folders(base.path(), "elsewhere", &file);
    assert_eq!(busy(&other).pid, std::process::id());
    assert_eq!(alive_holder(&other).unwrap().pid, std::process::id());
    fs::remove_dir_all(base.path().join("home")).unwrap();
    fs::remove_dir_all(base.path().join("runtime")).unwrap();
    let again = folders(base.path(), "home", &file);
    assert_eq!(busy(&again).pid, std::process::id());
}

#[test]
fn a_renamed_folder_is_the_same_project_by_both_paths() {
    let base = tempfile::tempdir().unwrap();
    let file = project(base.path());
    let _first = Lock::take(&folders(base.path(), "home", &file), "first").unwrap();
    let renamed = file.parent().unwrap().with_file_name("store");
    fs::rename(file.parent().unwrap(), &renamed).unwrap();
    let moved = renamed.join("procfile.toml");
    assert_eq!(busy(&folders(base.path(), "home", &moved)).file, file);
    fs::create_dir(file.parent().unwrap()).unwrap();
    assert_eq!(busy(&folders(base.path(), "home", &file)).file, file);
    let copy = base.path().canonicalize().unwrap().join("copy/procfile.toml");
    fs::create_dir(copy.parent().unwrap()).unwrap();
    drop(Lock::take(&folders(base.path(), "home", &copy), "a copy").unwrap());
    drop(Lock::take(&folders(base.path(), "home", &moved.with_file_name("b.toml")), "").unwrap());
}

#[test]
fn a_record_that_was_removed_is_made_again() {
    let base = tempfile::tempdir().unwrap();
    let file = project(base.path());
    let folders = folders(base.path(), "home", &file);
    let mut lock = Lock::take(&folders, "first").unwrap();
    let follower = FileFollower::new(&file);
    lock.renew(&follower).unwrap();
    fs::remove_dir_all(base.path().join("home")).unwrap();
    lock.renew(&follower).unwrap();
    assert_eq!(read(&folders.state.join(NAME)).unwrap().started, "first");
}

#[test]
fn only_one_of_many_concurrent_callers_gets_the_lock() {
    let base = tempfile::tempdir().unwrap();
    let file = project(base.path());
    let folders = folders(base.path(), "home", &file);
    let taken = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| Lock::take(&folders, "now"))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(taken.iter().filter(|one| one.is_ok()).count(), 1, "{taken:?}");
}
