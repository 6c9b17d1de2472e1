//! Global options, accepted before and after the command.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, ColorChoice, Command, CommandFactory as _, FromArgMatches as _};

use super::Cli;
use super::procfile_input::ProcfileText;
use crate::spec::nearest;

#[derive(Debug, Clone, Args)]
pub(super) struct GlobalOptions {
    /// Read FILE instead of the nearest procfile.toml, `-` is standard input; later files override earlier ones
    #[arg(short, long = "file", value_name = "FILE")]
    pub(super) file: Vec<PathBuf>,
    /// Change to DIR first
    #[arg(short = 'C', long = "directory", value_name = "DIR")]
    pub(super) directory: Option<PathBuf>,
    /// When to use colour
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub(super) color: ColorChoice,
    /// Log more diagnostics (-v: every event, -vv: everything)
    #[arg(short, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// An inherited descriptor with the text of standard input, which the parent has read
    #[arg(long, hide = true, value_name = "FD")]
    pub(super) stdin_fd: Option<i32>,
    /// The text of `-f -`, once it was read.
    #[arg(skip)]
    pub(super) stdin: ProcfileText,
}

/// The ids of each option before and after the command. clap's `global` cannot be used: of the two
/// places it takes only one, and it does not allow a command to have its own `-f`.
const IDS: [(&str, &str); 4] = [
    ("file", "file after the command"),
    ("directory", "directory after the command"),
    ("color", "color after the command"),
    ("verbose", "verbose after the command"),
];

/// The command line, with the global options on every command too.
pub(super) fn command_line() -> Command {
    let mut root = Cli::command().propagate_version(true);
    let options: Vec<Arg> = IDS
        .iter()
        .filter_map(|(id, after)| {
            let option = root.get_arguments().find(|arg| arg.get_id() == id)?.clone();
            let option = option.id(*after).default_value(None::<&str>);
            Some(option.help_heading("Global options"))
        })
        .collect();
    let names: Vec<String> =
        root.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in names {
        root = root.mut_subcommand(name, |command| {
            let has = |short| command.get_arguments().any(|arg| arg.get_short() == Some(short));
            let own_options: Vec<Arg> = options
                .iter()
                .cloned()
                .map(|arg| if arg.get_short().is_some_and(has) { arg.short(None) } else { arg })
                .collect();
            command.args(own_options)
        });
    }
    root
}

pub(super) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    parse_line(args).map_err(|mut error| {
        // clap has another rule for similar words.
        error.remove(ContextKind::SuggestedValue);
        let contexts = (error.get(ContextKind::InvalidValue), error.get(ContextKind::ValidValue));
        if let (Some(ContextValue::String(word)), Some(ContextValue::Strings(known))) = contexts
            && let Some(near) = nearest(word, known.iter().map(String::as_str))
        {
            let near = ContextValue::String(near.to_owned());
            error.insert(ContextKind::SuggestedValue, near);
        }
        error
    })
}

fn parse_line(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut command = command_line();
    let mut matches = command.try_get_matches_from_mut(args)?;
    let trailing = TrailingOptions::of(&matches);
    for (id, is_trailing, shown) in [
        ("directory", trailing.directory.is_some(), "-C <DIR>"),
        ("color", trailing.color.is_some(), "--color <WHEN>"),
    ] {
        if is_trailing && matches.value_source(id) == Some(ValueSource::CommandLine) {
            let text = format!("the argument '{shown}' cannot be used multiple times");
            return Err(command.error(ErrorKind::ArgumentConflict, text));
        }
    }
    let mut cli =
        Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))?;
    cli.global.extend(trailing);
    Ok(cli)
}

/// Parses the global options of a command line that is still being typed; incomplete options are
/// ignored.
pub(super) fn parse_unfinished(args: impl IntoIterator<Item = OsString>) -> Option<GlobalOptions> {
    let matches = command_line().ignore_errors(true).try_get_matches_from(args).ok()?;
    let mut global = GlobalOptions::from_arg_matches(&matches).ok()?;
    global.extend(TrailingOptions::of(&matches));
    Some(global)
}

/// The global options after the command.
#[derive(Debug, Default)]
struct TrailingOptions {
    file: Vec<PathBuf>,
    directory: Option<PathBuf>,
    color: Option<ColorChoice>,
    verbose: u8,
}

impl TrailingOptions {
    fn of(matches: &ArgMatches) -> Self {
        let Some((_, command)) = matches.subcommand() else { return Self::default() };
        let [file, directory, color, verbose] = IDS.map(|(_, trailing)| trailing);
        // An unknown command has none of them.
        let files = command.try_get_many::<PathBuf>(file).ok().flatten();
        Self {
            file: files.into_iter().flatten().cloned().collect(),
            directory: command.try_get_one(directory).ok().flatten().cloned(),
            color: command.try_get_one(color).ok().flatten().copied(),
            verbose: command.try_get_one(verbose).ok().flatten().copied().unwrap_or(0),
        }
    }
}

