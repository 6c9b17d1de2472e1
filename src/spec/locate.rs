//! Project locator: finds the files of a project, checks that they can be trusted, and loads them.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Spec;
use super::env_file::{EnvPipes, MAX_FILE_SIZE};
use super::fault::{CheckReport, Fault, Faults, SourceFile, SourceSpan, shown_path};
use super::format::io_error_text;
use super::procfile::{self, keys};
use super::resolve::{self, Diagnostics, EnvReading, ProjectPaths};

/// The name of the project file.
pub const FILE: &str = "procfile.toml";

/// The name of the file beside it, for settings that are not committed.
pub const LOCAL_FILE: &str = "procfile.local.toml";

/// The name for standard input among the files of a project. Paths in it are relative to the current
/// folder, and that folder together with this name identifies the project.
pub const STDIN: &str = "-";

/// The files of a project, or the folder to search them from.
#[derive(Debug, Clone)]
pub struct ProjectLocator {
    /// Files named by the user, relative to `dir`; later ones override earlier ones. If there is
    /// none, `procfile.toml` is searched in `dir` and its parents.
    ///
    /// [`STDIN`] stands for a text that has been read already.
    pub files: Vec<PathBuf>,
    /// The current folder.
    pub dir: PathBuf,
    /// The text of [`STDIN`]; `None` if it can no longer be read.
    pub stdin: Option<Arc<[u8]>>,
}

/// A project that was read without a mistake.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedProject {
    pub spec: Spec,
    pub warnings: Faults,
}

impl ProjectLocator {
    /// Returns the current folder, absolute, and the files of the project, which may be relative to it.
    fn locate(&self) -> Result<(PathBuf, Vec<PathBuf>), Fault> {
        let dir = std::path::absolute(&self.dir).unwrap_or_else(|_| self.dir.clone());
        let paths = if self.files.is_empty() { search(&dir)? } else { self.files.clone() };
        Ok((dir, paths))
    }
}

/// Returns the mistakes and the warnings of a project's files; blocks while it reads them.
pub fn report(request: &ProjectLocator) -> CheckReport {
    match inspect(request) {
        Ok(LoadedProject { warnings, .. }) => CheckReport::new(&Faults::default(), &warnings),
        Err(faults) => CheckReport::new(&faults, &faults.warnings()),
    }
}

/// Finds, reads and checks the files of a project.
///
/// Reads the files, and the env files they name; blocks while it does.
///
/// # Errors
/// Every mistake of all files, or why there is no file to read.
pub fn load(request: &ProjectLocator) -> Result<LoadedProject, Faults> {
    load_with_notice(request, &|_| {})
}

/// Like [`load`]; calls `waiting` with the path of an env file that is a pipe and has been silent for
/// a second.
///
/// # Errors
/// Every mistake of all files, or why there is no file to read.
pub fn load_with_notice(
    request: &ProjectLocator,
    waiting: &dyn Fn(&Path),
) -> Result<LoadedProject, Faults> {
    load_with(request, keys::LATER, &EnvReading::inheriting(EnvPipes::Read, waiting))
}

/// Like [`load`] for commands that do not run the project: env files that are pipes or devices are not
/// opened, and variables that they may set count as set.
///
/// # Errors
/// Every mistake of all files, or why there is no file to read.
pub fn inspect(request: &ProjectLocator) -> Result<LoadedProject, Faults> {
    load_with(request, keys::LATER, &EnvReading::inheriting(EnvPipes::Skip, &|_| {}))
}

/// Like [`load`] with a different list of unsupported keys.
pub(crate) fn load_with(
    request: &ProjectLocator,
    later: &[&str],
    reading: &EnvReading<'_>,
) -> Result<LoadedProject, Faults> {
    let (dir, paths) = request.locate()?;
    let mut findings = Diagnostics::default();
    let mut sources = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        let is_repeated = || paths.iter().take(index).any(|earlier| is_stdin(earlier));
        let source = if !is_stdin(path) {
            read(&dir, path)
        } else if is_repeated() {
            Err(Fault::about(path.clone(), "standard input can be read only once")
                .with_hint("leave out one `-f -`"))
        } else {
            read_stdin(request.stdin.as_deref())
        };
        match source {
            Ok(source) => sources.push(source),
            Err(fault) => findings.faults.push(fault),
        }
    }
    if !findings.faults.is_empty() {
        return Err(Faults::sorted(findings.faults, &sources));
    }
    let read =
        |source: &Arc<SourceFile>| procfile::read(Arc::clone(source), later, &mut findings.faults);
    let files: Vec<_> = sources.iter().map(read).collect();
    let spec = resolve::resolve(&project_paths(&dir, &paths), &files, reading, &mut findings);
    let warnings = Faults::sorted(findings.warnings, &sources);
    if findings.faults.is_empty() {
        return Ok(LoadedProject { spec, warnings });
    }
    let faults = Faults::sorted(findings.faults, &sources);
    Err(Faults { env_files: spec.project.env_files, warnings: warnings.all, ..faults })
}

/// Returns the canonical path of a project's first file, which identifies the project. The file is not
/// read: a faulty file still identifies the running project.
///
/// # Errors
/// Why there is no such file.
pub fn find(request: &ProjectLocator) -> Result<PathBuf, Faults> {
    let (dir, paths) = request.locate()?;
    if let Some(first) = paths.first().filter(|first| !is_stdin(first)) {
        dir.join(first).metadata().map_err(|error| unreadable(&dir, first, &error))?;
    }
    Ok(project_paths(&dir, &paths).file)
}

