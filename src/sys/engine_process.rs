//! The engine and guardian of another running project, to be ended if they do not respond.

use std::io;

use super::lock::Holder;
use super::{guardian, kill, own_process, proc};
use crate::spec::Signal;

/// The guardian and the engine of a running project.
#[derive(Debug)]
pub struct RunningEngine {
    guardian: proc::Stat,
    engines: Vec<proc::Stat>,
    end: own_process::ProcessExitWatch,
}

impl RunningEngine {
    /// Finds both processes of a running project.
    pub fn of(holder: &Holder) -> io::Result<Self> {
        let gone = || io::Error::from_raw_os_error(libc::ESRCH);
        let end = own_process::ProcessExitWatch::of(holder.pid)?;
        let guardian = proc::stat(holder.pid).ok_or_else(gone)?;
        if guardian.program != guardian::NAME {
            return Err(io::Error::other(format!("pid {} is not a guardian", holder.pid)));
        }
        let children = proc::ChildTable::look().of(holder.pid);
        let engines = children.into_iter().filter_map(proc::stat).collect();
        Ok(Self { guardian, engines, end })
    }

    /// Continues both.
    pub fn resume(&self) -> io::Result<()> {
        for one in self.engines.iter().chain([&self.guardian]) {
            kill::seen(one, Signal::CONT)?;
        }
        Ok(())
    }

    /// Kills the engine; the guardian then ends everything that is left.
    pub fn kill_engine(&self) -> io::Result<()> {
        self.engines.iter().try_for_each(|one| kill::seen(one, Signal::KILL))?;
        kill::seen(&self.guardian, Signal::CONT)
    }

    /// Waits for the end of the guardian.
    pub async fn gone(self) -> io::Result<()> {
        self.end.gone().await
    }
}
