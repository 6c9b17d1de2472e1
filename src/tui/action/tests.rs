use std::collections::BTreeSet;

use super::*;
use crate::control::wire::Severity;
use crate::tui::keymap::Keymap;
use crate::tui::keys::Chord;

#[test]
fn the_order_of_the_table_is_that_of_the_actions() {
    for (at, entry) in TABLE.iter().enumerate() {
        assert_eq!(entry.action as usize, at);
        assert_eq!(entry.action.entry().name, entry.name);
        assert_eq!(entry.name.parse(), Ok(entry.action));
    }
    let names: BTreeSet<_> = TABLE.iter().map(|entry| entry.name).collect();
    assert_eq!(names.len(), TABLE.len(), "no name twice");
}

#[test]
fn no_key_does_two_things_in_one_place() {
    let mut seen = BTreeSet::new();
    for entry in TABLE {
        for (context, key) in entry.keys {
            let chord: Chord = key.parse().unwrap();
            assert_eq!(&chord.to_string(), key, "written as it is printed");
            assert!(seen.insert((*context, chord)), "{key} twice in {}", context.as_str());
        }
    }
}

/// Keys that mean something else in an outer context, on purpose.
const SHADOWED: &[(Context, &str, Context)] = &[
    (Context::List, "/", Context::Logs),
    (Context::List, "down", Context::Logs),
    (Context::List, "e", Context::Logs),
    (Context::List, "end", Context::Logs),
    (Context::List, "G", Context::Logs),
    (Context::List, "g", Context::Logs),
    (Context::List, "home", Context::Logs),
    (Context::List, "j", Context::Logs),
    (Context::List, "k", Context::Logs),
    (Context::List, "m", Context::Logs),
    (Context::List, "n", Context::Logs),
    (Context::List, "right", Context::Logs),
    (Context::List, "up", Context::Logs),
];

#[test]
fn a_key_is_hidden_only_on_purpose() {
    let mut hidden = BTreeSet::new();
    let map = Keymap::default();
    for focus in Focus::ALL {
        for (at, inner) in focus.contexts().iter().enumerate() {
            for outer in &focus.contexts()[at + 1..] {
                for (context, chord, action) in map.bindings().filter(|one| one.0 == *inner) {
                    let same = |one: &(Context, Chord, Action)| {
                        one.0 == *outer && one.1 == chord && one.2 != action
                    };
                    if map.bindings().any(|one| same(&one)) {
                        hidden.insert((context, chord.to_string(), *outer));
                    }
                }
            }
        }
    }
    let meant: BTreeSet<_> =
        SHADOWED.iter().map(|(inner, key, outer)| (*inner, (*key).to_owned(), *outer)).collect();
    assert_eq!(hidden, meant);
}

#[test]
fn every_action_with_a_key_is_reached_by_it() {
    let map = Keymap::default();
    for entry in TABLE {
        for (context, key) in entry.keys {
            let focus = Focus::ALL.iter().filter(|focus| focus.contexts().contains(context));
            let chord: Chord = key.parse().unwrap();
            let mut reached = focus.map(|focus| map.action(*focus, chord));
            assert!(reached.any(|action| action == Some(entry.action)), "{} {key}", entry.name);
        }
    }
}

#[test]
fn what_has_no_key_takes_an_argument_or_is_reached_otherwise() {
    let without: Vec<_> = TABLE.iter().filter(|entry| entry.keys.is_empty()).collect();
    let names: Vec<_> = without.iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["scale", "send", "pipe", "copy-selection"]);
}

#[test]
fn no_key_is_one_a_terminal_cannot_tell() {
    // Those are Backspace, Tab, Enter (twice) and Escape.
    for entry in TABLE {
        for (_, key) in entry.keys {
            assert!(!["ctrl-h", "ctrl-i", "ctrl-j", "ctrl-m", "ctrl-["].contains(key), "{key}");
            assert!(!key.starts_with("alt-"), "{key} needs Alt");
        }
    }
}

#[test]
fn an_unknown_name_suggests_the_nearest() {
    let wrong = "restrat".parse::<Action>().unwrap_err();
    assert_eq!(wrong.to_string(), "unknown action `restrat`; did you mean `restart`?");
    assert_eq!("zzzzzzzzz".parse::<Action>().unwrap_err().near, None);
    let hostile = "\x1b[2J".parse::<Action>().unwrap_err().to_string();
    assert!(!hostile.contains('\x1b'), "{hostile:?}");
}

fn subject(state: StateName) -> ActionSubject {
    ActionSubject {
        name: "web".into(),
        state,
        several: false,
        pool: false,
        tty: false,
        url: None,
        watch: None,
        stdin: false,
    }
}