/// Returns the files of a request, readable or not.
#[cfg(feature = "control")]
pub(super) fn files(request: &ProjectLocator) -> Vec<PathBuf> {
    let located = request.locate();
    located.map_or_else(|_| Vec::new(), |(dir, paths)| project_paths(&dir, &paths).files)
}

/// Whether this name stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// Returns canonical paths; that of the first file identifies the project.
fn project_paths(dir: &Path, paths: &[PathBuf]) -> ProjectPaths {
    let canonical = |path: &PathBuf| {
        if is_stdin(path) {
            // Not the file that has this name.
            return dir.canonicalize().unwrap_or_else(|_| dir.to_owned()).join(path);
        }
        let path = dir.join(path);
        path.canonicalize().unwrap_or(path)
    };
    let file = paths.first().map_or_else(|| dir.join(FILE), canonical);
    let files = paths.iter().filter(|path| !is_stdin(path)).map(canonical).collect();
    let dir = file.parent().unwrap_or(dir).to_owned();
    ProjectPaths { file, dir, files }
}

/// Finds `procfile.toml` in this folder or the nearest parent, and the local file next to it.
fn search(dir: &Path) -> Result<Vec<PathBuf>, Fault> {
    for folder in dir.ancestors() {
        let file = folder.join(FILE);
        let Some(found) = existing(&file)? else { continue };
        let mut files = vec![(file, found)];
        let local = folder.join(LOCAL_FILE);
        files.extend(existing(&local)?.map(|found| (local, found)));
        if folder == dir {
            // Displayed as the user would write them.
            return Ok(files
                .into_iter()
                .filter_map(|(file, _)| Some(PathBuf::from(file.file_name()?)))
                .collect());
        }
        return files.into_iter().map(|(file, found)| trusted(file, &found)).collect();
    }
    let message = format!("no {FILE} in {} or any folder above it", shown_path(dir));
    Err(Fault::about(PathBuf::from(FILE), message)
        .with_hint("create one, or name the file with `-f FILE`"))
}

/// Returns the metadata of a file that exists. A dangling link is a mistake: skipping it could run another
/// project than intended.
fn existing(path: &Path) -> Result<Option<Metadata>, Fault> {
    match path.metadata() {
        Ok(found) => Ok((!found.is_dir()).then_some(found)),
        Err(error) if path.is_symlink() => {
            let message = format!(
                "{} is a link that cannot be followed: {}",
                shown_path(path),
                io_error_text(&error)
            );
            Err(Fault::about(path.to_owned(), message))
        }
        Err(_) => Ok(None),
    }
}

/// Checks the owner of a file in a parent folder, which may belong to anyone; only files of the user
/// or root are run.
fn trusted(file: PathBuf, found: &Metadata) -> Result<PathBuf, Fault> {
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    // With a group for each user, which is usual, files are writable by the user's own group.
    let by_others =
        found.mode() & 0o002 != 0 || (found.mode() & 0o020 != 0 && found.gid() != group);
    let problem = if found.uid() != user && found.uid() != 0 {
        "belongs to another user"
    } else if by_others {
        "can be written by others"
    } else {
        return Ok(file);
    };
    let message = format!("{} was found by searching upward, but it {problem}", shown_path(&file));
    let hint = format!("if you trust it, name it explicitly: `-f {}`", shown_path(&file));
    Err(Fault::about(file, message).with_hint(hint))
}

fn read_stdin(text: Option<&[u8]>) -> Result<Arc<SourceFile>, Fault> {
    let path = Path::new(STDIN);
    let Some(text) = text else {
        let message = "the project came from standard input, which cannot be read again";
        return Err(Fault::about(path.to_owned(), message)
            .with_hint("write it to a file and name that: `-f FILE`"));
    };
    source(Path::new("<stdin>"), text.to_vec())
}

fn read(dir: &Path, path: &Path) -> Result<Arc<SourceFile>, Fault> {
    let fault = |message: String| Fault::about(path.to_owned(), message);
    if dir.join(path).metadata().is_ok_and(|file| !file.is_file() && !file.is_dir()) {
        let message = format!("{} cannot be read a second time", shown_path(path));
        return Err(fault(message).with_hint("pass it as standard input: `-f - < FILE`"));
    }
    let mut bytes = Vec::new();
    File::open(dir.join(path))
        .and_then(|file| file.take(MAX_FILE_SIZE + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(dir, path, &error))?;
    source(path, bytes)
}

/// The fault of a file that does not exist, or cannot be read.
fn unreadable(dir: &Path, path: &Path, error: &io::Error) -> Fault {
    let (shown, fault) = (shown_path(path), |text| Fault::about(path.to_owned(), text));
    if error.kind() == io::ErrorKind::NotFound {
        let hint = format!("`-f` is relative to {}", shown_path(dir));
        return fault(format!("{shown} does not exist")).with_hint(hint);
    }
    fault(format!("cannot read {shown}: {}", io_error_text(error)))
}

/// Checks the size and the encoding of a file.
fn source(path: &Path, bytes: Vec<u8>) -> Result<Arc<SourceFile>, Fault> {
    let fault = |message: String| Fault::about(path.to_owned(), message);
    if bytes.len() as u64 > MAX_FILE_SIZE {
        let message = format!("{} is larger than 1 MiB", shown_path(path));
        return Err(fault(message).with_hint("is it the right file?"));
    }
    String::from_utf8(bytes).map(|text| SourceFile::new(path.to_owned(), text)).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let source = SourceFile::new(path.to_owned(), text);
        Fault::at(&SourceSpan::new(&source, at..at + 1), "this byte is not UTF-8")
            .with_hint("save the file as UTF-8")
    })
}

#[cfg(test)]
mod tests;
