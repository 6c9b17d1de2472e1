//! Opens the user's editor at a line of a file.

use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus};

use super::programs::{program_variable, shell_command};
use crate::control::wire::SourceLocation;
use crate::output::safe_name;
use crate::spec::io_error_text;

/// Editors that take `FILE:LINE`, and the options before it.
const COLON_EDITORS: &[(&str, &[&str])] = &[
    ("hx", &[]),
    ("helix", &[]),
    ("zed", &["--wait"]),
    ("subl", &["--wait"]),
    ("code", &["--wait", "--goto"]),
    ("codium", &["--wait", "--goto"]),
    ("cursor", &["--wait", "--goto"]),
];
/// Editors that take `+LINE` before the file.
const PLUS_EDITORS: &[&str] = &[
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

/// Opens a file in the editor, and returns whether it has changed.
pub(super) fn edit(
    place: &SourceLocation,
    run: impl FnOnce(&mut Command) -> io::Result<ExitStatus>,
) -> Result<bool, String> {
    let editor = program_variable("VISUAL").or_else(|| program_variable("EDITOR"));
    let editor = editor.unwrap_or_else(|| "vi".to_owned());
    let before = std::fs::read(&place.file).ok();
    let name = safe_name(&editor);
    let status = run(&mut shell_command(&editor, arguments(&editor, place)))
        .map_err(|error| format!("{name}: {}", io_error_text(&error)))?;
    match status.code() {
        Some(0) => Ok(std::fs::read(&place.file).ok() != before),
        Some(127) => Err(format!("`{name}` not found; set $EDITOR")),
        _ => Err(format!("{name}: {status}")),
    }
}

/// The arguments that open a place, by the name of the editor.
fn arguments(editor: &str, place: &SourceLocation) -> Vec<String> {
    let program = editor.split_whitespace().next().unwrap_or_default();
    let program = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if let Some((_, options)) = COLON_EDITORS.iter().find(|(name, _)| *name == program) {
        let file = format!("{}:{}", place.file, place.line);
        options.iter().map(|option| (*option).to_owned()).chain([file]).collect()
    } else if PLUS_EDITORS.contains(&program) {
        vec![format!("+{}", place.line), place.file.clone()]
    } else {
        vec![place.file.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_editor_gets_the_line_in_its_own_syntax() {
        let place = SourceLocation { file: "/p/procfile.toml".to_owned(), line: 7 };
        let shown = |editor: &str| arguments(editor, &place).join(" ");
        assert_eq!(shown("vim"), "+7 /p/procfile.toml");
        assert_eq!(shown("/usr/bin/nvim -u NONE"), "+7 /p/procfile.toml");
        assert_eq!(shown("code"), "--wait --goto /p/procfile.toml:7");
        assert_eq!(shown("hx"), "/p/procfile.toml:7");
        assert_eq!(shown("my-editor"), "/p/procfile.toml");
    }
}
