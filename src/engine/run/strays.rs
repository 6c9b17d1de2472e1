//! Strays of a run: ends what outlives the leader, and reports it.

use std::time::Duration;

use tokio::time::sleep_until;

use super::{PumpEvent, RunTask, StopPhase, now};
use crate::machine::Fact;
use crate::spec::{Signal, Stray};
use crate::sys::{Child, Descendant, Host, Strays};

/// The time between two checks whether strays are gone.
const STRAY_POLL: Duration = Duration::from_millis(25);

impl<H: Host> RunTask<H> {
    /// Ends the rest of the tree after the exit of the leader; returns the processes that outlived it.
    pub(super) async fn sweep(&mut self) -> Vec<Stray> {
        let Strays { to_end: mut going, kept: staying } = self.strays().await;
        let phase_at_exit = self.phase;
        // After a kill no process counts as left behind, however long it takes to disappear.
        let mut ended = if phase_at_exit == StopPhase::Running {
            Descendant::survivors(&going)
        } else {
            Vec::new()
        };
        if !going.is_empty() {
            self.terminate(&going).await;
        }
        while !going.is_empty() {
            self.report_lingering(going.iter().map(|process| process.stray.clone()).collect());
            if self.phase == StopPhase::Killing {
                if phase_at_exit == StopPhase::Stopping && ended.is_empty() {
                    ended = Descendant::survivors(&going);
                }
                self.kill().await;
            }
            self.wait_for_strays().await;
            going = self.strays().await.to_end;
        }
        self.notify_strays(&ended, "behind; it was ended");
        self.notify_strays(&staying, "running");
        ended.into_iter().chain(staying).map(|process| process.stray).collect()
    }

    async fn strays(&self) -> Strays {
        let stop = self.context.spec.stop.clone();
        self.child.strays(stop.strays, &stop.keep).await
    }

    pub(super) fn report_lingering(&self, left: Vec<Stray>) {
        let (run, exit) = (self.context.run, self.exit);
        self.context.engine.send_fact(Fact::Lingering { run, exit, left });
    }

    /// Handles commands until the strays are to be checked again, or a kill is requested.
    async fn wait_for_strays(&mut self) {
        let until = now() + STRAY_POLL;
        loop {
            let event = match self.pump(Some(until)).await {
                PumpEvent::Closed => tokio::select! {
                    biased;
                    Some(command) = self.commands.recv() => PumpEvent::Command(command),
                    () = sleep_until(until) => PumpEvent::Elapsed,
                },
                event @ (PumpEvent::Command(_) | PumpEvent::Exited(_) | PumpEvent::Elapsed) => {
                    event
                }
            };
            let PumpEvent::Command(command) = event else { return };
            self.handle_command(command).await;
            if self.phase == StopPhase::Killing {
                return;
            }
        }
    }

    /// Sends TERM to strays: to all, or after a stop signal to those outside of its group.
    async fn terminate(&self, going: &[Descendant]) {
        let has_signalled =
            self.phase == StopPhase::Stopping && self.context.spec.stop.command.is_none();
        let is_signalled = |stray: &&Descendant| stray.is_dying || has_signalled && stray.in_group;
        let rest = going.iter().filter(|stray| !is_signalled(stray));
        let pids: Vec<u32> = rest.map(|stray| stray.stray.pid).collect();
        if !pids.is_empty() {
            self.child.signal_these(Signal::TERM, pids).await;
        }
    }

    fn notify_strays(&self, strays: &[Descendant], how: &str) {
        let run = self.context.run.run;
        for Descendant { stray, .. } in strays {
            self.context.notify(format!("run {run} left process {stray} {how}"));
        }
    }
}
