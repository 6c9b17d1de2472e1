//! `ready` and `health` with real processes, real servers and a real clock.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use crate::common::events::{about, kind, name, of, only, place};
use crate::common::{self, Project, Running, long_sleep, wait_until, with_argument};

/// Two processes: `web` with this check, and `after`, which needs it to be ready.
fn pair(check: &str) -> Project {
    let sleep = long_sleep();
    Project::new(&format!(
        "[process.web]\ncommand = 'exec sleep {sleep}'\nready = {check}\n\
         [process.after]\ncommand = 'exec sleep {sleep}'\ndepends_on = ['web']\n"
    ))
}

fn stop(up: Running) -> common::Done {
    up.signal(libc::SIGINT);
    up.done()
}

/// A port that is taken and has no listener.
fn silent_port() -> (rustix::fd::OwnedFd, u16) {
    use rustix::net::{AddressFamily, SocketAddrV4, SocketFlags, SocketType};
    let (inet, stream) = (AddressFamily::INET, SocketType::STREAM);
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(inet, stream, flags, None).unwrap();
    rustix::net::bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = rustix::net::getsockname(&socket).unwrap();
    let port = SocketAddrV4::try_from(address).unwrap().port();
    (socket, port)
}

/// Answers every request with what the status is at that moment.
fn serve(listener: TcpListener, status: impl Fn() -> &'static str + Send + 'static) {
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            _ = stream.read(&mut request);
            let head = format!("HTTP/1.1 {}\r\nContent-Length: 0\r\n\r\n", status());
            _ = stream.write_all(head.as_bytes());
        }
    });
}

#[test]
fn a_tcp_check_succeeds_when_something_listens() {
    let (socket, port) = silent_port();
    let project = pair(&format!("{{ tcp = {port}, interval = '20ms', foreign = true }}"));
    let up = project.up(["--events", "events"]);
    up.wait_err("after waits for web to be ready");
    assert!(!up.err.lossy().contains("after started"));
    rustix::net::listen(&socket, 8).unwrap();
    up.wait_err("after started");
    up.wait_err(&format!("web is ready, tcp localhost:{port}: connected"));
    up.wait_err("project ready");
    stop(up);
    let events = project.events("events");
    assert!(place(&events, "process_ready", "web") < place(&events, "process_started", "after"));
    let ready = only(&events, "process_ready", "web");
    assert_eq!(ready["cause"]["kind"], "start");
    assert_eq!(ready["probe"], format!("tcp localhost:{port}"));
}

#[test]
fn http_makes_it_ready_as_soon_as_the_status_is_right() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let project = pair(&format!(
        "{{ http = 'http://127.0.0.1:{port}/healthz', interval = '100ms', timeout = '60s', foreign = true }}"
    ));
    let now_up = project.path("up");
    let flag = now_up.clone();
    serve(listener, move || if flag.exists() { "200 OK" } else { "503 Not Yet" });
    let up = project.up(["--events", "events"]);
    up.wait_err("after waits for web");
    let begun = Instant::now();
    std::fs::write(now_up, "").unwrap();
    up.wait_err("after started");
    // Generous; the actual time is printed.
    let took = begun.elapsed();
    println!("spawned {took:?} after it answered, with an interval of 100ms");
    assert!(took < Duration::from_secs(20), "{took:?}");
    stop(up);
}

#[test]
fn unix_file_and_exec_make_it_ready() {
    for (check, said) in [
        ("{ unix = 'it', interval = '20ms', foreign = true }", "connected"),
        ("{ file = 'it', interval = '20ms' }", "exists"),
        ("{ exec = 'test -e it && echo yes', interval = '20ms' }", "exit 0: yes"),
        ("{ exec = ['test', '-e', 'it'], interval = '20ms' }", "exit 0"),
    ] {
        let project = pair(check);
        let up = project.up([]);
        up.wait_err("after waits for web");
        let _listener = UnixListener::bind(project.path("it")).unwrap();
        up.wait_err("after started");
        assert!(up.wait_err("web is ready").contains(said), "{check}");
        stop(up);
    }
}

#[test]
fn a_delay_makes_it_ready_when_it_is_over() {
    let project = pair("{ delay = '300ms' }");
    let begun = Instant::now();
    let up = project.up(["--events", "events"]);
    up.wait_err("after started");
    assert!(begun.elapsed() >= Duration::from_millis(300));
    stop(up);
}

#[test]
fn a_line_of_either_output_makes_it_ready_however_it_is_written() {
    for print in [
        "echo listening on 80",
        "echo listening on 80 >&2",
        "printf lis; sleep 0.05; printf 'tening on'; sleep 0.05; echo ' 80'",
        "printf '\\033[1;32mlist\\033[0mening\\033[0m on 80\\r\\n'",
        "seq 10000; echo listening on 80; seq 10000",
    ] {
        let sleep = long_sleep();
        let project = Project::new(&format!(
            "[process.web]\ncommand = \"\"\"{print}; exec sleep {sleep}\"\"\"\n\
             ready = {{ log = '^listening on [0-9]+$', timeout = '30s' }}\n\
             [process.after]\ncommand = 'exec sleep {sleep}'\ndepends_on = ['web']\n",
            print = print.replace('\\', "\\\\"),
        ));
        let up = project.up(["--quiet"]);
        up.wait_err("after started");
        up.wait_err("listening on 80");
        stop(up);
    }
}

