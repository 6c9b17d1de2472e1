//! Faults: mistakes in a file, with place, message and hint.
//!
//! All text shown here comes from files, so no control character may reach the terminal: messages are
//! sanitised when a fault is created, source lines when they are drawn.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;

/// A file that was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SourceFile {
    /// The path for display: as the user gave it, or relative to the current folder.
    path: PathBuf,
    text: String,
    /// Where each line starts.
    lines: Vec<usize>,
    /// Whether the text after the underlined range is hidden, because the length of a secret is secret
    /// too.
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

/// The maximum number of bytes that are drawn. A longer line is only named by line and column: a file
/// may be one line of a megabyte with a mistake at every word.
const MAX_DRAWN: usize = 16 << 10;

/// The maximum number of related places that are drawn.
const MAX_LABELS: usize = 20;

/// A range of bytes in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceSpan {
    source: Arc<SourceFile>,
    span: Range<usize>,
}

impl SourceSpan {
    /// Creates a range, adjusted to whole characters inside the file.
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

    /// Returns the part of the range that is underlined, which is in its first line.
    fn underlined(&self) -> Range<usize> {
        let (number, start) = self.source.line_of(self.span.start);
        let end = start + self.source.line_text(number).len();
        let from = self.span.start.min(end);
        from..self.span.end.clamp(from, end)
    }
}

/// Creates a snippet with ranges of one file and their lines; lines between them are folded.
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
    if text.len() > MAX_DRAWN {
        return None;
    }
    let annotations = places.iter().map(|(place, kind, label)| {
        let Range { start: from, end: to } = place.underlined();
        let within = |at: usize| at.saturating_sub(start).min(text.len());
        kind.span(within(from)..within(to)).label(*label)
    });
    let path = shown_path(&source.path);
    Some(Snippet::source(same_length(text)).path(path).line_start(top + 1).annotations(annotations))
}

/// A mistake: its place, a message, and a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    file: PathBuf,
    place: Option<SourceSpan>,
    message: String,
    hint: Option<String>,
    /// Related places, each with a label.
    related: Vec<(SourceSpan, String)>,
}

impl Fault {
    pub(crate) fn at(place: &SourceSpan, message: impl AsRef<str>) -> Self {
        Self { place: Some(place.clone()), ..Self::about(place.source.path.clone(), message) }
    }

