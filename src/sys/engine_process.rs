//! A running project from outside, for who has to end one that does not answer.

use std::io;

use super::lock::Holder;
use super::{guardian, kill, own_process, proc};
use crate::spec::Signal;

/// The guardian of a running project and its engine, for who has to end both from outside.
#[derive(Debug)]
pub struct RunningEngine {
    guardian: proc::Stat,
    engines: Vec<proc::Stat>,
    end: own_process::ProcessExitWatch,
}

impl RunningEngine {
    /// Those of a project that runs.
    pub fn of(holder: &Holder) -> io::Result<Self> {
        let gone = || io::Error::from_raw_os_error(libc::ESRCH);
        let end = own_process::ProcessExitWatch::of(holder.pid)?;
        let guardian = proc::stat(holder.pid).ok_or_else(gone)?;
        if guardian.program != guardian::NAME {
            return Err(io::Error::other(format!("pid {} is no guardian", holder.pid)));
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

    /// Kills the engine; the guardian ends what it has left.
    pub fn kill_engine(&self) -> io::Result<()> {
        self.engines.iter().try_for_each(|one| kill::seen(one, Signal::KILL))?;
        kill::seen(&self.guardian, Signal::CONT)
    }

    /// Waits for the end of the guardian.
    pub async fn gone(self) -> io::Result<()> {
        self.end.gone().await
    }
}
