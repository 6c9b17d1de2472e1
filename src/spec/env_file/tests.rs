//! The table of the dialect, and laws that hold for any file. Each row of the table says which of
//! docker compose, python-dotenv and dotenv with dotenv-expand (Node) give the same.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::environment::EnvValue;
use super::super::fault::{Fault, Faults};
use super::expand::ExpandedFile;
use super::*;

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    about: String,
    file: String,
    #[serde(default)]
    env: BTreeMap<String, String>,
    is: Option<BTreeMap<String, String>>,
    mistake: Option<String>,
    warning: Option<String>,
    like: String,
}

/// A process that has these variables from pitcrew's environment.
struct Process(BTreeMap<String, String>);

impl LowerLayers for Process {
    fn value(&self, name: &str) -> Option<EnvValue> {
        self.0.get(name).map(|value| value.as_str().into())
    }

    fn bare_name(&self, name: &str) -> BareNameValue {
        self.value(name).map_or(BareNameValue::Missing, BareNameValue::Value)
    }

    fn is_incomplete(&self) -> bool {
        false
    }

    fn hint(&self, _name: &str) -> Option<String> {
        None
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

/// The variables, every mistake and every warning.
fn read_file(bytes: &[u8], env: &BTreeMap<String, String>) -> ExpandedFile {
    let file = EnvFile::parse(".env".into(), bytes);
    let mut expanded = file.expand(&Process(env.clone()));
    expanded.mistakes.extend_from_slice(&file.mistakes);
    expanded.warnings.extend_from_slice(&file.warnings);
    expanded
}

fn reported(faults: &[Fault]) -> Vec<String> {
    let one = |fault: &Fault| {
        let (line, column) = (fault.line().unwrap(), fault.column().unwrap());
        let hint = fault.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{line}:{column} {}{hint}", fault.message())
    };
    faults.iter().map(one).collect()
}

fn table() -> Vec<Row> {
    serde_json::from_str(include_str!("table.json")).unwrap()
}

#[test]
fn the_table_of_the_dialect_holds() {
    let rows = table();
    assert!(rows.len() >= 120);
    for row in rows {
        let read = read_file(row.file.as_bytes(), &row.env);
        let about = format!("{}: {:?}", row.about, row.file);
        let is: BTreeMap<String, String> =
            read.variables.iter().map(|(name, value)| (name.clone(), value.text())).collect();
        if let Some(wanted) = row.is {
            assert_eq!(is, wanted, "{about}");
        }
        for (found, wanted) in [(read.mistakes, row.mistake), (read.warnings, row.warning)] {
            let found = reported(&found);
            let is_same = match (found.as_slice(), &wanted) {
                ([], None) => true,
                ([one], Some(wanted)) => one.starts_with(wanted),
                _ => false,
            };
            assert!(is_same, "{about}\n reported: {found:#?}\nwanted: {wanted:?}");
        }
    }
}

#[test]
fn the_table_says_where_others_differ() {
    let rows = table();
    let with = |who: &str| rows.iter().filter(|row| row.like.contains(who)).count();
    assert!(rows.iter().all(|row| {
        row.like.split_whitespace().all(|who| ["compose", "python", "node"].contains(&who))
    }));
    // Those that are unlike compose are named in docs/env-files.md.
    assert!(with("compose") >= 120, "{}", with("compose"));
    assert!(with("python") >= 70 && with("node") >= 70, "{} {}", with("python"), with("node"));
}

#[test]
fn a_mistake_shows_its_place_and_no_value() {
    let text = "PASSWORD=hunter2\nURL=http://me:hunter2@$DB_HOST:5432/hunter2\nKEY='größ日x\n";
    let read = read_file(text.as_bytes(), &BTreeMap::new());
    let faults = Faults::sorted(read.mistakes, &[]);
    let rendered = faults.render(false);
    assert!(
        rendered.contains(
            "\
error: `DB_HOST` is not set
 --> .env:2:23
  |
2 | URL=******************$DB_HOST
  |                       ^^^^^^^^
"
        ),
        "{rendered}"
    );
    assert!(rendered.contains("3 | KEY=*\n  |     ^\n"), "{rendered}");
    assert!(!rendered.contains("hunter2") && !rendered.contains("gr"), "{rendered}");
}

#[test]
fn a_piece_of_a_password_is_not_repeated() {
    let text = b"HASH=$2b$10$N9qo8uLOickgx2ZMRZoMye\nP=a$word\n\nQ='x\nMIIEabc=\nR='y'z\n";
    let faults = Faults::sorted(read_file(text, &BTreeMap::new()).mistakes, &[]);
    let rendered = faults.render(false);
    for secret in ["N9qo8u", "word", "MIIE", "z"] {
        assert!(!rendered.contains(secret), "{secret} in {rendered}");
    }
    assert_eq!(faults.len(), 3, "{rendered}");
}

#[test]
fn a_mistake_is_reported_once_and_later_lines_are_read() {
    let text = b"A=1\nB C=2\n\nD=3\n  B C=2\nE='x'y\nF=$NONE\nG=4\n";
    let read = read_file(text, &BTreeMap::new());
    let lines: Vec<_> = read.mistakes.iter().filter_map(Fault::line).collect();
    assert_eq!(lines.len(), 4, "{:?}", reported(&read.mistakes));
    let names: Vec<_> = read.variables.keys().map(String::as_str).collect();
    assert_eq!(names, ["A", "D", "E", "F", "G"]);
}

#[test]
fn bytes_that_are_not_utf8_are_kept() {
    let text = b"A=gr\xfc\xdf # \xff\nB=\"<$A>\xf0\x9f\"\nC='\xc3'\n\xe9=1\n";
    let read = read_file(text, &BTreeMap::new());
    let value = |name: &str| read.variables[name].resolve(|_| None).into_encoded_bytes();
    assert_eq!(value("A"), b"gr\xfc\xdf");
    assert_eq!(value("B"), b"<gr\xfc\xdf>\xf0\x9f");
    assert_eq!(value("C"), b"\xc3");
    assert_eq!(reported(&read.mistakes).len(), 1);
    assert!(
        reported(&read.mistakes)[0].starts_with("4:1 a name contains a byte that is not UTF-8")
    );
    let wide = b"\xff\xfeA\0=\0";
    let mistakes = reported(&read_file(wide, &BTreeMap::new()).mistakes);
    assert_eq!(mistakes, ["1:1 this env file is UTF-16 (save it as UTF-8)"]);
}

#[test]
fn variables_in_each_other_have_an_end() {
    let deep = format!("A={}x{}\n", "${X:-".repeat(10_000), "}".repeat(10_000));
    let mistakes = reported(&read_file(deep.as_bytes(), &BTreeMap::new()).mistakes);
    assert!(mistakes.len() == 1 && mistakes[0].contains("too deeply"), "{mistakes:?}");
    let below = format!("A={}x{}\n", "${X:-".repeat(20), "}".repeat(20));
    assert_eq!(read_file(below.as_bytes(), &BTreeMap::new()).variables["A"].text(), "x");
}

/// A value in single quotes, escaped so that it is taken literally.
fn single_quoted(value: &str) -> String {
    format!("V='{}'\n", value.replace('\'', "\\'"))
}

fn double_quoted(value: &str) -> String {
    let mut text = String::from("V=\"");
    for char in value.chars() {
        if matches!(char, '"' | '\\' | '$') {
            text.push('\\');
        }
        text.push(char);
    }
    text + "\"\n"
}

mod reading;

proptest! {
    #[test]
    fn any_bytes_are_reported_without_a_panic(
        bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(b"A=:$'\"\\{}-?+# \n\r\t0x".to_vec())],
            0..80,
        ),
    ) {
        let read = read_file(&bytes, &BTreeMap::from([("A".to_owned(), "a".to_owned())]));
        let lines = bytes.split(|&byte| byte == b'\n').count();
        for fault in read.mistakes.iter().chain(&read.warnings) {
            prop_assert!((1..=lines).contains(&fault.line().unwrap()));
        }
        _ = Faults::sorted(read.mistakes, &[]).render(true);
    }

