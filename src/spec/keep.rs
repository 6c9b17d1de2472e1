//! Programs that outlive what started them on purpose: never ended as strays unless a file says so.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use super::StopPolicy;

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

impl StopPolicy {
    /// Whether a program with this name, as the kernel shows it, is left alone as a stray. The
    /// kernel cuts names after 15 bytes, so a longer name in the list is compared that far.
    pub fn keeps(&self, comm: &str) -> bool {
        let cut = |name: &String| comm.len() >= COMM_BYTES && name.starts_with(comm);
        self.keep.contains(comm) || self.keep.iter().any(cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_known_by_what_the_kernel_keeps_of_it() {
        let stop = StopPolicy::default();
        assert!(stop.keeps("sccache") && stop.keeps("containerd-shim"));
        assert!(!stop.keeps("containerd-s") && !stop.keeps("node") && !stop.keeps(""));
    }
}
