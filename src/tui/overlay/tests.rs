use proptest::prelude::*;

use super::*;
use crate::machine::StateName;
use crate::tui::action::{ActionSubject, Argument, TABLE};
use crate::tui::test_render::{drawn, everywhere, text};

fn facts() -> ActionFacts {
    let subject = ActionSubject {
        name: "worker".into(),
        state: StateName::Backoff,
        several: false,
        pool: false,
        tty: false,
        url: Some("http://127.0.0.1:8080".to_owned()),
        watch: None,
        stdin: false,
    };
    ActionFacts { subject: Some(subject), connected: true, ..ActionFacts::default() }
}

struct World {
    keymap: Keymap,
    facts: ActionFacts,
    names: Vec<String>,
}

impl World {
    fn new() -> Self {
        let names = ["api", "db", "web.1", "worker"].map(str::to_owned).to_vec();
        Self { keymap: Keymap::default(), facts: facts(), names }
    }

    fn known(&self) -> OverlayContext<'_> {
        OverlayContext { keymap: &self.keymap, facts: &self.facts, names: &self.names }
    }

    /// The last reply to these keys.
    fn keys(&self, overlay: &mut Overlay, keys: &[&str]) -> OverlayReply {
        let mut reply = OverlayReply::Stay;
        for key in keys {
            reply = overlay.key(key.parse().unwrap(), self.known());
        }
        reply
    }

    fn typed(&self, overlay: &mut Overlay, text: &str) {
        for char in text.chars() {
            assert_eq!(overlay.key(Chord::char(char), self.known()), OverlayReply::Stay);
        }
    }

    fn everywhere(&self, overlay: &Overlay) -> String {
        everywhere(&|area, look, buffer| _ = overlay.draw(area, look, self.known(), buffer))
    }

    fn screen(&self, overlay: &Overlay) -> String {
        let look = Appearance::new(ThemeName::None, true);
        text(&drawn((80, 24), &look, &|area, look, buffer| {
            _ = overlay.draw(area, look, self.known(), buffer);
        }))
    }
}

fn help() -> Overlay {
    Overlay::Help(Help::default())
}

fn palette() -> Overlay {
    Overlay::Palette(CommandPalette::default())
}

#[test]
fn help_shows_every_action() {
    let world = World::new();
    let overlay = help();
    let look = Appearance::new(ThemeName::None, true);
    let tall = text(&drawn((80, 140), &look, &|area, look, buffer| {
        _ = overlay.draw(area, look, world.known(), buffer);
    }));
    for entry in TABLE {
        assert!(tall.contains(entry.description), "{} is not in\n{tall}", entry.name);
    }
}

#[test]
fn help_runs_what_is_chosen() {
    let world = World::new();
    let mut overlay = help();
    world.typed(&mut overlay, "reload the file");
    assert_eq!(world.keys(&mut overlay, &["enter"]), OverlayReply::Run(Action::Reload.into()));
    // The first three are start, stop and kill; a process in back-off has nothing to kill.
    assert_eq!(world.keys(&mut help(), &["down", "enter"]), OverlayReply::Run(Action::Stop.into()));
    assert_eq!(world.keys(&mut help(), &["down", "down", "enter"]), OverlayReply::Stay);
}

#[test]
fn help_says_why_something_does_not_apply_and_does_not_run_it() {
    let world = World::new();
    let mut overlay = help();
    world.typed(&mut overlay, "type into");
    assert_eq!(world.keys(&mut overlay, &["enter"]), OverlayReply::Stay);
    let screen = world.screen(&overlay);
    assert!(
        screen.contains("attach does not apply: worker has no terminal (tty = false)"),
        "{screen}"
    );
}

#[test]
fn help_finds_a_key_and_closes() {
    let world = World::new();
    let mut overlay = help();
    world.typed(&mut overlay, "^r");
    assert!(world.screen(&overlay).contains("reload the file"));
    for key in ["?", "esc", "f1", "ctrl-c"] {
        assert_eq!(world.keys(&mut help(), &[key]), OverlayReply::Close, "{key}");
    }
    // What is typed is not taken for a key.
    assert_eq!(world.keys(&mut help(), &["a", "?"]), OverlayReply::Stay);
    assert_eq!(world.keys(&mut help(), &["a", "esc"]), OverlayReply::Close);
}