    #[test]
    fn what_is_quoted_comes_back(value in "([ -~]|[\n\té日]|\\\\|\\$|'|\"|#){0,40}") {
        let none = BTreeMap::new();
        let double = read_file(double_quoted(&value).as_bytes(), &none);
        prop_assert!(double.mistakes.is_empty() && double.warnings.is_empty());
        prop_assert_eq!(double.variables["V"].text(), value.clone());
        // Single quotes cannot say a backslash before a quote, or at the end.
        if !value.contains("\\'") && !value.ends_with('\\') {
            let single = read_file(single_quoted(&value).as_bytes(), &none);
            prop_assert!(single.mistakes.is_empty() && single.warnings.is_empty());
            prop_assert_eq!(single.variables["V"].text(), value);
        }
    }

    #[test]
    fn no_byte_of_a_plain_value_is_lost_in_silence(value in "([!-~]|\\$|'|\"|\\\\|[ #]){1,30}") {
        let read = read_file(format!("V={value}\n").as_bytes(), &BTreeMap::new());
        let is_reported = !read.mistakes.is_empty() || !read.warnings.is_empty();
        let by_rule = value.starts_with(['\'', '"'])
            || value.contains(" #") || value.starts_with(' ') || value.ends_with(' ')
            || value.contains("${");
        if !is_reported && !by_rule {
            prop_assert_eq!(read.variables["V"].text(), value);
        }
    }
}
