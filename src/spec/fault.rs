//! One mistake in a file: its place, what is wrong, and the way out.
//!
//! Everything that is shown here was written by somebody else, so no control character of a file
//! reaches the terminal: messages are made safe when a fault is made, source lines when drawn.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// A file that was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SourceFile {
    /// As it is shown: the way the user named it, or relative to the current folder.
    path: PathBuf,
    text: String,
    /// Where each line starts.
    lines: Vec<usize>,
    /// Nothing is drawn behind the place that is meant: how long a secret is, is one too.
    is_secret: bool,
}

impl SourceFile {
    pub(crate) fn new(path: PathBuf, text: String) -> Arc<Self> {
        Arc::new(Self { path, lines: line_starts(&text), text, is_secret: false })
    }

    /// A file with secrets, in whose text they are masked.
    pub(crate) fn secret(path: PathBuf, text: String) -> Arc<Self> {
        Arc::new(Self { path, lines: line_starts(&text), text, is_secret: true })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The number of the line (from 0) that holds `offset`, and where that line starts.
    fn line_of(&self, offset: usize) -> (usize, usize) {
        let number = self.lines.partition_point(|&start| start <= offset).saturating_sub(1);
        (number, self.lines.get(number).copied().unwrap_or(0))
    }

    fn line_text(&self, number: usize) -> &str {
        let start = self.lines.get(number).copied().unwrap_or(self.text.len());
        let end = self.lines.get(number + 1).copied().unwrap_or(self.text.len());
        self.text.get(start..end).unwrap_or_default().trim_end_matches(['\n', '\r'])
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// Nothing longer is drawn (a file may be one line of a megabyte, with a mistake at every word):
/// what is longer is only named by line and column.
const LONGEST_DRAWN: usize = 16 << 10;

/// No more places are drawn beside that of the fault itself.
const MOST_LABELS: usize = 20;

/// Some bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceSpan {
    source: Arc<SourceFile>,
    span: Range<usize>,
}

impl SourceSpan {
    /// The place is moved to the nearest whole characters inside the file.
    pub(crate) fn new(source: &Arc<SourceFile>, span: Range<usize>) -> Self {
        let start = source.text.floor_char_boundary(span.start);
        let end = source.text.ceil_char_boundary(span.end).max(start);
        Self { source: Arc::clone(source), span: start..end }
    }

    pub(crate) fn start_of(source: &Arc<SourceFile>) -> Self {
        Self::new(source, 0..0)
    }

    /// The number of the line, from 1.
    pub(crate) fn line(&self) -> usize {
        self.source.line_of(self.span.start).0 + 1
    }

    /// The line it begins in.
    pub(crate) fn line_text(&self) -> &str {
        self.source.line_text(self.source.line_of(self.span.start).0)
    }

    /// The column in characters, from 1.
    fn column(&self) -> usize {
        let (_, start) = self.source.line_of(self.span.start);
        self.source.text.get(start..self.span.start).unwrap_or_default().chars().count() + 1
    }

    fn origin(&self) -> Origin<'static> {
        Origin::path(shown_path(&self.source.path)).line(self.line()).char_column(self.column())
    }

    /// What is underlined: the part of the place that is in its first line.
    fn underlined(&self) -> Range<usize> {
        let (number, start) = self.source.line_of(self.span.start);
        let end = start + self.source.line_text(number).len();
        let from = self.span.start.min(end);
        from..self.span.end.clamp(from, end)
    }
}

/// Some places of one file with the lines they are in; lines between them are folded.
fn snippet<'a>(
    places: &[(&'a SourceSpan, AnnotationKind, Option<&'a str>)],
) -> Option<Snippet<'a, Annotation<'a>>> {
    let (first, ..) = places.first()?;
    let source = &first.source;
    let lines = || places.iter().map(|(place, ..)| source.line_of(place.span.start).0);
    let (top, bottom) = (lines().min()?, lines().max()?);
    let start = source.lines.get(top).copied()?;
    let end = source.lines.get(bottom + 1).copied().unwrap_or(source.text.len());
    let drawn = places.iter().map(|(place, ..)| place.underlined().end).max()?;
    let end = if source.is_secret { drawn.clamp(start, end) } else { end };
    let text = source.text.get(start..end)?.trim_end_matches(['\n', '\r']);
    if text.len() > LONGEST_DRAWN {
        return None;
    }
    let annotations = places.iter().map(|(place, kind, label)| {
        let Range { start: from, end: to } = place.underlined();
        let most = |at: usize| at.saturating_sub(start).min(text.len());
        kind.span(most(from)..most(to)).label(*label)
    });
    let path = shown_path(&source.path);
    Some(Snippet::source(same_length(text)).path(path).line_start(top + 1).annotations(annotations))
}

