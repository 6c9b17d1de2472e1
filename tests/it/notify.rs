//! `ready = { notify = true }`: which senders count, and the life of the socket.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::common::events::{about, only};
use crate::common::{self, Project, Running, long_sleep, wait_until};

/// What a run of this test program does, when it is run as a child.
const SAY: &str = "PITCREW_TEST_SAY";

/// No test, but the sender of notifications in the other tests: steps separated by `|`.
#[test]
fn speaker() {
    let Ok(steps) = std::env::var(SAY) else { return };
    let socket = std::env::var("NOTIFY_SOCKET").unwrap();
    for step in steps.split('|') {
        let (what, with) = step.split_once(':').unwrap_or((step, ""));
        match what {
            "send" => say(&socket, with.replace("\\n", "\n").as_bytes()),
            "flood" => (0..300).for_each(|n| say(&socket, format!("STATUS={n}").as_bytes())),
            "garbage" => {
                for length in [0, 1, 100, 5_000, 100_000] {
                    let bytes: Vec<u8> = (0..length).map(|n| (n * 7 % 256) as u8).collect();
                    say(&socket, &bytes);
                }
            }
            "until" => {
                while !Path::new(with).exists() {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            _ => panic!("{step}"),
        }
    }
    std::thread::sleep(Duration::from_secs(1000));
}

fn say(socket: &str, bytes: &[u8]) {
    _ = UnixDatagram::unbound().unwrap().send_to(bytes, socket);
}

/// `web`, whose command says this, and `after`, which needs it to be ready. The command is run by
/// `before`, where there is more than the program itself.
fn project(before: &str, steps: &str, check: &str) -> Project {
    let speaker = std::env::current_exe().unwrap();
    let speaker = format!("{} --exact notify::speaker --nocapture", speaker.display());
    let sleep = long_sleep();
    Project::new(&format!(
        "[process.web]\ncommand = 'echo socket: $NOTIFY_SOCKET; {before} {speaker}'\n\
         env = {{ {SAY} = '{steps}' }}\nready = {{ notify = true{check} }}\n\
         [process.after]\ncommand = 'exec sleep {sleep}'\ndepends_on = ['web']\n"
    ))
}

fn socket_of(up: &Running) -> PathBuf {
    let text = up.wait_out("socket: ");
    let (_, path) = text.split_once("socket: ").unwrap();
    PathBuf::from(path.trim())
}

fn stop(up: Running) -> common::Done {
    up.signal(libc::SIGINT);
    up.done()
}

#[test]
fn it_is_ready_when_it_says_so_itself() {
    let project = project("exec", "send:STATUS=half way|until:go|send:STATUS=all\\nREADY=1", "");
    let up = project.up(["--events", "events"]);
    let socket = socket_of(&up);
    assert!(socket.exists());
    assert!(socket.as_os_str().len() < 108);
    up.wait_err("after waits for web to be ready");
    project.write("go", "");
    up.wait_err("after started");
    up.wait_err("web is ready, notify READY=1");
    stop(up);
    assert!(!socket.exists(), "it goes with its run");
    let events = project.events("events");
    assert_eq!(only(&events, "process_ready", "web")["probe"], "notify READY=1");
}

#[test]
fn a_child_may_notify_even_after_it_has_left_the_session_and_its_parent() {
    for before in ["", "setsid -w", "(", "(setsid"] {
        let steps = "send:READY=1";
        let after = if before.starts_with('(') { "&); exec sleep 1000" } else { "; true" };
        let project = project(before, steps, "");
        let file =
            project.text("procfile.toml").replace("--nocapture", &format!("--nocapture {after}"));
        project.write("procfile.toml", &file);
        let up = project.up([]);
        up.wait_err("after started");
        stop(up);
    }
}

#[test]
fn foreign_senders_are_ignored() {
    let project = project("exec", "until:go|send:READY=1", ", timeout = \"60s\"");
    let up = project.up([]);
    let socket = socket_of(&up);
    for _ in 0..3 {
        say(socket.to_str().unwrap(), b"READY=1");
    }
    let refused = up.wait_err("ignored a notify message");
    let me = std::process::id().to_string();
    assert!(refused.contains(&me), "{refused}");
    assert!(!up.err.lossy().contains("web is ready"));
    project.write("go", "");
    up.wait_err("web is ready");
    let done = stop(up);
    assert_eq!(done.err.matches("ignored a notify message").count(), 1, "reported once: {done}");
}

#[test]
fn a_message_counts_only_for_its_own_process() {
    let speaker = std::env::current_exe().unwrap();
    let speaker = format!("{} --exact notify::speaker --nocapture", speaker.display());
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.web]\ncommand = 'echo $NOTIFY_SOCKET > socket; mv socket path; exec sleep {sleep}'\n\
         ready = {{ notify = true }}\n\
         [process.other]\nenv = {{ {SAY} = 'send:READY=1' }}\n\
         command = 'until test -e path; do sleep 0.01; done; NOTIFY_SOCKET=$(cat path) exec {speaker}'\n"
    ));
    let up = project.up([]);
    up.wait_err("ignored a notify message");
    assert!(!up.err.lossy().contains("web is ready"));
    stop(up);
}

#[test]
fn garbage_and_floods_do_no_harm() {
    let project = project("exec", "garbage|flood|send:STATUS=done\\nREADY=1", "");
    let up = project.up([]);
    up.wait_err("after started");
    stop(up);
}

#[test]
fn silence_is_a_failure_in_the_end() {
    let project = project("exec", "send:STATUS=migrating 3 of 9", ", timeout = \"2s\"");
    let done = project.up_done(["--events", "events"]);
    done.assert_code(1);
    done.assert_err("web failed: not ready after 2.0s: notify READY=1: migrating 3 of 9");
    let events = project.events("events");
    assert!(about(&events, "process_ready", "web").is_empty());
}

#[test]
fn a_socket_that_a_killed_session_left_is_removed_by_the_next() {
    let project = project("exec", "send:READY=1", "");
    let up = project.up([]);
    // Nothing is being started any more: a child before its exec holds the lock too.
    up.wait_err("after started");
    let socket = socket_of(&up);
    let left = socket.with_file_name("notify-77-8.sock");
    UnixDatagram::bind(&left).unwrap();
    let (guardian, engine) = (up.guardian(), up.engine());
    common::send(engine, libc::SIGSTOP);
    common::send(guardian, libc::SIGKILL);
    common::send(engine, libc::SIGKILL);
    up.forget();
    assert!(socket.exists() && left.exists());
    // With all of its threads, as each of them holds the lock.
    wait_until("the engine is gone", || {
        common::reap_orphans();
        common::stat(engine).is_none()
    });
    let up = project.up([]);
    up.wait_err("after started");
    assert!(!left.exists());
    stop(up);
}

#[test]
fn a_folder_whose_path_is_too_long_for_a_socket_is_no_obstacle() {
    let project = project("exec", "send:READY=1", "");
    let long = project.path(&"x".repeat(100));
    std::fs::create_dir(&long).unwrap();
    let mut command = project.pitcrew(["up", "--no-tui"]);
    command.env("XDG_RUNTIME_DIR", &long);
    let up = project.start(command);
    up.wait_err("after started");
    let socket = socket_of(&up);
    assert!(socket.as_os_str().len() < 108 && socket.exists());
    stop(up);
    assert!(!socket.exists());
}
