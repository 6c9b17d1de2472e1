//! Validation of strings by rules: names, durations, sizes, regular expressions, globs, URLs.

use super::super::nearest::did_you_mean;
use super::super::units::{UnitError, parse_duration, parse_size};
use super::super::{Signal, UnknownSignal};
use super::kind::StringRule;
use super::tree::Value;

/// A violation of a rule, with a hint.
#[derive(Debug)]
pub(super) struct RuleViolation {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// The reserved name for all processes.
const RESERVED: &str = "all";

impl RuleViolation {
    fn new(message: impl Into<String>, hint: &str) -> Self {
        Self { message: message.into(), hint: Some(hint.to_owned()) }
    }
}

impl From<UnitError> for RuleViolation {
    fn from(error: UnitError) -> Self {
        Self { message: error.message, hint: Some(error.hint) }
    }
}

impl StringRule {
    /// The value that `text` stands for.
    pub(super) fn read(self, text: &str) -> Result<Value, RuleViolation> {
        if text.contains('\0') {
            return Err(RuleViolation::new("NUL bytes are not allowed", r"remove the \u0000"));
        }
        match self {
            Self::Any => Ok(()),
            Self::Title => not_blank(text, "is empty"),
            Self::Command => not_blank(text, "is no command"),
            Self::Path => not_blank(text, "is no path"),
            Self::EnvFile => not_blank(text.strip_suffix('?').unwrap_or(text), "is no path"),
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
            Self::Endpoint => endpoint(text),
            Self::Action => action(text),
        }?;
        Ok(Value::Text(text.to_owned()))
    }
}

fn not_blank(text: &str, problem: &str) -> Result<(), RuleViolation> {
    if text.trim().is_empty() {
        return Err(RuleViolation { message: format!("\"{text}\" {problem}"), hint: None });
    }
    Ok(())
}

fn name(text: &str) -> Result<(), RuleViolation> {
    if text == RESERVED {
        return Err(RuleViolation::new("the name `all` is reserved", "it means all processes"));
    }
    if text.is_empty() {
        return Err(RuleViolation::new("a name cannot be empty", NAME_HINT));
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
        return Err(RuleViolation::new(format!("`{text}` is not a name"), NAME_HINT));
    }
    Ok(())
}

/// What is wrong with this as a name.
#[cfg(feature = "control")]
pub(crate) fn name_fault(text: &str) -> Option<String> {
    name(text).err().map(|refusal| refusal.message)
}

const NAME_HINT: &str = "names are made of the letters a to z, digits, `_` and `-`";

/// Checks the form of a name; whether it exists is checked when all names are known.
fn target(text: &str) -> Result<(), RuleViolation> {
    match text.rsplit_once('.') {
        Some((pool, number)) if number.parse::<u32>().is_ok() => name(pool),
        _ => name(text),
    }
}

fn variable(text: &str) -> Result<(), RuleViolation> {
    if text.is_empty() {
        return Err(RuleViolation::new(
            "a variable name cannot be empty",
            "write NAME = \"value\"",
        ));
    }
    if text.contains('=') {
        return Err(RuleViolation::new(
            format!("`{text}` is not a variable name: it contains `=`"),
            "write NAME = \"value\"",
        ));
    }
    Ok(())
}

fn program(text: &str) -> Result<(), RuleViolation> {
    not_blank(text, "is not a program name")?;
    match text.rsplit_once('/') {
        Some((_, base)) => {
            let hint = format!("name the program without its folder: \"{base}\"");
            Err(RuleViolation { message: format!("\"{text}\" is a path"), hint: Some(hint) })
        }
        None => Ok(()),
    }
}

fn duration(text: &str, zero: bool) -> Result<Value, RuleViolation> {
    let duration = parse_duration(text)?;
    if duration.is_zero() && !zero {
        return Err(RuleViolation::new("this duration cannot be zero", "omit the key for none"));
    }
    Ok(Value::Duration(duration))
}

fn size(text: &str) -> Result<Value, RuleViolation> {
    match parse_size(text)? {
        0 => Err(RuleViolation { message: "this size cannot be zero".to_owned(), hint: None }),
        size => Ok(Value::Size(size)),
    }
}

fn signal(text: &str) -> Result<(), RuleViolation> {
    text.parse::<Signal>().map(|_| ()).map_err(|error: UnknownSignal| {
        let hint = error.nearest().map(|near| format!("did you mean `{near}`?"));
        RuleViolation { message: format!("unknown signal `{text}`"), hint }
    })
}

fn bad_regex(error: &regex::Error) -> RuleViolation {
    // The last line has the reason; the others show the expression, which is shown anyway.
    let text = error.to_string();
    let last = text.lines().next_back().unwrap_or_default().trim();
    let reason = last.strip_prefix("error: ").unwrap_or(last);
    RuleViolation::new(
        format!("not a regular expression: {reason}"),
        "a TOML string in '…' needs no doubled backslashes",
    )
}

fn glob(text: &str) -> Result<(), RuleViolation> {
    not_blank(text, "is no glob")?;
    let is_wild = |part: &&str| part.contains(['*', '?', '[', '{']);
    if text.split('/').skip_while(|part| !is_wild(part)).any(|part| part == "..") {
        let message = format!("\"{text}\" has `..` after a wildcard");
        return Err(RuleViolation::new(message, "use `..` only at the beginning"));
    }
    globset::GlobBuilder::new(text).literal_separator(true).build().map(|_| ()).map_err(|error| {
        RuleViolation { message: format!("not a glob: {}", error.kind()), hint: None }
    })
}

fn url(text: &str) -> Result<(), RuleViolation> {
    let usual =
        r#"write it like "http://127.0.0.1:8080/healthz", or "/healthz" for the own `port`"#;
    if text.starts_with("https:") {
        return Err(RuleViolation::new(
            "a check cannot use https",
            &format!("use exec = \"curl -fsS {text}\""),
        ));
    }
    let odd = |c: char| c.is_whitespace() || c.is_control();
    if text.starts_with('/') && !text.contains(odd) {
        return Ok(());
    }
    let wrong = || RuleViolation::new(format!("`{text}` is not a URL that can be checked"), usual);
    let rest = text.strip_prefix("http://").filter(|rest| !rest.contains(odd)).ok_or_else(wrong)?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let bare = if host.starts_with('[') { host.ends_with(']') } else { !host.contains(':') };
    let valid = !host.is_empty() && !host.contains('@') && (bare || is_endpoint(host));
    if valid { Ok(()) } else { Err(wrong()) }
}

fn endpoint(text: &str) -> Result<(), RuleViolation> {
    if text == "port" || is_endpoint(text) {
        return Ok(());
    }
    let message = format!("`{text}` is not an address");
    if text.parse::<u16>().is_ok() {
        return Err(RuleViolation::new(message, &format!("write the port without quotes: {text}")));
    }
    Err(RuleViolation::new(
        message,
        r#"write a port such as 5432, "host:port", or "port" for the own `port`"#,
    ))
}

/// `host:port` or `[::1]:port`.
fn is_endpoint(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_fits = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.contains([':', '/', ' ', '[', ']']),
    };
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    host_fits && digits && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn action(text: &str) -> Result<(), RuleViolation> {
    if text == "restart" {
        return Ok(());
    }
    if let Some(text) = text.strip_prefix("signal:") {
        return signal(text);
    }
    if let Some(text) = text.strip_prefix("run:") {
        return target(text);
    }
    let known = ["restart", "signal:HUP", "run:NAME"];
    let hint = did_you_mean(text, known);
    Err(RuleViolation {
        message: format!("`{text}` is not an action"),
        hint: hint
            .or(Some(r#"the actions are "restart", "signal:NAME" and "run:NAME""#.to_owned())),
    })
}
