//! How mistakes look, and that nothing of a file can reach the terminal unseen.

use super::*;

fn fault(text: &str, at: &str) -> Fault {
    let source = SourceFile::new("procfile.toml".into(), text.to_owned());
    let start = text.find(at).unwrap();
    Fault::at(&SourceSpan::new(&source, start..start + at.len()), "this is wrong")
}

#[test]
fn a_fault_shows_its_line_a_caret_and_a_hint() {
    let fault = fault("[process]\nweb = 5\n", "5").with_hint("write a command");
    assert_eq!(
        Faults::from(fault).render(false),
        "\
error: this is wrong
 --> procfile.toml:2:7
  |
2 | web = 5
  |       ^
  |
  = help: write a command
"
    );
}

#[test]
fn columns_are_characters_and_lines_may_end_as_on_windows() {
    let fault = fault("[process]\r\n\"ä日\" = 5\r\n", "5");
    assert_eq!((fault.line(), fault.column()), (Some(2), Some(8)));
    assert!(Faults::from(fault).render(false).contains("procfile.toml:2:8\n"));
}

#[test]
fn what_belongs_to_a_fault_is_shown_with_it() {
    let text = "a = 1\nb = 2\nc = 3\nd = 4\ne = 5\nf = 6\n";
    let fault = fault(text, "f");
    let first = SourceSpan::new(&fault.place().unwrap().source, 0..1);
    assert_eq!(
        Faults::from(fault.with_related(&first, "the first one")).render(false),
        "\
error: this is wrong
 --> procfile.toml:6:1
  |
1 | a = 1
  | - the first one
...
6 | f = 6
  | ^
"
    );
}

#[test]
fn a_place_over_many_lines_is_marked_in_its_first() {
    let rendered = Faults::from(fault("a = [\n1,\n2]\n", "[\n1,\n2]")).render(false);
    assert!(rendered.contains("1 | a = [\n  |     ^\n"), "{rendered}");
}

#[test]
fn a_fault_without_a_place_names_its_file() {
    let fault = Fault::about("no\x1b[2Jwhere.toml".into(), "there is no\x07 file");
    assert_eq!((fault.line(), fault.column()), (None, None));
    let rendered = Faults::from(fault).render(false);
    let expected = "error: there is no\\u{7} file\n--> no\\u{1b}[2Jwhere.toml\n";
    assert_eq!(rendered.replace("  |\n", ""), expected);
}

#[test]
fn of_a_file_with_secrets_nothing_is_drawn_behind_the_place() {
    let source = SourceFile::secret(".env".into(), "KEY=*********\n".to_owned());
    let fault = Fault::at(&SourceSpan::new(&source, 4..6), "this value cannot be read");
    let rendered = Faults::from(fault).render(false);
    assert!(rendered.contains("1 | KEY=**\n"), "{rendered}");
}

#[test]
fn no_control_character_of_a_file_reaches_the_terminal() {
    let hostile = "a = \"\x1b]0;x\x07\u{9b}31m\u{202e}\u{200f}\t\x7f\" #\u{85}\r\rwrong";
    let fault = fault(hostile, "wrong").with_hint(hostile);
    let fault = Fault { message: printable(hostile), ..fault };
    let rendered = Faults::from(fault).render(false);
    assert!(!rendered.contains(|c| c != '\n' && is_unsafe(c)), "{rendered:?}");
}

#[test]
fn colour_only_when_asked() {
    let faults = Faults::from(fault("a = 1", "1"));
    assert!(!faults.render(false).contains('\x1b'));
    assert!(faults.render(true).contains('\x1b'));
}

#[test]
fn programs_get_json() {
    assert_eq!(Faults::default().to_json(), r#"{"ok":true,"faults":[]}"#);
    let faults = Faults::from(fault("a = 1", "1"));
    assert_eq!(
        faults.to_json(),
        r#"{"ok":false,"faults":[{"file":"procfile.toml","line":1,"column":5,"message":"this is wrong","hint":null}]}"#
    );
}

#[test]
fn a_line_without_end_is_named_and_not_drawn() {
    let text = format!("{} wrong", "#".repeat(1 << 19));
    assert_eq!(
        Faults::from(fault(&text, "wrong")).render(false),
        "error: this is wrong\n--> procfile.toml:1:524290\n"
    );
}

#[test]
fn places_far_from_each_other_are_drawn_apart() {
    let text = format!("a = 1\n{}b = 2\n", "# far\n".repeat(10_000));
    let fault = fault(&text, "b = 2");
    let first = SourceSpan::new(&fault.place().unwrap().source, 0..1);
    let rendered = Faults::from(fault.with_related(&first, "the first one")).render(false);
    assert!(rendered.contains("procfile.toml:10002:1\n"), "{rendered}");
    assert!(rendered.contains("a = 1\n      | - the first one\n"), "{rendered}");
    assert!(rendered.lines().count() < 12, "{rendered}");
}
