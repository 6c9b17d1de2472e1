//! Programs that outlive their parent on purpose and are not ended as strays by default.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

/// The number of bytes of a program's name that the kernel keeps (`/proc/PID/comm`).
const COMM_BYTES: usize = 15;

/// Shared daemons that tools start, and browsers that a command opens.
const DEFAULT: &[&str] = &[
    // Build caches and servers
    "sccache",
    "watchman",
    "gradle",
    "GradleDaemon",
    "buck2d",
    "VBCSCompiler",
    // Devices, keys, sessions
    "adb",
    "gpg-agent",
    "dirmngr",
    "keyboxd",
    "scdaemon",
    "ssh-agent",
    "tmux",
    "tmux: server",
    "dbus-daemon",
    // Containers
    "docker",
    "dockerd",
    "containerd",
    "containerd-shim-runc-v2",
    "conmon",
    "podman",
    // Browsers
    "chrome",
    "google-chrome",
    "chromium",
    "chromium-browser",
    "firefox",
    "firefox-bin",
    "msedge",
    "brave",
    "opera",
    "vivaldi-bin",
    "safari",
];

/// The default list, shared by all processes.
pub(super) fn default_allowlist() -> Arc<BTreeSet<String>> {
    static LIST: LazyLock<Arc<BTreeSet<String>>> =
        LazyLock::new(|| Arc::new(DEFAULT.iter().map(|&name| name.to_owned()).collect()));
    Arc::clone(&LIST)
}

/// Whether a stray with this name, as the kernel shows it, is not ended. The kernel truncates names to 15
/// bytes, so a longer name in the list is compared up to that length.
pub(crate) fn is_kept(comm: &str, keep: &BTreeSet<String>) -> bool {
    let is_truncated = comm.len() >= COMM_BYTES;
    keep.contains(comm) || is_truncated && keep.iter().any(|name| name.starts_with(comm))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_known_by_what_the_kernel_keeps_of_it() {
        let keeps = |comm| is_kept(comm, &default_allowlist());
        assert!(keeps("sccache") && keeps("containerd-shim"));
        assert!(!keeps("containerd-s") && !keeps("node") && !keeps(""));
    }
}