#[test]
fn help_shows_the_keys_of_the_user() {
    let (config, _) = crate::tui::config::Config::parse("c", "[keys]\nf5 = 'reload'\n");
    let world = World { keymap: config.keymap, ..World::new() };
    let mut overlay = help();
    world.typed(&mut overlay, "reload the");
    let screen = world.screen(&overlay);
    assert!(screen.contains("F5") && !screen.contains("^r"), "{screen}");
}

#[test]
fn every_action_is_found_in_the_palette_by_its_name() {
    let world = World::new();
    for entry in TABLE {
        let mut overlay = palette();
        world.typed(&mut overlay, entry.name);
        let Overlay::Palette(palette) = &overlay else { unreachable!() };
        assert_eq!(palette.matches().first().map(|entry| entry.name), Some(entry.name));
    }
}

#[test]
fn the_palette_takes_arguments() {
    let world = World::new();
    let run = |text: &str| {
        let mut overlay = palette();
        world.typed(&mut overlay, text);
        world.keys(&mut overlay, &["enter"])
    };
    let names = |names: &[&str]| Argument::Names(names.iter().map(ToString::to_string).collect());
    let call = |action, argument| OverlayReply::Run(ActionCall { action, argument });
    assert_eq!(run("restart api db"), call(Action::Restart, names(&["api", "db"])));
    assert_eq!(run("rest api"), call(Action::Restart, names(&["api"])));
    let scale = Argument::Scale { name: Some("web".into()), replicas: 3 };
    assert_eq!(run("scale web 3"), call(Action::Scale, scale));
    assert_eq!(
        run("pipe grep -c 'a b'"),
        call(Action::Pipe, Argument::Text("grep -c 'a b'".into()))
    );
    assert_eq!(run("theme light"), call(Action::Theme, Argument::Theme(ThemeName::Light)));
    assert_eq!(run("reload"), call(Action::Reload, Argument::None));
    assert_eq!(run("dependency graph"), call(Action::Graph, Argument::None));
    assert_eq!(run("signal HUP api"), {
        let signal = "HUP".parse().unwrap();
        call(Action::Signal, Argument::Signal { signal, names: vec!["api".into()] })
    });
}

#[test]
fn the_palette_says_what_is_wrong_and_stays() {
    let world = World::new();
    let said = |text: &str| {
        let mut overlay = palette();
        world.typed(&mut overlay, text);
        assert_eq!(world.keys(&mut overlay, &["enter"]), OverlayReply::Stay, "{text}");
        world.screen(&overlay)
    };
    assert!(said("scale web").contains("takes a number of replicas"));
    assert!(said("signal NOPE").contains("unknown signal"));
    assert!(said("theme nord").contains("expected \"dark\""));
    assert!(said("attach").contains("attach does not apply: worker has no terminal (tty = false)"));
    assert!(said("xyzzy").contains("unknown action `xyzzy`"));
    // Named processes are checked by the project, whatever is selected.
    let mut overlay = palette();
    let stopped = ActionSubject { state: StateName::Stopped, ..facts().subject.unwrap() };
    let world = World { facts: ActionFacts { subject: Some(stopped), ..facts() }, ..World::new() };
    world.typed(&mut overlay, "kill api");
    assert!(matches!(world.keys(&mut overlay, &["enter"]), OverlayReply::Run(_)));
}

#[test]
fn tab_completes_names_of_actions_and_processes() {
    let world = World::new();
    let mut overlay = palette();
    world.typed(&mut overlay, "resta");
    world.keys(&mut overlay, &["tab"]);
    world.typed(&mut overlay, "we");
    world.keys(&mut overlay, &["tab"]);
    let names = Argument::Names(vec!["web.1".into()]);
    let call = ActionCall { action: Action::Restart, argument: names };
    assert_eq!(world.keys(&mut overlay, &["enter"]), OverlayReply::Run(call));
}