impl GlobalOptions {
    fn extend(&mut self, trailing: TrailingOptions) {
        let TrailingOptions { file, directory, color, verbose } = trailing;
        self.file.extend(file);
        self.directory = directory.or_else(|| self.directory.take());
        self.color = color.unwrap_or(self.color);
        self.verbose = self.verbose.saturating_add(verbose);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The required arguments of a command.
    fn required(command: &Command) -> Vec<&'static str> {
        match command.get_name() {
            "run" | "why" | "start" | "stop" | "restart" | "kill" | "wait" | "screen" | "keys" => {
                vec!["web"]
            }
            "signal" => vec!["HUP", "web"],
            "scale" => vec!["web", "2"],
            "send" => vec!["web", "text"],
            "completions" => vec!["bash"],
            _ => Vec::new(),
        }
    }

    /// The arguments after all options.
    fn last(command: &Command) -> &'static [&'static str] {
        match command.get_name() {
            "exec" | "enqueue" => &["--", "true"],
            "keys" => &["Enter"],
            _ => &[],
        }
    }

    fn global(words: &[&str]) -> GlobalOptions {
        let args = std::iter::once("pitcrew").chain(words.iter().copied());
        let parsed = parse(args.map(OsString::from));
        parsed.unwrap_or_else(|error| panic!("{words:?}: {error}")).global
    }

    const OPTIONS: &[&[&str]] = &[
        &["-f", "a"],
        &["-fa"],
        &["--file", "a"],
        &["--file=a"],
        &["-C", "dir"],
        &["--directory", "dir"],
        &["--directory=dir"],
        &["--color", "never"],
        &["--color=always"],
        &["-v"],
        &["-vv"],
    ];

    #[test]
    fn every_command_takes_every_global_option_before_and_after_it() {
        let root = Cli::command();
        assert!(root.get_subcommands().count() > 20);
        for command in root.get_subcommands() {
            let name = command.get_name();
            let own_f = command.get_arguments().any(|arg| arg.get_short() == Some('f'));
            assert_eq!(own_f, matches!(name, "logs" | "events"), "{name}");
            let mut needed = required(command);
            if name == "enqueue" {
                needed.push("build");
            }
            let end = last(command);
            for option in OPTIONS {
                let before = [option, &[name][..], &needed, end].concat();
                let wanted = global(&before);
                if own_f && option.first().is_some_and(|word| word.starts_with("-f")) {
                    continue;
                }
                let lines = [
                    [&[name][..], option, &needed, end].concat(),
                    [&[name][..], &needed, option, end].concat(),
                ];
                // Before the first key, clap takes a short option with its value for a key.
                let is_key = name == "keys" && *option == ["-fa"];
                for line in lines.into_iter().take(if is_key { 1 } else { 2 }) {
                    assert_eq!(format!("{:?}", global(&line)), format!("{wanted:?}"), "{line:?}");
                }
            }
            if own_f {
                assert!(global(&[name, "-f"]).file.is_empty(), "{name}: -f is --follow");
            }
        }
        for option in OPTIONS {
            assert_ne!(format!("{:?}", global(option)), format!("{:?}", global(&[])));
        }
    }

    #[test]
    fn an_unknown_word_of_a_choice_gets_a_suggestion() {
        for (line, near) in [
            ("graph --format dto", "dot"),
            ("completions zhs", "zsh"),
            ("logs --stream otu", "out"),
            ("wait web --for redy", "ready"),
            ("--color atuo ps", "auto"),
            ("ps --color nevr", "never"),
        ] {
            let words = std::iter::once("pitcrew").chain(line.split(' '));
            let error = parse(words.map(OsString::from)).unwrap_err().to_string();
            assert!(error.contains(&format!("a similar value exists: '{near}'")), "{error}");
        }
    }

    #[test]
    fn verbosity_before_and_after_the_command_adds_up() {
        let both = global(&["-f", "a", "-v", "check", "-f", "b", "--file", "c", "-v"]);
        assert_eq!(both.file, ["a", "b", "c"].map(PathBuf::from));
        assert_eq!(both.verbose, 2);
        for twice in
            [["-C", "a", "check", "-C", "b"], ["--color", "auto", "check", "--color", "never"]]
        {
            let args = std::iter::once("pitcrew").chain(twice);
            let error = parse(args.map(OsString::from)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ArgumentConflict, "{twice:?}");
            assert!(error.to_string().contains("cannot be used multiple times"), "{error}");
        }
    }

    #[test]
    fn arguments_after_a_double_dash_are_not_global_options() {
        let both = global(&["exec", "-v", "--", "ls", "-f", "x", "-C", "y", "--color"]);
        assert!(both.file.is_empty() && both.directory.is_none() && both.verbose == 1);
    }

    #[test]
    fn completion_uses_the_global_options_on_the_line() {
        for (line, files, directory) in [
            ("restart", &[][..], None),
            ("-C dir restart", &[], Some("dir")),
            ("-Cdir -v restart we", &[], Some("dir")),
            ("restart we -C dir", &[], Some("dir")),
            ("restart -C dir -f", &[], Some("dir")),
            (
                "--directory=dir --color never -f a -fb --file c logs --file=d",
                &["a", "b", "c", "d"],
                Some("dir"),
            ),
            ("logs -f web", &[], None),
            ("-f", &[], None),
            ("-", &[], None),
            ("nothing -C dir", &[], None),
        ] {
            let words = std::iter::once("pitcrew").chain(line.split(' '));
            let global = parse_unfinished(words.map(OsString::from)).unwrap();
            let expected: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
            assert_eq!(global.file, expected, "{line}");
            assert_eq!(global.directory, directory.map(PathBuf::from), "{line}");
        }
    }
}
