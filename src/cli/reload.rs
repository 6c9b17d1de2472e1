//! `reload`: applies the changed file of the running project; also loads the file for the engine.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clap::Args;

use super::locked_project::{self, LockedProject};
use super::{ExitResult, GlobalOptions, ProgramExit, messages, project, running_project, stdout};
use crate::control::wire::{ReloadRequest, ReloadResponse};
use crate::control::{Client, Control as _};
use crate::engine::SpecLoader;
use crate::machine::event_text::mistakes;
use crate::output::safe_name;
use crate::spec::{
    self, Fault, Faults, LOCAL_FILE, LoadedProject, ProjectLocator, RestartReason, Spec,
    io_error_text,
};
use crate::sys::FileFollower;
use crate::sys::journal::{Journal, SessionStrayRules};

/// The delay before a message about a slow reload.
const MESSAGE_DELAY: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Args)]
pub(super) struct ReloadArgs {
    /// Print the changes without applying them
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn reload(global: &GlobalOptions, args: &ReloadArgs) -> ExitResult {
    let colour = !args.json && messages::use_colour(global.color, &std::io::stderr());
    let request = ReloadRequest { dry_run: args.dry_run, colour };
    let response = running_project::request(global, async |client: Client| {
        let response = client.reload(request);
        tokio::pin!(response);
        if let Ok(response) = tokio::time::timeout(MESSAGE_DELAY, &mut response).await {
            return response;
        }
        messages::note(&still_reading(global));
        response.await
    })?;
    if args.json {
        // Without the report, which is the faults as text.
        stdout::print_json(&ReloadResponse { report: None, ..response.clone() });
    } else if response.ok {
        stdout::print(&differences(&response));
    } else {
        let report = response.report.as_deref().unwrap_or_default().trim_end();
        _ = writeln!(std::io::stderr(), "{report}");
        messages::note(&mistakes(response.faults.len()));
    }
    Ok(if response.ok { ProgramExit::SUCCESS } else { ProgramExit::USAGE_ERROR })
}

/// Says why a reload takes long: an env file that is a pipe is read when its writer comes.
fn still_reading(global: &GlobalOptions) -> String {
    let loaded = project::locate(global).ok().and_then(|locator| spec::inspect(&locator).ok());
    let pipes = loaded.map(|loaded| loaded.spec.project.env_pipes).unwrap_or_default();
    let mut text = "the project is still reading its files".to_owned();
    if !pipes.is_empty() {
        let names: Vec<String> = pipes.iter().map(|path| path.display().to_string()).collect();
        _ = write!(text, "; waiting for data on the pipe {}", names.join(", "));
    }
    text
}

/// A line for each difference, and one for each restart.
fn differences(response: &ReloadResponse) -> String {
    let mut text = String::new();
    let lists = [('+', &response.added), ('~', &response.changed), ('-', &response.removed)];
    for (sign, names) in lists {
        for name in names {
            _ = writeln!(text, "{sign} {}", safe_name(name));
        }
    }
    let restarts = if response.dry_run { "would restart" } else { "restarts" };
    for process in &response.restarted {
        let keys: Vec<&str> = process.because.iter().copied().map(RestartReason::as_str).collect();
        let name = safe_name(&process.name);
        _ = writeln!(text, "{name} {restarts}: changed {}", keys.join(", "));
    }
    if text.is_empty() {
        text.push_str("no changes\n");
    }
    text
}

/// Reads the file of a project again, and updates the journal before anything new is started.
#[derive(Debug)]
pub(super) struct FileReloader {
    locator: ProjectLocator,
    /// The file that identifies the project.
    file: PathBuf,
    journal: Option<Journal>,
    policies: Mutex<SessionStrayRules>,
    versions: Mutex<Versions>,
    follower: Option<Arc<Mutex<FileFollower>>>,
}

impl FileReloader {
    pub(super) fn new(locator: ProjectLocator, spec: &Spec, locked: &LockedProject) -> Self {
        let files = locked.files.as_ref();
        let versions = Versions { running: FileVersions::of(spec), ..Versions::default() };
        Self {
            locator,
            file: spec.project.file.clone(),
            journal: files.map(|files| files.journal.clone()),
            policies: Mutex::new(locked.policies.clone()),
            versions: Mutex::new(versions),
            follower: files.map(|files| Arc::clone(&files.follower)),
        }
    }

    fn versions(&self) -> MutexGuard<'_, Versions> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stray policies of all processes that have ever been in the file.
    pub(super) fn policies(&self) -> SessionStrayRules {
        self.policies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl SpecLoader for FileReloader {
    fn refusal(&self) -> Option<&'static str> {
        self.locator.files.iter().any(|file| spec::is_stdin(file)).then_some(
            "the project came from standard input, which cannot be read again; to change it, stop \
             and start it, or keep it in a file",
        )
    }

    fn read(&self, waiting: &dyn Fn(&Path)) -> Result<LoadedProject, Faults> {
        let gone = self
            .follower
            .as_ref()
            .and_then(|follower| follower.lock().unwrap_or_else(PoisonError::into_inner).check());
        if let Some(gone) = gone {
            let hint = "put it back, or stop the project with `pitcrew down`";
            return Err(Fault::about(self.file.clone(), gone).with_hint(hint).into());
        }
        let loaded = spec::load_with_notice(&self.locator, waiting)?;
        let file = &loaded.spec.project.file;
        if *file != self.file {
            let message = format!("it is gone, and {} is another project", file.display());
            return Err(Fault::about(self.file.clone(), message).into());
        }
        self.versions().read = FileVersions::of(&loaded.spec);
        Ok(loaded)
    }

    fn prepare(&self, spec: &Spec) -> Result<(), Faults> {
        let mut policies = self.policies();
        policies
            .processes
            .extend(locked_project::stray_policies(spec, &policies.session).processes);
        // The guardian must know what may outlive a process before the process exists.
        if let Some(journal) = &self.journal {
            journal.write(&policies).map_err(|error| {
                Fault::about(
                    journal.path.clone(),
                    format!("cannot write it: {}", io_error_text(&error)),
                )
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

#[derive(Debug, Default)]
struct Versions {
    /// The files that the running project was read from.
    running: FileVersions,
    /// The files of the last read, which may have been a dry run.
    read: FileVersions,
}

/// The files of a project with their versions.
#[derive(Debug, Clone, Default)]
struct FileVersions(Vec<(PathBuf, Option<FileVersion>)>);

/// Device, inode, size, and modification time.
type FileVersion = (u64, u64, u64, i64, i64);

impl FileVersions {
    fn of(spec: &Spec) -> Self {
        let project = &spec.project;
        // The local file may be created later.
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

/// `None` for a missing file and for a pipe, whose content is different each time.
fn version(file: &Path) -> Option<FileVersion> {
    let found = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some((found.dev(), found.ino(), found.size(), found.mtime(), found.mtime_nsec()))
}