#[test]
fn a_menu_is_used_by_letter_arrow_and_click() {
    let world = World::new();
    let mut menu = Overlay::Dialog(signals("worker"));
    let signal = |name: &str| OverlayReply::Chosen(OverlayChoice::Signal(name.parse().unwrap()));
    assert_eq!(world.keys(&mut menu.clone(), &["t"]), signal("TERM"));
    assert_eq!(world.keys(&mut menu.clone(), &["j", "enter"]), signal("INT"));
    assert_eq!(world.keys(&mut menu.clone(), &["end", "k", "k", "enter"]), signal("CONT"));
    assert_eq!(world.keys(&mut menu.clone(), &["esc"]), OverlayReply::Close);
    let area = Rect::new(0, 0, 80, 24);
    let screen = world.screen(&menu);
    let row = screen.lines().position(|line| line.contains("USR1")).unwrap();
    let column = screen.lines().nth(row).unwrap().find("USR1").unwrap();
    // Signs before it take three bytes each, and one column.
    let at = Position::new(u16::try_from(column).unwrap() - 2, u16::try_from(row).unwrap());
    assert_eq!(menu.click(area, at, world.known()), signal("USR1"));
    assert_eq!(menu.click(area, Position::new(0, 0), world.known()), OverlayReply::Close);
}

#[test]
fn what_cannot_be_copied_says_why() {
    let world = World::new();
    let mut menu = Overlay::Dialog(copies(facts().subject.as_ref(), None, false));
    assert_eq!(world.keys(&mut menu, &["p"]), OverlayReply::Stay);
    assert!(world.screen(&menu).contains("not running"));
    assert_eq!(
        world.keys(&mut menu, &["u"]),
        OverlayReply::Chosen(OverlayChoice::Copy(CopyChoice::Url))
    );
}

#[test]
fn a_theme_is_previewed_immediately_and_reverted() {
    let world = World::new();
    let mut menu = Overlay::Dialog(themes(ThemeName::Terminal));
    assert_eq!(world.keys(&mut menu, &["home"]), OverlayReply::Preview(ThemeName::Dark));
    assert_eq!(world.keys(&mut menu, &["down"]), OverlayReply::Preview(ThemeName::Light));
    assert_eq!(world.keys(&mut menu, &["esc"]), OverlayReply::Revert(ThemeName::Terminal));
    assert_eq!(
        world.keys(&mut menu, &["enter"]),
        OverlayReply::Chosen(OverlayChoice::Theme(ThemeName::Light))
    );
}

#[test]
fn quitting_cannot_trap() {
    let world = World::new();
    let dialog = || Overlay::Dialog(quit(7, "graceful: SIGTERM, SIGKILL after 10s"));
    let reply = |keys: &[&str]| world.keys(&mut dialog(), keys);
    assert_eq!(reply(&["y"]), OverlayReply::Chosen(OverlayChoice::StopAll));
    assert_eq!(reply(&["enter"]), OverlayReply::Chosen(OverlayChoice::StopAll));
    assert_eq!(reply(&["d"]), OverlayReply::Chosen(OverlayChoice::Detach));
    assert_eq!(reply(&["ctrl-c"]), OverlayReply::Chosen(OverlayChoice::StopAll));
    for leaving in ["n", "esc", "q"] {
        assert_eq!(reply(&[leaving]), OverlayReply::Close, "{leaving}");
    }
    for next in ["l", "j", "right", "down", "tab"] {
        assert_eq!(reply(&[next, "enter"]), OverlayReply::Chosen(OverlayChoice::Detach), "{next}");
    }
    for back in ["h", "k", "left", "up", "shift-tab"] {
        assert_eq!(
            reply(&["j", back, "enter"]),
            OverlayReply::Chosen(OverlayChoice::StopAll),
            "{back}"
        );
    }
    let kill = || Overlay::Dialog(kill_all(vec!["waiting for db (8s left)".into()]));
    assert_eq!(world.keys(&mut kill(), &["ctrl-c"]), OverlayReply::Chosen(OverlayChoice::KillAll));
    assert_eq!(world.keys(&mut kill(), &["enter"]), OverlayReply::Close, "waiting is the default");
}

#[test]
fn what_is_hard_to_undo_is_not_the_default() {
    let world = World::new();
    let confirm = || {
        let body = vec!["3 processes are killed:".into(), "db, api, web.1".into()];
        Overlay::Dialog(Dialog::confirm("Kill?", body, Action::Kill.into()))
    };
    assert_eq!(world.keys(&mut confirm(), &["enter"]), OverlayReply::Close);
    assert_eq!(
        world.keys(&mut confirm(), &["y"]),
        OverlayReply::Chosen(OverlayChoice::Go(Action::Kill.into()))
    );
}

