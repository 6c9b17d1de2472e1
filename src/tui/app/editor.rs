//! Opens the user's editor at a line of a file.

use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus};

use crate::control::wire::SourceLocation;
use crate::output::safe_name;

/// Editors that take the line as `FILE:LINE`, and the word before it.
const COLON: &[(&str, &[&str])] = &[
    ("hx", &[]),
    ("helix", &[]),
    ("zed", &["--wait"]),
    ("subl", &["--wait"]),
    ("code", &["--wait", "--goto"]),
    ("codium", &["--wait", "--goto"]),
    ("cursor", &["--wait", "--goto"]),
];
/// Editors that take it as `+LINE` before the file.
const PLUS: &[&str] = &[
    "vi",
    "vim",
    "nvim",
    "gvim",
    "view",
    "nano",
    "pico",
    "emacs",
    "emacsclient",
    "micro",
    "kak",
    "joe",
    "jed",
    "ne",
    "mg",
    "ed",
    "less",
    "mcedit",
    "gedit",
];

/// Opens it; true when the file is another one afterwards.
pub(super) fn edit(
    place: &SourceLocation,
    run: impl FnOnce(&mut Command) -> io::Result<ExitStatus>,
) -> Result<bool, String> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    let file = Path::new(&place.file);
    let before = std::fs::read(file).ok();
    let mut command = Command::new("/bin/sh");
    // The variable may hold arguments, as for every program that reads it.
    command.arg("-c").arg(format!("{editor} \"$@\"")).arg("sh").args(arguments(&editor, place));
    let name = safe_name(&editor).into_owned();
    let status = run(&mut command).map_err(|error| format!("{name}: {error}"))?;
    match status.code() {
        Some(0) => Ok(std::fs::read(file).ok() != before),
        Some(127) => Err(format!("there is no `{name}`: $EDITOR says which editor to use")),
        _ => Err(format!("{name}: {status}")),
    }
}

/// What it is told, by the name of the program.
fn arguments(editor: &str, place: &SourceLocation) -> Vec<String> {
    let program = editor.split_whitespace().next().unwrap_or_default();
    let program = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if let Some((_, words)) = COLON.iter().find(|(name, _)| *name == program) {
        let mut all: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        all.push(format!("{}:{}", place.file, place.line));
        all
    } else if PLUS.contains(&program) {
        vec![format!("+{}", place.line), place.file.clone()]
    } else {
        vec![place.file.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_editor_is_told_the_line_in_its_own_way() {
        let place = SourceLocation { file: "/p/procfile.toml".to_owned(), line: 7 };
        let told = |editor: &str| arguments(editor, &place).join(" ");
        assert_eq!(told("vim"), "+7 /p/procfile.toml");
        assert_eq!(told("/usr/bin/nvim -u NONE"), "+7 /p/procfile.toml");
        assert_eq!(told("code"), "--wait --goto /p/procfile.toml:7");
        assert_eq!(told("hx"), "/p/procfile.toml:7");
        assert_eq!(told("my-editor"), "/p/procfile.toml");
    }
}
