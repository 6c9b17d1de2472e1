//! Tests of commands and quitting.
#![expect(clippy::wildcard_enum_match_arm, reason = "tests")]

use std::time::Duration;

use super::fake::{World, member};
use crate::control::wire::{
    CommandResponse, ControlCommand, FaultItem, PhaseName, ProcessOutcome, ProcessState,
    ReloadResponse, RestartedProcess, ShutdownRequest, WatchState,
};
use crate::control::{ControlError, ControlErrorKind};
use crate::machine::StateName;
use crate::spec::RestartReason;
use crate::tui::model::ClientRole;
use crate::tui::model::list::RowId;
use crate::tui::msg::{Cmd, ExitReason, Msg};

fn orders(world: &World) -> Vec<String> {
    let words = |wish: &Cmd| match wish {
        Cmd::Execute(_, ticket) => Some(ticket.description.clone()),
        _ => None,
    };
    world.orders.iter().filter_map(words).collect()
}

#[test]
fn a_key_that_is_held_down_is_one_command() {
    let mut world = World::shop((120, 36));
    world.keys("down down");
    for _ in 0..20 {
        world.keys("r");
        world.pass(Duration::from_millis(33));
    }
    assert_eq!(orders(&world), ["restart api"]);
    world.pass(Duration::from_secs(1));
    world.keys("r");
    assert_eq!(orders(&world).len(), 2);
}

#[test]
fn a_command_is_shown_immediately() {
    let mut world = World::shop((120, 36));
    world.keys("down x");
    assert_eq!(orders(&world), ["stop db"]);
    assert!(world.screen().contains("stopping db"), "{}", world.screen());
}

fn stopped(name: &str, run: u32) -> ProcessOutcome {
    let mut status = member(1, name, "stopped");
    status.why = "it was stopped by hand".to_owned();
    (status.record.run, status.record.checked) = (run, false);
    status.record.signal = Some("TERM".parse().unwrap());
    ProcessOutcome { ok: true, status, last_output: None }
}

fn with(outcome: ProcessOutcome, set: impl FnOnce(&mut ProcessState)) -> ProcessOutcome {
    let mut outcome = outcome;
    set(&mut outcome.status);
    outcome
}

/// Delivers the result of the command with this description.
fn complete(
    world: &mut World,
    description: &str,
    result: Result<Option<CommandResponse>, ControlError>,
) {
    let ticket = world.orders.iter().find_map(|cmd| match cmd {
        Cmd::Execute(_, ticket) if ticket.description == description => Some(ticket.clone()),
        _ => None,
    });
    world.tell(Msg::CommandDone(ticket.expect(description), result));
}

/// The last row but one, which shows the progress of a command.
fn said(world: &World) -> String {
    let screen = world.screen();
    screen.lines().rev().nth(1).unwrap_or_default().trim().to_owned()
}

fn outcome_of(ok: bool, one: ProcessOutcome) -> CommandResponse {
    CommandResponse { ok, processes: vec![one], changed_files: Vec::new(), ending: None }
}

#[test]
fn a_stop_shows_its_countdown_and_its_result() {
    let mut world = World::shop((120, 36));
    world.keys("down x");
    assert_eq!(said(&world), "stopping db");
    let mut members = world.ui.overview.processes.clone();
    members[0].record.state = StateName::Stopping;
    members[0].until_ms = Some(7000);
    world.push(members.clone(), Vec::new());
    assert_eq!(said(&world), "stopping db: 7s until it is killed, press X to kill now");
    // The figure is renewed when it is another one, also where no list shows it.
    world.keys("tab z");
    let left = world.ui.next_change_in().unwrap();
    assert!(left <= Duration::from_millis(1005), "{left:?}");
    world.pass(Duration::from_secs(1));
    assert_eq!(said(&world), "stopping db: 6s until it is killed, press X to kill now");
    let outcome = outcome_of(true, stopped("db", 1));
    complete(&mut world, "stop db", Ok(Some(outcome)));
    assert_eq!(said(&world), "db is stopped (TERM)");
    assert!(world.ui.running_commands.is_empty());
}

