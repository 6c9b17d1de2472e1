//! Programs that outlive what started them on purpose: never ended as strays unless a file says so.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

/// The kernel keeps so many bytes of a program's name (`/proc/PID/comm`).
const COMM_BYTES: usize = 15;

/// Shared daemons that tools start in passing, and browsers that a command opens.
const USUAL: &[&str] = &[
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
pub(super) fn usual() -> Arc<BTreeSet<String>> {
    static LIST: LazyLock<Arc<BTreeSet<String>>> =
        LazyLock::new(|| Arc::new(USUAL.iter().map(|&name| name.to_owned()).collect()));
    Arc::clone(&LIST)
}

/// Whether a program with this name, as the kernel shows it, is left alone as a stray. The kernel
/// cuts names after 15 bytes, so a longer name in the list is compared that far.
pub(crate) fn is_kept(comm: &str, keep: &BTreeSet<String>) -> bool {
    let cut = |name: &String| comm.len() >= COMM_BYTES && name.starts_with(comm);
    keep.contains(comm) || keep.iter().any(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_known_by_what_the_kernel_keeps_of_it() {
        let keeps = |comm| is_kept(comm, &usual());
        assert!(keeps("sccache") && keeps("containerd-shim"));
        assert!(!keeps("containerd-s") && !keeps("node") && !keeps(""));
    }
}
