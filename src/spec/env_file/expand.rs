//! Expansion of variables in an env file, for one process.

use indexmap::IndexMap;

use super::super::environment::EnvValue;
use super::super::fault::{Fault, SourceSpan};
use super::super::nearest::did_you_mean;
use super::parse::{Assignment, AssignmentValue};
use super::template::{AS_TEXT, Operator, OperatorKind, TemplatePart, Variable};
use super::{EnvFile, is_public};

/// The environment below an env file.
pub(crate) trait LowerLayers {
    /// Returns the value of a variable that the file has not set above its use.
    fn value(&self, name: &str) -> Option<EnvValue>;

    /// Resolves a name without a value.
    fn bare_name(&self, name: &str) -> BareNameValue;

    /// Whether a lower layer was not read, so a variable may exist there.
    fn is_incomplete(&self) -> bool;

    /// Explains why an expected variable is not set, and the way out.
    fn hint(&self, name: &str) -> Option<String>;

    /// The names to suggest.
    fn names(&self) -> Vec<String>;
}

/// The result of a name without a value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BareNameValue {
    /// The value that pitcrew's own environment has.
    Value(EnvValue),
    /// It is not set there, but a lower layer sets it.
    Unchanged,
    Missing,
}

#[derive(Debug, Default)]
pub(crate) struct ExpandedFile {
    pub(crate) variables: IndexMap<String, EnvValue>,
    pub(crate) mistakes: Vec<Fault>,
    pub(crate) warnings: Vec<Fault>,
}

impl EnvFile {
    /// Expands the file for a process whose environment is `below`; the last value of each name counts.
    pub(crate) fn expand(&self, below: &dyn LowerLayers) -> ExpandedFile {
        let mut expansion = Expansion { file: self, below, out: ExpandedFile::default() };
        for assignment in &self.assignments {
            expansion.assign(assignment);
        }
        expansion.out
    }

    /// Returns where the file sets a name, if it does.
    pub(crate) fn place_of(&self, name: &str) -> Option<SourceSpan> {
        let assignment = self.assignments.iter().find(|assignment| assignment.name == name)?;
        Some(self.place(&assignment.span))
    }
}

struct Expansion<'a> {
    file: &'a EnvFile,
    below: &'a dyn LowerLayers,
    out: ExpandedFile,
}

impl Expansion<'_> {
    fn assign(&mut self, assignment: &Assignment) {
        let name = &assignment.name;
        let value = match &assignment.value {
            AssignmentValue::Text(parts) => self.join(parts),
            AssignmentValue::Inherited => match self.below.bare_name(name) {
                BareNameValue::Value(value) => value,
                BareNameValue::Unchanged => return,
                BareNameValue::Missing => {
                    let place = self.file.place(&assignment.span);
                    let message = "a name without a value is taken from pitcrew's own environment, but it is not set there";
                    let hint = "write NAME= for an empty value";
                    self.out.warnings.push(Fault::at(&place, message).with_hint(hint));
                    return;
                }
            },
        };
        self.out.variables.insert(name.clone(), value);
    }

    fn join(&mut self, parts: &[TemplatePart]) -> EnvValue {
        let mut value = EnvValue::default();
        for part in parts {
            match part {
                TemplatePart::Bytes(bytes) => value.push(&EnvValue::from(bytes.clone())),
                TemplatePart::Variable(variable) => value.push(&self.variable(variable)),
            }
        }
        value
    }

    fn variable(&mut self, variable: &Variable) -> EnvValue {
        let found = self.out.variables.get(&variable.name).cloned();
        let found = found.or_else(|| self.below.value(&variable.name));
        let Some(Operator { kind, or_empty, word }) = &variable.operator else {
            if found.is_none() {
                self.not_set(variable);
            }
            return found.unwrap_or_default();
        };
        let value = found.filter(|value| !or_empty || !value.is_empty());
        match (kind, value) {
            (OperatorKind::Default | OperatorKind::Required, Some(value)) => value,
            (OperatorKind::Default, None) | (OperatorKind::Alternative, Some(_)) => self.join(word),
            (OperatorKind::Alternative, None) => EnvValue::default(),
            (OperatorKind::Required, None) => {
                let reason = self.join(word).text();
                self.required(variable, &reason);
                EnvValue::default()
            }
        }
    }

    fn not_set(&mut self, variable: &Variable) {
        if self.below.is_incomplete() {
            return;
        }
        let name = &variable.name;
        let place = self.file.place(&variable.span);
        let later = self.file.assignments.iter().find(|assignment| assignment.name == *name);
        let hint = if let Some(later) = later {
            let line = self.file.place(&later.span).line();
            format!("line {line} sets it: move that line above this one")
        } else if let Some(hint) = self.below.hint(name) {
            hint
        } else {
            let own = self.file.assignments.iter().map(|assignment| assignment.name.clone());
            let known: Vec<String> = own.chain(self.below.names()).collect();
            let suggestion = did_you_mean(name, known.iter().map(String::as_str));
            let default = || format!("`${{NAME:-}}` is empty where NAME is not set; {AS_TEXT}");
            suggestion.filter(|_| is_public(name)).unwrap_or_else(default)
        };
        let message = format!("{} is not set", shown(name));
        self.out.mistakes.push(Fault::at(&place, message).with_hint(hint));
    }

    fn required(&mut self, variable: &Variable, reason: &str) {
        if self.below.is_incomplete() {
            return;
        }
        let place = self.file.place(&variable.span);
        let problem = if variable.operator.as_ref().is_some_and(|operator| operator.or_empty) {
            "is not set, or empty"
        } else {
            "is not set"
        };
        let name = shown(&variable.name);
        let message = match reason {
            "" => format!("{name} is required, and {problem}"),
            reason => format!("{name} is required, and {problem}: {reason}"),
        };
        self.out.mistakes.push(Fault::at(&place, message));
    }
}

/// Returns the name of a variable, unless it may be part of a password.
fn shown(name: &str) -> String {
    if is_public(name) { format!("`{name}`") } else { "this variable".to_owned() }
}
