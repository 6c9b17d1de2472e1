//! Ports of processes that are about to start.

use super::host::{exits, stubborn, willing};
use super::project::{Draft, ms, needs, project, s};
use super::*;
use crate::machine::{Effect, Fact};
use crate::spec::{Condition, PortBusy, StartErrorKind};

/// `web` on port 3000, which another process has until `freed`.
fn taken(busy: PortBusy, freed: Duration) -> World {
    let spec = draft(busy).plain("other").spec();
    let mut w = world(spec);
    w.host.taken.insert(3000, Moment::after_start(freed));
    w.begin()
}

fn draft(busy: PortBusy) -> Draft {
    project().process("web", |web| {
        web.port = Some(3000);
        web.port_busy = busy;
    })
}

fn port(w: &mut World, name: &str) -> Option<u16> {
    let id = w.ids(&[name])[0];
    w.machine.snapshot(w.now).get(id).unwrap().port
}

#[test]
fn a_start_on_a_port_that_is_taken_fails_and_is_not_tried_again() {
    let spec = draft(PortBusy::Fail).process("web", |web| {
        web.port = Some(3000);
        web.restart = crate::spec::Restart::Always;
    });
    let mut w = world(spec.plain("other").spec());
    w.host.taken.insert(3000, Moment::after_start(s(60)));
    let mut w = w.begin();
    w.advance(s(59));
    assert_eq!(w.state("web"), StateName::Failed);
    assert_eq!(w.why("web"), "port 3000 is in use by python3 (pid 7)");
    let events = w.take_events("web");
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].contains("port_busy") || events[0].contains("PortBusy"), "{events:?}");
    // A manual start works in every state.
    w.advance(s(2));
    w.restart(&["web"]);
    w.advance(s(1));
    assert_eq!(w.state("web"), StateName::Ready);
}

#[test]
fn a_start_waits_for_its_port_and_names_the_holder() {
    let mut w = taken(PortBusy::Wait, s(5));
    w.advance(s(1));
    assert_eq!(w.state("web"), StateName::Starting);
    let why = w.why("web");
    assert_eq!(why, "waiting for port 3000 (in use by python3 (pid 7)); gives up in 19.0s");
    assert_eq!(w.host.notices.len(), 1, "one notice: {:?}", w.host.notices);
    w.advance(s(5));
    assert_eq!(w.state("web"), StateName::Ready);
    assert_eq!(w.take_events("web").iter().filter(|event| event.contains("failed")).count(), 0);
}

#[test]
fn a_start_waits_for_its_port_for_a_limited_time() {
    let mut w = taken(PortBusy::Wait, s(1000));
    w.advance(s(19));
    assert_eq!(w.state("web"), StateName::Starting);
    w.advance(s(2));
    assert_eq!(w.state("web"), StateName::Failed);
    assert_eq!(w.why("web"), "port 3000 is still in use by python3 (pid 7) after 20s");
}

#[test]
fn stop_kill_and_shutdown_end_the_wait_immediately() {
    for how in [World::stop as fn(&mut World, &[&str]), World::kill] {
        let mut w = taken(PortBusy::Wait, s(1000));
        w.advance(s(1));
        how(&mut w, &["web"]);
        assert_eq!(w.state("web"), StateName::Stopped);
        w.advance(s(60));
        assert_eq!((w.state("web"), w.take_events("web")), (StateName::Stopped, Vec::new()));
        w.start(&["web"]);
        w.advance(s(1));
        assert_eq!(w.state("web"), StateName::Starting, "it may be wanted again");
    }
    let mut w = taken(PortBusy::Wait, s(1000));
    w.advance(s(1));
    w.shutdown();
    assert!(w.run_out(s(1)) < s(1));
}

#[test]
fn the_next_free_port_is_taken_and_not_remembered() {
    let mut w = taken(PortBusy::Next, s(10));
    w.host.taken.insert(3001, Moment::after_start(s(10)));
    w.advance(s(1));
    assert_eq!((w.state("web"), port(&mut w, "web")), (StateName::Ready, Some(3002)));
    let (_, text) = w.host.notices[0].clone();
    assert_eq!(text, "port 3000 is in use by python3 (pid 7); using port 3002");
    w.advance(s(10));
    w.restart(&["web"]);
    w.advance(s(1));
    assert_eq!((w.state("web"), port(&mut w, "web")), (StateName::Ready, Some(3000)));
}

#[test]
fn a_start_fails_if_all_alternative_ports_are_taken() {
    let mut w = world(draft(PortBusy::Next).spec());
    for port in 3000..=3020 {
        w.host.taken.insert(port, Moment::after_start(s(100)));
    }
    let mut w = w.begin();
    w.advance(s(1));
    assert_eq!(w.why("web"), "port 3000 is in use by python3 (pid 7), as are the next 20 ports");
}

