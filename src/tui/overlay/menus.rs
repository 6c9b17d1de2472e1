//! The questions and menus of the interface.

use super::{Dialog, DialogOption, OverlayChoice};
use crate::spec::{Signal, counted};
use crate::tui::action::{ActionSubject, NOT_RUNNING};
use crate::tui::theme::ThemeName;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyChoice {
    Name,
    Command,
    /// The process id of the run.
    Pid,
    Url,
    /// The latest error line.
    LastError,
    /// The reason of the state.
    Why,
    /// The path of the log file.
    LogFile,
    /// The visible lines.
    Page,
    /// The entire log.
    Output,
}

/// The question before quitting. `stopping`: how the processes would be stopped.
pub fn quit(running: usize, stopping: &str) -> Dialog {
    let body = match running {
        0 => "Nothing is running yet.".to_owned(),
        1 => "1 process is running.".to_owned(),
        _ => format!("{} are running.", counted(running, "process")),
    };
    let detach = "leave them running (pitcrew attach)";
    let options = vec![
        DialogOption::new('y', "stop all and quit", stopping, OverlayChoice::StopAll),
        DialogOption::new('d', "detach", detach, OverlayChoice::Detach),
        DialogOption::new('n', "stay", "esc", OverlayChoice::Nothing),
    ];
    Dialog {
        note: "^c again: stop all now; ^c a third time: kill everything".to_owned(),
        interrupt: Some(OverlayChoice::StopAll),
        ..Dialog::new("Quit?", vec![body], options)
    }
}

/// The question during a shutdown. `waiting`: the processes that it waits for.
pub fn kill_all(waiting: Vec<String>) -> Dialog {
    let options = vec![
        DialogOption::new('K', "kill all now", "SIGKILL", OverlayChoice::KillAll),
        DialogOption::new('d', "detach", "stopping continues", OverlayChoice::Detach),
        DialogOption::new('n', "wait", "esc", OverlayChoice::Nothing),
    ];
    Dialog {
        cursor: 2,
        interrupt: Some(OverlayChoice::KillAll),
        ..Dialog::new("Stopping", waiting, options)
    }
}

/// The menu of signals for the named processes.
pub fn signals(names: &str) -> Dialog {
    let signals = [
        ('h', "HUP", "reload configuration"),
        ('i', "INT", "interrupt (Ctrl-C)"),
        ('t', "TERM", "terminate"),
        ('1', "USR1", "user-defined"),
        ('2', "USR2", "user-defined"),
        ('u', "QUIT", "quit, dump core"),
        ('s', "STOP", "pause"),
        ('c', "CONT", "continue"),
        ('w', "WINCH", "window resized"),
        ('K', "KILL", "kill"),
    ];
    let option = |(letter, name, detail): (char, &str, &str)| {
        let signal: Signal = name.parse().ok()?;
        Some(DialogOption::new(letter, name, detail, OverlayChoice::Signal(signal)))
    };
    let options = signals.into_iter().filter_map(option).collect();
    Dialog::new(format!("Signal for {names}"), Vec::new(), options)
}

/// The menu of texts that can be copied from a process, or from all processes if there is no
/// subject.
pub fn copies(subject: Option<&ActionSubject>, pid: Option<u32>, has_log_file: bool) -> Dialog {
    let option = |(letter, label, detail, choice): (_, &str, &str, CopyChoice)| {
        DialogOption::new(letter, label, detail, OverlayChoice::Copy(choice))
    };
    let output = [
        ('e', "last error", "its last error line", CopyChoice::LastError),
        ('v', "page", "visible lines", CopyChoice::Page),
        ('o', "output", "entire log", CopyChoice::Output),
    ];
    let output = output.map(option);
    let Some(subject) = subject else {
        return Dialog::new("Copy from all", Vec::new(), output.to_vec());
    };
    let pid = pid.map(|pid| pid.to_string());
    let single = |text| Some(text).filter(|_| !subject.several).ok_or("select one process");
    let facts = [
        ('n', "name", Ok(subject.name.as_str()), CopyChoice::Name),
        ('c', "command", single("as typed in a shell"), CopyChoice::Command),
        ('p', "pid", pid.as_deref().ok_or(NOT_RUNNING), CopyChoice::Pid),
        ('u', "url", subject.url.as_deref().ok_or("no url and no port"), CopyChoice::Url),
        ('w', "why", single("reason of its state"), CopyChoice::Why),
        (
            'l',
            "log file",
            Some("its path").filter(|_| has_log_file).ok_or("no log file"),
            CopyChoice::LogFile,
        ),
    ];
    let facts = facts.map(|(letter, label, detail, choice)| match detail {
        Ok(detail) => option((letter, label, detail, choice)),
        Err(reason) => {
            DialogOption { choice: Err(reason.to_owned()), ..option((letter, label, "", choice)) }
        }
    });
    let options = facts.into_iter().chain(output).collect();
    Dialog::new(format!("Copy from {}", subject.name), Vec::new(), options)
}

/// The menu of themes; the theme at the cursor is previewed.
pub fn themes(current: ThemeName) -> Dialog {
    let detail = |theme: ThemeName| match theme {
        ThemeName::Dark => "for a dark terminal",
        ThemeName::Light => "for a light terminal",
        ThemeName::Contrast => "strong colours",
        ThemeName::ColourBlind => "blue and orange",
        ThemeName::Terminal => "the sixteen colours of the terminal",
        ThemeName::None => "no colour at all",
    };
    let option = |(theme, letter): (&ThemeName, char)| {
        DialogOption::new(letter, theme.as_str(), detail(*theme), OverlayChoice::Theme(*theme))
    };
    let options = ThemeName::ALL.iter().zip('1'..).map(option).collect();
    let cursor = ThemeName::ALL.iter().position(|theme| *theme == current).unwrap_or(0);
    Dialog { cursor, previous_theme: Some(current), ..Dialog::new("Theme", Vec::new(), options) }
}
