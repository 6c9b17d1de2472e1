//! Decides whether a process belongs to a run, and describes it if it does not.

use std::os::unix::fs::MetadataExt;

use super::{HolderProject, PortHolder};
use crate::sys::lock;
use crate::sys::proc::{self, ProcessMarker, Stat};
use crate::sys::registry::Registry;

/// Programs that forward connections for a container or a virtual machine: the process behind them
/// is not visible from here.
const PROXIES: &[&str] = &[
    "docker-proxy",
    "rootlessport",
    "rootlesskit",
    "slirp4netns",
    "pasta",
    "pasta.avx2",
    "passt",
    "passt.avx2",
    "conmon",
    "netavark",
    "containerd-shim",
    "com.docker.back",
    "com.docker.vpnk",
    "gvproxy",
    "limactl",
    "qemu-system-x86",
    "qemu-system-aar",
];

/// The maximum length of a chain of parents.
const DEEPEST: usize = 256;

/// The relation of a listening process to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OwnerVerdict {
    Own,
    /// Unknown; describes what it may be.
    Hidden(String),
    Other(PortHolder),
    /// It descends from this engine, but not from an existing run: it has left its run.
    Orphan(PortHolder),
}

impl OwnerVerdict {
    /// The most significant verdict has the lowest rank.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Own => 0,
            Self::Orphan(_) => 1,
            Self::Hidden(_) => 2,
            Self::Other(_) => 3,
        }
    }
}

/// The given run, and the other runs of this engine.
pub(super) struct RunIdentity<'a> {
    registry: &'a Registry,
    leader: Option<u32>,
    marker: Option<ProcessMarker>,
}

impl<'a> RunIdentity<'a> {
    pub(super) fn new(registry: &'a Registry, leader: Option<u32>) -> Self {
        let marker = leader
            .and_then(|leader| registry.lock().get(&leader).and_then(|one| one.marker.clone()));
        Self { registry, leader, marker }
    }

    pub(super) fn leader(&self) -> Option<u32> {
        self.leader
    }

    /// Returns the relation of this process to the run.
    pub(super) fn verdict(&self, pid: u32) -> OwnerVerdict {
        let Some(stat) = proc::stat(pid).filter(|stat| !stat.zombie) else {
            return OwnerVerdict::Hidden("a process that has ended".to_owned());
        };
        let above = above(&stat);
        let descends = |leader: u32| above.iter().any(|one| one.pid == leader);
        if self.leader.is_some_and(|leader| stat.group == leader || descends(leader)) {
            return OwnerVerdict::Own;
        }
        if !is_readable(pid) {
            return OwnerVerdict::Hidden(format!("{} of another user", shown(&stat)));
        }
        let marker = proc::marker(pid);
        if marker.is_complete() && self.marker.as_ref() == Some(&marker) {
            return OwnerVerdict::Own;
        }
        if PROXIES.contains(&stat.program.as_str()) {
            return OwnerVerdict::Hidden(format!("{}, which forwards connections", shown(&stat)));
        }
        if is_in_another_namespace(pid) {
            return OwnerVerdict::Hidden(format!("{}, which runs in a container", shown(&stat)));
        }
        self.other(&stat, marker, &above)
    }

    /// Describes a process that does not belong to the run.
    fn other(&self, stat: &Stat, marker: ProcessMarker, above: &[Stat]) -> OwnerVerdict {
        let holder = |process, project| {
            let program = stat.program.clone();
            OwnerVerdict::Other(PortHolder { pid: stat.pid, program, process, project })
        };
        let of_ours = {
            let leaders = self.registry.lock();
            let mut entries = above.iter().filter_map(|one| leaders.get(&one.pid));
            entries.next().and_then(|entry| entry.marker.clone())
        };
        if let Some(marker) = of_ours {
            return holder(text(marker.process), HolderProject::This);
        }
        let session = self.session();
        let is_ours = marker.session.is_some() && marker.session == session;
        let engine = std::process::id();
        if is_ours && marker.process.is_some() {
            return holder(text(marker.process), HolderProject::This);
        }
        if above.iter().any(|one| one.pid == engine) && stat.pid != engine && self.leader.is_some()
        {
            let program = stat.program.clone();
            return OwnerVerdict::Orphan(PortHolder {
                pid: stat.pid,
                program,
                process: None,
                project: HolderProject::None,
            });
        }
        let above: Vec<u32> = above.iter().map(|one| one.pid).collect();
        let folder = lock::project_of(marker.session.as_deref(), &above);
        // Many servers overwrite their environment; their parents may not have.
        let marker = if marker.process.is_some() || folder.is_none() {
            marker
        } else {
            let markers = above.iter().skip(1).map(|pid| proc::marker(*pid));
            markers.into_iter().find(ProcessMarker::is_complete).unwrap_or_default()
        };
        let project = match folder {
            Some(folder) => HolderProject::Folder(folder),
            None if marker.session.is_some() => HolderProject::Unknown,
            None => HolderProject::None,
        };
        holder(text(marker.process), project)
    }

    /// The session of this engine, if any leader reveals it.
    fn session(&self) -> Option<Vec<u8>> {
        let own = self.marker.as_ref().and_then(|marker| marker.session.clone());
        own.or_else(|| {
            let leaders = self.registry.lock();
            leaders.values().find_map(|entry| entry.marker.as_ref()?.session.clone())
        })
    }
}

/// Returns a process and all its ancestors.
fn above(stat: &Stat) -> Vec<Stat> {
    let mut all = vec![stat.clone()];
    while let Some(parent) = all.last().map(|one| one.parent).filter(|parent| *parent > 1) {
        let Some(stat) = proc::stat(parent).filter(|_| all.len() < DEEPEST) else { break };
        all.push(stat);
    }
    all
}

fn shown(stat: &Stat) -> String {
    format!("{} (pid {})", stat.program, stat.pid)
}

fn text(bytes: Option<Vec<u8>>) -> Option<String> {
    let bytes = bytes?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // A library command has a number after its name.
    Some(text.split('@').next().unwrap_or_default().to_owned())
}

/// Whether the environment of a process is readable.
fn is_readable(pid: u32) -> bool {
    std::fs::File::open(format!("/proc/{pid}/environ")).is_ok()
}

fn is_in_another_namespace(pid: u32) -> bool {
    let inode = |of: &str| std::fs::metadata(format!("/proc/{of}/ns/pid")).map(|meta| meta.ino());
    match (inode("self"), inode(&pid.to_string())) {
        (Ok(ours), Ok(theirs)) => ours != theirs,
        _ => false,
    }
}

/// Describes the holder of a socket that no readable process has.
pub(super) fn unseen(uid: Option<u32>) -> String {
    match uid {
        Some(uid) if uid != rustix::process::geteuid().as_raw() => {
            format!("a process of another user (uid {uid})")
        }
        _ => "a process that is not visible from here".to_owned(),
    }
}