#[test]
fn only_lines_of_the_current_run_count() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.web]\nretry = {{ attempts = 1, backoff = {{ initial = '10ms' }} }}\n\
         command = 'if test $PITCREW_RUN = 1; then echo up; exit 1; fi; echo down; exec sleep {sleep}'\n\
         ready = {{ log = '^up$', timeout = '500ms' }}\n"
    ));
    let done = project.up_done(["--events", "events"]);
    done.assert_code(1);
    let events = project.events("events");
    assert!(about(&events, "process_ready", "web").iter().all(|event| event["run"] == 1));
    assert_eq!(about(&events, "process_failed", "web")[0]["error"], "ready_timeout");
}

#[test]
fn one_that_is_not_ready_in_time_fails_with_what_was_asked_and_answered() {
    let (_socket, port) = silent_port();
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.web]\ncommand = 'exec sleep {sleep}'\n\
         retry = {{ attempts = 1, backoff = {{ initial = '10ms' }} }}\n\
         ready = {{ tcp = {port}, interval = '20ms', timeout = '4s' }}\n\
         [process.after]\ncommand = 'true'\ndepends_on = ['web']\n\
         [process.last]\ncommand = 'true'\ndepends_on = {{ after = 'succeeded' }}\n"
    ));
    let done = project.up_done(["--events", "events"]);
    done.assert_code(1);
    let why = format!("not ready after 4.0s: tcp localhost:{port}: connection refused");
    done.assert_err(&format!("web failed: {why}"));
    done.assert_err(&format!("web gave up after 1 retry: {why}"));
    done.assert_err(&format!("after skipped: web cannot be ready: {why}; gave up after 1 retry"));
    done.assert_err("last skipped: after cannot succeed: it was skipped; web cannot be ready");
    let events = project.events("events");
    assert_eq!(of(&events, "process_failed").len(), 2);
    for failed in of(&events, "process_failed") {
        assert_eq!(failed["error"], "ready_timeout");
        assert_eq!(failed["cause"]["kind"], "ready_timeout");
        assert_eq!(failed["cause"]["after_ms"], 4_000);
        assert_eq!(failed["cause"]["answer"], "connection refused");
    }
    assert_eq!(only(&events, "process_skipped", "after")["on"], "web");
    assert!(about(&events, "process_ready", "web").is_empty());
}

#[test]
fn a_ready_one_becomes_unhealthy_and_comes_back_without_a_restart() {
    let project = pair("{ file = 'it', interval = '20ms', failures = 2 }");
    project.write("it", "");
    let up = project.up(["--events", "events"]);
    up.wait_err("project ready");
    std::fs::remove_file(project.path("it")).unwrap();
    up.wait_err("web is unhealthy: file");
    project.write("it", "");
    wait_until("it is ready again", || up.err.lossy().matches("web is ready").count() == 2);
    stop(up);
    let events = project.events("events");
    let unhealthy = only(&events, "process_unhealthy", "web");
    assert_eq!(unhealthy["cause"]["kind"], "unhealthy");
    assert_eq!(unhealthy["cause"]["check"], "ready");
    assert_eq!(unhealthy["cause"]["answer"], "does not exist");
    assert_eq!(unhealthy["cause"]["misses"], 2);
    assert_eq!(about(&events, "process_ready", "web").len(), 2);
    assert_eq!(of(&events, "process_started").len(), 2);
    assert_eq!(of(&events, "project_ready").len(), 2);
}

#[test]
fn a_failed_health_check_ends_the_run_and_restart_decides() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.web]\ncommand = 'exec sleep {sleep}'\n\
         retry = {{ attempts = 1, backoff = {{ initial = '10ms' }} }}\n\
         health = {{ exec = 'echo sick >&2; exit 4', interval = '20ms', failures = 2 }}\n"
    ));
    let done = project.up_done(["--events", "events"]);
    done.assert_code(1);
    done.assert_err("web is stopping (TERM): its health check failed: exec echo sick >&2; exit 4: exit 4: sick; 2 misses in a row");
    done.assert_err("web failed its health check");
    done.assert_err("web gave up after 1 retry: failed its health check after");
    let events = project.events("events");
    assert_eq!(of(&events, "process_killed").len(), 2);
    for killed in of(&events, "process_killed") {
        assert_eq!(killed["by"], "health");
        assert_eq!(killed["signal"], "TERM");
        assert_eq!(killed["success"], false);
        assert_eq!(killed["cause"]["kind"], "unhealthy");
        assert_eq!(killed["cause"]["check"], "health");
        assert_eq!(killed["cause"]["answer"], "exit 4: sick");
    }
    assert_eq!(only(&events, "process_retrying", "web")["cause"]["kind"], "unhealthy");
}

