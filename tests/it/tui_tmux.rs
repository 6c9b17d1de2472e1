//! The interface in tmux, under a shell; the tests read the screen from tmux. Skipped if tmux is not installed.

use crate::common::{self, BOUND, Project, binary, wait_until};

const SHOP: &str = "[process]\n\
    db = 'echo db is up; exec sleep 1000'\n\
    api = 'echo api is up; exec sleep 1000'\n";
const PROMPT: &str = "shell>";
/// The modes of an unchanged terminal: `alternate screen, cursor, mouse, keypad`.
const USUAL: &str = "0 1 0 0";

/// A server of tmux with one window, in which a shell runs.
struct Tmux<'a> {
    project: &'a Project,
}

impl<'a> Tmux<'a> {
    /// Nothing where there is no tmux.
    fn start(project: &'a Project, columns: u16, rows: u16) -> Option<Self> {
        if !common::is_executable_there("tmux") {
            println!("left out: there is no tmux here");
            return None;
        }
        project.write("tmux.conf", "set -s escape-time 10\nset -g status off\n");
        let tmux = Self { project };
        let shell = format!("PS1='{PROMPT} ' ENV= exec /bin/sh -i");
        let size = [columns.to_string(), rows.to_string()];
        tmux.ask(&["new-session", "-d", "-x", &size[0], "-y", &size[1], &shell]);
        tmux.wait(PROMPT);
        Some(tmux)
    }

    fn ask(&self, args: &[&str]) -> String {
        let mut command = self.project.command("tmux");
        // The terminal in which the tests run is not used.
        command.env("TERM", "xterm-256color").args(["-S", "tmux.sock", "-f", "tmux.conf"]);
        command.args(args);
        common::ask::run(command).code(0).out
    }

    fn keys(&self, keys: &[&str]) {
        self.ask(&[&["send-keys"], keys].concat());
    }

    fn line(&self, line: &str) {
        self.keys(&["-l", line]);
        self.keys(&["Enter"]);
    }

    fn text(&self) -> String {
        self.ask(&["capture-pane", "-p"])
    }

    #[track_caller]
    fn wait(&self, wanted: &str) {
        self.until(&format!("`{wanted}` is shown"), |text| text.contains(wanted));
    }

    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn(&str) -> bool) {
        wait_until(what, || holds(&self.text()));
    }

    /// The interface is open, and nothing of another size is left on the screen.
    #[track_caller]
    fn resize(&self, columns: u16, rows: u16, wanted: &str) {
        let (x, y) = (columns.to_string(), rows.to_string());
        self.ask(&["resize-window", "-x", &x, "-y", &y]);
        self.until(&format!("{columns}x{rows} is drawn"), |text| {
            let fits = text.lines().all(|line| line.chars().count() <= usize::from(columns));
            fits && text.lines().count() <= usize::from(rows) && text.contains(wanted)
        });
    }

    /// How the terminal is.
    fn modes(&self) -> String {
        let format = "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{keypad_flag}";
        self.ask(&["display-message", "-p", format]).trim().to_owned()
    }

    #[track_caller]
    fn open(&self) {
        self.line(binary());
        self.wait("api is up");
        self.wait("FOLLOW");
    }

    /// Out of the interface, on the screen that was there before.
    #[track_caller]
    fn is_left_with(&self, code: i32) {
        self.is_in_the_shell();
        self.line("echo code=$?");
        self.wait(&format!("code={code}\n"));
        let joined = self.ask(&["capture-pane", "-p", "-J"]);
        assert!(joined.contains(binary()), "the screen from before is there again: {joined}");
    }

    #[track_caller]
    fn is_in_the_shell(&self) {
        self.until("the shell is there", |text| text.trim_end().ends_with(PROMPT));
        assert_eq!(self.modes(), USUAL);
    }

    fn end(self) {
        self.ask(&["kill-server"]);
        self.project.nothing_left_within(BOUND);
    }
}

#[test]
fn it_is_opened_looked_around_in_and_left() {
    let project = Project::new(SHOP);
    let Some(tmux) = Tmux::start(&project, 120, 36) else { return };
    tmux.open();
    tmux.keys(&["?"]);
    tmux.wait("Help");
    tmux.keys(&["Escape"]);
    tmux.until("the help is gone", |text| !text.contains("Help"));
    tmux.keys(&["C-f"]);
    tmux.keys(&["-l", "api is"]);
    tmux.wait("1 of 1");
    tmux.keys(&["Escape"]);
    tmux.resize(80, 24, "FOLLOW");
    tmux.resize(48, 13, "FOLLOW");
    tmux.resize(20, 4, "api is up");
    tmux.resize(120, 36, "FOLLOW");
    tmux.keys(&["q"]);
    tmux.wait("Quit?");
    tmux.keys(&["y"]);
    tmux.is_left_with(0);
    let left = tmux.text();
    assert!(left.contains("db   stopped    1 run  TERM"), "{left}");
    tmux.end();
}

#[test]
fn it_is_suspended_and_brought_back() {
    let project = Project::new(SHOP);
    let Some(tmux) = Tmux::start(&project, 100, 30) else { return };
    tmux.open();
    tmux.keys(&["C-z"]);
    tmux.is_in_the_shell();
    tmux.line("fg");
    tmux.wait("FOLLOW");
    tmux.keys(&["C-c"]);
    tmux.wait("Quit?");
    tmux.keys(&["C-c"]);
    tmux.is_left_with(0);
    tmux.end();
}

#[test]
fn what_is_copied_is_in_the_buffer_of_tmux() {
    let project = Project::new(SHOP);
    let Some(tmux) = Tmux::start(&project, 100, 30) else { return };
    tmux.open();
    // The last line of any process.
    tmux.keys(&["Tab", "v", "y"]);
    wait_until("the line is in the buffer", || {
        tmux.ask(&["list-buffers", "-F", "#{buffer_sample}"]).contains(" is up")
    });
    tmux.keys(&["q"]);
    tmux.wait("Quit?");
    tmux.keys(&["y"]);
    tmux.is_left_with(0);
    tmux.end();
}

#[test]
fn it_is_detached_attached_to_and_taken_down() {
    let project = Project::new(SHOP);
    let Some(tmux) = Tmux::start(&project, 80, 24) else { return };
    tmux.open();
    tmux.keys(&["D"]);
    tmux.is_left_with(0);
    tmux.line("clear");
    tmux.until("the screen is empty", |text| !text.contains("code="));
    tmux.line(&format!("{} attach", binary()));
    tmux.wait("FOLLOW");
    tmux.wait("api is up");
    _ = project.ask(["down"]).code(0);
    tmux.is_in_the_shell();
    tmux.end();
}

#[test]
fn a_server_that_is_killed_takes_the_project_with_it() {
    let project = Project::new(SHOP);
    let Some(tmux) = Tmux::start(&project, 100, 30) else { return };
    tmux.open();
    tmux.end();
}
