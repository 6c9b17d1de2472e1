//! The engine and guardian of another running project, to be ended if they do not respond.

use std::io;

use super::lock::Holder;
use super::own_process::ProcessExitWatch;
use super::{guardian, kill, proc};
use crate::spec::Signal;

/// The guardian of a running project, and its engine.
#[derive(Debug)]
pub struct EngineProcess {
    guardian: proc::Stat,
    /// The children of the guardian: the engine, and orphans of an engine that has ended.
    engines: Vec<proc::Stat>,
    guardian_exit: ProcessExitWatch,
}

impl EngineProcess {
    /// Finds both processes of a running project.
    pub fn of(holder: &Holder) -> io::Result<Self> {
        let gone = || io::Error::from_raw_os_error(libc::ESRCH);
        let guardian_exit = ProcessExitWatch::of(holder.pid)?;
        let guardian = proc::stat(holder.pid).ok_or_else(gone)?;
        if guardian.program != guardian::NAME {
            return Err(io::Error::other(format!("pid {} is not a guardian", holder.pid)));
        }
        let children = proc::ChildTable::read().of(holder.pid);
        let engines = children.into_iter().filter_map(proc::stat).collect();
        Ok(Self { guardian, engines, guardian_exit })
    }

    /// Continues both.
    pub fn resume(&self) -> io::Result<()> {
        let mut processes = self.engines.iter().chain([&self.guardian]);
        processes.try_for_each(|process| kill::signal_process(process, Signal::CONT))
    }

    /// Kills the engine; the guardian then ends everything that is left.
    pub fn kill_engine(&self) -> io::Result<()> {
        self.engines.iter().try_for_each(|engine| kill::signal_process(engine, Signal::KILL))?;
        kill::signal_process(&self.guardian, Signal::CONT)
    }

    /// Waits for the end of the guardian.
    pub async fn exited(self) -> io::Result<()> {
        self.guardian_exit.exited().await
    }
}