/// One mistake: where it is, what is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    file: PathBuf,
    place: Option<SourceSpan>,
    message: String,
    hint: Option<String>,
    /// Other places that belong to it, each with a word on why.
    also: Vec<(SourceSpan, String)>,
}

impl Fault {
    pub(crate) fn at(place: &SourceSpan, message: impl AsRef<str>) -> Self {
        Self {
            file: place.source.path.clone(),
            place: Some(place.clone()),
            message: printable(message.as_ref()),
            hint: None,
            also: Vec::new(),
        }
    }

    /// A mistake that is not in any line: a file that is missing, say.
    pub fn about(file: PathBuf, message: impl AsRef<str>) -> Self {
        let message = printable(message.as_ref());
        Self { file, place: None, message, hint: None, also: Vec::new() }
    }

    #[must_use]
    pub(crate) fn with_hint(self, hint: impl AsRef<str>) -> Self {
        self.maybe_hint(Some(hint))
    }

    #[must_use]
    pub(crate) fn maybe_hint(mut self, hint: Option<impl AsRef<str>>) -> Self {
        self.hint = hint.map(|hint| printable(hint.as_ref())).or(self.hint);
        self
    }

    #[must_use]
    pub(crate) fn also(mut self, place: &SourceSpan, label: impl AsRef<str>) -> Self {
        self.also.push((place.clone(), printable(label.as_ref())));
        self
    }

    pub(crate) fn place(&self) -> Option<&SourceSpan> {
        self.place.as_ref()
    }

    /// The file it is in, the way the user named it.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The number of the line, from 1; none when the file itself is the matter.
    pub fn line(&self) -> Option<usize> {
        self.place.as_ref().map(SourceSpan::line)
    }

    /// The column in characters, from 1; none when the file itself is the matter.
    pub fn column(&self) -> Option<usize> {
        self.place.as_ref().map(SourceSpan::column)
    }

    /// What is wrong, in one line without control characters.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// For people: the line it is in, a caret, the hint. Ends in a newline.
    fn render(&self, level: &Level<'_>, renderer: &Renderer) -> String {
        let mut group = Group::with_title(level.clone().primary_title(self.message.as_str()));
        let snippets = self.snippets();
        group = match &self.place {
            Some(place) if snippets.is_empty() => group.element(place.origin()),
            Some(_) => group.elements(snippets),
            None => group.element(Origin::path(shown_path(&self.file))),
        };
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        renderer.render(&[group]) + "\n"
    }

    /// The lines that have to do with it, its own first; places near each other are drawn in one.
    fn snippets(&self) -> Vec<Snippet<'_, Annotation<'_>>> {
        let Some(place) = &self.place else { return Vec::new() };
        let also = self.also.iter().take(MOST_LABELS);
        let mut drawn: Vec<Vec<_>> = vec![vec![(place, AnnotationKind::Primary, None)]];
        for (place, label) in also {
            let near = |(first, ..): &(&SourceSpan, _, _)| {
                Arc::ptr_eq(&first.source, &place.source)
                    && first.span.start.abs_diff(place.span.start) < LONGEST_DRAWN / 2
            };
            let one = (place, AnnotationKind::Context, Some(label.as_str()));
            match drawn.iter_mut().find(|group| group.first().is_some_and(near)) {
                Some(group) => group.push(one),
                None => drawn.push(vec![one]),
            }
        }
        drawn.iter().filter_map(|places| snippet(places)).collect()
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Fault", 5)?;
        fields.serialize_field("file", &self.file.to_string_lossy())?;
        fields.serialize_field("line", &self.line())?;
        fields.serialize_field("column", &self.column())?;
        fields.serialize_field("message", &self.message)?;
        fields.serialize_field("hint", &self.hint)?;
        fields.end()
    }
}

