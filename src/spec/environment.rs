//! Environment of a process, and its values.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use indexmap::IndexMap;

/// Variables of a service manager for pitcrew itself. No child inherits them, because its messages would
/// count as those of pitcrew.
pub(crate) const NEVER_INHERITED: [&str; 6] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
];

/// The environment of a process, resolved except for inherited variables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// Whether pitcrew's own environment is inherited.
    pub inherit: bool,
    /// Names that are not inherited.
    pub unset: Vec<String>,
    /// Variables to set; each has the value of its strongest layer (`PORT` of `port` is not included).
    pub set: IndexMap<String, EnvValue>,
    /// Whether the process's own `env` or `env_file` sets `PORT`, so that `port` does not. A `PORT` in
    /// `set` from the project or an option set gives way to `port`.
    pub names_port: bool,
}

/// The value of an environment variable: bytes, and references to variables that are set only at the
/// start of a process, such as `PORT`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EnvValue(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Bytes(Vec<u8>),
    /// The name of a variable that pitcrew sets when the process starts.
    SetAtStart(String),
}

impl EnvValue {
    /// The value of a variable that pitcrew sets when the process starts.
    pub(crate) fn set_at_start(name: &str) -> Self {
        Self(vec![Part::SetAtStart(name.to_owned())])
    }

    pub(crate) fn push(&mut self, other: &Self) {
        for part in &other.0 {
            match (self.0.last_mut(), part) {
                (Some(Part::Bytes(bytes)), Part::Bytes(more)) => bytes.extend_from_slice(more),
                _ => self.0.push(part.clone()),
            }
        }
    }

    /// Whether the value is known to be empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Resolves the value for a process; `at_start` returns the variables that pitcrew sets.
    pub fn resolve(&self, at_start: impl Fn(&str) -> Option<OsString>) -> OsString {
        let mut value = Vec::new();
        for part in &self.0 {
            match part {
                Part::Bytes(bytes) => value.extend_from_slice(bytes),
                Part::SetAtStart(name) => {
                    value.extend(at_start(name).unwrap_or_default().into_vec());
                }
            }
        }
        OsString::from_vec(value)
    }

    /// Returns the value with known variables resolved; the others stay unresolved.
    #[cfg(feature = "cli")]
    pub(crate) fn with_known(&self, known: impl Fn(&str) -> Option<OsString>) -> Self {
        let mut value = Self::default();
        for part in &self.0 {
            let known = match part {
                Part::Bytes(_) => None,
                Part::SetAtStart(name) => known(name),
            };
            value.push(&known.map_or_else(|| Self(vec![part.clone()]), Self::from));
        }
        value
    }

    /// Returns the value as text: invalid UTF-8 is replaced, and a variable that is set only when the
    /// process starts is written as `${NAME}`.
    pub fn text(&self) -> String {
        let reference = |name: &str| Some(format!("${{{name}}}").into());
        self.resolve(reference).to_string_lossy().into_owned()
    }
}

impl From<Vec<u8>> for EnvValue {
    fn from(bytes: Vec<u8>) -> Self {
        Self(if bytes.is_empty() { Vec::new() } else { vec![Part::Bytes(bytes)] })
    }
}

impl From<OsString> for EnvValue {
    fn from(value: OsString) -> Self {
        value.into_vec().into()
    }
}

impl From<String> for EnvValue {
    fn from(value: String) -> Self {
        value.into_bytes().into()
    }
}

impl From<&str> for EnvValue {
    fn from(value: &str) -> Self {
        value.as_bytes().to_vec().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_put_together_when_the_process_starts() {
        let mut value = EnvValue::from("http://x:");
        value.push(&EnvValue::set_at_start("PORT"));
        value.push(&EnvValue::from(b"/\xff!".to_vec()));
        assert_eq!(value.text(), "http://x:${PORT}/\u{fffd}!");
        let port = |name: &str| (name == "PORT").then(|| "80".into());
        assert_eq!(value.resolve(port), OsString::from_vec(b"http://x:80/\xff!".to_vec()));
        assert!(EnvValue::from("").is_empty() && !value.is_empty());
        assert_eq!(value.with_known(port), EnvValue::from(b"http://x:80/\xff!".to_vec()));
        assert_eq!(value.with_known(|_| None), value);
    }
}