#[test]
fn a_failed_command_shows_its_reason() {
    let mut world = World::shop((120, 36));
    world.keys("G s");
    assert_eq!(said(&world), "starting docs");
    let failed = with(stopped("docs", 1), |status| {
        (status.record.state, status.why) =
            (StateName::Failed, "no such program: `dcos`".to_owned());
    });
    let failed = ProcessOutcome { ok: false, ..failed };
    let outcome = outcome_of(false, failed);
    complete(&mut world, "start docs", Ok(Some(outcome)));
    assert_eq!(said(&world), "start docs: docs failed: no such program: `dcos`");
}

#[test]
fn a_restart_names_the_files_that_have_changed_since_they_were_read() {
    let mut world = World::shop((120, 36));
    world.keys("down r");
    let again = with(stopped("db", 2), |status| {
        let record = &mut status.record;
        (record.state, record.signal, record.pid) = (StateName::Ready, None, Some(7));
    });
    let outcome =
        CommandResponse { changed_files: vec![".env".to_owned()], ..outcome_of(true, again) };
    complete(&mut world, "restart db", Ok(Some(outcome)));
    let said = said(&world);
    assert!(said.ends_with("pid 7; .env changed: reload applies it"), "{said}");
}

#[test]
fn a_kill_replaces_the_stop_before_it() {
    let mut world = World::shop((120, 36));
    world.keys("down x X");
    assert_eq!(orders(&world), ["stop db", "kill db"]);
    assert_eq!(said(&world), "killing db");
    let killed =
        with(stopped("db", 1), |status| status.record.signal = Some("KILL".parse().unwrap()));
    let outcome = |one: &ProcessOutcome| Ok(Some(outcome_of(true, one.clone())));
    // The response to the stop arrives too, and adds no message.
    complete(&mut world, "stop db", outcome(&killed));
    assert_eq!(said(&world), "killing db");
    complete(&mut world, "kill db", outcome(&killed));
    assert_eq!(said(&world), "db is stopped (KILL)");
}

#[test]
fn the_row_of_all_asks_and_shows_the_number() {
    for (key, asks, number, all) in [
        ("x", "Stop all?", "6 processes:", "db api web.1 web.2 web.3 worker"),
        ("X", "Kill all?", "5 processes:", "db api web.1 web.2 web.3"),
        ("r", "Restart all?", "6 processes:", "db api web.1 web.2 web.3 worker"),
    ] {
        let mut world = World::shop((120, 36));
        world.keys(key);
        let screen = world.screen();
        assert!(screen.contains(asks) && screen.contains(number), "{screen}");
        assert!(orders(&world).is_empty());
        world.keys("y");
        let names = match world.orders.last() {
            Some(Cmd::Execute(ControlCommand::Stop(names) | ControlCommand::Kill(names), _)) => {
                &names.names
            }
            Some(Cmd::Execute(ControlCommand::Restart(started), _)) => &started.names,
            other => panic!("{other:?}"),
        };
        assert_eq!(names.join(" "), all, "{key}");
    }
    let mut world = World::new(vec![member(1, "db", "stopped")], (80, 24));
    world.settle();
    world.keys("x");
    assert!(world.screen().contains("stop: nothing is running"), "{}", world.screen());
    world.keys("s y");
    assert_eq!(orders(&world), ["start db"]);
}

#[test]
fn a_watch_is_switched_off_and_on() {
    let mut world = World::shop((120, 36));
    world.keys("down W");
    assert!(world.screen().contains("watch: db has no `watch`"), "{}", world.screen());
    let mut members = world.ui.overview.processes.clone();
    members[0].record.watch = Some(WatchState::On);
    world.push(members.clone(), Vec::new());
    world.keys("W");
    members[0].record.watch = Some(WatchState::Off);
    world.push(members, Vec::new());
    world.keys("W");
    let ons: Vec<bool> = world
        .orders
        .iter()
        .filter_map(|wish| match wish {
            Cmd::Execute(ControlCommand::Watch(wish), _) => Some(wish.on),
            _ => None,
        })
        .collect();
    assert_eq!(ons, [false, true]);
}

#[test]
fn a_command_is_run_beside_the_others() {
    let mut world = World::shop((120, 36));
    world.keys("n");
    world.typed("sleep 5 | cat");
    world.keys("enter");
    let Some(Cmd::Execute(ControlCommand::Run(run), _)) = world.orders.last() else {
        panic!("no run")
    };
    assert_eq!(run.command, "sleep 5 | cat");
    assert_eq!(said(&world), "starting: sleep 5 | cat");
}

