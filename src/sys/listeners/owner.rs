//! Decides whether a process belongs to a run, and describes it if it does not.

use std::os::unix::fs::MetadataExt;

use super::{HolderProject, Listener, PortHolder};
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

/// The relation of a listening process to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sys) struct OwnerVerdict {
    pub(in crate::sys) listener: Listener,
    /// The pid, if the process descends from this engine but not from an existing run: it has left its
    /// run, which earlier scans may know.
    pub(in crate::sys) orphan: Option<u32>,
}

impl From<Listener> for OwnerVerdict {
    fn from(listener: Listener) -> Self {
        Self { listener, orphan: None }
    }
}

impl OwnerVerdict {
    /// The most significant verdict has the lowest rank.
    pub(super) fn rank(&self) -> u8 {
        match &self.listener {
            Listener::Own => 0,
            Listener::Hidden(_) if self.orphan.is_some() => 1,
            Listener::Hidden(_) => 2,
            Listener::Other(_) => 3,
            Listener::Unchecked | Listener::NotFound | Listener::Shared(_) => 4,
        }
    }

    pub(super) fn is_own(&self) -> bool {
        self.listener == Listener::Own
    }
}

/// The given run, and the other runs of this engine.
pub(super) struct RunIdentity<'a> {
    registry: &'a Registry,
    pub(super) leader: Option<u32>,
    marker: Option<ProcessMarker>,
}

impl<'a> RunIdentity<'a> {
    pub(super) fn new(registry: &'a Registry, leader: Option<u32>) -> Self {
        let marker = leader.and_then(|leader| registry.lock().get(&leader)?.marker.clone());
        Self { registry, leader, marker }
    }

    /// Returns the relation of this process to the run.
    pub(super) fn verdict(&self, pid: u32) -> OwnerVerdict {
        // Without pid 1, from which everything descends.
        let is_counted = |process: &Stat| process.pid > 1 || process.pid == pid;
        let lineage: Vec<Stat> = proc::with_ancestors(pid).take_while(is_counted).collect();
        let Some(stat) = lineage.first().filter(|stat| !stat.zombie) else {
            return Listener::Hidden("a process that has ended".to_owned()).into();
        };
        let descends = |leader: u32| lineage.iter().any(|process| process.pid == leader);
        if self.leader.is_some_and(|leader| stat.group == leader || descends(leader)) {
            return Listener::Own.into();
        }
        let hidden = |why: &str| {
            Listener::Hidden(format!("{} (pid {}){why}", stat.program, stat.pid)).into()
        };
        if !is_readable(pid) {
            return hidden(" of another user");
        }
        let marker = proc::marker(pid);
        if marker.is_complete() && self.marker.as_ref() == Some(&marker) {
            return Listener::Own.into();
        }
        if PROXIES.contains(&stat.program.as_str()) {
            return hidden(", which forwards connections");
        }
        if is_in_another_namespace(pid) {
            return hidden(", which runs in a container");
        }
        self.foreign(stat, marker, &lineage)
    }

    /// Describes a process that does not belong to the run.
    fn foreign(&self, stat: &Stat, marker: ProcessMarker, lineage: &[Stat]) -> OwnerVerdict {
        let holder = |process, project| {
            let program = stat.program.clone();
            PortHolder { pid: stat.pid, program, process, project }
        };
        let own_run = {
            let leaders = self.registry.lock();
            let entry = lineage.iter().find_map(|process| leaders.get(&process.pid));
            entry.and_then(|entry| entry.marker.clone())
        };
        if let Some(marker) = own_run {
            return Listener::Other(holder(name(marker), HolderProject::This)).into();
        }
        let is_ours = marker.session.is_some() && marker.session == self.session();
        if is_ours && marker.process.is_some() {
            return Listener::Other(holder(name(marker), HolderProject::This)).into();
        }
        let engine = std::process::id();
        let descends = stat.pid != engine && lineage.iter().any(|process| process.pid == engine);
        if descends && self.leader.is_some() {
            let holder = holder(None, HolderProject::None);
            let text = format!("{holder}, which a process of this project left behind");
            return OwnerVerdict { listener: Listener::Hidden(text), orphan: Some(stat.pid) };
        }
        let pids: Vec<u32> = lineage.iter().map(|process| process.pid).collect();
        let folder = lock::project_of(marker.session.as_deref(), &pids);
        let (process, project) = match folder {
            None if marker.session.is_some() => (name(marker), HolderProject::Unknown),
            None => (name(marker), HolderProject::None),
            Some(folder) => {
                // Many servers overwrite their environment; their parents may not have.
                let mut of_parents = pids.iter().skip(1).map(|pid| proc::marker(*pid));
                let of_parent = || name(of_parents.find(ProcessMarker::is_complete)?);
                (name(marker).or_else(of_parent), HolderProject::Folder(folder))
            }
        };
        Listener::Other(holder(process, project)).into()
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

/// Returns the name of a process or replica, such as `web.2`.
fn name(marker: ProcessMarker) -> Option<String> {
    let process = String::from_utf8_lossy(&marker.process?).into_owned();
    // A library command has a number after its name.
    let process = process.split('@').next().unwrap_or_default();
    let replica = marker.replica.filter(|number| !number.is_empty());
    let replica = replica.map(|number| format!(".{}", String::from_utf8_lossy(&number)));
    Some(format!("{process}{}", replica.unwrap_or_default()))
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
pub(super) fn unseen(uid: Option<u32>) -> Listener {
    Listener::Hidden(match uid {
        Some(uid) if uid != crate::sys::user() => {
            format!("a process of another user (uid {uid})")
        }
        _ => "a process that is not visible from here".to_owned(),
    })
}