    /// Creates a mistake about a file as a whole, such as a missing file.
    pub fn about(file: PathBuf, message: impl AsRef<str>) -> Self {
        let message = printable(message.as_ref());
        Self { file, place: None, message, hint: None, related: Vec::new() }
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
    pub(crate) fn with_related(mut self, place: &SourceSpan, label: impl AsRef<str>) -> Self {
        self.related.push((place.clone(), printable(label.as_ref())));
        self
    }

    pub(crate) fn place(&self) -> Option<&SourceSpan> {
        self.place.as_ref()
    }

    /// The file it is in, as the user gave it.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The line number, from 1; `None` if the mistake concerns the whole file.
    pub fn line(&self) -> Option<usize> {
        self.place.as_ref().map(SourceSpan::line)
    }

    /// The column in characters, from 1; `None` if the mistake concerns the whole file.
    pub fn column(&self) -> Option<usize> {
        self.place.as_ref().map(SourceSpan::column)
    }

    /// The mistake, in one line without control characters.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// A way to fix it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Renders the line, a caret and the hint. Ends in a newline.
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

    /// Returns the snippets of all its places, its own first; nearby places share one.
    fn snippets(&self) -> Vec<Snippet<'_, Annotation<'_>>> {
        let Some(place) = &self.place else { return Vec::new() };
        let mut groups: Vec<Vec<_>> = vec![vec![(place, AnnotationKind::Primary, None)]];
        for (place, label) in self.related.iter().take(MAX_LABELS) {
            let is_near = |(first, ..): &(&SourceSpan, _, _)| {
                Arc::ptr_eq(&first.source, &place.source)
                    && first.span.start.abs_diff(place.span.start) < MAX_DRAWN / 2
            };
            let annotation = (place, AnnotationKind::Context, Some(label.as_str()));
            match groups.iter_mut().find(|group| group.first().is_some_and(is_near)) {
                Some(group) => group.push(annotation),
                None => groups.push(vec![annotation]),
            }
        }
        groups.iter().filter_map(|places| snippet(places)).collect()
    }
}

/// A mistake or a warning as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "control", derive(utoipa::ToSchema))]
pub struct FaultItem {
    /// Path of the file.
    pub file: String,
    /// Line number, from 1.
    pub line: Option<usize>,
    /// Character of the line, from 1.
    pub column: Option<usize>,
    /// The message.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
}

impl From<&Fault> for FaultItem {
    fn from(fault: &Fault) -> Self {
        Self {
            file: fault.file.to_string_lossy().into_owned(),
            line: fault.line(),
            column: fault.column(),
            message: fault.message.clone(),
            hint: fault.hint.clone(),
        }
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        FaultItem::from(self).serialize(serializer)
    }
}

/// The mistakes in all files of a project, in the order of the files and of their lines.
///
/// As JSON: `{"ok":false,"faults":[{"file","line","column","message","hint"}]}`; `ok` is true if
/// there are none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults {
    pub(super) all: Vec<Fault>,
    /// All env files that the project names, including missing ones, which may be the solution.
    pub(super) env_files: Vec<PathBuf>,
    /// Warnings, in the same order.
    pub(super) warnings: Vec<Fault>,
}

/// The mistakes and warnings of the project's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "control", derive(utoipa::ToSchema))]
pub struct CheckReport {
    /// The files have no mistakes.
    pub ok: bool,
    /// All mistakes.
    pub faults: Vec<FaultItem>,
    /// Settings that are valid, but do not have the effect that they seem to have.
    #[serde(default)]
    pub warnings: Vec<FaultItem>,
}

impl CheckReport {
    pub(crate) fn new(faults: &Faults, warnings: &Faults) -> Self {
        Self { ok: faults.is_empty(), faults: faults.items(), warnings: warnings.items() }
    }
}

impl Faults {
    /// Sorts the faults and removes duplicates. `order` is the order of the files.
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

    /// The warnings about files that also have mistakes.
    #[must_use]
    pub fn warnings(&self) -> Self {
        Self { all: self.warnings.clone(), ..Self::default() }
    }

    /// The env files that were looked for, existing or not.
    pub(crate) fn env_files(&self) -> &[PathBuf] {
        &self.env_files
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.all.iter()
    }

    pub(crate) fn items(&self) -> Vec<FaultItem> {
        self.iter().map(FaultItem::from).collect()
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

    /// Renders every mistake with its line, a caret and a hint; with colours if requested.
    pub fn render(&self, colour: bool) -> String {
        self.render_as(&Level::ERROR, colour)
    }

    /// Renders the warnings in the same way.
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
        json!({ "ok": self.is_empty(), "faults": self.all }).serialize(serializer)
    }
}

/// Whether a character is a control character or changes the text direction.
fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns a text for a message, with unsafe characters escaped.
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

/// Replaces unsafe characters of a line by placeholders of the same length, so that ranges stay valid;
/// single-byte ones (tab, escape …) are left to the renderer, which shows symbols for them.
fn same_length(line: &str) -> Cow<'_, str> {
    if !line.chars().any(is_unsafe) {
        return Cow::Borrowed(line);
    }
    let placeholder = |char: char| match char {
        char if !is_unsafe(char) || char.len_utf8() == 1 => char,
        char if char.len_utf8() == 2 => '·',
        _ => char::REPLACEMENT_CHARACTER,
    };
    Cow::Owned(line.chars().map(placeholder).collect())
}

#[cfg(test)]
mod tests;
