use proptest::prelude::*;

use super::*;
use crate::tui::action::{Action, Focus};
use crate::tui::keys::Chord;

fn parsed(text: &str) -> (Config, Vec<String>) {
    let (config, warnings) = Config::parse("config.toml", text);
    (config, warnings.iter().map(ToString::to_string).collect())
}

fn does(config: &Config, key: &str) -> Option<Action> {
    config.keymap.action(Focus::List, key.parse().unwrap())
}

#[test]
fn what_is_said_holds() {
    let (config, warnings) = parsed(
        "theme = 'light'\nglyphs = 'ascii'\nmouse = false\ntimestamps = 'delta'\nwrap = true\n\
         layout = 'stacked'\nwheel = 5\n",
    );
    assert_eq!(warnings, Vec::<String>::new());
    let expected = Config {
        theme: Some(ThemeName::Light),
        unicode: Some(false),
        mouse: false,
        timestamps: TimestampStyle::Delta,
        wrap: true,
        layout: PaneLayout::Stacked,
        wheel: 5,
        keymap: Keymap::default(),
        ..Config::default()
    };
    assert_eq!(config, expected);
    assert_eq!(parsed(""), (Config::default(), vec![]));
}

#[test]
fn what_is_not_understood_is_a_warning_with_its_place_and_the_rest_holds() {
    let (config, warnings) =
        parsed("theme = 'nord'\nmosue = true\nwrap = 1\nwheel = 0\nmouse = false\nkeys = 3\n");
    assert_eq!(
        warnings,
        [
            "config.toml:1:9: expected \"auto\", \"dark\", \"light\", \"contrast\", \
             \"colour-blind\", \"terminal\" or \"none\"",
            "config.toml:2:1: unknown setting `mosue`; did you mean `mouse`?",
            "config.toml:3:8: expected `true` or `false`",
            "config.toml:4:9: `wheel` is a number of rows from 1 to 100",
            "config.toml:6:8: `keys` is a table: \"ctrl-r\" = \"reload\"",
        ]
    );
    assert!(!config.mouse);
    let (config, warnings) = parsed("mouse = false\nwrap = = 3\n");
    assert!(!config.mouse && warnings[0].starts_with("config.toml:2:"), "{warnings:?}");
}

#[test]
fn a_key_of_the_user_takes_the_place_of_the_usual_ones() {
    let (config, warnings) = parsed("[keys]\n'ctrl-e' = 'reload'\nx = false\n");
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(does(&config, "ctrl-e"), Some(Action::Reload));
    assert_eq!(does(&config, "ctrl-r"), None, "the usual key is free");
    assert_eq!(does(&config, "x"), None);
    assert_eq!(config.keymap.hint(Focus::List, Action::Reload, true), Some("^e".into()));
    assert_eq!(config.keymap.hint(Focus::List, Action::Stop, true), None);
    let (config, _) = parsed("[keys]\nf5 = 'reload'\n'ctrl-r' = 'reload'\n");
    let keys = config.keymap.keys(Focus::Logs, Action::Reload);
    assert_eq!(keys.iter().map(Chord::to_string).collect::<Vec<_>>(), ["f5", "ctrl-r"]);
}

#[test]
fn keys_can_be_swapped() {
    let (config, warnings) = parsed("[keys]\nx = 'kill'\nX = 'stop'\n");
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!((does(&config, "x"), does(&config, "X")), (Some(Action::Kill), Some(Action::Stop)));
    assert_eq!(does(&config, "ctrl-k"), None);
}

