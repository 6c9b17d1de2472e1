//! Validation of strings by rules: names, durations, sizes, regular expressions, globs, URLs.

use super::super::Signal;
use super::super::nearest::did_you_mean;
use super::super::units::{UnitError, parse_duration, parse_size};
use super::kind::StringRule;
use super::tree::Value;

/// A violation of a rule, with a hint.
#[derive(Debug)]
pub(super) struct RuleViolation {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl RuleViolation {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl From<UnitError> for RuleViolation {
    fn from(error: UnitError) -> Self {
        Self::new(error.message).with_hint(error.hint)
    }
}

impl StringRule {
    /// Returns the value that `text` stands for.
    pub(super) fn read(self, text: &str) -> Result<Value, RuleViolation> {
        if text.contains('\0') {
            let violation = RuleViolation::new("NUL bytes are not allowed");
            return Err(violation.with_hint(r"remove the \u0000"));
        }
        match self {
            Self::Any => Ok(()),
            Self::Title => not_blank(text, "the name"),
            Self::Command => not_blank(text, "the command"),
            Self::Path => not_blank(text, "the path"),
            Self::EnvFile => not_blank(text.strip_suffix('?').unwrap_or(text), "the path"),
            Self::Name => name(text),
            Self::Target => target(text),
            Self::Variable => variable(text),
            Self::Program => program(text),
            Self::Duration { zero } => return duration(text, zero),
            Self::Size => return size(text),
            Self::Signal => signal(text),
            Self::Regex => regex::Regex::new(text).map(|_| ()).map_err(|error| bad_regex(&error)),
            Self::Glob => glob(text),
            Self::Url => url(text),
            Self::Page => page(text),
            Self::Endpoint => endpoint(text),
            Self::Action => action(text),
        }?;
        Ok(Value::Text(text.to_owned()))
    }
}

fn not_blank(text: &str, subject: &str) -> Result<(), RuleViolation> {
    if text.trim().is_empty() {
        return Err(RuleViolation::new(format!("{subject} is empty")));
    }
    Ok(())
}

fn name(text: &str) -> Result<(), RuleViolation> {
    const HINT: &str = "names are made of the letters a to z, digits, `_` and `-`";
    if text == "all" {
        let violation = RuleViolation::new("the name `all` is reserved");
        return Err(violation.with_hint("it means all processes"));
    }
    if text.is_empty() {
        return Err(RuleViolation::new("a name cannot be empty").with_hint(HINT));
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
        return Err(RuleViolation::new(format!("invalid name `{text}`")).with_hint(HINT));
    }
    Ok(())
}

/// Returns why this is not a name; `None` if it is one.
#[cfg(feature = "control")]
pub(crate) fn name_fault(text: &str) -> Option<String> {
    name(text).err().map(|RuleViolation { message, hint }| match hint {
        Some(hint) => format!("{message}; {hint}"),
        None => message,
    })
}

/// Checks the form of a name; whether it exists is checked when all names are known.
fn target(text: &str) -> Result<(), RuleViolation> {
    match text.rsplit_once('.') {
        Some((pool, number)) if number.parse::<u32>().is_ok() => name(pool),
        _ => name(text),
    }
}

fn variable(text: &str) -> Result<(), RuleViolation> {
    let violation = if text.is_empty() {
        RuleViolation::new("a variable name cannot be empty")
    } else if text.contains('=') {
        RuleViolation::new(format!("`{text}` is not a variable name: it contains `=`"))
    } else {
        return Ok(());
    };
    Err(violation.with_hint("write NAME = \"value\""))
}

fn program(text: &str) -> Result<(), RuleViolation> {
    not_blank(text, "the program name")?;
    let Some((_, base)) = text.rsplit_once('/') else { return Ok(()) };
    let violation = RuleViolation::new(format!("\"{text}\" is a path"));
    Err(violation.with_hint(format!("name the program without its folder: \"{base}\"")))
}

fn duration(text: &str, zero: bool) -> Result<Value, RuleViolation> {
    let duration = parse_duration(text)?;
    if duration.is_zero() && !zero {
        let violation = RuleViolation::new("this duration cannot be zero");
        return Err(violation.with_hint("omit the key instead"));
    }
    Ok(Value::Duration(duration))
}

fn size(text: &str) -> Result<Value, RuleViolation> {
    match parse_size(text)? {
        0 => Err(RuleViolation::new("this size cannot be zero")),
        size => Ok(Value::Size(size)),
    }
}

fn signal(text: &str) -> Result<(), RuleViolation> {
    text.parse::<Signal>().map(|_| ()).map_err(|error| RuleViolation {
        message: format!("unknown signal `{text}`"),
        hint: error.nearest().map(|near| format!("did you mean `{near}`?")),
    })
}

fn bad_regex(error: &regex::Error) -> RuleViolation {
    // The last line has the reason; the others show the expression, which is shown anyway.
    let text = error.to_string();
    let last = text.lines().next_back().unwrap_or_default().trim();
    let reason = last.strip_prefix("error: ").unwrap_or(last);
    RuleViolation::new(format!("not a regular expression: {reason}"))
        .with_hint("a TOML string in '…' needs no doubled backslashes")
}

fn glob(text: &str) -> Result<(), RuleViolation> {
    not_blank(text, "the glob")?;
    let is_wild = |part: &&str| part.contains(['*', '?', '[', '{']);
    if text.split('/').skip_while(|part| !is_wild(part)).any(|part| part == "..") {
        let violation = RuleViolation::new(format!("\"{text}\" has `..` after a wildcard"));
        return Err(violation.with_hint("use `..` only at the beginning"));
    }
    let glob = globset::GlobBuilder::new(text).literal_separator(true).build();
    glob.map(|_| ()).map_err(|error| RuleViolation::new(format!("not a glob: {}", error.kind())))
}

fn url(text: &str) -> Result<(), RuleViolation> {
    if text.starts_with("https:") {
        let violation = RuleViolation::new("a check cannot use https");
        return Err(violation.with_hint(format!("use exec = \"curl -fsS {text}\"")));
    }
    let is_allowed = |c: char| !c.is_whitespace() && !c.is_control();
    let is_absolute = || {
        let host = text.strip_prefix("http://")?.split(['/', '?', '#']).next()?;
        let bare = if host.starts_with('[') { host.ends_with(']') } else { !host.contains(':') };
        Some(!host.is_empty() && !host.contains('@') && (bare || is_endpoint(host)))
    };
    if text.chars().all(is_allowed) && (text.starts_with('/') || is_absolute() == Some(true)) {
        return Ok(());
    }
    let violation = RuleViolation::new(format!("`{text}` is not an http URL"));
    let example = r#"write it like "http://127.0.0.1:8080/healthz", or "/healthz" for the process's own `port`"#;
    Err(violation.with_hint(example))
}

/// Checks the address of a page, which a browser opens.
fn page(text: &str) -> Result<(), RuleViolation> {
    let address = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let is_allowed = |c: char| !c.is_whitespace() && !c.is_control();
    if address.is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_allowed)) {
        return Ok(());
    }
    let violation = RuleViolation::new(format!("`{text}` is not an http or https URL"));
    Err(violation.with_hint(r#"write it like "http://localhost:port/admin""#))
}

fn endpoint(text: &str) -> Result<(), RuleViolation> {
    if text == "port" || is_endpoint(text) {
        return Ok(());
    }
    let hint = if text.parse::<u16>().is_ok() {
        format!("write the port without quotes: {text}")
    } else {
        r#"write a port such as 5432, "host:port", or "port" for the process's own `port`"#
            .to_owned()
    };
    Err(RuleViolation::new(format!("`{text}` is not an address")).with_hint(hint))
}

/// `host:port` or `[::1]:port`.
fn is_endpoint(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_fits = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.contains([':', '/', ' ', '[', ']']),
    };
    // `parse` alone accepts a leading `+`.
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    host_fits && digits && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn action(text: &str) -> Result<(), RuleViolation> {
    match text.split_once(':') {
        None if text == "restart" => Ok(()),
        Some(("signal", name)) => signal(name),
        Some(("run", name)) => target(name),
        _ => {
            let actions = || r#"expected "restart", "signal:NAME" or "run:NAME""#.to_owned();
            let hint = did_you_mean(text, ["restart", "signal:HUP", "run:NAME"]);
            let violation = RuleViolation::new(format!("`{text}` is not an action"));
            Err(violation.with_hint(hint.unwrap_or_else(actions)))
        }
    }
}