fn reloaded() -> ReloadResponse {
    ReloadResponse {
        ok: true,
        dry_run: true,
        added: vec!["mailer".into()],
        changed: vec!["api".into(), "db".into()],
        removed: vec!["docs".into()],
        restarted: vec![RestartedProcess {
            name: "api".into(),
            because: vec![RestartReason::Command, RestartReason::Env],
        }],
        faults: Vec::new(),
        report: None,
    }
}

#[test]
fn a_reload_shows_what_is_different_before_it_counts() {
    let mut world = World::shop((120, 36));
    world.keys("ctrl-r");
    assert_eq!(world.orders, [Cmd::Reload { dry_run: true }]);
    world.tell(Msg::Reloaded(Ok(reloaded())));
    let screen = world.screen();
    for line in ["+ mailer", "~ api  restarts: changed command, env", "~ db  no restart", "- docs"]
    {
        assert!(screen.contains(line), "{line}: {screen}");
    }
    world.keys("n");
    assert_eq!(world.orders.len(), 1);
    world.keys("ctrl-r");
    world.tell(Msg::Reloaded(Ok(reloaded())));
    world.keys("y");
    assert_eq!(world.orders.last(), Some(&Cmd::Reload { dry_run: false }));
    world.tell(Msg::Reloaded(Ok(ReloadResponse { dry_run: false, ..reloaded() })));
    assert_eq!(said(&world), "reloaded: 1 added, 2 changed, 1 removed, 1 restarted");
}

#[test]
fn a_faulty_file_shows_its_mistakes() {
    let mut world = World::shop((120, 36));
    world.keys("ctrl-r");
    let report = "error: unknown key `comand`\n --> procfile.toml:3:1\n".to_owned();
    let fault = FaultItem {
        file: "procfile.toml".into(),
        line: Some(3),
        column: Some(1),
        message: "unknown key".into(),
        hint: None,
    };
    let rejected =
        ReloadResponse { ok: false, faults: vec![fault], report: Some(report), ..reloaded() };
    world.tell(Msg::Reloaded(Ok(rejected)));
    let screen = world.screen();
    assert!(screen.contains("1 mistake; nothing has changed"), "{screen}");
    assert!(screen.contains("unknown key `comand`"), "{screen}");
    world.keys("esc");
    assert_eq!(world.orders, [Cmd::Reload { dry_run: true }]);
    let same = ReloadResponse {
        added: vec![],
        changed: vec![],
        removed: vec![],
        restarted: vec![],
        ..reloaded()
    };
    world.tell(Msg::Reloaded(Ok(same)));
    assert_eq!(said(&world), "no changes in the procfile");
}

#[test]
fn the_question_before_leaving_tells_the_real_times() {
    let mut world = World::shop((120, 36));
    world.keys("q");
    assert!(world.screen().contains("SIGTERM, SIGKILL after 10s"), "{}", world.screen());
    let mut members = world.ui.overview.processes.clone();
    members[0].options.grace_ms = 1500;
    members[1].options.stop_signal = Some("INT".parse().unwrap());
    world.push(members, Vec::new());
    world.keys("esc q");
    let screen = world.screen();
    assert!(screen.contains("SIGINT or SIGTERM, SIGKILL after 1.5s to 10s"), "{screen}");
}

#[test]
fn what_does_not_apply_says_why() {
    let mut world = World::shop((120, 36));
    world.keys("G x");
    assert!(orders(&world).is_empty());
    assert!(world.screen().contains("stop: docs is idle"), "{}", world.screen());
}

#[test]
fn ending_several_is_asked_about_first() {
    let mut world = World::shop((120, 36));
    world.keys("down space space X");
    assert!(orders(&world).is_empty());
    assert!(world.screen().contains("Kill these?"), "{}", world.screen());
    world.keys("n");
    assert!(orders(&world).is_empty());
    world.keys("X y");
    let Some(Cmd::Execute(ControlCommand::Kill(names), _)) = world.orders.last() else {
        panic!("no kill")
    };
    assert_eq!(names.names, ["api", "db"]);
}

#[test]
fn replicas_are_counted_from_what_was_ordered_last() {
    let mut world = World::shop((120, 36));
    world.keys("down down down + +");
    let counts: Vec<u32> = world
        .orders
        .iter()
        .filter_map(|wish| match wish {
            Cmd::Execute(ControlCommand::Scale(scaled), _) => Some(scaled.replicas),
            _ => None,
        })
        .collect();
    assert_eq!(counts, [4, 5]);
}

