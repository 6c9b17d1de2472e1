//! The contract of every `Host`, checked by the same tests for the real and the scripted host.
//!
//! Each test contains its program twice, as a shell script and as a script of the scripted host, and runs the same
//! steps on both. The scripted host runs under paused time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use pitcrew::spec::{Exit, Signal, StartErrorKind, StraysPolicy};
use pitcrew::sys::{Child, Host, Launch, OutputFd, RealHost, StdinTarget};
use pitcrew::testing::{Gate, Grandchild, Pattern, Script, ScriptedHost};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};

use crate::common::own_process::in_own_process;
use crate::common::real_host::{self, of_session, runtime, wait_until_async};
use crate::common::{BOUND, children_of, wait_until};

mod outputs;
mod run_lifecycle;
mod signals;
mod strays;
mod terminals;

/// Makes a test of both hosts out of a function that takes one.
macro_rules! promises {
    ($($file:ident: $($name:ident)*;)*) => {
        mod real {
            $($(
                #[test]
                fn $name() {
                    super::for_real(super::$file::$name);
                }
            )*)*
        }
        mod scripted {
            $($(
                #[tokio::test(start_paused = true)]
                async fn $name() {
                    let host = super::ScriptedHost::new();
                    super::$file::$name(super::Scripted(host.clone())).await;
                    // What was dropped has a moment to go.
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                    host.assert_nothing_left();
                }
            )*)*
        }
    };
}

promises! {
    outputs:
        outputs_are_exact_and_apart
        both_outputs_can_share_a_pipe
        more_than_fits_into_a_pipe_waits_for_the_reader
        nobody_reads_the_pipe_any_more
        outputs_closed_early_are_seen_before_the_end
        stdin_is_at_its_end_unless_asked_otherwise
        an_open_stdin_neither_ends_nor_brings_anything
        what_is_written_to_stdin_arrives_and_its_end_too
        a_reader_of_stdin_that_is_gone_is_an_error
        stdin_can_be_a_file_and_a_missing_file_refuses_the_start
        pipes_join_two_runs;
    run_lifecycle:
        the_exit_is_as_it_was_and_can_be_asked_again
        a_missing_program_is_known_as_that
        a_missing_folder_is_known_as_that
        what_is_dropped_is_killed
        one_that_lives_cannot_be_reaped
        an_abandoned_start_leaves_nothing
        many_at_once
        pids_are_unique;
    signals:
        a_signal_ends_it_and_is_its_exit
        a_signal_reaches_the_group
        a_signal_can_be_answered
        a_signal_can_interrupt
        term_can_be_ignored_and_kill_cannot
        a_stopped_child_can_be_asked_to_end
        signals_after_the_end_are_no_error;
    strays:
        a_stray_holds_the_outputs_beyond_the_end
        strays_are_sorted_by_policy_and_by_name
        strays_can_be_signalled_one_by_one
        the_whole_tree_can_be_killed;
    terminals:
        a_terminal_is_input_and_output
        a_terminal_has_its_size_first_and_can_be_resized
        the_last_bytes_of_a_terminal_are_read_after_the_end
        what_waits_for_input_is_seen;
}

/// Runs the test in a separate process, and checks that nothing is left at the end.
fn for_real<F: Future<Output = ()>>(test: impl FnOnce(Real) -> F) {
    if !in_own_process() {
        return;
    }
    runtime().block_on(async { test(Real(real_host::host())).await });
    wait_until("no child is left", || children_of(std::process::id()).is_empty());
    wait_until("nobody is left", || of_session(&session()).is_empty());
}

/// Carried by all that is started.
fn session() -> String {
    real_host::session("contract")
}

/// A host with scripts for its programs.
trait World {
    type Host: Host;
    fn host(&self) -> &Self::Host;

    /// Makes the host ready to run this.
    fn prepare(&self, argv: &[&str], script: Script);

    /// What is to be launched, as the engine would have it.
    fn launch<const N: usize>(&self, argv: [&str; N], script: Script) -> Launch {
        self.prepare(&argv, script);
        let mut launch = real_host::launch(argv);
        launch.env.push(("PITCREW_SESSION".into(), session().into()));
        launch.env.push(("PITCREW_PROCESS".into(), "web".into()));
        launch.env.push(("PITCREW_RUN".into(), "1".into()));
        launch
    }

    /// A shell script, and what stands for it.
    fn program(&self, shell: &str, script: Script) -> Launch {
        self.launch(["/bin/sh", "-c", shell], script)
    }
}

struct Real(RealHost);

impl World for Real {
    type Host = RealHost;

    fn host(&self) -> &RealHost {
        &self.0
    }

    fn prepare(&self, _: &[&str], _: Script) {}
}

struct Scripted(ScriptedHost);

impl World for Scripted {
    type Host = ScriptedHost;

    fn host(&self) -> &ScriptedHost {
        &self.0
    }

    fn prepare(&self, argv: &[&str], script: Script) {
        self.0.add(Pattern::argv(argv.iter().copied()), script);
    }
}

type ChildOf<W> = <<W as World>::Host as Host>::Child;
type LinesOf<W> = Lines<BufReader<<ChildOf<W> as Child>::Read>>;

async fn start<W: World>(world: &W, shell: &str, script: Script) -> (ChildOf<W>, LinesOf<W>) {
    let launch = world.program(shell, script);
    let mut child = world.host().launch(launch).await.unwrap();
    let out = child.stdout().unwrap();
    (child, BufReader::new(out).lines())
}

async fn line<R: tokio::io::AsyncRead + Unpin>(lines: &mut Lines<BufReader<R>>) -> String {
    let line = tokio::time::timeout(BOUND, lines.next_line()).await;
    line.expect("no line in time").unwrap().expect("its output has ended")
}

async fn rest(mut from: impl tokio::io::AsyncRead + Unpin) -> Vec<u8> {
    let mut all = Vec::new();
    let read = tokio::time::timeout(BOUND, from.read_to_end(&mut all)).await;
    read.expect("it did not end").unwrap();
    all
}

async fn ended<C: Child>(child: &mut C) -> Exit {
    tokio::time::timeout(BOUND, child.exited()).await.expect("it did not end").unwrap()
}

/// After its end. What a handler has ended may have started something just then.
async fn over(child: impl Child) {
    child.kill_tree().await.unwrap();
    child.reap().unwrap();
}

/// A shell script that prints `ready` and then waits for a signal.
fn waiting(before: &str) -> String {
    // In the foreground, `sleep` would hold up the handler of a trap.
    format!("{before}\necho ready; while :; do sleep 1000 & wait $!; done")
}

fn nothing_kept() -> Arc<BTreeSet<String>> {
    Arc::default()
}