/// Every mistake of all files of a project, in the order of the files and of their lines.
///
/// As JSON: `{"ok":false,"faults":[{"file","line","column","message","hint"}]}`; `ok` is true when
/// there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults {
    all: Vec<Fault>,
    /// The env files that were looked for: what mends the mistake may be one that is not there yet.
    env_files: Vec<PathBuf>,
    /// What is no mistake, but is not what it seems; in the order of the files too.
    warnings: Vec<Fault>,
}

/// What reading the files has shown: the mistakes, and what is only worth a warning.
///
/// As JSON: `{"ok":false,"faults":[…],"warnings":[…]}`, with entries of the same form in both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckReport {
    /// The mistakes; with one nothing is run.
    pub faults: Faults,
    /// What does not do what it seems to.
    pub warnings: Faults,
}

impl Serialize for CheckReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("CheckReport", 3)?;
        fields.serialize_field("ok", &self.faults.is_empty())?;
        fields.serialize_field("faults", &self.faults.all)?;
        fields.serialize_field("warnings", &self.warnings.all)?;
        fields.end()
    }
}

impl Faults {
    /// Sorts and drops what was found twice. `order` says which file comes first.
    pub(crate) fn sorted(mut faults: Vec<Fault>, order: &[Arc<SourceFile>]) -> Self {
        faults.sort_by_cached_key(|fault| {
            let position = |place: &SourceSpan| {
                let file = order.iter().position(|source| Arc::ptr_eq(source, &place.source));
                (file.unwrap_or(order.len()), place.span.start, place.span.end)
            };
            (fault.place.as_ref().map(position), fault.file.clone(), fault.message.clone())
        });
        faults.dedup();
        Self { all: faults, ..Self::default() }
    }

    pub(crate) fn with_env_files(self, env_files: Vec<PathBuf>) -> Self {
        Self { env_files, ..self }
    }

    pub(crate) fn with_warnings(self, warnings: Self) -> Self {
        Self { warnings: warnings.all, ..self }
    }

    /// What is only worth a warning in the files that have these mistakes.
    #[must_use]
    pub fn warnings(&self) -> Self {
        Self { all: self.warnings.clone(), ..Self::default() }
    }

    /// The env files that were looked for, there or not.
    pub(crate) fn env_files(&self) -> &[PathBuf] {
        &self.env_files
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.all.iter()
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// For programs, on one line.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// For people: every mistake with its line, a caret and a hint; colour only when asked.
    pub fn render(&self, colour: bool) -> String {
        self.render_as(&Level::ERROR, colour)
    }

    /// The same for what is only worth a warning.
    pub fn render_warnings(&self, colour: bool) -> String {
        self.render_as(&Level::WARNING, colour)
    }

    fn render_as(&self, level: &Level<'_>, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let faults: Vec<_> = self.iter().map(|fault| fault.render(level, &renderer)).collect();
        faults.join("\n")
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self { all: vec![fault], ..Self::default() }
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Faults {}

impl Serialize for Faults {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Faults", 2)?;
        fields.serialize_field("ok", &self.is_empty())?;
        fields.serialize_field("faults", &self.all)?;
        fields.end()
    }
}

/// What a terminal would obey, or what would show text in another order than it is stored.
fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text of a file for a message: what is unsafe is written as its escape.
fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        if is_unsafe(char) {
            safe.extend(char.escape_default());
        } else {
            safe.push(char);
        }
    }
    safe
}

/// A path for a message.
pub(crate) fn shown_path(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// A line of a file for drawing. Stand-ins are as long as what they stand for, so spans still fit;
/// what has one byte (tab, escape …) is left to the renderer, which shows it as a picture.
fn same_length(line: &str) -> Cow<'_, str> {
    if !line.chars().any(is_unsafe) {
        return Cow::Borrowed(line);
    }
    let stand_in = |char: char| match char {
        char if !is_unsafe(char) || char.len_utf8() == 1 => char,
        char if char.len_utf8() == 2 => '·',
        _ => char::REPLACEMENT_CHARACTER,
    };
    Cow::Owned(line.chars().map(stand_in).collect())
}

#[cfg(test)]
mod tests;