#[test]
fn quitting_asks_and_three_interrupts_kill() {
    let mut world = World::shop((120, 36));
    world.keys("q");
    assert!(world.screen().contains("Quit?"), "{}", world.screen());
    world.keys("n");
    assert!(world.orders.is_empty());
    world.keys("ctrl-c");
    assert!(world.orders.is_empty());
    world.keys("ctrl-c");
    assert_eq!(world.orders, [Cmd::Shutdown(ShutdownRequest { kill: false })]);
    world.keys("ctrl-c");
    assert_eq!(world.orders.last(), Some(&Cmd::Shutdown(ShutdownRequest { kill: true })));
}

#[test]
fn nothing_is_asked_where_nothing_runs() {
    let mut world = World::new(vec![member(1, "db", "stopped")], (80, 24));
    world.settle();
    world.keys("q");
    assert_eq!(world.orders, [Cmd::Shutdown(ShutdownRequest { kill: false })]);
}

#[test]
fn what_is_about_to_start_is_asked_about() {
    let mut coming = member(1, "db", "idle");
    coming.record.run = 0;
    let mut world = World::new(vec![coming], (80, 24));
    world.settle();
    world.keys("q");
    assert!(world.screen().contains("Nothing is running yet."), "{}", world.screen());
    assert!(world.orders.is_empty());
}

#[test]
fn an_attached_interface_quits_without_stopping_the_project() {
    let mut world = World::shop((120, 36));
    world.ui.role = ClientRole::Guest;
    world.keys("q");
    assert_eq!(world.orders, [Cmd::Leave(ExitReason::Detached)]);
}

#[test]
fn a_stop_from_outside_is_shown_and_can_be_hastened() {
    let mut world = World::shop((120, 36));
    world.ui.overview.phase = PhaseName::Stopping;
    assert!(world.screen().contains("stopping all"), "{}", world.screen());
    world.keys("ctrl-c");
    assert_eq!(world.orders, [Cmd::Shutdown(ShutdownRequest { kill: true })]);
}

#[test]
fn pasted_text_is_never_taken_for_keys() {
    let mut world = World::shop((120, 36));
    world.tell(Msg::Paste("xXqy".to_owned()));
    world.settle();
    assert!(world.orders.is_empty() && world.ui.overlay.is_none());
}

#[test]
fn what_stands_for_several_is_edited_where_the_first_is_declared() {
    let mut world = World::shop((120, 36));
    world.keys("down down down");
    assert_eq!(world.ui.list.cursor, RowId::Replicas("web".to_owned()));
    world.keys("e");
    assert!(world.orders.contains(&Cmd::Edit("web.1".to_owned())), "{:?}", world.orders);
}

#[test]
fn graph_and_stats_are_filtered_by_name_and_a_letter_is_no_order() {
    for key in ["3", "4"] {
        let mut world = World::shop((120, 36));
        world.keys(key);
        world.keys("/");
        world.typed("x|web");
        world.keys("enter");
        assert!(world.orders.is_empty(), "{:?}", world.orders);
        let screen = world.screen();
        assert!(screen.contains("filtered") && !screen.contains("worker"), "{screen}");
        world.keys("enter");
        assert!(world.ui.list.cursor.name().starts_with("web"), "{:?}", world.ui.list.cursor);
        world.keys(key);
        assert!(world.screen().contains("worker"), "a filter ends with its view");
        world.keys("/");
        world.typed("web");
        world.keys("enter esc");
        assert!(world.screen().contains("worker"), "{}", world.screen());
    }
    let mut world = World::shop((120, 36));
    world.keys("down d /");
    assert!(world.screen().contains("nothing to filter here"), "{}", world.screen());
}

#[test]
fn a_suspended_engine_is_said_until_it_continues() {
    let mut world = World::shop((120, 36));
    let problem = ControlError::new(ControlErrorKind::Suspended, "shop is suspended: pid 7");
    world.tell(Msg::Suspended(Some(problem)));
    world.pass(Duration::from_mins(1));
    assert!(world.screen().contains("shop is suspended: pid 7"), "{}", world.screen());
    world.tell(Msg::Suspended(None));
    assert!(!world.screen().contains("suspended"), "{}", world.screen());
}