#[test]
fn a_probe_that_hangs_is_ended_with_all_it_started_and_delays_no_stop() {
    let (sleep, asked) = (long_sleep(), long_sleep());
    let script = format!(
        "trap \"\" TERM HUP; setsid sh -c \"trap : TERM; sleep {asked}\" & sleep {asked}; sleep {asked}"
    );
    let project = Project::new(&format!(
        "[process.web]\ncommand = 'exec sleep {sleep}'\nready = {{ exec = '{script}' }}\n"
    ));
    let up = project.up([]);
    wait_until("the probe is under way", || with_argument(&asked).len() == 2);
    let begun = Instant::now();
    stop(up);
    println!("stopped in {:?}", begun.elapsed());
    assert!(with_argument(&asked).is_empty());
}

#[test]
fn a_probe_that_takes_too_long_is_ended_and_asked_again() {
    let (sleep, asked) = (long_sleep(), long_sleep());
    let project = Project::new(&format!(
        "[process.web]\ncommand = 'exec sleep {sleep}'\nready = {{ exec = 'echo asked; sleep {asked}', \
         interval = '50ms', probe_timeout = '3s', timeout = '8s' }}\n"
    ));
    let up = project.up([]);
    let mut most = 0;
    wait_until("it has failed", || {
        most = most.max(with_argument(&asked).len());
        up.err.lossy().contains("web failed")
    });
    let done = up.done();
    assert_eq!(most, 1, "one at a time");
    done.assert_err("timed out after 3s, killed: asked");
}

/// A service that has left its session and lost its parent carries the marks of its run, and so
/// does the command of a check: the one must not be taken for something the other left behind.
#[test]
fn what_the_command_of_a_check_leaves_is_ended_and_what_the_run_started_stays() {
    let (sleep, daemon, left) = (long_sleep(), long_sleep(), long_sleep());
    let project = Project::new(&format!(
        "[process.web]\ncommand = '(setsid sleep {daemon} &); exec sleep {sleep}'\n\
         ready = {{ exec = '(setsid sleep {left} &); echo x >> count', interval = '20ms' }}\n"
    ));
    let up = project.up([]);
    up.wait_err("web is ready");
    wait_until("the daemon is there", || with_argument(&daemon).len() == 1);
    let pids = with_argument(&daemon);
    wait_until("it was asked some times", || project.text("count").lines().count() > 10);
    assert_eq!(with_argument(&daemon), pids);
    assert!(with_argument(&left).len() <= 1, "those of the probes before are gone");
    stop(up);
    assert!(with_argument(&daemon).is_empty() && with_argument(&left).is_empty());
}

#[test]
fn the_command_of_a_check_has_the_environment_and_folder_of_its_process() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.web]\ncommand = 'exec sleep {sleep}'\ncwd = 'sub'\nenv = {{ A = 'b' }}\nport = 4000\n\
         replicas = 2\nready = {{ exec = 'echo $A $PORT $PITCREW_PROCESS $PITCREW_RUN $(basename $PWD)' }}\n"
    ));
    std::fs::create_dir(project.path("sub")).unwrap();
    let up = project.up([]);
    up.wait_err("exit 0: b 4001 web 1 sub");
    stop(up);
}

#[test]
fn a_stop_is_quick_while_all_wait_for_a_process_that_never_gets_ready() {
    let sleep = long_sleep();
    let mut file = format!(
        "[process.web]\ncommand = 'exec sleep {sleep}'\nready = {{ file = 'never', interval = '1ms' }}\n"
    );
    for number in 0..20 {
        _ = write!(file, "[process.p{number}]\ncommand = 'true'\ndepends_on = ['web']\n");
    }
    let project = Project::new(&file);
    let up = project.up(["--events", "events"]);
    up.wait_err("p19 waits for web to be ready");
    let begun = Instant::now();
    stop(up);
    println!("stopped in {:?}", begun.elapsed());
    let events = project.events("events");
    assert_eq!(of(&events, "process_started").len(), 1);
    assert!(events.iter().filter(|event| kind(event) == "process_ready").all(|e| name(e) != "web"));
}

#[test]
fn a_check_in_the_file_that_cannot_work_is_a_mistake() {
    for (check, expected) in [
        ("ready = { http = 'https://x/' }", "exec = \"curl -fsS https://x/\""),
        ("ready = { log = 'x', interval = '1s' }", "`interval` has no effect with `log`"),
        ("health = { delay = '1s' }", "only allowed in `ready`"),
        ("ready = { tcp = 'port' }", "does not have"),
    ] {
        let project = Project::new(&format!("[process.x]\ncommand = 'true'\n{check}\n"));
        let done = project.run(["check"]);
        done.assert_code(2);
        done.assert_err(expected);
    }
}