#[test]
fn two_processes_that_look_at_the_same_time_get_different_ports() {
    let spec = project()
        .process("a", |a| {
            (a.port, a.port_busy) = (Some(3000), PortBusy::Next);
        })
        .process("b", |b| {
            (b.port, b.port_busy) = (Some(2999), PortBusy::Next);
        });
    let mut w = world(spec.spec());
    for port in [2999, 3000] {
        w.host.taken.insert(port, Moment::after_start(s(100)));
    }
    let a = w.machine.autostart();
    let step = w.machine.begin(w.now, &a, true);
    let mut answers = step.effects.iter().filter_map(|effect| match effect {
        Effect::CheckPort { run, ports } => {
            let (run, ports) = (*run, ports.clone());
            Some(Input::Fact(Fact::PortChecked { run, ports, free: Some(3001), holder: None }))
        }
        _ => None,
    });
    let first = w.machine.step(w.now, answers.next().unwrap());
    assert!(first.effects.iter().any(|e| matches!(e, Effect::Spawn { port: Some(3001), .. })));
    let second = w.machine.step(w.now, answers.next().unwrap());
    assert!(second.effects.iter().all(|e| matches!(e, Effect::CheckPort { .. })));
}

#[test]
fn an_answer_about_the_port_of_an_older_file_is_ignored() {
    let mut w = world(draft(PortBusy::Fail).spec());
    let chosen = w.machine.autostart();
    w.begin_with(&chosen, true);
    // The answer about port 3000 is still pending.
    let new = draft(PortBusy::Fail).process("web", |web| web.port = Some(4000));
    w.reload(new.spec());
    w.advance(s(1));
    assert_eq!((w.state("web"), port(&mut w, "web")), (StateName::Ready, Some(4000)));
    assert!(w.host.notices.is_empty(), "{:?}", w.host.notices);
}

#[test]
fn a_port_is_checked_again_if_a_dependency_no_longer_holds_when_it_gets_free() {
    let spec = draft(PortBusy::Wait).process("db", |_| {}).process("web", |web| {
        (web.port, web.port_busy) = (Some(3000), PortBusy::Wait);
        needs(web, "db", Condition::Ready);
    });
    let mut w = world(spec.spec()).script("db", [willing()]);
    w.host.taken.insert(3000, Moment::after_start(s(5)));
    let mut w = w.begin();
    w.advance(s(1));
    w.stop(&["db"]);
    w.advance(s(10));
    assert_eq!(w.state("web"), StateName::Waiting);
    w.start(&["db"]);
    w.advance(s(1));
    assert_eq!(w.state("web"), StateName::Ready);
}

#[test]
fn a_restart_while_the_port_is_checked_skips_no_condition() {
    let spec = |needed: bool| {
        let web =
            draft(PortBusy::Fail).plain("other").process("db", |_| {}).process("web", |web| {
                (web.port, web.autostart) = (Some(3000), false);
                if needed {
                    needs(web, "db", Condition::Succeeded);
                }
            });
        web.spec()
    };
    let mut w = world(spec(false)).script("db", [exits(ms(1), 1)]).begin();
    w.advance(s(1));
    // The answer about the port is pending until time passes.
    w.start(&["web"]);
    assert_eq!(w.state("web"), StateName::Starting);
    w.reload(spec(true));
    w.restart(&["web"]);
    w.advance(s(1));
    assert_eq!(w.state("web"), StateName::Skipped);
}

#[test]
fn a_start_that_waits_for_its_port_ends_with_the_project_though_a_dependant_is_still_stopping() {
    let spec = project()
        .process("db", |db| (db.port, db.port_busy) = (Some(3000), PortBusy::Wait))
        .process("web", |web| needs(web, "db", Condition::Started));
    let mut w = world(spec.spec()).script("web", [stubborn()]).begin();
    w.advance(s(1));
    w.host.taken.insert(3000, Moment::after_start(s(3)));
    w.restart(&["db"]);
    w.advance(s(1));
    assert_eq!((w.state("db"), w.state("web")), (StateName::Starting, StateName::Ready));
    w.shutdown();
    assert_eq!((w.state("db"), w.state("web")), (StateName::Stopped, StateName::Stopping));
    w.advance(s(5));
    let db = w.ids(&["db"])[0];
    assert_eq!(
        w.machine.snapshot(w.now).get(db).unwrap().run,
        1,
        "nothing starts while the project is being stopped"
    );
}

#[test]
fn the_probable_reason_of_an_exit_is_in_why() {
    let mut w = world(draft(PortBusy::Fail).plain("other").spec()).begin();
    w.advance(ms(100));
    let run = RunId { process: w.ids(&["web"])[0], run: 1 };
    let note = Some("port 3000 is in use by nginx (pid 9)".to_owned());
    let exit = crate::spec::Exit::Code(1);
    w.input(Input::Fact(Fact::Exited { run, exit, strays: Vec::new(), note }));
    assert!(w.why("web").ends_with("; port 3000 is in use by nginx (pid 9)"), "{}", w.why("web"));
    assert_ne!(StartErrorKind::PortBusy, StartErrorKind::Other);
}
