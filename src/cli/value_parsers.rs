//! Parsers for the values of command line options.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PathBufValueParser, PossibleValuesParser, TypedValueParser};

use crate::spec::{Condition, parse_duration};

/// A file to write. `-` is refused, because it would be a file of that name.
pub(super) fn output_file() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| {
        let text =
            "use /dev/stdout for standard output (with --quiet); use ./- for a file named `-`";
        if path.as_os_str() == "-" { Err(text) } else { Ok(path) }
    })
}

pub(super) fn condition() -> impl TypedValueParser<Value = Condition> {
    PossibleValuesParser::new(Condition::WORDS).try_map(|word| word.parse::<Condition>())
}

/// A whole number from 0 on, with a message that says so.
pub(super) fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "expected a whole number".to_owned())
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| format!("{error}: {}", error.hint))
}

pub(super) fn nonzero_duration(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration.is_zero() { Err("must be longer than zero".to_owned()) } else { Ok(duration) }
}

pub(super) fn environment_variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !text.contains('\0') => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// An address of this machine that no other machine can reach.
pub(super) fn loopback_address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| "expected ADDRESS:PORT, such as 127.0.0.1:8080".to_owned())?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err("other machines could reach it; use 127.0.0.1 or [::1]".to_owned())
}