#[test]
fn what_does_not_apply_says_why() {
    let with = |state| ActionFacts {
        subject: Some(subject(state)),
        connected: true,
        ..ActionFacts::default()
    };
    let why = |action: Action, facts: &ActionFacts| {
        action.entry().applies(facts).err().map(|reason| reason.to_string())
    };
    let ready = with(StateName::Ready);
    let stopped = with(StateName::Stopped);
    let nobody = ActionFacts { connected: true, ..ActionFacts::default() };
    assert_eq!(why(Action::Stop, &ready), None);
    assert_eq!(why(Action::Stop, &stopped).unwrap(), "web is stopped");
    assert_eq!(why(Action::Stop, &nobody).unwrap(), "select a process first");
    assert_eq!(why(Action::Stop, &ActionFacts { marks: 2, ..nobody.clone() }), None);
    assert_eq!(why(Action::Kill, &stopped).unwrap(), "web is not running");
    assert_eq!(why(Action::Restart, &stopped), None, "works in every state");
    assert_eq!(why(Action::Attach, &ready).unwrap(), "web has no terminal (tty = false)");
    let pipe = ActionSubject { stdin: true, ..subject(StateName::Ready) };
    let pipe = ActionFacts { subject: Some(pipe), ..ready.clone() };
    let sends = "web has no terminal (tty = false); `:send` sends it a line";
    assert_eq!(why(Action::Attach, &pipe).unwrap(), sends);
    let terminal = |state, several| {
        let subject = ActionSubject { tty: true, several, ..subject(state) };
        ActionFacts { subject: Some(subject), ..ready.clone() }
    };
    assert_eq!(why(Action::Attach, &terminal(StateName::Ready, false)), None);
    assert_eq!(why(Action::TerminalLog, &terminal(StateName::Stopped, false)), None);
    let stopped_terminal = terminal(StateName::Stopped, false);
    assert_eq!(why(Action::Attach, &stopped_terminal).unwrap(), "web is not running");
    let several = terminal(StateName::Ready, true);
    assert_eq!(why(Action::Attach, &several).unwrap(), "web selects several processes; select one");
    let marked = ActionFacts { marks: 2, ..terminal(StateName::Ready, false) };
    assert_eq!(why(Action::Attach, &marked).unwrap(), "several processes are marked");
    assert_eq!(why(Action::Leave, &ready).unwrap(), "keys do not go to a process");
    assert_eq!(why(Action::NextInput, &ready).unwrap(), "no process waits for input");
    assert_eq!(why(Action::Watch, &ready).unwrap(), "web has no `watch`");
    assert_eq!(why(Action::Browse, &ready).unwrap(), "web has no `url` and no `port`");
    assert_eq!(why(Action::Edit, &nobody).unwrap(), "select a process first");
    assert_eq!(why(Action::NextMatch, &ready).unwrap(), "nothing is searched for");
    let lost = ActionFacts { connected: false, ..ready.clone() };
    assert_eq!(why(Action::Restart, &lost).unwrap(), "the connection to the project is lost");
    for always in [Action::Quit, Action::Help, Action::Interrupt, Action::Back, Action::Suspend] {
        assert_eq!(why(always, &ActionFacts::default()), None, "{always}");
    }
}

#[test]
fn what_follows_a_name_is_read() {
    let read = |line: &str| parse_call(line).map(|call| call.argument);
    let names = |names: &[&str]| Argument::Names(names.iter().map(ToString::to_string).collect());
    assert_eq!(read("restart"), Ok(Argument::None));
    assert_eq!(read("  restart  api   web.1 "), Ok(names(&["api", "web.1"])));
    assert_eq!(read("scale 3"), Ok(Argument::Scale { name: None, replicas: 3 }));
    assert_eq!(read("pipe grep 'a  b'"), Ok(Argument::Text("grep 'a  b'".into())));
    let signal = read("signal HUP web").unwrap();
    assert_eq!(
        signal,
        Argument::Signal { signal: "HUP".parse().unwrap(), names: vec!["web".into()] }
    );
    assert_eq!(read("level warn"), Ok(Argument::Level(Some(Severity::Warn))));
    assert_eq!(read("theme light"), Ok(Argument::Theme(crate::tui::theme::ThemeName::Light)));
    let wrong = |line: &str| parse_call(line).unwrap_err().to_string();
    assert_eq!(wrong("quit now"), "`quit` takes nothing after its name");
    assert_eq!(wrong("scale"), "`scale` takes a number of replicas: scale web 3");
    assert_eq!(wrong("scale web -1"), "`scale` takes a number of replicas: scale web 3");
    assert_eq!(wrong("details a b"), "`details` takes one name");
    let levels = "expected \"all\", \"debug\", \"info\", \"warn\" or \"error\"";
    assert_eq!(wrong("level loud"), levels);
    assert_eq!(wrong("level wran"), format!("{levels}; did you mean `warn`?"));
    assert!(wrong("theme nord").starts_with("expected \"dark\", "));
    assert!(wrong("theme drak").ends_with("; did you mean `dark`?"));
    assert_eq!(wrong("signal NOPE"), "unknown signal `NOPE`");
    assert_eq!(wrong(""), "unknown action ``");
}

#[test]
fn the_manual_has_every_key() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tui.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once("<!-- keys").unwrap();
    let (head, rest) = rest.split_once("-->\n").unwrap();
    let (keys, after) = rest.split_once("<!-- /keys -->").unwrap();
    if std::env::var_os("PITCREW_TEST_WRITE").is_some() {
        let page = format!("{before}<!-- keys{head}-->\n\n{}\n\n<!-- /keys -->{after}", manual());
        std::fs::write(path, page).unwrap();
        return;
    }
    assert_eq!(keys.trim(), manual(), "docs/tui.md is outdated: PITCREW_TEST_WRITE=1 writes it");
}

#[test]
fn the_manual_has_every_setting_and_theme() {
    let page = include_str!("../../../docs/tui.md");
    for setting in crate::tui::config::SETTINGS {
        assert!(
            page.contains(&format!("\n{setting} ")) || page.contains(&format!("[{setting}]")),
            "{setting}"
        );
    }
    for theme in crate::tui::theme::ThemeName::ALL {
        assert!(page.contains(&format!("`{}`", theme.as_str())), "{}", theme.as_str());
    }
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let (_, warnings) = crate::tui::config::Config::parse("docs/tui.md", example);
    assert_eq!(warnings, [], "the example is understood");
}
