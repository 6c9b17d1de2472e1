//! Diagnostics of pitcrew itself, written to a file, never to the terminal.

use std::path::Path;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;

/// A larger file is renamed to `NAME.1` at the start.
const MAX_SIZE: u64 = 5 << 20;

/// Writes diagnostics to `file` from now on; they are flushed when the guard is dropped.
///
/// `-v` sets the level (once: each event; twice: everything), or `PITCREW_LOG` in the syntax of
/// `tracing_subscriber::EnvFilter`.
pub(super) fn start(file: &Path, verbose: u8) -> std::io::Result<WorkerGuard> {
    if std::fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.len() > MAX_SIZE) {
        let mut renamed = file.as_os_str().to_owned();
        renamed.push(".1");
        std::fs::rename(file, renamed)?;
    }
    let file = std::fs::File::options().append(true).create(true).open(file)?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let level = match verbose {
        0 => "info",
        1 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_env("PITCREW_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let subscriber = tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(false)
        .with_env_filter(filter)
        .finish();
    _ = tracing::subscriber::set_global_default(subscriber);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), pid = std::process::id(), "started");
    Ok(guard)
}