#[test]
fn a_dialog_that_is_cut_says_so() {
    let world = World::new();
    let body = |lines: usize| (1..=lines).map(|line| format!("line {line}")).collect();
    let short = world.screen(&Overlay::Dialog(Dialog::notice("Read", body(10))));
    assert!(short.contains("line 10") && !short.contains("more lines"), "{short}");
    let long = world.screen(&Overlay::Dialog(Dialog::notice("Read", body(90))));
    let last = long.lines().filter(|line| line.contains("line ")).count();
    assert!(long.contains(&format!("… {} more lines", 90 - last)), "{long}");
    assert!(long.contains("[o] close"), "{long}");
}

#[test]
fn a_dialog_is_clicked() {
    let world = World::new();
    let mut dialog = Overlay::Dialog(quit(7, ""));
    let row = world.screen(&dialog).lines().position(|line| line.contains("[d]")).unwrap();
    let at = Position::new(40, u16::try_from(row).unwrap());
    let area = Rect::new(0, 0, 80, 24);
    assert_eq!(dialog.click(area, at, world.known()), OverlayReply::Chosen(OverlayChoice::Detach));
}

#[test]
fn screens_of_help() {
    insta::assert_snapshot!(World::new().everywhere(&help()));
}

#[test]
fn screens_of_the_palette() {
    let world = World::new();
    let mut overlay = palette();
    world.typed(&mut overlay, "s");
    insta::assert_snapshot!(world.everywhere(&overlay));
}

#[test]
fn screens_of_menus() {
    let copies = Overlay::Dialog(copies(facts().subject.as_ref(), Some(4711), false));
    insta::assert_snapshot!("menu_copy", World::new().everywhere(&copies));
    insta::assert_snapshot!(
        "menu_signal",
        World::new().everywhere(&Overlay::Dialog(signals("worker")))
    );
    let themes = Overlay::Dialog(themes(ThemeName::Dark));
    insta::assert_snapshot!("menu_theme", World::new().everywhere(&themes));
}

#[test]
fn screens_of_dialogs() {
    let quit = Overlay::Dialog(quit(7, "graceful: SIGTERM, SIGKILL after 10s"));
    insta::assert_snapshot!("dialog_quit", World::new().everywhere(&quit));
    let difference = ["+ mailer", "~ api: env.PORT 8080 to 8081 (restart)", "- docs (stop)"];
    let reload = Overlay::Dialog(Dialog::reload(difference.map(str::to_owned).to_vec()));
    insta::assert_snapshot!("dialog_reload", World::new().everywhere(&reload));
}

fn any_overlay() -> impl Strategy<Value = Overlay> {
    let hostile = "\\PC{0,40}|\x1b\\[2J\x07\u{202e}";
    prop_oneof![
        Just(help()),
        Just(palette()),
        hostile.prop_map(|name| Overlay::Dialog(signals(&name))),
        hostile.prop_map(|name| {
            Overlay::Dialog(copies(
                Some(&ActionSubject { name, ..facts().subject.unwrap() }),
                None,
                true,
            ))
        }),
        Just(Overlay::Dialog(themes(ThemeName::None))),
        prop::collection::vec(hostile, 0..50)
            .prop_map(|body| Overlay::Dialog(Dialog::notice("Notice", body))),
        (0_usize..5, hostile).prop_map(|(running, words)| Overlay::Dialog(quit(running, &words))),
    ]
}

proptest! {
    #[test]
    fn nothing_panics_at_any_size(
        overlay in any_overlay(),
        size in (0_u16..130, 0_u16..40),
        keys in prop::collection::vec(prop::sample::select(vec![
            "down", "up", "end", "pagedown", "tab", "a", "s", " ", "ctrl-n", "backspace", "left",
        ]), 0..8),
        click in (0_u16..130, 0_u16..40),
        unicode: bool,
    ) {
        let world = World::new();
        let mut overlay = overlay;
        for key in keys {
            overlay.key(key.parse().unwrap(), world.known());
        }
        let look = Appearance::new(ThemeName::Dark, unicode);
        let buffer = drawn(size, &look, &|area, look, buffer| {
            if let Some(cursor) = overlay.draw(area, look, world.known(), buffer) {
                assert!(area.contains(cursor));
            }
        });
        _ = text(&buffer);
        overlay.click(Rect::new(0, 0, size.0, size.1), click.into(), world.known());
    }
}
