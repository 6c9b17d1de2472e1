//! The access token of a running project, in a file that only the user can read.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use super::ProjectDirs;

const NAME: &str = "token";
/// Enough to make guessing infeasible.
const BYTES: usize = 32;

/// The file with the token; it is removed on drop.
pub struct TokenFile {
    pub path: PathBuf,
    token: String,
}

impl TokenFile {
    /// Creates a new token and writes it into the runtime folder. Only for the holder of the project's
    /// lock: an existing file was left by a dead process, and is replaced.
    pub fn make(folders: &ProjectDirs) -> io::Result<(Self, String)> {
        let path = folders.runtime.join(NAME);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut bytes = [0; BYTES];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        let token = bytes.iter().fold(String::new(), |mut token, byte| {
            _ = write!(token, "{byte:02x}");
            token
        });
        let file = Self { path, token: token.clone() };
        file.write()?;
        Ok((file, token))
    }

    /// Creates the file again if it was removed.
    pub fn renew(&self) -> io::Result<()> {
        if self.path.exists() { Ok(()) } else { self.write() }
    }

    fn write(&self) -> io::Result<()> {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&self.path)?;
        writeln!(file, "{}", self.token)
    }
}

/// Does not show the token.
impl std::fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;

    #[test]
    fn each_token_is_unique_and_readable_only_by_the_user() {
        let base = tempfile::tempdir().unwrap();
        let folders = ProjectDirs::with(Path::new("/p/procfile.toml"), |name| {
            (name == "XDG_RUNTIME_DIR").then(|| base.path().as_os_str().to_owned())
        })
        .unwrap();
        let (first, token) = TokenFile::make(&folders).unwrap();
        assert_eq!(token.len(), 2 * BYTES);
        assert_eq!(fs::read_to_string(&first.path).unwrap().trim_end(), token);
        assert_eq!(fs::metadata(&first.path).unwrap().permissions().mode() & 0o777, 0o600);
        // As after a kill.
        std::mem::forget(first);
        let (second, other) = TokenFile::make(&folders).unwrap();
        assert_ne!(other, token);
        let path = second.path.clone();
        drop(second);
        assert!(!path.exists());
    }
}
