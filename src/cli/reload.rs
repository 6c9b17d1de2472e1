//! `reload`: applies the changed file of a running project; also loads the file for the engine.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clap::Args;

use super::project::{self, LockedProject};
use super::{GlobalOptions, ProgramExit, remote};
use crate::control::wire::{ReloadRequest, ReloadResponse};
use crate::control::{Client, Control as _};
use crate::engine::SpecLoader;
use crate::machine::event_text::mistakes;
use crate::output::safe_name;
use crate::spec::{
    self, Fault, Faults, LOCAL_FILE, LoadedProject, ProjectLocator, RestartReason, Spec,
};
use crate::sys::FileFollower;
use crate::sys::journal::{Journal, SessionStrayRules};

#[derive(Debug, Clone, Args)]
pub(super) struct ReloadArgs {
    /// Print what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn reload(global: &GlobalOptions, args: &ReloadArgs) -> ProgramExit {
    let colour = !args.json && project::colour(global.color, &std::io::stderr());
    let how = ReloadRequest { dry_run: args.dry_run, colour };
    let reload = async |client: Client| {
        let answer = client.reload(how);
        tokio::pin!(answer);
        if let Ok(answer) = tokio::time::timeout(PATIENCE, &mut answer).await {
            return answer;
        }
        project::say(&reads_still(global));
        answer.await
    };
    let reloaded = match remote::with(global, reload) {
        Ok(reloaded) => reloaded,
        Err(ending) => return ending,
    };
    if args.json {
        // The faults say the same.
        remote::print_json(&ReloadResponse { report: None, ..reloaded.clone() });
    } else if reloaded.ok {
        remote::print(&told(&reloaded));
    } else {
        let report = reloaded.report.as_deref().unwrap_or_default().trim_end();
        _ = writeln!(std::io::stderr(), "{report}");
        project::wrong(&mistakes(reloaded.faults.len()));
    }
    if reloaded.ok { ProgramExit::GOOD } else { ProgramExit::WRONG }
}

/// After how long it is said what the answer waits for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why a reload takes long: an env file that is a pipe is read when its writer comes.
fn reads_still(global: &GlobalOptions) -> String {
    let loaded = project::locate(global).ok().and_then(|locate| spec::inspect(&locate).ok());
    let pipes = loaded.map(|loaded| loaded.spec.project.env_pipes).unwrap_or_default();
    let names: Vec<String> = pipes.iter().map(|path| path.display().to_string()).collect();
    match names.as_slice() {
        [] => "the project is still reading its files".to_owned(),
        names => format!(
            "the project is still reading its files; it waits for what is written to {}",
            names.join(", ")
        ),
    }
}

/// A line for each difference, and one for each new run.
fn told(reloaded: &ReloadResponse) -> String {
    let mut text = String::new();
    let marks = [('+', &reloaded.added), ('~', &reloaded.changed), ('-', &reloaded.removed)];
    for (mark, names) in marks {
        for name in names {
            _ = writeln!(text, "{mark} {}", safe_name(name));
        }
    }
    let gets = if reloaded.dry_run { "would get" } else { "gets" };
    for one in &reloaded.restarted {
        let because: Vec<&str> = one.because.iter().copied().map(RestartReason::as_str).collect();
        let because = because.join(", ");
        let name = safe_name(&one.name);
        _ = writeln!(text, "{name} {gets} a new run: other than before: {because}");
    }
    if text.is_empty() {
        text.push_str("no changes\n");
    }
    text
}

/// Where the file is, and what has to be written down before something new is started.
#[derive(Debug)]
pub(super) struct FileReloader {
    locate: ProjectLocator,
    /// What the project is known by.
    file: PathBuf,
    journal: Option<Journal>,
    policies: Mutex<SessionStrayRules>,
    versions: Mutex<Versions>,
    follower: Option<Arc<Mutex<FileFollower>>>,
}

