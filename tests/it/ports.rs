//! Ports and readiness with the real binary. This program is also the server: one test listens if a
//! variable is set, and does nothing otherwise.

use std::net::{Ipv4Addr, TcpListener};

use crate::common::events::only;
use crate::common::{self, Project, Running, long_sleep};

/// Listens permanently on the port of this variable, if it is set.
#[test]
fn serves_on_the_port_of_its_environment() {
    let Ok(port) = std::env::var("PORT") else { return };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse().unwrap()));
    let listener = listener.unwrap_or_else(|error| panic!("port {port}: {error}"));
    println!("listening on {port}");
    for stream in listener.incoming() {
        drop(stream);
    }
}

/// The command of such a server.
fn server() -> String {
    let me = std::env::current_exe().unwrap();
    format!(
        "['{}', 'ports::serves_on_the_port_of_its_environment', '--exact', '--nocapture']",
        me.display()
    )
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A port without a listener. It is free for a moment only, so another process could take it.
fn free() -> u16 {
    listener().1
}

fn stop(up: Running) -> common::Done {
    up.signal(libc::SIGINT);
    up.done()
}

/// How this test is named where it holds a port.
fn me() -> String {
    format!("(pid {})", std::process::id())
}

#[test]
fn the_answer_of_another_program_makes_nothing_ready() {
    let (_listener, port) = listener();
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.db]\ncommand = 'exec sleep {sleep}'\n\
         ready = {{ tcp = {port}, timeout = '3s' }}\n\
         [process.api]\ncommand = 'exec sleep {sleep}'\ndepends_on = ['db']\n"
    ));
    let up = project.up(["--events", "events"]);
    let line = up.wait_err("db failed");
    assert!(line.contains(&format!("port {port} is in use by")), "{line}");
    assert!(line.contains(&me()) && line.contains("which is not part of db"), "{line}");
    up.done();
    let events = project.events("events");
    assert!(events.iter().all(|event| event["event"] != "process_ready"), "{events:#?}");
}

#[test]
fn foreign_takes_any_answer() {
    let (_listener, port) = listener();
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.db]\ncommand = 'exec sleep {sleep}'\nready = {{ tcp = {port}, foreign = true }}\n"
    ));
    let up = project.up([]);
    up.wait_err("db is ready");
    stop(up);
}

#[test]
fn a_server_is_ready_long_before_its_interval() {
    let port = free();
    let project = Project::new(&format!(
        "[process.web]\ncommand = {}\nport = {port}\nready = {{ tcp = 'port', interval = '10m' }}\n",
        server()
    ));
    let up = project.up([]);
    let line = up.wait_err("web is ready");
    assert!(line.ends_with("connected"), "{line}");
    stop(up);
}

#[test]
fn a_start_on_a_port_that_is_taken_fails_and_names_the_holder() {
    let (_listener, port) = listener();
    let project = Project::new(&format!(
        "[process.web]\ncommand = {}\nport = {port}\nready = {{ tcp = 'port' }}\nrestart = 'always'\n",
        server()
    ));
    let done = project.up(["--events", "events"]).done();
    done.assert_code(1);
    let events = project.events("events");
    let failed = only(&events, "process_failed", "web");
    assert_eq!((&failed["error"], &failed["run"]), (&"port_busy".into(), &1.into()));
    let message = failed["message"].as_str().unwrap();
    assert!(message.starts_with(&format!("port {port} is in use by")), "{message}");
    assert!(message.contains(&me()), "{message}");
}

#[test]
fn a_start_waits_for_its_port() {
    let (listener, port) = listener();
    let project = Project::new(&format!(
        "[process.web]\ncommand = {}\nport = {port}\nport_busy = 'wait'\nready = {{ tcp = 'port' }}\n",
        server()
    ));
    let up = project.up([]);
    up.wait_err("waiting for the port");
    drop(listener);
    up.wait_err("web is ready");
    stop(up);
}

#[test]
fn the_next_port_is_reported_everywhere() {
    let (_listener, port) = listener();
    let project = Project::new(&format!(
        "[process.my-web]\ncommand = {}\nport = {port}\nport_busy = 'next'\nready = {{ tcp = 'port' }}\n\
         [process.show]\ncommand = 'echo it has $PITCREW_PORT_MY_WEB'\ndepends_on = ['my-web']\n",
        server()
    ));
    let up = project.up([]);
    let line = up.wait_err("using port ");
    let next: u16 = line.rsplit(' ').next().unwrap().parse().unwrap();
    assert!((port + 1..=port + 20).contains(&next), "{line}");
    up.wait_err("my-web is ready");
    up.wait_out(&format!("it has {next}"));
    stop(up);
}

#[test]
fn two_copies_of_a_project_do_not_take_each_other_for_their_own() {
    let port = free();
    let text = |check: &str| {
        format!("[process.web]\ncommand = {}\n{check}\nenv = {{ PORT = {port} }}\n", server())
    };
    let first = Project::new(&text(&format!("ready = {{ tcp = {port} }}")));
    let one = first.up([]);
    one.wait_err("web is ready");
    let second = Project::new(&text(&format!("ready = {{ tcp = {port} }}")));
    let other = second.up([]);
    // Its server dies; the holder of the port is reported.
    let line = other.wait_err("is in use by");
    assert!(line.contains(&format!("port {port} is in use by")), "{line}");
    assert!(line.contains("which is web of another pitcrew project"), "{line}");
    other.done().assert_code(1);
    stop(one);
}

#[test]
fn what_runs_beside_a_project_gets_the_ports_that_it_has() {
    let (_listener, port) = listener();
    let project = Project::new(&format!(
        "[process.web]\ncommand = {}\nport = {port}\nport_busy = 'next'\nready = {{ tcp = 'port' }}\n\
         [process.show]\ncommand = 'echo it has $PITCREW_PORT_WEB'\nautostart = false\n",
        server()
    ));
    let up = project.up([]);
    let line = up.wait_err("using port ");
    let next = line.rsplit(' ').next().unwrap().to_owned();
    up.wait_err("web is ready");
    assert_eq!(project.ask(["run", "show"]).code(0).out, format!("it has {next}\n"));
    let args = ["exec", "--in", "web", "--", "sh", "-c", "echo $PORT $PITCREW_PORT_WEB"];
    assert_eq!(project.ask(args).code(0).out, format!("{next} {next}\n"));
    stop(up);
}
