//! Runs external programs, and writes text that is too long for the clipboard to files.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use super::export::{temporary, too_long};
use crate::output::safe_name;
use crate::tui::msg::Msg;

/// Opens a file in the pager and takes it away.
pub(super) fn page(
    file: &Path,
    run: impl FnOnce(&mut Command) -> io::Result<ExitStatus>,
) -> io::Result<()> {
    let pager = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
    let pager = pager.unwrap_or_else(|| "less -R +G".to_owned());
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(format!("{pager} \"$1\"")).arg("sh").arg(file);
    let shown = run(&mut command);
    _ = std::fs::remove_file(file);
    match shown?.code() {
        Some(127) => Err(io::Error::other(format!("there is no `{}`", safe_name(&pager)))),
        _ => Ok(()),
    }
}

/// Gives a text to a command.
pub(super) fn feed(command: &[&str], text: &str) {
    let Some((program, args)) = command.split_first() else { return };
    let child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Ok(mut child) = child {
        _ = child.stdin.take().map(|mut input| input.write_all(text.as_bytes()));
        _ = child.wait();
    }
}

/// Keeps what is too long for the clipboard.
pub(super) fn keep(text: &str) -> Result<String, String> {
    let kept = temporary().and_then(|(path, mut file)| {
        file.write_all(text.as_bytes())?;
        Ok(path)
    });
    match kept {
        Ok(path) => Ok(too_long(&path)),
        Err(error) => Err(format!("too long for the clipboard, and cannot be kept: {error}")),
    }
}

/// Opens an address in the browser of the user.
pub(super) async fn browse(url: String) -> Msg {
    let open = move || {
        let command = std::env::var("BROWSER").unwrap_or_else(|_| "xdg-open".to_owned());
        let child = Command::new(&command)
            .arg(&url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match child {
            Ok(status) if status.success() => Ok(format!("opened {url}")),
            Ok(status) => Err(format!("{command} {url}: {status}")),
            Err(error) => Err(format!("{command}: {error}; the address is {url}")),
        }
    };
    let done = tokio::task::spawn_blocking(open).await;
    Msg::Said(done.unwrap_or_else(|error| Err(error.to_string())))
}
