//! Runs external programs, and writes text that is too long for the clipboard to files.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use super::export::{cannot_save_too_long, temporary_file, too_long};
use crate::output::safe_name;
use crate::spec::io_error_text;
use crate::tui::msg::Msg;

/// A variable of the environment that names a program, unless it is blank.
pub(super) fn program_variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// A program with arguments. The command line may hold arguments too, as for every program that reads
/// such a variable.
pub(super) fn shell_command(
    command_line: &str,
    arguments: impl IntoIterator<Item: AsRef<OsStr>>,
) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(format!("{command_line} \"$@\"")).arg("sh").args(arguments);
    command
}

/// Opens a file in the pager.
pub(super) fn page(
    file: &Path,
    run: impl FnOnce(&mut Command) -> io::Result<ExitStatus>,
) -> io::Result<()> {
    let pager = program_variable("PAGER").unwrap_or_else(|| "less -R +G".to_owned());
    match run(&mut shell_command(&pager, [file]))?.code() {
        Some(127) => {
            Err(io::Error::other(format!("`{}` not found; set $PAGER", safe_name(&pager))))
        }
        _ => Ok(()),
    }
}

/// Runs a command with a text as its input.
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

/// Saves a text that is too long for the clipboard.
pub(super) fn save_text(text: &str) -> Result<String, String> {
    let path = temporary_file().and_then(|(path, mut file)| {
        file.write_all(text.as_bytes())?;
        Ok(path)
    });
    path.map(|path| too_long(&path)).map_err(|error| cannot_save_too_long(&error))
}

/// Opens an address in the browser of the user.
pub(super) async fn browse(url: String) -> Msg {
    let open = move || {
        let command = std::env::var("BROWSER").unwrap_or_else(|_| "xdg-open".to_owned());
        let status = Command::new(&command)
            .arg(&url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match status {
            Ok(status) if status.success() => Ok(format!("opened {url}")),
            Ok(status) => Err(format!("{command} {url}: {status}")),
            Err(error) => {
                Err(format!("{command}: {}; the address is {url}", io_error_text(&error)))
            }
        }
    };
    let result = tokio::task::spawn_blocking(open).await;
    Msg::Notice(result.unwrap_or_else(|error| Err(error.to_string())))
}