#[test]
fn conflicts_are_reported() {
    let (config, warnings) = parsed(
        "[keys]\n'ctrl-r' = 'reload'\nC-r = 'stop'\nx = 'reload'\nhyper-x = 'stop'\n\
         'ctrl-c' = false\nz = 3\ns = 'strat'\n",
    );
    assert_eq!(
        warnings,
        [
            "config.toml:3:1: `ctrl-r` is bound twice: this one is ignored",
            "config.toml:4:1: `stop` no longer has a key: `x` was its only one",
            "config.toml:5:1: `hyper-x` is not a key; keys are written `x`, `X`, `ctrl-r`, `alt-c`, \
             `f5`, `enter`, `pageup`",
            "config.toml:6:1: `ctrl-c` always asks before it quits, and cannot be changed",
            "config.toml:7:5: a key is the name of an action, or `false` to unbind it",
            "config.toml:8:5: unknown action `strat`; did you mean `start`?",
        ]
    );
    assert_eq!(does(&config, "ctrl-c"), Some(Action::Interrupt));
    assert_eq!(does(&config, "x"), Some(Action::Reload));
    assert_eq!(does(&config, "s"), Some(Action::Start), "a fault leaves the key as it was");
}

#[test]
fn interrupt_keeps_its_key_whatever_else_it_is_given() {
    let (config, _) = parsed("[keys]\nf10 = 'interrupt'\n");
    assert_eq!(does(&config, "ctrl-c"), Some(Action::Interrupt));
    assert_eq!(does(&config, "f10"), Some(Action::Interrupt));
}

#[test]
fn the_terminal_decides_where_the_user_does_not() {
    let look = |config: &Config, pairs: &[(&str, &str)]| {
        let find = |name: &str| pairs.iter().find(|(key, _)| *key == name);
        let look = config.appearance(|name| find(name).map(|(_, value)| (*value).to_owned()));
        (look.theme.name, look.glyphs.unicode)
    };
    let config = Config::default();
    assert_eq!(look(&config, &[]), (ThemeName::Terminal, true));
    assert_eq!(look(&config, &[("NO_COLOR", "1")]), (ThemeName::None, true));
    assert_eq!(look(&config, &[("NO_COLOR", "")]), (ThemeName::Terminal, true));
    assert_eq!(look(&config, &[("TERM", "dumb")]), (ThemeName::None, false));
    assert_eq!(look(&config, &[("LANG", "de_DE.UTF-8")]), (ThemeName::Terminal, true));
    let posix = [("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")];
    assert_eq!(look(&config, &posix), (ThemeName::Terminal, false));
    let config = Config { theme: Some(ThemeName::Dark), unicode: Some(true), ..config };
    assert_eq!(look(&config, &[("NO_COLOR", "1"), ("LANG", "C")]), (ThemeName::Dark, true));
}

#[test]
fn the_file_is_where_the_environment_says() {
    let of = |pairs: &'static [(&str, &str)]| {
        let find = move |name: &str| pairs.iter().find(|(key, _)| *key == name);
        path(|name| find(name).map(|(_, value)| value.into()))
            .map(|path| path.display().to_string())
    };
    assert_eq!(of(&[("HOME", "/h")]).unwrap(), "/h/.config/pitcrew/config.toml");
    assert_eq!(of(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x")]).unwrap(), "/x/pitcrew/config.toml");
    assert_eq!(
        of(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "x")]).unwrap(),
        "/h/.config/pitcrew/config.toml"
    );
    assert_eq!(of(&[]), None);
}

#[test]
fn a_missing_config_is_ignored_and_an_unreadable_one_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (config, warnings) = Config::load(&folder.path().join("config.toml"));
    assert_eq!((config, warnings), (Config::default(), vec![]));
    let (_, warnings) = Config::load(folder.path());
    assert!(
        warnings[0].to_string().ends_with("cannot be read: it is not a regular file"),
        "{warnings:?}"
    );
    let large = folder.path().join("large.toml");
    std::fs::write(&large, "#".repeat((1 << 20) + 1)).unwrap();
    let (_, warnings) = Config::load(&large);
    assert!(warnings[0].to_string().ends_with("it is larger than 1 MiB"), "{warnings:?}");
}

proptest! {
    #[test]
    fn any_file_is_read_to_its_end(text in "(\\PC|\n){0,80}") {
        let (_, warnings) = Config::parse("config.toml", &text);
        for warning in warnings {
            prop_assert!(!warning.to_string().contains(char::is_control), "{warning}");
        }
    }
}