impl FileReloader {
    pub(super) fn new(locate: ProjectLocator, spec: &Spec, held: &LockedProject) -> Self {
        Self {
            locate,
            file: spec.project.file.clone(),
            journal: held.project.as_ref().map(|project| project.journal.clone()),
            policies: Mutex::new(held.policies.clone()),
            versions: Mutex::new(Versions {
                running: FileVersions::of(spec),
                ..Versions::default()
            }),
            follower: held.project.as_ref().map(|project| Arc::clone(&project.follower)),
        }
    }

    fn versions(&self) -> MutexGuard<'_, Versions> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those of everything that has ever been in the file.
    pub(super) fn policies(&self) -> SessionStrayRules {
        self.policies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl SpecLoader for FileReloader {
    fn refusal(&self) -> Option<&'static str> {
        self.locate.files.iter().any(|file| spec::is_stdin(file)).then_some(
            "the project came from standard input, which cannot be read again; to change it, stop \
             it and start it anew, or keep it in a file",
        )
    }

    fn read(&self, waiting: &dyn Fn(&Path)) -> Result<LoadedProject, Faults> {
        let gone = self
            .follower
            .as_ref()
            .and_then(|follower| follower.lock().unwrap_or_else(PoisonError::into_inner).look());
        if let Some(gone) = gone {
            let hint = "put it back, or end what runs with `pitcrew down`";
            return Err(Fault::about(self.file.clone(), gone).with_hint(hint).into());
        }
        let loaded = spec::load_and_tell(&self.locate, waiting)?;
        if loaded.spec.project.file != self.file {
            let message = format!("it is gone, and {} is another project", {
                loaded.spec.project.file.display()
            });
            return Err(Fault::about(self.file.clone(), message).into());
        }
        self.versions().read = FileVersions::of(&loaded.spec);
        Ok(loaded)
    }

    fn prepare(&self, spec: &Spec) -> Result<(), Faults> {
        let mut policies = self.policies();
        policies.processes.extend(project::policies(spec, &policies.session).processes);
        // The guardian must know what may stay before it is there.
        if let Some(journal) = &self.journal {
            journal.write(&policies).map_err(|error| {
                Fault::about(journal.path().to_owned(), format!("cannot write it: {error}"))
            })?;
        }
        *self.policies.lock().unwrap_or_else(PoisonError::into_inner) = policies;
        Ok(())
    }
    fn applied(&self) {
        let mut versions = self.versions();
        versions.running = versions.read.clone();
    }

    fn changed(&self) -> Vec<String> {
        let running = self.versions().running.clone();
        let dir = self.file.parent().unwrap_or(&self.file);
        let shown = |path: &Path| path.strip_prefix(dir).unwrap_or(path).display().to_string();
        running.changed().map(|path| safe_name(&shown(path)).into_owned()).collect()
    }
}

/// Which versions of the files were read.
#[derive(Debug, Default)]
struct Versions {
    running: FileVersions,
    /// The last time, be it for a look only.
    read: FileVersions,
}

/// The files of a project, each with what tells one version of it from another.
#[derive(Debug, Clone, Default)]
struct FileVersions(Vec<(PathBuf, Option<FileVersion>)>);

/// Device, inode, size, and when it was written.
type FileVersion = (u64, u64, u64, i64, i64);

impl FileVersions {
    fn of(spec: &Spec) -> Self {
        let project = &spec.project;
        // The local file may still come.
        let local = project.dir.join(LOCAL_FILE);
        let files: BTreeSet<&PathBuf> =
            project.files.iter().chain(&project.env_files).chain([&local]).collect();
        Self(files.into_iter().map(|file| (file.clone(), version(file))).collect())
    }

    fn changed(&self) -> impl Iterator<Item = &Path> {
        let files = self.0.iter().filter(|(file, read)| version(file) != *read);
        files.map(|(file, _)| file.as_path())
    }
}

/// Nothing for what is not there, and for what is no file: a pipe is another one each time.
fn version(file: &Path) -> Option<FileVersion> {
    let found = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some((found.dev(), found.ino(), found.size(), found.mtime(), found.mtime_nsec()))
}
